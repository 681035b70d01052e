"""The daemons' own checkers, asked about rendered files before anything is changed."""

import contextlib
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from lbadmin.activate import Rendering, of_haproxy
from lbadmin.certificates import check_authorities
from lbadmin.errors import CheckError, Fault, RefusedError
from lbadmin.firewall import complaint
from lbadmin.haproxy import words_of
from lbadmin.keys import KeyStore
from lbadmin.model import NodeConfig
from lbadmin.render import KEEPALIVED_CONF
from lbadmin.render.firewall import OWN_RULES, SCRIPT
from lbadmin.render.haproxy import CERTIFICATES, KEYS, crt_base, key_base, used_certificates
from lbadmin.render.layer4 import LAYER4_CONF
from lbadmin.render.layer4_checks import CHECKS_CFG
from lbadmin.render.layer4_rules import LAYER4_RULES
from lbadmin.render.ssh import SSHD_CONF
from lbadmin.render.syslog import RSYSLOG_CONF
from lbadmin.render.time import CHRONY_CONF
from lbadmin.system import System
from lbadmin.workplace import workplace

GROUP = "haproxy"
AS_HAPROXY = ("setpriv", "--reuid=haproxy", f"--regid={GROUP}", "--clear-groups")
"""HAProxy reads its files as root, and a manual configuration can name any file: HAProxy would serve it to
clients, or repeat its first line in a complaint. What its unprivileged user can't read is refused here."""

NOBODYS = "nogroup"
AS_NOBODY_WITH_NETWORK = (
    "setpriv", "--reuid=nobody", f"--regid={NOBODYS}", "--clear-groups",
    "--inh-caps=+net_admin", "--ambient-caps=+net_admin",
    "prlimit", f"--as={256 << 20}",
)  # fmt: skip
"""nft asks the kernel, which takes that right, and repeats the lines that it does not understand. Variables
in variables can make a short script a very long one."""


CHECKERS: tuple[tuple[str, tuple[str, ...]], ...] = (
    (CHRONY_CONF, ("chronyd", "-p", "-f")),
    (RSYSLOG_CONF, ("rsyslogd", "-N1", "-f")),
    (KEEPALIVED_CONF, ("keepalived", "-t", "-f")),
    (LAYER4_CONF, ("keepalived", "-t", "-f")),
    (LAYER4_RULES, ("nft", "--check", "--file")),
    (CHECKS_CFG, ("haproxy", "-c", "-f")),
)
"""What checks the files that are one each, when they are not empty."""

NO_FAULTS = re.compile(r"config validation run|^Warning - quorum |hysteresis")
"""What is said of a file that is right: by rsyslogd that it begins, and by keepalived of a service whose real
servers all get no new clients."""


def check_files(system: System, keys: KeyStore, old: Rendering, new: Rendering) -> None:
    """Let the daemons check their new files. Raises CheckError or RefusedError in their words."""
    if of_haproxy(new) != of_haproxy(old):
        _check_haproxy(system, keys, new)
    _check_authorities(system, old.node, new.node)
    for main, checker in CHECKERS:
        if new.files[main] not in {"", old.files[main]}:
            with workplace(system, "check") as (folder, place):
                _put(folder, {main: new.files[main]})
                _check(system, checker, f"{place}/{Path(main).name}")
    if any(new.files.get(name) != old.files.get(name) for name in (OWN_RULES, SCRIPT)):
        _check_firewall(system, new)
    if new.files[SSHD_CONF] != old.files[SSHD_CONF]:
        with workplace(system, "check") as (folder, place):
            _put(folder, {SSHD_CONF: new.files[SSHD_CONF]})
            # -t would need the host key, which the first connection makes (sshd(8), -G).
            _check(system, ("sshd", "-G", "-f"), f"{place}/{Path(SSHD_CONF).name}")


def _check_firewall(system: System, new: Rendering) -> None:
    """Let nft and the kernel take the rules as one, and put none into force."""
    rules = {name: new.files[name] for name in (OWN_RULES, SCRIPT) if name in new.files}
    if not rules:
        return
    with workplace(system, "check") as (folder, place):
        everything = "".join(f'include "{place}/{Path(name).name}"\n' for name in rules)
        _put(folder, {**rules, "all.nft": everything})
        folder.chmod(0o750)
        system.run(["chgrp", "-R", NOBODYS, place])
        result = system.run([*AS_NOBODY_WITH_NETWORK, "nft", "--check", "--file", f"{place}/all.nft"])
    if result.status != 0:
        message = f"script is refused by nft{complaint(result.output)}; nothing was changed"
        raise RefusedError([Fault("firewall.script", None, message)])


def _check_haproxy(system: System, keys: KeyStore, new: Rendering) -> None:
    """Check haproxy.cfg with its certificates and keys in a folder that HAProxy's user can read."""
    with workplace(system, "check") as (folder, place):
        main, *chains = of_haproxy(new)
        text = new.files[main]
        for own, here in ((crt_base(CERTIFICATES), crt_base(place)), (key_base(KEYS), key_base(place))):
            # The first is the appliance's own line; what a person wrote comes after it.
            text = text.replace(f" {own}\n", f" {here}\n", 1)
        _put(folder, {main: text, **{name: new.files[name] for name in chains}})
        for each in used_certificates(new.cluster):
            with contextlib.suppress(FileNotFoundError):  # HAProxy tells which one it misses
                _put(folder, {f"{each.key}.pem": keys.read(each.key)})
        folder.chmod(0o750)
        system.run(["chgrp", "-R", GROUP, place])
        _check(system, (*AS_HAPROXY, "haproxy", "-c", "-f"), f"{place}/{Path(main).name}")


def _check_authorities(system: System, old: NodeConfig, new: NodeConfig) -> None:
    """Raise RefusedError for the certificate of an authority that can't be read."""
    for part in ("mail", "syslog"):
        before, after = getattr(old, part).ca_certificate, getattr(new, part).ca_certificate
        if after not in {None, before}:
            check_authorities(system, after, f"{part}.ca_certificate")


def _put(folder: Path, files: Mapping[str, str]) -> None:
    for name, text in files.items():
        path = folder / Path(name).name
        path.write_text(text, encoding="utf-8")
        path.chmod(0o640)


def _check(system: System, checker: Sequence[str], main: str) -> None:
    result = system.run([*checker, main])
    told = [line for line in result.output.splitlines() if not NO_FAULTS.search(line)]
    if result.status != 0 and (told or not result.output):
        said = words_of("\n".join(told).replace(main, "the rendered file"))
        name = "HAProxy" if "haproxy" in checker else checker[0]
        raise CheckError(f"{name} refuses this configuration: {said}; nothing was changed")
