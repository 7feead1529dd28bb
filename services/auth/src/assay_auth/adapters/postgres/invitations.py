"""Who was asked to join."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg

from assay_auth.application.pages import PageRequest
from assay_auth.domain.errors import InvitationNotFound
from assay_auth.domain.invitations import Invitation, InvitationStatus
from assay_auth.domain.roles import Role

_COLUMNS = "id, org_id, email, role, teams, invited_by, created_at, expires_at, accepted_at, revoked_at"
_ADD = """
    INSERT INTO invitations (id, org_id, email, role, teams, invited_by, created_at, expires_at, digest)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
"""
_BY_DIGEST = f"SELECT {_COLUMNS} FROM invitations WHERE digest = $1"  # noqa: S608
_FOR_CHANGE = f"SELECT {_COLUMNS} FROM invitations WHERE org_id = $1 AND id = $2 FOR NO KEY UPDATE"  # noqa: S608
_OPEN_OF = f"""
    SELECT {_COLUMNS} FROM invitations
    WHERE org_id = $1 AND email = $2 AND accepted_at IS NULL AND revoked_at IS NULL AND expires_at > $3
    FOR NO KEY UPDATE
"""  # noqa: S608
_IS_INVITED = """
    SELECT EXISTS (
        SELECT FROM invitations
        WHERE email = $1 AND expires_at > $2 AND accepted_at IS NULL AND revoked_at IS NULL
    )
"""
_SAVE = "UPDATE invitations SET accepted_at = $3, revoked_at = $4 WHERE org_id = $1 AND id = $2"
_PAGE = f"""
    SELECT {_COLUMNS} FROM invitations
    WHERE org_id = $1 AND ($2::uuid IS NULL OR id < $2)
      AND ($4::text IS NULL OR $4 = CASE
          WHEN accepted_at IS NOT NULL THEN 'accepted'
          WHEN revoked_at IS NOT NULL THEN 'revoked'
          WHEN expires_at <= $5 THEN 'expired'
          ELSE 'open'
      END)
    ORDER BY id DESC
    LIMIT $3
"""  # noqa: S608


@dataclass(frozen=True, slots=True)
class PostgresInvitations:
    """The table `invitations`."""

    connection: asyncpg.Connection

    async def add(self, invitation: Invitation, digest: bytes) -> None:
        """Add one under the digest of its link's token."""
        await self.connection.execute(
            _ADD,
            invitation.id,
            invitation.org_id,
            invitation.email,
            invitation.role.value,
            invitation.teams,
            invitation.invited_by,
            invitation.created_at,
            invitation.expires_at,
            digest,
        )

    async def find_by_digest(self, digest: bytes) -> Invitation | None:
        """The invitation whose link has this digest."""
        row = await self.connection.fetchrow(_BY_DIGEST, digest)
        return _invitation(row) if row else None

    async def get_for_change(self, org_id: UUID, invitation_id: UUID) -> Invitation:
        """One invitation, locked; raises InvitationNotFound."""
        row = await self.connection.fetchrow(_FOR_CHANGE, org_id, invitation_id)
        if row is None:
            raise InvitationNotFound("the organisation has no such invitation", invitation_id=str(invitation_id))
        return _invitation(row)

    async def is_invited(self, email: str, now: datetime) -> bool:
        """Whether any organisation waits for the person with this address."""
        return bool(await self.connection.fetchval(_IS_INVITED, email, now))

    async def open_of(self, org_id: UUID, email: str, now: datetime) -> Sequence[Invitation]:
        """The open invitations of an address, locked."""
        return [_invitation(row) for row in await self.connection.fetch(_OPEN_OF, org_id, email, now)]

    async def save(self, invitation: Invitation) -> None:
        """Store when it was accepted or revoked."""
        await self.connection.execute(
            _SAVE, invitation.org_id, invitation.id, invitation.accepted_at, invitation.revoked_at
        )

    async def page(
        self, org_id: UUID, page: PageRequest, status: InvitationStatus | None, now: datetime
    ) -> Sequence[Invitation]:
        """Invitations, newest first."""
        wanted = status.value if status else None
        rows = await self.connection.fetch(_PAGE, org_id, page.after, page.probe, wanted, now)
        return [_invitation(row) for row in rows]


def _invitation(row: asyncpg.Record) -> Invitation:
    return Invitation(
        id=row["id"],
        org_id=row["org_id"],
        email=row["email"],
        role=Role(row["role"]),
        teams=tuple(row["teams"]),
        invited_by=row["invited_by"],
        created_at=row["created_at"],
        expires_at=row["expires_at"],
        accepted_at=row["accepted_at"],
        revoked_at=row["revoked_at"],
    )
