"""Register a repository."""

from dataclasses import dataclass
from uuid import UUID

from assay_audit.application.ports import Resolver, UnitOfWork
from assay_audit.domain.clone_url import ClonePolicy, CloneTarget
from assay_audit.domain.errors import required
from assay_audit.domain.repository import Repository
from assay_common.clock import Clock
from assay_common.ids import new_id


@dataclass(frozen=True, slots=True)
class CreateRepository:
    """Register a repository, with a URL to clone from or without one, and announce it."""

    uow: UnitOfWork
    resolver: Resolver
    policy: ClonePolicy
    clock: Clock

    async def __call__(self, org_id: UUID, name: str, url: str) -> Repository:
        """Raises MalformedRepository, UrlNotAllowed or RepositoryNameTaken."""
        repository = Repository.register(new_id(), required("name", name), url, at=self.clock())
        if url:
            target = CloneTarget.parse(url)
            self.policy.check(target, await self.resolver.addresses(target.host, target.port))
        async with self.uow(org_id) as tx:
            await tx.repositories.add(repository)
        return repository
