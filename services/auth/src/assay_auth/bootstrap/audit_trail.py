"""Wires the audit trail."""

from collections.abc import Coroutine
from typing import Any, Final

from assay.auth.v1.audit_trail_pb2_grpc import add_AuditTrailServiceServicer_to_server
from assay_auth.application.audit_trail.read_trail import ExportEntries, ListEntries, VerifyTrail
from assay_auth.application.audit_trail.record_fact import RecordFact
from assay_auth.bootstrap.parts import Parts
from assay_auth.entrypoints.consumers import AuditedEvents
from assay_auth.entrypoints.grpc.audit_trail import AuditTrailServicer
from assay_common.kafka.consumer import consume
from assay_common.lifecycle import Lifecycle
from assay_common.rpc.server import Servicer
from assay_common.settings import KafkaSettings
from assay_protos import topics

GROUP: Final = "auth-audit-trail"
EVENTS: Final = tuple(topic for topic in topics.ALL if topic.is_event_stream)


def audit_trail_service(parts: Parts) -> Servicer:
    """AuditTrailService."""
    return add_AuditTrailServiceServicer_to_server, AuditTrailServicer(
        list_entries=ListEntries(parts.uow),
        export_entries=ExportEntries(parts.uow),
        verify_trail=VerifyTrail(parts.uow),
    )


def keep_audit_trail(lifecycle: Lifecycle, settings: KafkaSettings, parts: Parts) -> Coroutine[Any, Any, None]:
    """Record every event of every service until the process stops; to be spawned."""
    handler = AuditedEvents(RecordFact(parts.uow))
    return consume(lifecycle, settings, group=GROUP, topics=EVENTS, handler=handler)
