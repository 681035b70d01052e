"""An XVA for XenServer and XCP-ng: the machine as the XenAPI's records, the disk in chunks with checksums.

The importer (xapi's `import.ml`) takes a tar, plain or compressed with gzip: `ova.xml` first, then for each
chunk of 1 MiB that is not all zeros `Ref:N/NNNNNNNN` and its SHA-1 beside it; first and last chunk must be
there. The records are those of export format 2, as XenServer 5.5 wrote them; later versions add theirs.
"""

import gzip
import hashlib
import io
import tarfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from xmlrpc.client import DateTime, dumps

from image.disk import BLOCK, blocks, identity
from image.formats.archive import add_to_tar
from image.formats.product import CPUS, MEMORY_MIB, PRODUCT, Product

_NULL = "OpaqueRef:NULL"
_NEVER = DateTime("19700101T00:00:00Z")
"""xapi reads a time with its zone; only newer ones add what is missing."""

_VM, _VIF, _NETWORK, _VBD, _VDI, _SR = (f"Ref:{number}" for number in range(6))
_LEVEL = 6


def make(product: Product, target: Path) -> None:
    """Write the XVA."""
    description = ova_xml(product).encode()
    with (
        target.open("wb") as file,
        gzip.GzipFile("", "wb", _LEVEL, file, mtime=product.epoch) as packed,
        tarfile.open(fileobj=packed, mode="w|", format=tarfile.USTAR_FORMAT) as archive,
    ):
        add_to_tar(archive, "ova.xml", io.BytesIO(description), len(description), product.epoch)
        last = product.raw.stat().st_size // BLOCK - 1
        written = -1
        for number, chunk in blocks(product.raw):
            if number and written < 0:
                _add_chunk(archive, 0, bytes(BLOCK), product.epoch)
            _add_chunk(archive, number, chunk, product.epoch)
            written = number
        if written < last:
            _add_chunk(archive, last, bytes(BLOCK), product.epoch)


def _add_chunk(archive: tarfile.TarFile, number: int, chunk: bytes, epoch: int) -> None:
    checksum = hashlib.sha1(chunk, usedforsecurity=False).hexdigest().encode()
    for name, data in ((f"{_VDI}/{number:08}", chunk), (f"{_VDI}/{number:08}.checksum", checksum)):
        add_to_tar(archive, name, io.BytesIO(data), len(data), epoch)


def ova_xml(product: Product) -> str:
    """Return the machine's description. Pure but for the disk's size."""
    digest = product.digest
    date = datetime.fromtimestamp(product.epoch, UTC)
    objects = [
        _record("VM", _VM, _vm(product, digest)),
        _record("VIF", _VIF, _vif(digest)),
        _record("network", _NETWORK, _network(digest)),
        _record("VBD", _VBD, _vbd(digest)),
        _record("VDI", _VDI, _vdi(product, digest)),
        _record("SR", _SR, _sr(digest)),
    ]
    version = {
        "hostname": "lbva",
        "date": f"{date:%Y-%m-%d}",
        "product_version": "5.5.0",
        "product_brand": "XenServer",
        "build_number": "0",
        "xapi_major": 1,
        "xapi_minor": 3,
        "export_vsn": 2,
    }
    written = dumps(({"version": _strings(version), "objects": objects},))
    return written[written.index("<value>") : written.rindex("</value>") + len("</value>")]


def _strings(record: dict[str, Any]) -> dict[str, Any]:
    """XenAPI's integers are strings, because XML-RPC's own have 32 bits."""
    return {name: str(value) if type(value) is int else value for name, value in record.items()}


def _record(kind: str, reference: str, record: dict[str, Any]) -> dict[str, Any]:
    return {"class": kind, "id": reference, "snapshot": _strings(record)}


