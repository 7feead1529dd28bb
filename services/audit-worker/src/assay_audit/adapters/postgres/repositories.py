"""Repositories and their bundles on PostgreSQL."""

# ruff: noqa: S608 - what is put into the statements are constants of the code

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg
from google.protobuf.message import Message

from assay.audit.v1 import events_pb2
from assay_audit.adapters.postgres.tenancy import limited_to, org_of
from assay_audit.domain.errors import RepositoryNameTaken, RepositoryNotFound
from assay_audit.domain.repository import Bundle, Repository, as_id
from assay_common.identity import Principal
from assay_common.postgres.events import NewEvent
from assay_common.postgres.unit_of_work import TenantTransaction
from assay_protos import topics

_COLUMNS = "id, name, url, head_commit, bundle_digest, version, created_at, updated_at"

_INSERT = """
    INSERT INTO repositories (id, org_id, name, url, head_commit, version, created_at, updated_at)
    VALUES ($1, $2, $3, $4, '', $5, $6, $6)
    ON CONFLICT (org_id, name) DO NOTHING
"""
_BY_ID = f"SELECT {_COLUMNS} FROM repositories WHERE id = $1"
_BY_NAME = f"SELECT {_COLUMNS} FROM repositories WHERE name = $1"
_SOME = f"SELECT {_COLUMNS} FROM repositories WHERE id = ANY ($1::uuid[])"
_PAGE = f"""
    SELECT {_COLUMNS} FROM repositories
    WHERE org_id = $1 AND ($2::uuid IS NULL OR id < $2)
      AND ($4::text[] IS NULL OR id::text = ANY ($4) OR name = ANY ($4))
    ORDER BY id DESC
    LIMIT $3
"""
_KEEP_BUNDLE = """
    INSERT INTO bundles (org_id, repository_id, digest, head_commit, size_bytes, created_at, used_at)
    VALUES ($1, $2, $3, $4, $5, $6, $6)
    ON CONFLICT (repository_id, digest) DO UPDATE SET head_commit = EXCLUDED.head_commit, used_at = EXCLUDED.used_at
"""
_BUNDLE_WITH = """
    SELECT digest FROM bundles WHERE repository_id = $1 AND head_commit = $2 ORDER BY created_at DESC LIMIT 1
"""
_USE_BUNDLE = "UPDATE bundles SET used_at = $3 WHERE repository_id = $1 AND digest = $2"
_UPDATE = """
    UPDATE repositories SET head_commit = $2, bundle_digest = $3, version = $4, updated_at = $5 WHERE id = $1
"""
_MOVE = "UPDATE repositories SET url = $2, version = $3, updated_at = $4 WHERE id = $1"


@dataclass(frozen=True, slots=True)
class PostgresRepositories:
    """The port `Repositories`."""

    tx: TenantTransaction

    async def add(self, repository: Repository) -> None:
        """Store a new repository and announce it. Raises RepositoryNameTaken."""
        inserted = await self.tx.connection.execute(
            _INSERT,
            repository.id,
            org_of(self.tx),
            repository.name,
            repository.url,
            repository.version,
            repository.created_at,
        )
        if inserted != "INSERT 0 1":
            raise RepositoryNameTaken(f"a repository named {repository.name} exists", name=repository.name)
        created = events_pb2.RepositoryCreated(
            repository_id=str(repository.id), name=repository.name, url=repository.url
        )
        await self.tx.record(self._event(repository, created))

    async def get(self, reference: str, *, for_update: bool = False) -> Repository:
        """The repository of this id or name. Raises RepositoryNotFound."""
        found = as_id(reference)
        lock = " FOR UPDATE" if for_update else ""
        row = await self.tx.connection.fetchrow((_BY_ID if found else _BY_NAME) + lock, found or reference)
        if row is None:
            raise RepositoryNotFound.of(reference)
        return _repository(row)

    async def some(self, ids: Sequence[UUID]) -> Sequence[Repository]:
        """Those of these repositories that there are, by one query."""
        return [_repository(row) for row in await self.tx.connection.fetch(_SOME, ids)]

    async def page(self, caller: Principal, *, before: UUID | None, limit: int) -> Sequence[Repository]:
        """Repositories that the caller may touch, newest first, beginning after the id given."""
        rows = await self.tx.connection.fetch(_PAGE, self.tx.org_id, before, limit, limited_to(caller))
        return [_repository(row) for row in rows]

    async def bundle_with(self, repository_id: UUID, commit: str) -> str | None:
        """Digest of the newest bundle that was uploaded for this very commit, which later ones may lack."""
        digest: str | None = await self.tx.connection.fetchval(_BUNDLE_WITH, repository_id, commit)
        return digest

    async def use_bundle(self, repository_id: UUID, digest: str, *, at: datetime) -> bool:
        """Keep a bundle from being removed as old; False when there is none such, or not any more."""
        return bool(await self.tx.connection.execute(_USE_BUNDLE, repository_id, digest, at) == "UPDATE 1")

    async def save(self, repository: Repository, bundle: Bundle, *, moved: bool) -> None:
        """Store the repository and its new bundle, and announce its new commit if it moved."""
        await self.tx.connection.execute(
            _KEEP_BUNDLE,
            org_of(self.tx),
            bundle.repository_id,
            bundle.digest,
            bundle.head_commit,
            bundle.size_bytes,
            bundle.created_at,
        )
        await self.tx.connection.execute(
            _UPDATE,
            repository.id,
            repository.head_commit,
            repository.bundle_digest,
            repository.version,
            repository.updated_at,
        )
        if moved:
            updated = events_pb2.RepositoryUpdated(
                repository_id=str(repository.id), name=repository.name, head_commit=repository.head_commit
            )
            await self.tx.record(self._event(repository, updated))

    async def save_url(self, repository: Repository) -> None:
        """Store the repository's new URL and announce it."""
        await self.tx.connection.execute(
            _MOVE, repository.id, repository.url, repository.version, repository.updated_at
        )
        moved = events_pb2.RepositoryUrlChanged(repository_id=str(repository.id), url=repository.url)
        await self.tx.record(self._event(repository, moved))

    def _event(self, repository: Repository, message: Message) -> NewEvent:
        return NewEvent(
            topics.AUDIT_EVENTS,
            message,
            org_of(self.tx),
            key=str(repository.id),
            aggregate_type="repository",
            aggregate_id=repository.id,
            aggregate_version=repository.version,
        )


def _repository(row: asyncpg.Record) -> Repository:
    return Repository(**dict(row))
