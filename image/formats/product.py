"""What every format says of the appliance."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from image.disk import digest

PRODUCT = "LBVA load balancer virtual appliance"
CPUS = 1
MEMORY_MIB = 2048
"""The guide, section 7: one processor, 2 GB of memory."""


@dataclass(frozen=True)
class Product:
    """The disk that is packaged, the version and the time stamp (seconds since 1970) of all made from it."""

    raw: Path
    version: str
    epoch: int

    @cached_property
    def digest(self) -> bytes:
        """What the formats' identities are derived from."""
        return digest(self.raw)

    def name(self, suffix: str) -> str:
        """Return the name of the artifact that ends in `suffix`, such as `kvm.zip`."""
        return f"lbva-{self.version}-{suffix}"
