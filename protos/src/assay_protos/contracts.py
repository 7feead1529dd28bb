"""Every module of the contracts, imported once, so that the default descriptor pool knows all of them."""

from __future__ import annotations

from types import ModuleType

from assay.analytics.v1 import analytics_pb2
from assay.audit.v1 import audits_pb2, repositories_pb2
from assay.audit.v1 import events_pb2 as audit_events_pb2
from assay.audit.v1 import tasks_pb2 as audit_tasks_pb2
from assay.auth.v1 import (
    accounts_pb2,
    api_keys_pb2,
    audit_trail_pb2,
    invitations_pb2,
    organisations_pb2,
    service_accounts_pb2,
    sessions_pb2,
    single_sign_on_pb2,
    teams_pb2,
)
from assay.auth.v1 import events_pb2 as auth_events_pb2
from assay.evaluation.v1 import comparisons_pb2, datasets_pb2, runs_pb2
from assay.evaluation.v1 import events_pb2 as evaluation_events_pb2
from assay.evaluation.v1 import tasks_pb2 as evaluation_tasks_pb2
from assay.prompt.v1 import events_pb2 as prompt_events_pb2
from assay.prompt.v1 import prompts_pb2

SERVICE_MODULES: tuple[ModuleType, ...] = (
    sessions_pb2,
    accounts_pb2,
    single_sign_on_pb2,
    organisations_pb2,
    invitations_pb2,
    teams_pb2,
    api_keys_pb2,
    service_accounts_pb2,
    audit_trail_pb2,
    prompts_pb2,
    datasets_pb2,
    runs_pb2,
    comparisons_pb2,
    repositories_pb2,
    audits_pb2,
    analytics_pb2,
)
"""Modules that define gRPC services."""

MESSAGE_MODULES: tuple[ModuleType, ...] = (
    auth_events_pb2,
    prompt_events_pb2,
    evaluation_events_pb2,
    evaluation_tasks_pb2,
    audit_events_pb2,
    audit_tasks_pb2,
)
"""Modules whose messages travel over Kafka."""
