"""Tenants."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

import asyncpg

from assay_auth.application.pages import PageRequest
from assay_auth.domain.errors import OrganisationNotFound, SlugTaken
from assay_auth.domain.organisations import Organisation

_ADD = "INSERT INTO organisations (org_id, slug, name, created_at) VALUES ($1, $2, $3, $4)"
_ONE = "SELECT org_id, slug, name, created_at, revision FROM organisations WHERE org_id = $1"
_SAVE = "UPDATE organisations SET name = $2, revision = $3 WHERE org_id = $1"
_OF_SUBJECT = """
    SELECT org_id, slug, name, created_at, revision
    FROM organisations
    WHERE org_id IN (
              SELECT org_id FROM memberships WHERE user_id = $1
              UNION ALL
              SELECT org_id FROM api_keys WHERE id = $1
          )
      AND ($2::uuid IS NULL OR org_id > $2)
    ORDER BY org_id
    LIMIT $3
"""
_LOCK = "SELECT FROM organisations WHERE org_id = $1 FOR NO KEY UPDATE"


@dataclass(frozen=True, slots=True)
class PostgresOrganisations:
    """The table `organisations`."""

    connection: asyncpg.Connection

    async def add(self, organisation: Organisation) -> None:
        """Add one; raises SlugTaken."""
        try:
            await self.connection.execute(
                _ADD, organisation.id, organisation.slug, organisation.name, organisation.created_at
            )
        except asyncpg.UniqueViolationError as error:
            raise SlugTaken(f"the slug {organisation.slug} is taken", slug=organisation.slug) from error

    async def find(self, org_id: UUID) -> Organisation | None:
        """The organisation with this id."""
        row = await self.connection.fetchrow(_ONE, org_id)
        return _organisation(row) if row else None

    async def get(self, org_id: UUID) -> Organisation:
        """The organisation with this id; raises OrganisationNotFound."""
        organisation = await self.find(org_id)
        if organisation is None:
            raise OrganisationNotFound("there is no such organisation")
        return organisation

    async def save(self, organisation: Organisation) -> None:
        """Store name and revision."""
        await self.connection.execute(_SAVE, organisation.id, organisation.name, organisation.revision)

    async def of_subject(self, subject: UUID, page: PageRequest) -> Sequence[Organisation]:
        """Those a person is a member of, or that an API key belongs to."""
        rows = await self.connection.fetch(_OF_SUBJECT, subject, page.after, page.probe)
        return [_organisation(row) for row in rows]

    async def lock(self, org_id: UUID) -> None:
        """Lock the organisation's row; what changes members takes this lock first."""
        await self.connection.execute(_LOCK, org_id)


def _organisation(row: asyncpg.Record) -> Organisation:
    return Organisation(row["org_id"], row["slug"], row["name"], row["created_at"], row["revision"])
