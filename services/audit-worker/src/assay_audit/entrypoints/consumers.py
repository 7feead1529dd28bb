"""What a worker does with the tasks it is given."""

from dataclasses import dataclass
from typing import Final
from uuid import UUID

from assay.audit.v1 import tasks_pb2
from assay_audit.application.abandon import AbandonAudit, AbandonPreparation
from assay_audit.application.prepare_audit import PrepareAudit
from assay_audit.application.run_audit import RunAudit
from assay_audit.domain.errors import MalformedRequest
from assay_audit.domain.kinds import MEASURED, AuditKind
from assay_audit.domain.repository import as_id
from assay_audit.messages import KINDS
from assay_common.kafka.delivery import Abandoned, Delivery

_MEASURED: Final = {KINDS[kind]: kind for kind in MEASURED}


@dataclass(frozen=True, slots=True)
class AuditTasks:
    """Handles assay.audit.tasks. Its use cases are idempotent by what is stored, so it needs no inbox."""

    prepare_audit: PrepareAudit
    run_audit: RunAudit
    abandon_preparation: AbandonPreparation
    abandon_audit: AbandonAudit

    async def __call__(self, delivery: Delivery) -> None:
        """Raises what the use cases raise, and MalformedRequest for a task that cannot be ours; both are permanent."""
        org_id = _organisation(delivery)
        match delivery.message:
            case tasks_pb2.PrepareAudit() as task:
                await self.prepare_audit(org_id, _audit(task.audit_id))
            case tasks_pb2.RunAudit() as task:
                await self.run_audit(org_id, _audit(task.audit_id), _kind(task))

    async def abandon(self, abandoned: Abandoned) -> None:
        """End what a run waits for whose task is in the dead letters. Raises AuditNotFound or MalformedRequest."""
        org_id = _organisation(abandoned.delivery)
        match abandoned.delivery.message:
            case tasks_pb2.PrepareAudit() as task:
                await self.abandon_preparation(org_id, _audit(task.audit_id), abandoned.reason)
            case tasks_pb2.RunAudit() as task:
                await self.abandon_audit(org_id, _audit(task.audit_id), _kind(task), abandoned.reason)


def _organisation(delivery: Delivery) -> UUID:
    if delivery.event.org_id is None:
        raise MalformedRequest("the task names no organisation")
    return delivery.event.org_id


def _audit(text: str) -> UUID:
    found = as_id(text)
    if found is None:
        raise MalformedRequest(f"{text[:100]!r} is no id of an audit")
    return found


def _kind(task: tasks_pb2.RunAudit) -> AuditKind:
    if task.kind not in _MEASURED:
        raise MalformedRequest(f"no worker does audits of kind {task.kind}")
    return _MEASURED[task.kind]
