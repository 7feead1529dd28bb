"""Devices that wait to act for somebody."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import asyncpg

from assay_auth.domain.devices import Decision, DeviceRequest, Tries

KEPT: Final = timedelta(hours=1)
"""How long after its end a request is kept, so that the device hears that it has ended."""

_FORGET = "DELETE FROM device_requests WHERE expires_at <= $1"
_ADD = """
    INSERT INTO device_requests
        (device_digest, user_code, client_name, address, requested_at, expires_at, interval_seconds, decision)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
    ON CONFLICT (user_code) DO NOTHING
"""
_BY_USER_CODE = "SELECT * FROM device_requests WHERE user_code = $1 FOR UPDATE"
_BY_DEVICE = "SELECT * FROM device_requests WHERE device_digest = $1 FOR UPDATE"
_SAVE = """
    UPDATE device_requests SET interval_seconds = $2, polled_at = $3, decision = $4, user_id = $5, org_id = $6
    WHERE device_digest = $1
"""
_REMOVE = "DELETE FROM device_requests WHERE device_digest = $1"
_TRIES_OF = """
    INSERT INTO user_code_tries AS known (user_id, wrong, since) VALUES ($1, 0, $2)
    ON CONFLICT (user_id) DO UPDATE SET wrong = known.wrong
    RETURNING wrong, since
"""
_SAVE_TRIES = "UPDATE user_code_tries SET wrong = $2, since = $3 WHERE user_id = $1"


@dataclass(frozen=True, slots=True)
class PostgresDevices:
    """The tables `device_requests` and `user_code_tries`."""

    connection: asyncpg.Connection

    async def add(self, request: DeviceRequest, now: datetime) -> bool:
        """Keep a request, and forget those long gone; False when its user code is in use."""
        await self.connection.execute(_FORGET, now - KEPT)
        status: str = await self.connection.execute(
            _ADD,
            request.device_digest,
            request.user_code,
            request.client_name,
            request.address,
            request.requested_at,
            request.expires_at,
            request.interval_seconds,
            request.decision.value,
        )
        return status == "INSERT 0 1"

    async def by_user_code(self, user_code: str) -> DeviceRequest | None:
        """The request with this user code, locked."""
        return _request(await self.connection.fetchrow(_BY_USER_CODE, user_code))

    async def by_device(self, device_digest: bytes) -> DeviceRequest | None:
        """The request of a device, locked."""
        return _request(await self.connection.fetchrow(_BY_DEVICE, device_digest))

    async def save(self, request: DeviceRequest) -> None:
        """Store what has changed of a request."""
        await self.connection.execute(
            _SAVE,
            request.device_digest,
            request.interval_seconds,
            request.polled_at,
            request.decision.value,
            request.user_id,
            request.org_id,
        )

    async def remove(self, request: DeviceRequest) -> None:
        """Forget a request."""
        await self.connection.execute(_REMOVE, request.device_digest)

    async def tries_of(self, user_id: UUID, now: datetime) -> Tries:
        """How often the person was wrong; the row is locked."""
        (row,) = await self.connection.fetch(_TRIES_OF, user_id, now)
        return Tries(row["wrong"], row["since"])

    async def save_tries(self, user_id: UUID, tries: Tries) -> None:
        """Store how often the person was wrong."""
        await self.connection.execute(_SAVE_TRIES, user_id, tries.wrong, tries.since)


def _request(row: asyncpg.Record | None) -> DeviceRequest | None:
    if row is None:
        return None
    return DeviceRequest(**{**dict(row), "decision": Decision(row["decision"])})
