"""The package sources of the image, derived from the apt configuration of the machine that builds it.

So the build follows whatever mirror, proxy and keyring this machine was set up with, and no host name of a
registry stands in the repository.
"""

import os
import shlex
import subprocess
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from image.errors import BuildError

KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
# What apt needs to reach and to trust its mirror; everything else of the machine's configuration is its own.
ACQUIRE_OPTIONS = ("acquire::http", "acquire::https", "acquire::retries", "acquire::check-")


@dataclass(frozen=True)
class Source:
    """One package source: where, which suite, which component."""

    uri: str
    suite: str
    component: str


@dataclass(frozen=True)
class Mirror:
    """Where this machine gets its packages: the main archive and, where it has one, the security archive."""

    archive: str
    security: str | None

    def sources(self, suites: Iterable[str]) -> str:
        """Return the text of a deb822 `.sources` file for `suites` (such as `trixie`, `trixie-security`)."""
        return "\n".join(self._stanza(suite) for suite in suites)

    def _stanza(self, suite: str) -> str:
        uri = self.security if suite.endswith("-security") and self.security else self.archive
        return f"Types: deb\nURIs: {uri}\nSuites: {suite}\nComponents: main\nSigned-By: {KEYRING}\n"

    def suites(self, release: str) -> list[str]:
        """Return the suites of `release` that this machine's sources have a counterpart of."""
        return [release, f"{release}-updates", *([f"{release}-security"] if self.security else [])]


def host_release() -> tuple[str, str]:
    """Return `(id, codename)` of this machine, for example `("debian", "bookworm")` (os-release(5))."""
    fields = dict(
        line.split("=", 1) for line in Path("/etc/os-release").read_text().splitlines() if "=" in line
    )
    return fields.get("ID", "").strip('"'), fields.get("VERSION_CODENAME", "").strip('"')


def host_sources() -> Iterator[Source]:
    """Yield the binary package sources that apt uses on this machine (apt-get(8), indextargets)."""
    listing = subprocess.run(
        [
            "apt-get",
            "indextargets",
            "--format",
            "$(REPO_URI) $(RELEASE) $(COMPONENT)",
            "Created-By: Packages",
        ],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    for line in listing.splitlines():
        uri, suite, component = line.split()
        yield Source(uri, suite, component)


def mirror_of(sources: Iterable[Source], codename: str) -> Mirror:
    """Return the mirror that `sources` use for the release `codename`.

    Raises `BuildError` when there is none for the main archive.
    """
    main = [source for source in sources if source.component == "main"]
    archive = next((source.uri for source in main if source.suite == codename), None)
    if archive is None:
        raise BuildError(
            f"apt has no source for Debian's {codename} main archive",
            hint="add one below /etc/apt/sources.list.d (see sources.list(5)) and run `apt-get update`",
        )
    security = next((source.uri for source in main if source.suite == f"{codename}-security"), None)
    return Mirror(archive, security)


def acquire_options() -> str:
    """Return this machine's apt options for reaching its mirror, as the text of an apt.conf file."""
    dump = subprocess.run(
        ["apt-config", "dump", "--no-empty", "--format", "%f %v%n", "Acquire"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    wanted = [line.split(" ", 1) for line in dump.splitlines() if line.lower().startswith(ACQUIRE_OPTIONS)]
    return "".join(f'{name} "{value}";\n' for name, value in wanted)


def write_tree(tree: Path, release: str, mirror: Mirror, preferences: str | None = None) -> None:
    """Write mkosi's package manager tree: the sources of `release`, which replace mkosi's built-in list.

    The built-in list names the debug archive, which not every mirror carries. `preferences` are apt's
    (apt_preferences(5)).
    """
    apt = tree / "etc/apt"
    (apt / "sources.list.d").mkdir(parents=True, exist_ok=True)
    (apt / "apt.conf.d").mkdir(parents=True, exist_ok=True)
    (apt / "sources.list.d/mkosi.sources").write_text(mirror.sources(mirror.suites(release)))
    (apt / "apt.conf.d/50lbva-acquire").write_text(acquire_options())
    pins = apt / "preferences.d/lbva"
    pins.unlink(missing_ok=True)
    if preferences is not None:
        pins.parent.mkdir(exist_ok=True)
        pins.write_text(preferences)


def update() -> None:
    """Read the package lists anew. Raises `BuildError` with apt's own words."""
    _apt_get(["update"])


def install(packages: Iterable[str], *, suite: str | None = None) -> None:
    """Install `packages` on this machine, from `suite` (such as `bookworm-backports`) where it has them.

    Raises `BuildError` with apt's own words.
    """
    target = ["--target-release", suite] if suite else []
    _apt_get(["install", "--yes", "--no-install-recommends", *target, *packages])


def download(packages: Iterable[str], release: str, folder: Path) -> None:
    """Download `packages` of `release` into `folder`, from this machine's mirror.

    What apt knows of this machine is left alone: it may run another release. Raises `BuildError` with apt's
    own words.
    """
    _, codename = host_release()
    mirror = mirror_of(host_sources(), codename)
    with tempfile.TemporaryDirectory(prefix="lbva-apt-") as state:
        options = private_state(Path(state), mirror.sources(mirror.suites(release)))
        _apt_get([*options, "update"])
        _apt_get([*options, "download", *packages], folder)


def private_state(folder: Path, sources: str) -> list[str]:
    """Return options: apt has its files in `folder`, knows `sources` alone, and finds nothing installed."""
    (folder / "lists/partial").mkdir(parents=True)
    (folder / "cache/archives/partial").mkdir(parents=True)
    (folder / "status").touch()
    (folder / "private.sources").write_text(sources)
    places = {
        "Dir::State": folder,
        "Dir::State::lists": folder / "lists",
        "Dir::State::status": folder / "status",
        "Dir::Cache": folder / "cache",
        "Dir::Etc::sourcelist": folder / "private.sources",
        "Dir::Etc::sourceparts": "/dev/null",
        # The user that apt downloads as can't enter the folder, which only means a warning else.
        "APT::Sandbox::User": "root",
    }
    return [f"--option={name}={value}" for name, value in places.items()]


def _apt_get(arguments: list[str], folder: Path | None = None) -> None:
    result = subprocess.run(
        ["apt-get", "--quiet", *arguments],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8"},
        check=False,
    )
    if result.returncode:
        last = next((line for line in reversed(result.stdout.splitlines()) if line.strip()), "no output")
        raise BuildError(
            f"`apt-get {next(word for word in arguments if word[0] != '-')}` failed: {last}",
            hint=f"run `apt-get {shlex.join(arguments)}`; this machine needs a reachable Debian mirror",
        )
