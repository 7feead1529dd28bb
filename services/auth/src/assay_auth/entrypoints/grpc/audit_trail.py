"""assay.auth.v1.AuditTrailService."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, Final

from google.protobuf.struct_pb2 import Struct

from assay.auth.v1 import audit_trail_pb2, audit_trail_pb2_grpc
from assay_auth.application.audit_trail.read_trail import ExportEntries, ListEntries, VerifyTrail
from assay_auth.application.ports import EntryFilter
from assay_auth.domain.audit_trail import Entry, as_json, canonical
from assay_auth.domain.text import parsed_id
from assay_auth.entrypoints.grpc.messages import moment_from, timestamp
from assay_common.errors import InvalidArgument, Violation
from assay_common.identity import tenant
from assay_common.postgres.pages import cut, decode_cursor, malformed_cursor, page_size

CHUNK_BYTES: Final = 256 * 1024
_BEFORE: Final = "before"


@dataclass(frozen=True, slots=True)
class AuditTrailServicer(audit_trail_pb2_grpc.AuditTrailServiceServicer):
    """Who did what to what, from where."""

    list_entries: ListEntries
    export_entries: ExportEntries
    verify_trail: VerifyTrail

    async def ListEntries(
        self, request: audit_trail_pb2.ListEntriesRequest, context: Any
    ) -> audit_trail_pb2.ListEntriesResponse:
        """List entries, newest first."""
        size = page_size(request.page_size)
        rows = await self.list_entries(tenant(), _filter(request.filter), _before(request.page_token), size + 1)
        entries, token = cut(rows, size, lambda entry: {_BEFORE: str(entry.sequence)})
        return audit_trail_pb2.ListEntriesResponse(entries=map(_message, entries), next_page_token=token)

    async def ExportEntries(
        self, request: audit_trail_pb2.ExportEntriesRequest, context: Any
    ) -> AsyncIterator[audit_trail_pb2.EntriesChunk]:
        """Write entries as JSON lines, oldest first."""
        gathered = bytearray()
        async for entry in self.export_entries(tenant(), _filter(request.filter)):
            gathered += canonical({**as_json(entry.sequence, entry.fact), "hash": entry.hash.hex()}) + b"\n"
            if len(gathered) >= CHUNK_BYTES:
                yield audit_trail_pb2.EntriesChunk(data=bytes(gathered))
                gathered.clear()
        if gathered:
            yield audit_trail_pb2.EntriesChunk(data=bytes(gathered))

    async def VerifyTrail(
        self, request: audit_trail_pb2.VerifyTrailRequest, context: Any
    ) -> audit_trail_pb2.TrailVerification:
        """Compute the chain anew."""
        found = await self.verify_trail(tenant())
        return audit_trail_pb2.TrailVerification(
            intact=found.problem is None,
            entries=found.entries,
            first_broken=found.first_broken,
            problem=found.problem.value if found.problem else "",
            head_hash=found.head_hash.hex(),
        )


def _filter(asked: audit_trail_pb2.EntryFilter) -> EntryFilter:
    actor = parsed_id(asked.actor) if asked.actor else None
    if asked.actor and actor is None:
        raise InvalidArgument("the request is not valid: actor", Violation("actor", "is not an id"))
    since = getattr(asked, "from")  # a keyword of Python
    return EntryFilter(
        actor=actor,
        action=asked.action,
        target=asked.target,
        since=moment_from("from", since) if asked.HasField("from") else None,
        until=moment_from("to", asked.to) if asked.HasField("to") else None,
    )


def _before(token: str) -> int | None:
    if not token:
        return None
    before = decode_cursor(token).get(_BEFORE, "")
    if not (before.isascii() and before.isdigit() and len(before) < 19):
        raise malformed_cursor()
    return int(before)


def _message(entry: Entry) -> audit_trail_pb2.AuditEntry:
    fact = entry.fact
    data = Struct()
    data.update(fact.data)
    return audit_trail_pb2.AuditEntry(
        sequence=entry.sequence,
        id=str(fact.id),
        occurred_at=timestamp(fact.occurred_at),
        actor=str(fact.actor) if fact.actor else "",
        actor_kind=fact.actor_kind.value,
        action=fact.action,
        target_kind=fact.target_kind,
        target=fact.target,
        address=fact.address,
        request_id=fact.request_id,
        data=data,
        hash=entry.hash.hex(),
    )
