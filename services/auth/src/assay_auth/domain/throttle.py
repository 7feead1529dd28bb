"""How often somebody may be wrong, so that passwords cannot be guessed and nobody can be locked out.

Every attempt is counted before its password is looked at, and forgiven if it was right; so a thousand attempts at once
are a thousand attempts. Three counts hold at a time:

- of the **account from this address**: five failures are free, then each doubles the wait, up to fifteen minutes;
- of the **address**, over all accounts: a hundred, then the same. It finds who tries one password on many accounts;
- of the **account from everywhere**: a hundred, then up to a minute. It finds who tries one account from many places.

A count that anybody can raise is a lock in everybody's hands. So the last two do not concern *known* addresses, those
that the account has opened a session from within a session's life, and failures there do not raise them. A known
address has a hundred failures of its own before anybody waits there, and never for more than a minute: only somebody
behind the same address could make the person wait at all. From a new place, while an attack goes on, a person waits a
minute at most or resets the password by mail, which clears the counts that stand in the way.

A refused attempt is not counted, so that nobody prolongs a wait by knocking. A hundred is the limit of NIST SP 800-63B,
section 3.2.2. Unknown accounts are counted like known ones: a refusal tells nothing.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Final

FORGOTTEN_AFTER: Final = timedelta(hours=24)
"""A count is forgotten this long after the last failure."""
_IPV6_SITE_BITS: Final = 64
"""What one subscriber has of IPv6 at least: they could take another address for every attempt."""


@dataclass(frozen=True, slots=True)
class Budget:
    """Failures that are free, and the longest wait between two more."""

    free: int
    longest_wait: timedelta


STRANGE_PLACE: Final = Budget(5, timedelta(minutes=15))
KNOWN_PLACE: Final = Budget(100, timedelta(minutes=1))
WHOLE_ADDRESS: Final = Budget(100, timedelta(minutes=15))
WHOLE_ACCOUNT: Final = Budget(100, timedelta(minutes=1))


@dataclass(frozen=True, slots=True)
class Limit:
    """One count that holds for an attempt: which, and how far it may go."""

    bucket: bytes
    budget: Budget


@dataclass(frozen=True, slots=True)
class Tally:
    """A count as it is stored."""

    bucket: bytes
    failures: int
    last_at: datetime
    refused: bool = False
    """Whether somebody was refused since the last failure."""

    def wait(self, budget: Budget, now: datetime) -> timedelta:
        """How long the next attempt must wait; not at all = zero."""
        over = self.failures - budget.free
        if over < 0 or now - self.last_at >= FORGOTTEN_AFTER:
            return timedelta()
        pause = min(timedelta(seconds=2 ** min(over, 20)), budget.longest_wait)
        return max(timedelta(), self.last_at + pause - now)

    def with_another(self, now: datetime) -> "Tally":
        """The count after one more attempt; what lies far back is forgotten."""
        past = 0 if now - self.last_at >= FORGOTTEN_AFTER else self.failures
        return replace(self, failures=past + 1, last_at=now, refused=False)

    def after_a_refusal(self) -> "Tally":
        """The count after somebody was refused, which counts nothing."""
        return replace(self, refused=True)


def limits_of(account: str, address: str, *, is_known: bool) -> Sequence[Limit]:
    """The counts that hold for an attempt on an account (its e-mail address) from a network address ("" = unknown)."""
    place = network_of(address)
    pair = Limit(_bucket("pair", account, place), KNOWN_PLACE if is_known else STRANGE_PLACE)
    if is_known:
        return [pair]
    limits = [pair, Limit(account_bucket(account), WHOLE_ACCOUNT)]
    if place:
        limits.append(Limit(_bucket("address", place), WHOLE_ADDRESS))
    return limits


def account_bucket(account: str) -> bytes:
    """The count of an account from everywhere."""
    return _bucket("account", account)


def network_of(address: str) -> str:
    """What counts as one place: an IPv4 address, or the /64 of an IPv6 one."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, IPv6Address):
        if parsed.ipv4_mapped is not None:
            return str(parsed.ipv4_mapped)
        return str(ip_network((parsed, _IPV6_SITE_BITS), strict=False))
    return str(parsed)


def _bucket(*names: str) -> bytes:
    return hashlib.sha256("\x00".join(names).encode()).digest()
