"""Change where a repository comes from."""

from dataclasses import dataclass

from assay_audit.application.approve_url import ApproveUrl
from assay_audit.application.find import find_repository
from assay_audit.application.ports import UnitOfWork
from assay_audit.domain.errors import required
from assay_audit.domain.repository import Repository
from assay_common.clock import Clock
from assay_common.etags import ensure_unchanged
from assay_common.identity import Principal


@dataclass(frozen=True, slots=True)
class UpdateRepository:
    """Give a repository another URL, or none, and announce it if that is another one."""

    uow: UnitOfWork
    approve: ApproveUrl
    clock: Clock

    async def __call__(self, caller: Principal, reference: str, *, url: str | None, etag: str) -> Repository:
        """None leaves the URL as it is, an empty one means bundles.

        Raises RepositoryNotFound, UrlNotAllowed or EtagMismatch.
        """
        async with self.uow(caller.tenant) as tx:
            found = await find_repository(tx, caller, required("repository", reference))
        if url:
            # Outside the transaction: names are asked of servers that may be slow.
            await self.approve(url)
        async with self.uow(caller.tenant) as tx:
            repository = await find_repository(tx, caller, str(found.id), for_update=True)
            ensure_unchanged(etag, repository.etag)
            if url is not None and repository.move(url, at=self.clock()):
                await tx.repositories.save_url(repository)
        return repository
