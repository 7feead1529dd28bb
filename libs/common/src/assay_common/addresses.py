"""Which network addresses lie on the public internet; pure, so that a domain may ask it too."""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Final

Address = IPv4Address | IPv6Address

_UNICAST: Final = IPv6Network("2000::/3")
"""All of IPv6 that is given out to the internet (IANA)."""
_PUBLIC_NAT64: Final = IPv6Network("64:ff9b::/96")
_NEVER_PUBLIC: Final = (
    IPv4Network("192.0.0.0/24"),  # protocol assignments (RFC 6890)
    IPv4Network("192.88.99.0/24"),  # relays of 6to4 (RFC 7526)
    IPv6Network("3fff::/20"),  # documentation (RFC 9637); too young for some tables
)
_PRIVATE: Final = (
    IPv4Network("10.0.0.0/8"),
    IPv4Network("172.16.0.0/12"),
    IPv4Network("192.168.0.0/16"),
    IPv4Network("100.64.0.0/10"),
    IPv4Network("127.0.0.0/8"),
    IPv6Network("fc00::/7"),
    IPv6Network("::1/128"),
)
_METADATA: Final = (IPv4Address("100.100.100.200"), IPv6Address("fd00:ec2::254"))
"""Where clouds give out credentials; the usual 169.254.169.254 is link-local and so neither public nor private here."""


def is_public(address: Address) -> bool:
    """Whether packets to it leave for the public internet; IPv4 addresses inside IPv6 ones are looked at too."""
    if isinstance(address, IPv6Address):
        inner = _inner(address)
        if inner is not None:
            return _translates(address) and is_public(inner)
        if address not in _UNICAST:
            return False
    if any(address in network for network in _NEVER_PUBLIC):
        return False
    return address.is_global and not address.is_multicast and not address.is_reserved


def is_private(address: Address) -> bool:
    """Whether it is a host of one's own network or machine: never link-local, multicast or a cloud's metadata."""
    return address not in _METADATA and any(address in network for network in _PRIVATE)


def _inner(address: IPv6Address) -> IPv4Address | None:
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    if address.teredo is not None:
        return address.teredo[1]
    return IPv4Address(int(address) & 0xFFFFFFFF) if address in _PUBLIC_NAT64 else None


def _translates(address: IPv6Address) -> bool:
    """Whether networks of today have a use for such an address: 6to4, Teredo and mapped ones only hide another."""
    return address in _PUBLIC_NAT64
