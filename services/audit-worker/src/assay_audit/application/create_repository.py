"""Register a repository."""

from dataclasses import dataclass

from assay_audit.application.approve_url import ApproveUrl
from assay_audit.application.ports import UnitOfWork
from assay_audit.domain.errors import RepositoryOutsideKey, required
from assay_audit.domain.repository import Repository
from assay_common.clock import Clock
from assay_common.identity import Principal
from assay_common.ids import new_id


@dataclass(frozen=True, slots=True)
class CreateRepository:
    """Register a repository, with a URL to clone from or without one, and announce it."""

    uow: UnitOfWork
    approve: ApproveUrl
    clock: Clock

    async def __call__(self, caller: Principal, name: str, url: str) -> Repository:
        """Raises MalformedRepository, RepositoryOutsideKey, UrlNotAllowed or RepositoryNameTaken."""
        repository = Repository.register(new_id(), required("name", name), url, at=self.clock())
        if not caller.may_touch_repository(name):
            raise RepositoryOutsideKey(f"this API key is limited to other repositories than {name!r}", repository=name)
        if url:
            await self.approve(url)
        async with self.uow(caller.tenant) as tx:
            await tx.repositories.add(repository)
        return repository
