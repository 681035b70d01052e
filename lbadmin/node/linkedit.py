"""Bonds and VLANs in a node's list of interfaces, as JSON: for the pages and lbcli.

Only the standard library: lbcli has to start quickly.
"""

from collections.abc import Sequence
from typing import Any, TypeAlias

Json: TypeAlias = Any


def with_interface(interfaces: Sequence[Json], new: Json) -> list[Json]:
    """Return the interfaces with one that is new, or takes the place of the one with its name.

    Cards that it is on and that have no configuration yet are added, and the addresses of those that a bond
    takes in become the bond's: they can't have any themselves.
    """
    bond, vlan = new.get("bond"), new.get("vlan")
    # What is not a list of names is refused by lbadmind, in its own words.
    members = [each for each in (bond or {}).get("members") or [] if isinstance(each, str)]
    below = [*members, *([vlan["parent"]] if vlan and vlan.get("parent") else [])]
    held = [each for each in interfaces if each["name"] != new["name"]]
    names = {each["name"] for each in held} | {new["name"]}
    missing = [{"name": name, "addresses": []} for name in dict.fromkeys(below) if name not in names]
    moved = [address for each in held if each["name"] in members for address in each["addresses"]]
    held = [
        {**each, "addresses": [], "mtu": None} if each["name"] in members else each
        for each in (*held, *missing)
    ]
    return [*held, {**new, "addresses": list(dict.fromkeys([*moved, *new["addresses"]]))}]


def without_interface(interfaces: Sequence[Json], name: str) -> list[Json]:
    """Return the interfaces without one; the addresses of a bond go to the first card that was in it."""
    gone = next((each for each in interfaces if each["name"] == name), None)
    heir = gone["bond"]["members"][0] if gone and gone["bond"] else None
    return [
        {**each, "addresses": [*each["addresses"], *gone["addresses"]]}
        if gone and each["name"] == heir
        else each
        for each in interfaces
        if each["name"] != name
    ]
