"""Read repositories."""

from dataclasses import dataclass
from uuid import UUID

from assay_audit.application.pages import Page, last_id, page_of
from assay_audit.application.ports import UnitOfWork
from assay_audit.domain.errors import required
from assay_audit.domain.repository import Repository
from assay_common.postgres.pages import page_size


@dataclass(frozen=True, slots=True)
class GetRepository:
    """One repository, by id or name."""

    uow: UnitOfWork

    async def __call__(self, org_id: UUID, reference: str) -> Repository:
        """Raises RepositoryNotFound."""
        async with self.uow(org_id) as tx:
            return await tx.repositories.get(required("repository", reference))


@dataclass(frozen=True, slots=True)
class ListRepositories:
    """The organisation's repositories, newest first."""

    uow: UnitOfWork

    async def __call__(self, org_id: UUID, size: int, page_token: str) -> Page[Repository]:
        """Raises InvalidArgument for a page size or token that cannot be."""
        limit, before = page_size(size), last_id(page_token)
        async with self.uow(org_id) as tx:
            found = await tx.repositories.page(before=before, limit=limit + 1)
        return page_of([(repository.id, repository) for repository in found], limit)
