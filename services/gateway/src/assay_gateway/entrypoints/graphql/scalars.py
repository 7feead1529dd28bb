"""Values that GraphQL's own scalars cannot hold."""

from __future__ import annotations

from enum import Enum
from typing import Final, NewType

import strawberry
from strawberry.scalars import JSON
from strawberry.types.scalar import ScalarDefinition

DateTime = NewType("DateTime", str)
BigInt = NewType("BigInt", int)

SCALARS: Final[dict[object, ScalarDefinition]] = {
    DateTime: strawberry.scalar(
        name="DateTime",
        description="A moment in UTC (RFC 3339).",
        specified_by_url="https://scalars.graphql.org/andimarek/date-time",
        serialize=str,
        parse_value=str,
    ),
    BigInt: strawberry.scalar(
        name="BigInt", description="A whole number of up to 53 bits.", serialize=int, parse_value=int
    ),
}

__all__ = [
    "JSON",
    "SCALARS",
    "AuditKind",
    "AuditStatus",
    "BigInt",
    "DateTime",
    "Role",
    "RunStatus",
    "Severity",
    "Verdict",
    "Visibility",
]


@strawberry.enum(description="Who may see a thing.")
class Visibility(Enum):
    PRIVATE = "private"
    ORGANISATION = "organisation"
    PUBLIC = "public"


@strawberry.enum(description="What a member may do.")
class Role(Enum):
    OWNER = "owner"
    ADMIN = "admin"
    MEMBER = "member"
    VIEWER = "viewer"


@strawberry.enum(description="Where a run stands.")
class RunStatus(Enum):
    QUEUED = "queued"
    RUNNING = "running"
    COMPLETED = "completed"
    CANCELLED = "cancelled"


@strawberry.enum(description="What the statistics say of the candidate.")
class Verdict(Enum):
    BETTER = "better"
    WORSE = "worse"
    NO_EVIDENCE = "no_evidence"


@strawberry.enum(description="One of the eight audits.")
class AuditKind(Enum):
    INTEGRITY = "integrity"
    TDD = "tdd"
    FLOW = "flow"
    SAGES = "sages"
    GIT = "git"
    SERVANT = "servant"
    STRICT = "strict"
    PREDICTIVE = "predictive"


@strawberry.enum(description="Where an audit stands.")
class AuditStatus(Enum):
    QUEUED = "queued"
    RUNNING = "running"
    COMPLETED = "completed"
    NOT_MEASURED = "not_measured"
    FAILED = "failed"


@strawberry.enum(description="How bad a finding is.")
class Severity(Enum):
    NOTE = "note"
    WARNING = "warning"
    ERROR = "error"
