"""AuditService."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, Final

from grpc.aio import ServicerContext

from assay.audit.v1 import audits_pb2, audits_pb2_grpc
from assay_audit.application.read_audits import BatchGetLatestAudits, ExportFindings, GetAudit, ListAudits, ListFindings
from assay_audit.application.start_audit import StartAudit
from assay_audit.domain.errors import MalformedRequest
from assay_audit.domain.kinds import AuditKind, Severity
from assay_audit.entrypoints.grpc.sarif import sarif_document
from assay_audit.messages import KINDS, SEVERITIES, finding_message, run_message
from assay_common.batches import ids_in
from assay_common.errors import Violation
from assay_common.identity import member

Context = ServicerContext[Any, Any]

_KINDS: Final[dict[int, AuditKind | None]] = {0: None, **{number: kind for kind, number in KINDS.items()}}
_SEVERITIES: Final[dict[int, Severity]] = {
    0: Severity.NOTE,
    **{number: severity for severity, number in SEVERITIES.items()},
}


@dataclass(frozen=True, slots=True)
class AuditServicer(audits_pb2_grpc.AuditServiceServicer):
    """The RPCs of assay.audit.v1.AuditService; the proto says what each is for."""

    start_audit: StartAudit
    get_audit: GetAudit
    list_audits: ListAudits
    batch_get_latest_audits: BatchGetLatestAudits
    list_findings: ListFindings
    export_findings: ExportFindings

    async def StartAudit(self, request: audits_pb2.StartAuditRequest, context: Context) -> audits_pb2.AuditRun:
        """Queue an audit."""
        return run_message(await self.start_audit(member(), request.repository, request.commit))

    async def GetAudit(self, request: audits_pb2.GetAuditRequest, context: Context) -> audits_pb2.AuditRun:
        """One audit run."""
        return run_message(await self.get_audit(member(), request.id))

    async def ListAudits(
        self, request: audits_pb2.ListAuditsRequest, context: Context
    ) -> audits_pb2.ListAuditsResponse:
        """A page of audit runs, newest first."""
        page = await self.list_audits(member(), request.repository, request.page_size, request.page_token)
        return audits_pb2.ListAuditsResponse(audits=map(run_message, page.items), next_page_token=page.next_page_token)

    async def BatchGetLatestAudits(
        self, request: audits_pb2.BatchGetLatestAuditsRequest, context: Context
    ) -> audits_pb2.BatchGetLatestAuditsResponse:
        """The newest audit of each of these repositories."""
        found = await self.batch_get_latest_audits(member(), ids_in("repository_ids", request.repository_ids))
        return audits_pb2.BatchGetLatestAuditsResponse(audits=map(run_message, found))

    async def ListFindings(
        self, request: audits_pb2.ListFindingsRequest, context: Context
    ) -> audits_pb2.ListFindingsResponse:
        """A page of findings, worst first."""
        page = await self.list_findings(
            member(), request.audit_id, _kind(request), _minimum(request), request.page_size, request.page_token
        )
        return audits_pb2.ListFindingsResponse(
            findings=[finding_message(finding_id, finding) for finding_id, finding in page.items],
            next_page_token=page.next_page_token,
        )

    async def ExportSarif(
        self, request: audits_pb2.ExportSarifRequest, context: Context
    ) -> AsyncIterator[audits_pb2.SarifChunk]:
        """All findings as SARIF, in chunks."""
        export = await self.export_findings(member(), request.audit_id)
        async for chunk in sarif_document(export):
            yield audits_pb2.SarifChunk(chunk=chunk)


def _kind(request: audits_pb2.ListFindingsRequest) -> AuditKind | None:
    if request.kind not in _KINDS:
        raise MalformedRequest("there is no such audit", Violation("kind", f"{request.kind} is no kind of audit"))
    return _KINDS[request.kind]


def _minimum(request: audits_pb2.ListFindingsRequest) -> Severity:
    number = request.minimum_severity
    if number not in _SEVERITIES:
        problem = Violation("minimum_severity", f"{number} is no severity")
        raise MalformedRequest("there is no such severity", problem)
    return _SEVERITIES[number]