def _vm(product: Product, digest: bytes) -> dict[str, Any]:
    memory = MEMORY_MIB * 2**20
    return {
        "uuid": str(identity(digest, "xen VM")),
        "allowed_operations": [],
        "current_operations": {},
        "power_state": "Halted",
        "name_label": "lbva",
        "name_description": f"{PRODUCT} {product.version}",
        "user_version": 1,
        "is_a_template": False,
        "is_a_snapshot": False,
        "is_control_domain": False,
        "suspend_VDI": _NULL,
        "resident_on": _NULL,
        "affinity": _NULL,
        "memory_target": memory,
        "memory_overhead": 0,
        "memory_static_max": memory,
        "memory_dynamic_max": memory,
        "memory_dynamic_min": memory,
        "memory_static_min": memory,
        "VCPUs_params": {},
        "VCPUs_max": CPUS,
        "VCPUs_at_startup": CPUS,
        "actions_after_shutdown": "destroy",
        "actions_after_reboot": "restart",
        "actions_after_crash": "restart",
        "consoles": [],
        "VIFs": [_VIF],
        "VBDs": [_VBD],
        "crash_dumps": [],
        "VTPMs": [],
        "PV_bootloader": "",
        "PV_kernel": "",
        "PV_ramdisk": "",
        "PV_args": "",
        "PV_bootloader_args": "",
        "PV_legacy_args": "",
        # A machine with firmware, whose kernel then takes Xen's disk and network card by itself (PVHVM).
        "HVM_boot_policy": "BIOS order",
        "HVM_boot_params": {"order": "c"},
        "HVM_shadow_multiplier": 1.0,
        "platform": {
            "acpi": "1",
            "apic": "true",
            "nx": "true",
            "pae": "true",
            "viridian": "false",
            "device_id": "0001",
        },
        "PCI_bus": "",
        "other_config": {"mac_seed": str(identity(digest, "xen MAC"))},
        "domid": -1,
        "domarch": "",
        "last_boot_CPU_flags": {},
        "metrics": _NULL,
        "guest_metrics": _NULL,
        "last_booted_record": "",
        "recommendations": "",
        "xenstore_data": {},
        "ha_always_run": False,
        "ha_restart_priority": "",
        "snapshot_of": _NULL,
        "snapshots": [],
        "snapshot_time": _NEVER,
        "transportable_snapshot_id": "",
        "blobs": {},
        "tags": [],
        "blocked_operations": {},
    }


def _device(digest: bytes, kind: str) -> dict[str, Any]:
    return {
        "uuid": str(identity(digest, f"xen {kind}")),
        "allowed_operations": [],
        "current_operations": {},
        "VM": _VM,
        "other_config": {},
        "currently_attached": False,
        "status_code": 0,
        "status_detail": "",
        "runtime_properties": {},
        "qos_algorithm_type": "",
        "qos_algorithm_params": {},
        "qos_supported_algorithms": [],
        "metrics": _NULL,
    }


def _vif(digest: bytes) -> dict[str, Any]:
    # No MAC: the importer makes one of the machine's seed.
    return {**_device(digest, "VIF"), "device": "0", "network": _NETWORK, "MAC": "", "MTU": 1500}


def _network(digest: bytes) -> dict[str, Any]:
    # The importer looks for a network of this name: it is what XenServer calls that of its first card.
    return {
        "uuid": str(identity(digest, "xen network")),
        "name_label": "Pool-wide network associated with eth0",
        "name_description": "",
        "allowed_operations": [],
        "current_operations": {},
        "VIFs": [_VIF],
        "PIFs": [],
        "other_config": {},
        "bridge": "xenbr0",
        "blobs": {},
        "tags": [],
    }


def _vbd(digest: bytes) -> dict[str, Any]:
    return {
        **_device(digest, "VBD"),
        "VDI": _VDI,
        "device": "xvda",
        "userdevice": "0",
        "bootable": True,
        "mode": "RW",
        "type": "Disk",
        "unpluggable": False,
        "storage_lock": False,
        "empty": False,
    }


def _vdi(product: Product, digest: bytes) -> dict[str, Any]:
    size = product.raw.stat().st_size
    return {
        "uuid": str(identity(digest, "xen VDI")),
        "name_label": "lbva",
        "name_description": f"{PRODUCT} {product.version}",
        "allowed_operations": [],
        "current_operations": {},
        "SR": _SR,
        "VBDs": [_VBD],
        "crash_dumps": [],
        "virtual_size": size,
        "physical_utilisation": size,
        "type": "system",
        "sharable": False,
        "read_only": False,
        "other_config": {},
        "storage_lock": False,
        "location": str(identity(digest, "xen VDI")),
        "managed": True,
        "missing": False,
        "parent": _NULL,
        "xenstore_data": {},
        "sm_config": {},
        "is_a_snapshot": False,
        "snapshot_of": _NULL,
        "snapshots": [],
        "snapshot_time": _NEVER,
        "tags": [],
    }


def _sr(digest: bytes) -> dict[str, Any]:
    return {
        "uuid": str(identity(digest, "xen SR")),
        "name_label": "Local storage",
        "name_description": "",
        "allowed_operations": [],
        "current_operations": {},
        "VDIs": [_VDI],
        "PBDs": [],
        "virtual_allocation": 0,
        "physical_utilisation": 0,
        "physical_size": -1,
        "type": "lvm",
        "content_type": "user",
        "shared": False,
        "other_config": {},
        "sm_config": {},
        "blobs": {},
        "tags": [],
    }
