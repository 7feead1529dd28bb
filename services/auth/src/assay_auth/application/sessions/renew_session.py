"""Renew a session: a refresh token is spent for an access token and its own successor."""

from dataclasses import dataclass
from datetime import datetime

import structlog

from assay_auth.application.ports import Transaction, UnitOfWork
from assay_auth.application.sessions.session import IssuedRefreshToken, OpenSession, Session, new_refresh_token
from assay_auth.domain.errors import RefreshTokenInvalid, RefreshTokenReused
from assay_auth.domain.events import RevocationReason, SessionRevoked
from assay_auth.domain.organisations import Membership, chosen, continued
from assay_auth.domain.sessions import StoredToken, TokenState, digest_of
from assay_auth.domain.text import missing, refuse
from assay_common.clock import Clock

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class RenewSession:
    """Rotate a refresh token; one that comes a second time closes the whole session, whoever brings it."""

    uow: UnitOfWork
    open_session: OpenSession
    clock: Clock

    async def __call__(self, refresh_token: str, organisation: str = "") -> Session:
        """The session, gone over to the organisation with this id or slug if one is named.

        A person who has left the organisation of the session goes on without one.
        Raises InvalidArgument, RefreshTokenInvalid, RefreshTokenReused; OrganisationNotFound, which spends nothing.
        """
        refuse(*missing("refresh_token", refresh_token))
        now = self.clock()
        async with self.uow.system() as tx:
            token = await self._alive(tx, refresh_token, now)
            reused = token.state(now) is TokenState.REUSED
            if reused:
                await tx.refresh_tokens.revoke(token.family_id, now)
                reason = RevocationReason.REFRESH_TOKEN_REUSED
                await tx.record(SessionRevoked(token.user_id, token.family_id, reason))
            else:
                membership, successor = await self._rotated(tx, token, organisation, now)
        if reused:  # said only now: the revocation must be committed
            log.warning(
                "refresh token reused, session closed", user_id=str(token.user_id), session=str(token.family_id)
            )
            raise RefreshTokenReused("the refresh token was used before; the session is closed: sign in again")
        return await self.open_session(token.user_id, membership, successor)

    @staticmethod
    async def _alive(tx: Transaction, refresh_token: str, now: datetime) -> StoredToken:
        token = await tx.refresh_tokens.find_for_change(digest_of(refresh_token))
        if token is None or token.state(now) is TokenState.DEAD:
            raise RefreshTokenInvalid("the refresh token is not valid: sign in again")
        return token

    @staticmethod
    async def _rotated(
        tx: Transaction, token: StoredToken, organisation: str, now: datetime
    ) -> tuple[Membership | None, IssuedRefreshToken]:
        memberships = await tx.members.memberships_of(token.user_id)
        membership = chosen(memberships, organisation) if organisation else continued(memberships, token.org_id)
        successor = new_refresh_token(token.family_id, now)
        await tx.refresh_tokens.rotate(token, successor.stored, membership.org_id if membership else None)
        return membership, successor
