"""Whether KVM truly works here: asked by booting the image under it, not by looking at /dev/kvm.

/dev/kvm may open, and even make a machine, where no kernel boots under it (nested virtualisation
that is switched off half-way); a boot sector may run where a kernel hangs. So the question is put
with the image itself, and the answer kept until the computer's next start.
"""

import contextlib
import json
import logging
import os
import signal
import subprocess
from pathlib import Path

from harness.deadline import Deadline, DeadlineExceededError
from harness.disk import image_format
from harness.domain import Accelerator
from harness.inside import Inside
from harness.process import boot_id
from harness.topology import LAB

_log = logging.getLogger(__name__)

# A kernel under working KVM is at user space within seconds; hanging ones hang for ever.
_BOOT_S = 20.0
# Any of these on the serial console is said by a kernel or by what it started.
_SIGNS = (b"Linux version", b"Run /init", b"Welcome to", b"systemd[1]", b"login:")


def choose(inside: Inside, image: Path, verdict: Path) -> Accelerator:
    """`kvm` when `image` boots under it, else `tcg`; the answer is kept in the file `verdict`.

    The trial runs inside a lab, so it ends with the lab at the latest.
    """
    if not os.access("/dev/kvm", os.R_OK | os.W_OK):
        _log.info("accelerator tcg: /dev/kvm does not open")
        return "tcg"
    with contextlib.suppress(OSError, ValueError):
        kept = json.loads(verdict.read_text(encoding="utf-8"))
        if kept["boot"] == boot_id():
            _log.info("accelerator %s: found out earlier since this computer's start", kept["accelerator"])
            return "kvm" if kept["accelerator"] == "kvm" else "tcg"
    chosen: Accelerator = "kvm" if _boots(inside, image, verdict.with_suffix(".log")) else "tcg"
    verdict.write_text(json.dumps({"boot": boot_id(), "accelerator": chosen}), encoding="utf-8")
    _log.info("accelerator %s: found out by booting %s under KVM", chosen, image.name)
    return chosen


def _boots(inside: Inside, image: Path, console: Path) -> bool:
    """Whether a kernel in the image gives a sign of life under KVM."""
    console.write_bytes(b"")
    argv = ["qemu-system-x86_64", "-nodefaults", "-display", "none", "-machine", "q35", "-accel", "kvm"]
    argv += ["-cpu", "host", "-m", "512", "-no-reboot", "-snapshot", "-serial", f"file:{console}"]
    argv += ["-drive", f"file={image},format={image_format(image)},if=virtio"]
    process = subprocess.Popen(
        inside.argv(LAB, argv),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )

    def said_or_ended() -> bool:
        return process.poll() is not None or any(sign in console.read_bytes() for sign in _SIGNS)

    with contextlib.suppress(DeadlineExceededError):
        Deadline(_BOOT_S).wait_until(said_or_ended, "a kernel under KVM")
    alive = process.poll() is None
    if alive:
        # nsenter forks to enter the pid namespace: the whole group is to end, not nsenter alone.
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    return alive and any(sign in console.read_bytes() for sign in _SIGNS)
