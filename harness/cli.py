"""The `lab` command: a lab by hand."""

import argparse
import logging
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import libvirt

from harness import console, fault_commands, lifecycle, pair, topology
from harness.appliance import HTTPS_PORT, Appliance
from harness.deadline import Deadline, DeadlineExceededError
from harness.errors import LabError, die
from harness.hardware import BY_NAME, KVM
from harness.lab import Lab
from harness.libvirt_machine import LibvirtMachine
from harness.state import REPOSITORY, all_folders, folder_of

_IMAGE = REPOSITORY / "build" / "lbva.raw"
_MACHINE = "lb1"
_INTERRUPTED = 130  # what shells report after Ctrl-C


def _up(options: argparse.Namespace) -> int:
    lifecycle.check_host()
    if not options.image.is_file():
        raise LabError(f"there is no image {options.image}", "`make image` builds it")
    target = f"{topology.MACHINE_ADDRESSES[_MACHINE]}:{HTTPS_PORT}"
    publish = lifecycle.Publish.listen(options.publish, target) if options.publish else None
    if options.pair:
        return _up_pair(options, publish)
    lab = Lab.start(options.name, front_ends=options.front_ends, publish=publish)
    late: DeadlineExceededError | None = None
    try:
        machine = lab.add_machine(_MACHINE, options.image, hardware=BY_NAME[options.hardware])
        machine.power_on()
        if options.wait:
            try:
                Appliance(lab, machine).wait_until_up(Deadline(options.timeout))
            except DeadlineExceededError as error:
                late = error
        lab.detach()
    except BaseException:
        lab.close()
        raise
    _describe(lab, options.name)
    if late:
        # The lab stays: its console tells why.
        raise LabError(late.message, f"look at `lab console {_MACHINE}`; `lab down` ends the lab")
    return 0


def _up_pair(options: argparse.Namespace, publish: lifecycle.Publish | None) -> int:
    both = pair.start(
        options.name,
        options.image,
        Deadline(options.timeout),
        hardware=BY_NAME[options.hardware],
        front_ends=options.front_ends,
        publish=publish,
        fresh=options.fresh,
    )
    both.lab.detach()
    _describe(both.lab, options.name)
    return 0


def _describe(lab: Lab, name: str) -> None:
    """Print where things are."""
    suffix = "" if name == "lab" else f" --name {name}"
    address = topology.MACHINE_ADDRESSES[_MACHINE]
    machines = "|".join(lab.machines)
    web = f"https://{lab.record.publish or f'{address}:{HTTPS_PORT}'}/lbadmin/"
    lines = [("WebUI", web + ("" if lab.record.publish else " (inside the lab; --publish shows it outside)"))]
    lines += [("console", f"lab console {machines}{suffix}"), ("ssh", f"lab ssh {machines}{suffix}")]
    lines += [(front_end.name, str(front_end.address)) for front_end in lab.front_ends]
    lines += [("client", f"lab exec client{suffix} -- COMMAND"), ("end", f"lab down{suffix}")]
    for what, where in lines:
        print(f"{what:8} {where}")


def _down(options: argparse.Namespace) -> int:
    lifecycle.check_host()
    folders = all_folders() if options.all else [folder_of(options.name)]
    for folder in folders:
        if not folder.path.exists():
            print(f"lab {folder.name}: not there")
            continue
        lifecycle.end(folder, Deadline(30))
        print(f"lab {folder.name}: ended")
    return 0


def _status(_options: argparse.Namespace) -> int:
    folders = all_folders()
    if not folders:
        print("no labs")
    for folder in folders:
        if not lifecycle.is_running(folder):
            print(f"{folder.name}: left over - `lab down --name {folder.name}` removes it")
            continue
        lab = Lab.attach(folder.name)
        print(f"{folder.name}: up, process {lab.record.outer.pid}")
        try:
            machines = lab.machines
        except libvirt.libvirtError:
            print("  it is just starting, or ending")
            continue
        for name, machine in sorted(machines.items()):
            print(f"  {name:8} {machine.address:15} {_condition(lab, machine)}")
        for front_end in lab.front_ends:
            state = "running" if front_end.running() else "stopped"
            print(f"  {front_end.name:8} {front_end.address!s:15} {state}")
        if lab.record.publish:
            print(f"  WebUI    https://{lab.record.publish}/lbadmin/")
    return 0


def _condition(lab: Lab, machine: LibvirtMachine) -> str:
    """What a machine is doing: its power, and its part in the pair if it says so."""
    if not machine.is_on():
        return "off"
    if machine.is_frozen():
        return "frozen"
    status = pair.status_of(Appliance(lab, machine)) if "lb2" in lab.machines else None
    return f"on, {status['role']}, {status['sync']}" if status else "on"


def _call(lab: Lab, host: str, argv: Sequence[str]) -> int:
    """Run a program on a host with this terminal; returns its status as a shell would."""
    status = subprocess.run(lab.inside.argv(host, argv), check=False).returncode
    return status if status >= 0 else 128 - status


