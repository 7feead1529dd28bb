"""Audit runs and their findings."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Annotated, Final

from fastapi import Query
from starlette.responses import StreamingResponse

from assay.audit.v1 import audits_pb2 as pb
from assay_gateway.entrypoints.http.gateway import TheServices
from assay_gateway.entrypoints.http.pages import Page, page
from assay_gateway.entrypoints.http.parameters import InId
from assay_gateway.entrypoints.http.routing import api_router, problems
from assay_gateway.entrypoints.http.schemas.audits import (
    AuditKind,
    AuditRun,
    AuditRunPage,
    FindingPage,
    NewAudit,
    Severity,
)
from assay_gateway.entrypoints.http.streams import streamed
from assay_gateway.messages import Json, numbers_of, to_json

if TYPE_CHECKING:
    from grpc.aio import UnaryStreamCall

router = api_router("/v1/audits", "audits")

_KINDS = numbers_of(pb.AuditKind)
_SEVERITIES = numbers_of(pb.Severity)

SARIF: Final = "application/sarif+json"


@router.post(
    "", status_code=201, response_model=AuditRun, responses=problems(400, 409, 413, 415), openapi_extra={"x-cost": 10}
)
async def start_audit(body: NewAudit, services: TheServices) -> Json:
    """Queue an audit of a repository's commit."""
    request = pb.StartAuditRequest(repository=body.repository, commit=body.commit or "")
    return to_json(await services.audits.StartAudit(request))


@router.get("", response_model=AuditRunPage)
async def list_audits(
    services: TheServices,
    part: Page,
    repository: Annotated[str, Query(description="Only audits of this id or name.")] = "",
) -> Json:
    """The organisation's audit runs, newest first."""
    found = await services.audits.ListAudits(
        pb.ListAuditsRequest(page_size=part.page_size, page_token=part.page_token, repository=repository)
    )
    return page(found.audits, found.next_page_token)


@router.get("/{audit_id}", response_model=AuditRun)
async def get_audit(audit_id: InId, services: TheServices) -> Json:
    """One audit run with its eight audits."""
    return to_json(await services.audits.GetAudit(pb.GetAuditRequest(id=audit_id)))


@router.get("/{audit_id}/findings", response_model=FindingPage)
async def list_findings(
    audit_id: InId,
    services: TheServices,
    part: Page,
    kind: Annotated[AuditKind | None, Query(description="Only findings of this audit.")] = None,
    minimum_severity: Annotated[Severity | None, Query(description="Only findings at least this bad.")] = None,
) -> Json:
    """Findings of an audit run, worst first."""
    request = pb.ListFindingsRequest(
        audit_id=audit_id,
        kind=_KINDS[kind] if kind is not None else pb.AUDIT_KIND_UNSPECIFIED,
        minimum_severity=_SEVERITIES[minimum_severity] if minimum_severity is not None else pb.SEVERITY_UNSPECIFIED,
        page_size=part.page_size,
        page_token=part.page_token,
    )
    found = await services.audits.ListFindings(request)
    return page(found.findings, found.next_page_token)


@router.get(
    "/{audit_id}/sarif",
    response_class=StreamingResponse,
    responses={200: {"description": "SARIF 2.1.0", "content": {SARIF: {"schema": {"type": "object"}}}}},
)
async def export_sarif(audit_id: InId, services: TheServices) -> StreamingResponse:
    """All findings of an audit run as SARIF 2.1.0, for code scanning tools and editors."""
    call = services.audits.ExportSarif(pb.ExportSarifRequest(audit_id=audit_id))
    return await streamed(_chunks(call), SARIF, "audit.sarif")


async def _chunks(call: UnaryStreamCall[pb.ExportSarifRequest, pb.SarifChunk]) -> AsyncIterator[bytes]:
    async for part in call:
        yield part.chunk
