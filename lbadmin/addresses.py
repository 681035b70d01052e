"""What an IP address can be used for."""

from ipaddress import IPv4Address, IPv6Address

Address = IPv4Address | IPv6Address


def not_unicast(ip: Address) -> str | None:
    """Return what keeps an address from being the one of a host, as a predicate with the remedy."""
    if ip.is_unspecified:
        return "is the unspecified address; name one host"
    if ip.is_loopback:
        return "is a loopback address; name one that the network reaches"
    if ip.is_multicast or ip == IPv4Address("255.255.255.255"):
        return "is not the address of one host; name a unicast address"
    if ip.is_link_local and isinstance(ip, IPv6Address):
        return "is a link-local address; name one that the network reaches"
    return None
