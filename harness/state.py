"""Where a lab keeps what: its folder on disk, its run-time folder inside, and its record of itself."""

import json
import re
from dataclasses import asdict, dataclass
from pathlib import Path

from harness.errors import LabError
from harness.process import ProcessId

REPOSITORY = Path(__file__).resolve().parents[1]
LABS = REPOSITORY / "build" / "lab"

# Inside the lab's mount namespace; /run is the lab's own there. From outside the same files are
# reached through /proc/INIT/root, which keeps socket paths short and leaves nothing on the host.
CONTROL_SOCKET = Path("/run/lab/control")
CONSOLES = Path("/run/lab/consoles")
NETWORK_NAMESPACES = Path("/run/netns")
REGISTRAR_SOCKET = Path("/run/lab/registrar")
LIBVIRT_SOCKET = Path("/run/libvirt/libvirt-sock")


@dataclass(frozen=True)
class Folder:
    """The files of one lab on disk."""

    path: Path

    @property
    def name(self) -> str:
        """The lab's name."""
        return self.path.name

    @property
    def record(self) -> Path:
        """Who runs the lab (`Record`)."""
        return self.path / "lab.json"

    @property
    def lock(self) -> Path:
        """Held while the lab is being started; lies beside the folder, which is made anew."""
        return self.path.with_name(f".{self.path.name}.lock")

    @property
    def logs(self) -> Path:
        """The logs of the supervisor, libvirt, QEMU and the mocks."""
        return self.path / "logs"

    @property
    def keys(self) -> Path:
        """The certificates of the front ends and the SSH key of the lab."""
        return self.path / "keys"

    @property
    def machines(self) -> Path:
        """One folder a machine."""
        return self.path / "machines"

    @property
    def libvirt_cache(self) -> Path:
        """What libvirt found out about QEMU (2 s of probing); shared by all labs beside this one."""
        return self.path.with_name(".libvirt-cache")


@dataclass(frozen=True)
class Record:
    """What a lab says of itself: the process to kill, its first process inside, and how it was made.

    `outer` is the program whose end makes the kernel end everything else; `init` is process 1 of
    the lab's pid namespace.
    """

    outer: ProcessId
    init: ProcessId | None
    front_ends: int
    publish: str

    def write(self, folder: Folder) -> None:
        """Write the record in one step, so that a reader never sees half of it."""
        new = folder.record.with_suffix(".new")
        new.write_text(json.dumps(asdict(self)), encoding="utf-8")
        new.replace(folder.record)

    @classmethod
    def read(cls, folder: Folder) -> "Record | None":
        """The record of a lab, or None when it has none."""
        try:
            values = json.loads(folder.record.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        return cls(
            outer=ProcessId(**values["outer"]),
            init=ProcessId(**values["init"]) if values["init"] else None,
            front_ends=values["front_ends"],
            publish=values["publish"],
        )


def folder_of(name: str, root: Path = LABS) -> Folder:
    """The folder of the lab `name`; raises LabError when the name can't be a folder's."""
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,30}", name):
        raise LabError(f"{name!r} can't be a lab's name", "use up to 31 of a-z, 0-9 and -")
    return Folder(root / name)


def all_folders(root: Path = LABS) -> list[Folder]:
    """The folders of all labs, running or left over, by name."""
    if not root.is_dir():
        return []
    return [Folder(path) for path in sorted(root.iterdir()) if path.is_dir() and path.name[0] != "."]
