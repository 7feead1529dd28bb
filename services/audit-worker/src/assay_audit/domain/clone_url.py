"""Which URLs may be cloned from: https, without credentials, and never into a private network (SSRF)."""

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_address
from typing import Final
from urllib.parse import urlsplit

from assay_audit.domain.errors import UrlNotAllowed
from assay_common.addresses import Address, is_public
from assay_common.errors import Violation

Network = IPv4Network | IPv6Network

MAX_URL: Final = 2_000
HTTPS_PORT: Final = 443


@dataclass(frozen=True, slots=True)
class CloneTarget:
    """A URL taken apart; still to be resolved."""

    url: str
    host: str
    port: int

    @classmethod
    def parse(cls, url: str) -> "CloneTarget":
        """Take a URL apart.

        Raises:
            UrlNotAllowed: not https, no host, credentials, a query or a fragment in it, or unprintable characters.
        """
        if len(url) > MAX_URL or not url.isascii() or any(c.isspace() or not c.isprintable() for c in url):
            raise _refused(f"at most {MAX_URL} printable ASCII characters")
        try:
            parts = urlsplit(url)
            port = parts.port or HTTPS_PORT
        except ValueError:
            raise _refused("cannot be read as a URL") from None
        if parts.scheme != "https":
            raise _refused("only https:// is cloned from")
        if "@" in parts.netloc:
            raise _refused("must hold no credentials")
        if parts.query or parts.fragment or "?" in url or "#" in url or "\\" in url:
            raise _refused("must have no query and no fragment")
        if not parts.hostname:
            raise _refused("names no host")
        return cls(url, parts.hostname.rstrip(".").lower(), port)


@dataclass(frozen=True, slots=True)
class ClonePolicy:
    """What this installation may reach beyond the public internet: its own forges."""

    allowed_hosts: frozenset[str] = frozenset()
    """Hosts that may have private addresses and other ports."""
    allowed_networks: tuple[Network, ...] = ()
    """Networks that any host may be in."""

    def check(self, target: CloneTarget, addresses: Sequence[str]) -> None:
        """Approve the addresses to which the host was resolved just now; every one must be allowed.

        Raises:
            UrlNotAllowed: the host has no address, one that is not public, or the port is not 443.
        """
        if not addresses:
            raise _refused(f"the host {target.host} has no address")
        if target.host in self.allowed_hosts:
            return
        outside = [address for address in map(ip_address, addresses) if not self._is_allowed(address)]
        if outside:
            raise _refused(f"the host {target.host} is not on the public internet")
        if target.port != HTTPS_PORT and not self._all_listed(addresses):
            raise _refused("only port 443 is cloned from")

    def _is_allowed(self, address: Address) -> bool:
        return self._is_listed(address) or is_public(address)

    def _is_listed(self, address: Address) -> bool:
        return any(address in network for network in self.allowed_networks)

    def _all_listed(self, addresses: Sequence[str]) -> bool:
        return all(self._is_listed(ip_address(address)) for address in addresses)


def _refused(description: str) -> UrlNotAllowed:
    return UrlNotAllowed(f"the URL is not allowed: {description}", Violation("url", description))
