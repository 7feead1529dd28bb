"""A device asks to act for somebody."""

import secrets
from dataclasses import dataclass

from assay_auth.application.ports import UnitOfWork
from assay_auth.domain.devices import (
    ALPHABET,
    LIFETIME,
    USER_CODE_LENGTH,
    DeviceRequest,
    client_name_violations,
    user_code_from,
)
from assay_auth.domain.sessions import ENTROPY_BYTES, digest_of, token_from
from assay_auth.domain.text import refuse
from assay_common.clock import Clock


@dataclass(frozen=True, slots=True)
class Codes:
    """What the device gets: its own code, and the request with the code for people."""

    device_code: str
    request: DeviceRequest


@dataclass(frozen=True, slots=True)
class StartDevice:
    """Draw a device's code and a code for people."""

    uow: UnitOfWork
    clock: Clock

    async def __call__(self, client_name: str, address: str) -> Codes:
        """The codes of a device at this network address; raises InvalidArgument."""
        refuse(*client_name_violations(client_name))
        now = self.clock()
        device_code = token_from(secrets.token_bytes(ENTROPY_BYTES))
        while True:
            request = DeviceRequest(
                device_digest=digest_of(device_code),
                user_code=user_code_from([secrets.randbelow(len(ALPHABET)) for _ in range(USER_CODE_LENGTH)]),
                client_name=client_name.strip(),
                address=address,
                requested_at=now,
                expires_at=now + LIFETIME,
            )
            async with self.uow.system() as tx:
                if await tx.devices.add(request, now):
                    return Codes(device_code, request)
