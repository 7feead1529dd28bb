"""Read repositories."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from assay_audit.application.find import find_repository
from assay_audit.application.pages import Page, last_id, page_of
from assay_audit.application.ports import UnitOfWork
from assay_audit.domain.errors import required
from assay_audit.domain.repository import Repository
from assay_common.identity import Principal
from assay_common.postgres.pages import page_size


@dataclass(frozen=True, slots=True)
class GetRepository:
    """One repository, by id or name."""

    uow: UnitOfWork

    async def __call__(self, caller: Principal, reference: str) -> Repository:
        """Raises RepositoryNotFound."""
        async with self.uow(caller.tenant) as tx:
            return await find_repository(tx, caller, required("repository", reference))


@dataclass(frozen=True, slots=True)
class BatchGetRepositories:
    """Repositories by their ids, by one query."""

    uow: UnitOfWork

    async def __call__(self, caller: Principal, ids: Sequence[UUID]) -> Sequence[Repository]:
        """Those that there are and the caller may touch."""
        async with self.uow(caller.tenant) as tx:
            found = await tx.repositories.some(ids)
        return [one for one in found if caller.may_touch_repository(str(one.id), one.name)]


@dataclass(frozen=True, slots=True)
class ListRepositories:
    """The organisation's repositories, newest first."""

    uow: UnitOfWork

    async def __call__(self, caller: Principal, size: int, page_token: str) -> Page[Repository]:
        """Raises InvalidArgument for a page size or token that cannot be."""
        limit, before = page_size(size), last_id(page_token)
        async with self.uow(caller.tenant) as tx:
            found = await tx.repositories.page(caller, before=before, limit=limit + 1)
        return page_of([(repository.id, repository) for repository in found], limit)
