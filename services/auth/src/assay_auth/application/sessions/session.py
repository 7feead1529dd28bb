"""What signing in and refreshing have in common: the pair of tokens that is a session."""

import secrets
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from assay_auth.application.tokens.issue_access_token import IssueAccessToken
from assay_auth.domain.access import AccessToken, Grant
from assay_auth.domain.organisations import Membership
from assay_auth.domain.roles import PermissionModel
from assay_auth.domain.sessions import ENTROPY_BYTES, NewToken, digest_of, token_from


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


@dataclass(frozen=True, slots=True)
class OpenSession:
    """Join an access token, with the permissions of the role in the organisation, to a stored refresh token."""

    model: PermissionModel
    issue_access_token: IssueAccessToken

    async def __call__(self, user_id: UUID, membership: Membership | None, refresh: IssuedRefreshToken) -> Session:
        """The session of a person in one of their organisations, or in none."""
        if membership is None:
            grant = Grant(user_id, "user")
        else:
            grant = Grant(user_id, "user", membership.org_id, self.model.of(membership.role))
        return Session(await self.issue_access_token(grant), refresh.text, refresh.stored.expires_at)
