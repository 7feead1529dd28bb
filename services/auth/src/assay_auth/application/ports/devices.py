"""Devices that wait to act for somebody."""

from datetime import datetime
from typing import Protocol
from uuid import UUID

from assay_auth.domain.devices import DeviceRequest, Tries


class Devices(Protocol):
    """Requests of devices, and the tries of people who type their codes."""

    async def add(self, request: DeviceRequest, now: datetime) -> bool:
        """Keep a request, and forget those long gone; False when its user code is in use."""

    async def by_user_code(self, user_code: str) -> DeviceRequest | None:
        """The request with this user code, locked until the transaction ends."""

    async def by_device(self, device_digest: bytes) -> DeviceRequest | None:
        """The request of the device whose code has this digest, locked until the transaction ends."""

    async def save(self, request: DeviceRequest) -> None:
        """Store what has changed of a request."""

    async def remove(self, request: DeviceRequest) -> None:
        """Forget a request: its code has been used."""

    async def tries_of(self, user_id: UUID, now: datetime) -> Tries:
        """How often the person was wrong; nobody else counts for them until the transaction ends."""

    async def save_tries(self, user_id: UUID, tries: Tries) -> None:
        """Store how often the person was wrong."""
