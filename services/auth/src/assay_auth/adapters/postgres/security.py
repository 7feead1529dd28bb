"""Links, second factors and counts of failures."""

from collections.abc import Sequence
from dataclasses import astuple, dataclass
from datetime import datetime
from uuid import UUID

import asyncpg

from assay_auth.domain.links import AccountLink, Purpose
from assay_auth.domain.second_factor import SecondFactor
from assay_auth.domain.throttle import Tally

_YOUNG_LINK = "SELECT EXISTS (SELECT FROM account_links WHERE user_id = $1 AND purpose = $2 AND created_at > $3)"
_FORGET_KIND = "DELETE FROM account_links WHERE user_id = $1 AND purpose = $2"
_ADD_LINK = """
    INSERT INTO account_links (digest, user_id, purpose, created_at, expires_at) VALUES ($1, $2, $3, $4, $5)
"""
_FIND_LINK = "SELECT user_id FROM account_links WHERE digest = $1 AND purpose = $2 AND expires_at > $3"
_TAKE_LINK = "DELETE FROM account_links WHERE digest = $1 AND purpose = $2 AND expires_at > $3 RETURNING user_id"
_FORGET_LINKS_OF = "DELETE FROM account_links WHERE user_id = $1"
_FORGET_LINKS = "DELETE FROM account_links WHERE expires_at <= $1"

_FACTOR = "SELECT user_id, sealed_secret, created_at, confirmed_at, last_step FROM second_factors WHERE user_id = $1"
_SEALED_FACTORS = """
    SELECT user_id, sealed_secret, created_at, confirmed_at, last_step FROM second_factors
    WHERE user_id > $1 ORDER BY user_id LIMIT $2 FOR UPDATE
"""
_SAVE_FACTOR = """
    INSERT INTO second_factors (user_id, sealed_secret, created_at, confirmed_at, last_step)
    VALUES ($1, $2, $3, $4, $5)
    ON CONFLICT (user_id) DO UPDATE SET (sealed_secret, created_at, confirmed_at, last_step)
        = (excluded.sealed_secret, excluded.created_at, excluded.confirmed_at, excluded.last_step)
"""
_REMOVE_FACTOR = "DELETE FROM second_factors WHERE user_id = $1"
_FORGET_CODES = "DELETE FROM recovery_codes WHERE user_id = $1"
_ADD_CODES = "INSERT INTO recovery_codes (user_id, digest) SELECT $1, unnest($2::bytea[])"
_TAKE_CODE = "DELETE FROM recovery_codes WHERE user_id = $1 AND digest = $2"
_COUNT_CODES = "SELECT count(*) FROM recovery_codes WHERE user_id = $1"

_LOCK = """
    INSERT INTO throttles AS known (bucket, failures, last_at) VALUES ($1, 0, $2)
    ON CONFLICT (bucket) DO UPDATE SET failures = known.failures
    RETURNING bucket, failures, last_at, refused
"""
_SAVE = "UPDATE throttles SET failures = $2, last_at = $3, refused = $4 WHERE bucket = $1"
_CLEAR = "DELETE FROM throttles WHERE bucket = ANY ($1)"
_GIVE_BACK = """
    UPDATE throttles SET failures = greatest(failures - 1, 0), last_at = CASE WHEN last_at = $3 THEN $2 ELSE last_at END
    WHERE bucket = $1
"""
_FORGET = "DELETE FROM throttles WHERE last_at < $1"


