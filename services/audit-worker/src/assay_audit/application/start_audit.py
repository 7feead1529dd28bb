"""Queue an audit."""

from dataclasses import dataclass

from assay_audit.application.find import find_repository
from assay_audit.application.ports import UnitOfWork
from assay_audit.domain.errors import required
from assay_audit.domain.run import AuditRun
from assay_common.clock import Clock
from assay_common.identity import Principal
from assay_common.ids import new_id


@dataclass(frozen=True, slots=True)
class StartAudit:
    """Store the run and the task to prepare it, in one transaction."""

    uow: UnitOfWork
    clock: Clock

    async def __call__(self, caller: Principal, reference: str, commit: str) -> AuditRun:
        """Raises RepositoryNotFound, RepositoryIsEmpty or UnknownCommit."""
        async with self.uow(caller.tenant) as tx:
            repository = await find_repository(tx, caller, required("repository", reference))
            audited = repository.commit_to_audit(commit)
            digest, at = await tx.repositories.bundle_with(repository.id, audited), self.clock()
            if not repository.url:
                digest = digest or repository.bundle_digest
            elif not commit:
                digest = None  # cloned anew: its newest commit may have moved
            if digest and not await tx.repositories.use_bundle(repository.id, digest, at=at):
                digest = None if repository.url else repository.bundle_digest  # it was removed as old in this moment
            run = AuditRun.queue(new_id(), repository.id, repository.name, audited, digest, at=at)
            await tx.runs.add(run)
        return run
