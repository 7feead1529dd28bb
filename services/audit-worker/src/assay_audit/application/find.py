"""Find what a caller means; what their API key is not for is not there."""

from uuid import UUID

from assay_audit.application.ports import Transaction
from assay_audit.domain.errors import AuditNotFound, RepositoryNotFound
from assay_audit.domain.repository import Repository
from assay_audit.domain.run import AuditRun
from assay_common.identity import Principal


async def find_repository(
    tx: Transaction, caller: Principal, reference: str, *, for_update: bool = False
) -> Repository:
    """The repository of this id or name; locked until the transaction ends if asked. Raises RepositoryNotFound."""
    repository = await tx.repositories.get(reference, for_update=for_update)
    if not caller.may_touch_repository(str(repository.id), repository.name):
        raise RepositoryNotFound.of(reference)
    return repository


async def find_run(tx: Transaction, caller: Principal, run_id: UUID) -> AuditRun:
    """The run with this id. Raises AuditNotFound."""
    run = await tx.runs.get(run_id)
    if not is_visible(run, caller):
        raise AuditNotFound.of(str(run_id))
    return run


def is_visible(run: AuditRun, caller: Principal) -> bool:
    """Whether the run is of a repository that the caller may touch."""
    return caller.may_touch_repository(str(run.repository_id), run.repository_name)