@dataclass(frozen=True, slots=True)
class PostgresAccountLinks:
    """The table `account_links`."""

    connection: asyncpg.Connection

    async def add(self, link: AccountLink, *, unless_since: datetime) -> bool:
        """Keep a link, unless there is a young one of its kind."""
        if await self.connection.fetchval(_YOUNG_LINK, link.user_id, link.purpose.value, unless_since):
            return False
        await self.connection.execute(_FORGET_KIND, link.user_id, link.purpose.value)
        await self.connection.execute(
            _ADD_LINK, link.digest, link.user_id, link.purpose.value, link.created_at, link.expires_at
        )
        return True

    async def find(self, digest: bytes, purpose: Purpose, now: datetime) -> UUID | None:
        """Whose link it is."""
        found: UUID | None = await self.connection.fetchval(_FIND_LINK, digest, purpose.value, now)
        return found

    async def take(self, digest: bytes, purpose: Purpose, now: datetime) -> UUID | None:
        """Whose link it was."""
        found: UUID | None = await self.connection.fetchval(_TAKE_LINK, digest, purpose.value, now)
        return found

    async def forget_of(self, user_id: UUID) -> None:
        """Delete all links of a person."""
        await self.connection.execute(_FORGET_LINKS_OF, user_id)

    async def forget(self, now: datetime) -> None:
        """Delete the links that work no more."""
        await self.connection.execute(_FORGET_LINKS, now)


@dataclass(frozen=True, slots=True)
class PostgresSecondFactors:
    """The tables `second_factors` and `recovery_codes`."""

    connection: asyncpg.Connection

    async def find(self, user_id: UUID) -> SecondFactor | None:
        """The person's."""
        row = await self.connection.fetchrow(_FACTOR, user_id)
        return SecondFactor(**dict(row)) if row else None

    async def find_for_change(self, user_id: UUID) -> SecondFactor | None:
        """The person's, locked until the transaction ends."""
        row = await self.connection.fetchrow(f"{_FACTOR} FOR UPDATE", user_id)
        return SecondFactor(**dict(row)) if row else None

    async def save(self, factor: SecondFactor) -> None:
        """Store the person's only one."""
        await self.connection.execute(_SAVE_FACTOR, *astuple(factor))

    async def remove(self, user_id: UUID) -> None:
        """Forget a person's, with its recovery codes."""
        await self.connection.execute(_REMOVE_FACTOR, user_id)

    async def replace_codes(self, user_id: UUID, digests: Sequence[bytes]) -> None:
        """Let these be the person's recovery codes."""
        await self.connection.execute(_FORGET_CODES, user_id)
        await self.connection.execute(_ADD_CODES, user_id, digests)

    async def take_code(self, user_id: UUID, digest: bytes) -> bool:
        """Spend a recovery code."""
        status: str = await self.connection.execute(_TAKE_CODE, user_id, digest)
        return status == "DELETE 1"

    async def count_codes(self, user_id: UUID) -> int:
        """How many are left."""
        return int(await self.connection.fetchval(_COUNT_CODES, user_id))

    async def sealed_after(self, user_id: UUID, limit: int) -> Sequence[SecondFactor]:
        """The next people's, locked."""
        return [SecondFactor(**dict(row)) for row in await self.connection.fetch(_SEALED_FACTORS, user_id, limit)]


@dataclass(frozen=True, slots=True)
class PostgresThrottles:
    """The table `throttles`. Rows are always locked in the order of their buckets, so that nobody waits in a ring."""

    connection: asyncpg.Connection

    async def lock(self, buckets: Sequence[bytes], now: datetime) -> Sequence[Tally]:
        """The counts in these buckets, in their order."""
        found = {}
        for bucket in sorted(buckets):
            (row,) = await self.connection.fetch(_LOCK, bucket, now)
            found[bucket] = Tally(**dict(row))
        return [found[bucket] for bucket in buckets]

    async def save(self, tallies: Sequence[Tally]) -> None:
        """Store counts that are locked."""
        await self.connection.executemany(_SAVE, [astuple(tally) for tally in tallies])

    async def clear(self, buckets: Sequence[bytes]) -> None:
        """Begin again at nothing."""
        for bucket in sorted(buckets):
            await self.connection.execute(_CLEAR, [bucket])

    async def give_back(self, before: Sequence[Tally], at: datetime) -> None:
        """Take back an attempt."""
        for tally in sorted(before, key=lambda each: each.bucket):
            await self.connection.execute(_GIVE_BACK, tally.bucket, tally.last_at, at)

    async def forget(self, last_before: datetime) -> None:
        """Delete counts of long ago."""
        await self.connection.execute(_FORGET, last_before)