def _exec(options: argparse.Namespace) -> int:
    if not options.command:
        raise LabError("there is no command", "write it behind --, like `lab exec client -- ip route`")
    return _call(Lab.attach(options.name), options.host, options.command)


def _ssh(options: argparse.Namespace) -> int:
    lab = Lab.attach(options.name)
    machine = lab.machine(options.machine)
    argv = ["ssh", "-i", str(lab.folder.keys / "id_ed25519"), "-o", "LogLevel=ERROR"]
    # A machine makes its host key at first boot, on a network that nobody else is on.
    argv += ["-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null"]
    argv += ["-o", "IdentitiesOnly=yes", "-o", "ConnectTimeout=60", f"root@{machine.address}"]
    return _call(lab, topology.LAB, [*argv, *options.command])


def _console(options: argparse.Namespace) -> int:
    machine = Lab.attach(options.name).machine(options.machine)
    console.attach(machine.console_socket, machine.files.console_log)
    return 0


def _screenshot(options: argparse.Namespace) -> int:
    machine = Lab.attach(options.name).machine(options.machine)
    if not machine.is_on():
        raise LabError(f"{machine.name} is off and shows nothing", "`lab status` shows what is on")
    machine.screenshot(options.file)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="lab", description="Appliances, mock OCS front ends and clients.")
    named = argparse.ArgumentParser(add_help=False)
    named.add_argument("--name", default="lab", help="the lab's name (lab)")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    up = commands.add_parser("up", parents=[named], help="start a lab that stays until `lab down`")
    up.add_argument("--image", type=Path, default=_IMAGE, help="the appliance's disk (build/lbva.raw)")
    names = ", ".join(BY_NAME)
    up.add_argument(
        "--hardware", choices=BY_NAME, default=KVM.name, metavar="NAME", help=f"{names} ({KVM.name})"
    )
    up.add_argument("--front-ends", type=int, default=2, help="how many (2)")
    up.add_argument("--publish", metavar="ADDRESS:PORT", help="show the WebUI here, like 127.0.0.1:9443")
    up.add_argument("--wait", action="store_true", help="return when the appliance answers an administrator")
    up.add_argument("--timeout", type=float, default=300, help="seconds that --wait and --pair wait (300)")
    up.add_argument("--pair", action="store_true", help="two appliances that fail over, balancing already")
    up.add_argument("--fresh", action="store_true", help="boot the pair, even if one of this image is kept")
    up.set_defaults(action=_up)

    down = commands.add_parser("down", parents=[named], help="end a lab, or what a crash left of it")
    down.add_argument("--all", action="store_true", help="all labs of this checkout")
    down.set_defaults(action=_down)

    commands.add_parser("status", help="what is up, and what is left over").set_defaults(action=_status)

    run = commands.add_parser("exec", parents=[named], help="run a command on a host: exec HOST -- COMMAND")
    run.add_argument("host", help="lab, client, fe1, fe2 …")
    run.set_defaults(action=_exec)

    attach = commands.add_parser("console", parents=[named], help="a machine's serial console")
    attach.set_defaults(action=_console)
    ssh = commands.add_parser("ssh", parents=[named], help="a shell, or a command behind --, on a machine")
    ssh.set_defaults(action=_ssh)
    shot = commands.add_parser("screenshot", parents=[named], help="what a machine's screen shows, as PNG")
    shot.set_defaults(action=_screenshot)
    for command in (attach, ssh, shot):
        command.add_argument("machine", help="lb1 or lb2")
    shot.add_argument("file", type=Path)
    fault_commands.add_commands(commands, named)
    return parser


def _split(arguments: list[str]) -> tuple[list[str], list[str]]:
    """What stands before the first `--`, and what behind it."""
    if "--" not in arguments:
        return arguments, []
    place = arguments.index("--")
    return arguments[:place], arguments[place + 1 :]


def main() -> None:
    """Run the command; its status is 0, 1 with one line of explanation, or that of the program it ran."""
    logging.basicConfig(level=logging.INFO, format="lab: %(message)s")
    logging.getLogger("paramiko").setLevel(logging.CRITICAL)
    logging.getLogger("httpx").setLevel(logging.WARNING)
    parser = _parser()
    # argparse can't tell a command's options from ours once a positional has no fixed length.
    arguments, command = _split(sys.argv[1:])
    options = parser.parse_args(arguments)
    if command and options.action not in {_exec, _ssh}:
        parser.error("only exec and ssh take a command behind --")
    options.command = command
    try:
        sys.exit(options.action(options))
    except LabError as error:
        die(error.message, error.hint)
    except KeyboardInterrupt:
        sys.exit(_INTERRUPTED)
    except BrokenPipeError:
        os._exit(1)


if __name__ == "__main__":
    main()
