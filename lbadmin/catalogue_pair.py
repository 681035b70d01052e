"""The fields of high availability: making a pair, and how it fails over.

As in `catalogue`, a field's path is its place in the body of the request that it belongs to.
"""

from collections.abc import Sequence

from lbadmin.catalogue import Field, Section

CREATE_PAIR = Section(
    "Create a Clustered Pair",
    (
        Field(
            "local_ip", "Local IP address", "address", required=True, example="192.168.2.21",
            help="The address of this node that the peer reaches it by, for as long as the two are a pair.",
        ),
        Field(
            "peer_ip", "IP address of new peer", "address", required=True, example="192.168.2.22",
            help="The address of the other appliance, which becomes the slave. It must run the same version "
            "and have no virtual services: it gets those of this node.",
        ),
        Field(
            "password", "Password for *loadbalancer* user on peer", "secret", required=True,
            help="What one logs in with to the peer's own pages. It is used once and not kept.",
        ),
    ),
    (
        Field(
            "fingerprint", "Fingerprint of the peer's WebUI certificate (SHA-256)", "text",
            help="If it is given, the password is sent to no other machine: the peer has to show this "
            "certificate first. A browser shows the fingerprint with the certificate of the peer's pages; "
            "colons and blanks don't matter. Blank: whatever answers at the address is taken for the peer.",
        ),
    ),
)  # fmt: skip
"""The guide's appendix 1, with its labels."""

HA_SETTINGS = Section(
    "",
    (
        Field(
            "sensitivity", "Sensitivity", "choice", default="normal",
            choices=(("fast", "Fast"), ("normal", "Normal"), ("tolerant", "Tolerant")),
            help="How soon the slave replaces a master that it does not hear any more. Fast: after 0.15 s. "
            "Normal: after a quarter of a second. Tolerant: after 3 s, for clusters that move running "
            "machines from host to host, which stands them still for a moment.",
        ),
        Field(
            "fail_back", "Fail back automatically", "flag", default="false",
            help="When the node that the pair was made on returns, it becomes the master again, which ends "
            "open connections once more. Without it, the node that has taken over stays the master.",
        ),
        Field(
            "check_gateway", "Check the gateway", "flag", default="false",
            help="A node that does not reach its default gateway hands over to one that does.",
        ),
        Field(
            "floating_addresses", "Floating IP addresses", "list", example="192.168.2.20",
            help="Further addresses that are always at the master, such as one for these pages; one a line. "
            "Those of virtual services float by themselves and don't belong here.",
        ),
    ),
)  # fmt: skip


def create_pair(addresses: Sequence[str], preset: str) -> Section:
    """Return the guide's form where the local address is chosen from the node's own, `preset` at first."""
    first, *others = CREATE_PAIR.fields
    chosen = first._replace(kind="choice", choices=tuple((each, each) for each in addresses), default=preset)
    return CREATE_PAIR._replace(fields=(chosen, *others))
