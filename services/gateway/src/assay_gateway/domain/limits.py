"""Which buckets a request takes from: of the key, of the person behind it, of the organisation, of the address."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Final

from assay_common.identity import Principal
from assay_gateway.domain.rate import Claim, Claims, Rate

IPV6_PREFIX: Final = 64
"""Bits of an IPv6 address that name a customer; the rest they choose themselves (RFC 6177)."""
REMEMBERED: Final = 10_000
"""Combinations whose claims are kept."""


@dataclass(frozen=True)
class Limits:
    """The rates of one gateway."""

    caller: Rate
    """Of each API key, and of each person's own tokens."""
    owner: Rate
    """Of each person or service account, with all keys that belong to them."""
    organisation: Rate
    address: Rate
    """Of each network address, with a token or without."""
    public: Rate
    """Of each network address on routes that need no token, so that passwords cannot be tried quickly."""
    refused: Rate
    """How many tokens and keys that do not hold an address may try."""
    _of_caller: dict[tuple[str, str], Claims] = field(default_factory=dict, repr=False, compare=False)

    def of_caller(self, caller: Principal, address: str) -> Claims:
        """What a request with a token takes from."""
        # By the token, which names all the rest: texts are found much faster than ids.
        known = self._of_caller.get((caller.token, address))
        if known is None:
            known = self._claims(caller, address)
            if len(self._of_caller) >= REMEMBERED:
                self._of_caller.clear()
            self._of_caller[caller.token, address] = known
        return known

    def of_stranger(self, address: str) -> Claims:
        """What a request without a token takes from."""
        network = network_of(address)
        return Claims((Claim(f"public:{network}", self.public), Claim(f"address:{network}", self.address)))

    def of_attempt(self, address: str) -> Claims:
        """What a token or key takes from that has to be checked first."""
        return Claims((Claim(f"refused:{network_of(address)}", self.refused),))

    def _claims(self, caller: Principal, address: str) -> Claims:
        claims = [
            Claim(f"{caller.kind}:{caller.subject.hex}", self.caller),
            Claim(f"owner:{caller.acts_for.hex}", self.owner),
        ]
        if caller.org_id is not None:
            claims.append(Claim(f"organisation:{caller.org_id.hex}", self.organisation))
        claims.append(Claim(f"address:{network_of(address)}", self.address))
        return Claims(tuple(claims))


@lru_cache(maxsize=10_000)
def network_of(address: str) -> str:
    """What is limited as one client: an IPv4 address, or the network that an IPv6 address lies in."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return "unknown"
    if not isinstance(parsed, IPv6Address):
        return str(parsed)
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(ip_network((parsed, IPV6_PREFIX), strict=False))
