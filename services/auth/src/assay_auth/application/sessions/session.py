"""What signing in and refreshing have in common: the pair of tokens that is a session."""

import secrets
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from assay_auth.application.ports import Transaction
from assay_auth.application.tokens.issue_access_token import IssueAccessToken
from assay_auth.domain.access import AccessToken, Grant
from assay_auth.domain.errors import AccountDeactivated
from assay_auth.domain.events import RevocationReason, SessionOpened, SessionRevoked
from assay_auth.domain.organisations import Membership
from assay_auth.domain.roles import PermissionModel
from assay_auth.domain.sessions import ENTROPY_BYTES, NewFamily, NewToken, digest_of, token_from
from assay_common.ids import new_id
from assay_common.origin import origin


@dataclass(frozen=True, slots=True)
class Session:
    """An access token, and the refresh token that renews it once."""

    access: AccessToken
    refresh_token: str
    refresh_expires_at: datetime


@dataclass(frozen=True, slots=True)
class IssuedRefreshToken:
    """A new refresh token: the text for the person, and what is stored of it."""

    text: str
    stored: NewToken


def new_refresh_token(family_id: UUID, at: datetime) -> IssuedRefreshToken:
    """Draw a refresh token of a family."""
    text = token_from(secrets.token_bytes(ENTROPY_BYTES))
    return IssuedRefreshToken(text, NewToken(digest_of(text), family_id, at))


async def begin_session(
    tx: Transaction, user_id: UUID, membership: Membership | None, method: str, at: datetime
) -> IssuedRefreshToken:
    """Store a new session of a person, opened from where the current request comes from; its first refresh token.

    Raises AccountDeactivated: the account was closed while its person signed in.
    """
    person = await tx.users.credentials_for_change(user_id)
    if person is None or not person.is_active:
        raise AccountDeactivated("this account was closed")
    client = origin()
    family = NewFamily(
        id=new_id(),
        user_id=user_id,
        org_id=membership.org_id if membership else None,
        created_at=at,
        method=method,
        user_agent=client.user_agent,
        address=client.address,
    )
    refresh = new_refresh_token(family.id, at)
    await tx.refresh_tokens.open(family, refresh.stored)
    await tx.record(SessionOpened(user_id, family.id, method))
    return refresh


async def end_sessions(
    tx: Transaction, user_id: UUID, at: datetime, reason: RevocationReason, *, but: UUID | None = None
) -> int:
    """Close a person's sessions, all `but` one; how many were open."""
    ended = await tx.refresh_tokens.revoke_of(user_id, at, but=but)
    await tx.record(*(SessionRevoked(user_id, session_id, reason) for session_id in ended))
    return len(ended)


@dataclass(frozen=True, slots=True)
class OpenSession:
    """Join an access token, with the permissions of the role in the organisation, to a stored refresh token."""

    model: PermissionModel
    issue_access_token: IssueAccessToken

    async def __call__(self, user_id: UUID, membership: Membership | None, refresh: IssuedRefreshToken) -> Session:
        """The session of a person in one of their organisations, or in none."""
        session_id = refresh.stored.family_id
        if membership is None:
            grant = Grant(user_id, "user", session_id=session_id)
        else:
            permissions = self.model.of(membership.role)
            grant = Grant(user_id, "user", membership.org_id, permissions, role=membership.role, session_id=session_id)
        return Session(await self.issue_access_token(grant), refresh.text, refresh.stored.expires_at)
