"""A device asks whether it was approved."""

from dataclasses import dataclass

from assay_auth.application.ports import UnitOfWork
from assay_auth.application.sessions.session import OpenSession, Session, new_refresh_token
from assay_auth.domain.errors import InvalidGrant
from assay_auth.domain.organisations import continued
from assay_auth.domain.sessions import NewFamily, digest_of
from assay_auth.domain.text import missing, refuse
from assay_common.clock import Clock
from assay_common.ids import new_id


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
            if refusal is not None or polled.user_id is None:
                await tx.devices.save(polled)
            else:
                await tx.devices.remove(polled)
                membership = continued(await tx.members.memberships_of(polled.user_id), polled.org_id)
                family = NewFamily(new_id(), polled.user_id, membership.org_id if membership else None, now)
                refresh = new_refresh_token(family.id, now)
                await tx.refresh_tokens.open(family, refresh.stored)
        if refusal is not None:  # said only now: the time of the poll must be committed
            raise refusal
        return await self.open_session(family.user_id, membership, refresh)
