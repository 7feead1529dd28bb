"""A device asks whether it was approved."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from assay_auth.application.ports import Transaction, UnitOfWork
from assay_auth.application.sessions.session import IssuedRefreshToken, OpenSession, Session, begin_session
from assay_auth.domain.devices import DeviceRequest
from assay_auth.domain.errors import AccessDenied, InvalidGrant
from assay_auth.domain.organisations import Membership, continued
from assay_auth.domain.sessions import digest_of
from assay_auth.domain.text import missing, refuse
from assay_common.clock import Clock

METHOD: Final = "device"
"""How such sessions were opened, in a person's list of sessions."""


@dataclass(frozen=True, slots=True)
class PollDevice:
    """Open a session for an approved device, once."""

    uow: UnitOfWork
    open_session: OpenSession
    clock: Clock

    async def __call__(self, device_code: str) -> Session:
        """The session of whoever approved it, with the device's own name and address.

        Raises InvalidArgument, InvalidGrant, AuthorizationPending, SlowDown, ExpiredToken, AccessDenied.
        """
        refuse(*missing("device_code", device_code))
        now = self.clock()
        async with self.uow.system() as tx:
            request = await tx.devices.by_device(digest_of(device_code))
            if request is None:
                raise InvalidGrant("no device has this code, or it was used before")
            polled, refusal = request.polled(now)
            if refusal is None:
                opened = await self._opened(tx, polled, now)
            else:
                await tx.devices.save(polled)
        if refusal is not None:  # said only now: the time of the poll must be committed
            raise refusal
        return await self.open_session(*opened)

    @staticmethod
    async def _opened(
        tx: Transaction, request: DeviceRequest, now: datetime
    ) -> tuple[UUID, Membership | None, IssuedRefreshToken]:
        await tx.devices.remove(request)
        person = await tx.users.find(request.user_id) if request.user_id else None
        if person is None:
            raise AccessDenied("the account of whoever approved it was closed")
        membership = continued(await tx.members.memberships_of(person.id), request.org_id)
        return person.id, membership, await begin_session(tx, person.id, membership, METHOD, now)
