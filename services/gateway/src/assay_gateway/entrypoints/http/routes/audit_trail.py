"""The organisation's audit trail."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, Final

from fastapi import Depends, Query
from starlette.responses import StreamingResponse

from assay.auth.v1 import audit_trail_pb2 as pb
from assay_gateway.entrypoints.http.gateway import TheServices
from assay_gateway.entrypoints.http.pages import Page, page
from assay_gateway.entrypoints.http.parameters import From, To
from assay_gateway.entrypoints.http.routing import api_router
from assay_gateway.entrypoints.http.schemas.audit_trail import AuditEntry, AuditEntryPage, TrailVerification
from assay_gateway.entrypoints.http.schemas.examples import example_of
from assay_gateway.entrypoints.http.streams import streamed
from assay_gateway.messages import Json, timestamp, to_bytes, to_json

if TYPE_CHECKING:
    from grpc.aio import UnaryStreamCall

router = api_router("/v1/audit-trail", "audit trail")

JSON_LINES: Final = "application/jsonl"
_LINES: Final[dict[str, Any]] = {
    "description": "One entry a line, oldest first.",
    "content": {JSON_LINES: {"schema": {"type": "string"}, "example": to_bytes(example_of(AuditEntry)).decode()}},
}


async def _filter(
    actor: Annotated[str, Query(max_length=100, description="Only what this person, account or key did.")] = "",
    action: Annotated[
        str,
        Query(
            max_length=200,
            description="Only actions whose name starts so.",
            examples=["assay.prompt.v1."],
        ),
    ] = "",
    target: Annotated[str, Query(max_length=200, description="Only what was done to this.")] = "",
    from_: From = None,
    to: To = None,
) -> pb.EntryFilter:
    chosen = pb.EntryFilter(actor=actor, action=action, target=target, to=timestamp(to))
    _begin_at(chosen, from_)
    return chosen


Filter = Annotated[pb.EntryFilter, Depends(_filter)]


@router.get("", response_model=AuditEntryPage)
async def list_audit_trail(services: TheServices, part: Page, chosen: Filter) -> Json:
    """Who did what to what, from where: newest first."""
    request = pb.ListEntriesRequest(filter=chosen, page_size=part.page_size, page_token=part.page_token)
    found = await services.audit_trail.ListEntries(request)
    return page(found.entries, found.next_page_token)


@router.get("/export", response_class=StreamingResponse, responses={200: _LINES}, openapi_extra={"x-cost": 20})
async def export_audit_trail(services: TheServices, chosen: Filter) -> StreamingResponse:
    """All entries that the filter lets through as JSON lines, oldest first."""
    call = services.audit_trail.ExportEntries(pb.ExportEntriesRequest(filter=chosen))
    return await streamed(_lines(call), JSON_LINES, "audit-trail.jsonl")


@router.get("/verification", response_model=TrailVerification, openapi_extra={"x-cost": 20})
async def verify_audit_trail(services: TheServices) -> Json:
    """Compute the chain of hashes anew and find the first entry that was changed or is missing."""
    return to_json(await services.audit_trail.VerifyTrail(pb.VerifyTrailRequest()))


async def _lines(call: UnaryStreamCall[pb.ExportEntriesRequest, pb.EntriesChunk]) -> AsyncIterator[bytes]:
    async for part in call:
        yield part.data


def _begin_at(chosen: pb.EntryFilter, moment: datetime | None) -> None:
    """Set the field `from`, whose name is a keyword in Python."""
    if moment is not None:
        getattr(chosen, "from").CopyFrom(timestamp(moment))
