"""The data partition, where all state and the logs are: whether it can be written, and its room."""

import os

from lbadmin.messages import Level, Message
from lbadmin.system import System

NEARLY_FULL = 0.9
"""Share of the partition in use from which it is warned of."""
FULL_BYTES = 16 * 2**20
"""Room below which a change may find no place: a large revision, its cache and its keys."""


def storage_messages(system: System) -> list[Message]:
    """Return what is wrong with the data partition: nothing as a rule."""
    try:
        found = os.statvfs(system.state)
    except OSError as error:
        return [
            Message(level="danger", text=f"The state in {system.state} can't be reached: {error.strerror}.")
        ]
    if found.f_flag & os.ST_RDONLY:
        text = (
            "The data partition can't be written: no change is taken, and logs are lost with the next start. "
            "Check the virtual machine's disk, then restart the appliance."
        )
        return [Message(level="danger", text=text)]
    # What only root may use counts as room: lbadmind is root.
    used = 1 - found.f_bfree / max(found.f_blocks, 1)
    if found.f_bfree * found.f_frsize < FULL_BYTES:
        level: Level = "danger"
        what = "full: balancing goes on, but changes may be refused"
    elif used > NEARLY_FULL:
        level, what = "warning", f"more than {NEARLY_FULL * 100:.0f} % full"
    else:
        return []
    text = (
        f"The data partition is {what}. Enlarge the virtual disk and restart: the partition grows by itself."
    )
    return [Message(level=level, text=text)]
