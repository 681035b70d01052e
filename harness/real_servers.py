"""Front ends as real servers of each forwarding method: the settings that the appliance's help tells to make.

The text for Linux is applied as it stands, by root, on the front end's host: its addresses, routes and kernel
settings are the network namespace's.
"""

import contextlib
from collections.abc import Iterator, Sequence

from harness import decapsulation
from harness.deadline import Deadline
from harness.errors import LabError
from harness.front_ends import FrontEnd
from harness.lab import Lab

_START_S = 20.0
_WITHOUT = [f"net.ipv4.conf.all.{name}=0" for name in ("arp_ignore", "arp_announce")]
# modprobe would load modules for the whole computer; `decapsulation` stands in for the only one.
_SHELL = "set -e\nmodprobe() { :; }\n"


def apply(lab: Lab, front_end: FrontEnd, text: str) -> None:
    """Run the set-up text on the front end's host. Raises CommandFailedError with what it said."""
    lab.run(front_end.host, ["sh"], data=_SHELL + text)


def undo(lab: Lab, front_end: FrontEnd) -> None:
    """Make the front end's host nobody's real server: its own address, told to who asks, and no gateway."""
    lab.run(front_end.host, ["ip", "address", "flush", "dev", "lo", "scope", "global"])
    lab.run(front_end.host, ["ip", "route", "flush", "exact", "default"])
    lab.run(front_end.host, ["sysctl", "--quiet", "--write", *_WITHOUT])


@contextlib.contextmanager
def set_up(
    lab: Lab, texts: Sequence[str], *, tunnel: bool = False, front_ends: Sequence[FrontEnd] = ()
) -> Iterator[None]:
    """The texts are applied to the front ends, to all unless told otherwise, within the block.

    With `tunnel` each has a card tunl0 before that.
    """
    chosen = front_ends or lab.front_ends
    with contextlib.ExitStack() as stack:
        for front_end in chosen:
            stack.callback(undo, lab, front_end)
            if tunnel:
                stack.enter_context(_tunnel(lab, front_end))
            for text in texts:
                apply(lab, front_end, text)
        yield


@contextlib.contextmanager
def _tunnel(lab: Lab, front_end: FrontEnd) -> Iterator[None]:
    """The front end's host unpacks IP in IP within the block. Raises LabError when it does not."""
    log = lab.folder.logs / f"{front_end.host}-tunnel.log"
    with lab.inside.started(front_end.host, decapsulation.ARGV, log=log):
        has_card = ["ip", "link", "show", decapsulation.CARD]

        def there() -> bool:
            return lab.run(front_end.host, has_card, check=False).status == 0

        try:
            Deadline(_START_S).wait_until(there, f"{front_end.name} to have {decapsulation.CARD}")
        except LabError as error:
            raise LabError(error.message, f"{log} tells why") from error
        yield
