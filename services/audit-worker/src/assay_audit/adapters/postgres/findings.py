"""Findings on PostgreSQL."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

import asyncpg

from assay_audit.domain.findings import Finding
from assay_audit.domain.kinds import AuditKind, Severity
from assay_common.ids import new_id
from assay_common.postgres.unit_of_work import TenantTransaction

_INSERT = """
    INSERT INTO findings (id, org_id, run_id, kind, rule, severity, message, path, line, fingerprint)
    SELECT id, $1, $2, kind, rule, severity, message, path, line, fingerprint
    FROM unnest($3::uuid[], $4::smallint[], $5::text[], $6::smallint[], $7::text[], $8::text[], $9::integer[],
                $10::text[]) AS new (id, kind, rule, severity, message, path, line, fingerprint)
"""
_PAGE = """
    SELECT id, kind, rule, severity, message, path, line, fingerprint
    FROM findings
    WHERE run_id = $1
      AND ($2::smallint IS NULL OR kind = $2)
      AND severity >= $3
      AND ($4::uuid IS NULL OR (-severity, kind, path, line, id) >
           (SELECT -severity, kind, path, line, id FROM findings WHERE run_id = $1 AND id = $4))
    ORDER BY (-severity), kind, path, line, id
    LIMIT $5
"""
_RULES = "SELECT rule, max(severity) AS severity FROM findings WHERE run_id = $1 GROUP BY rule ORDER BY rule"


async def insert_findings(
    connection: asyncpg.Connection, org_id: UUID, run_id: UUID, findings: Sequence[Finding]
) -> None:
    """Store findings by one statement."""
    await connection.execute(
        _INSERT,
        org_id,
        run_id,
        [new_id() for _ in findings],
        [finding.kind for finding in findings],
        [finding.rule for finding in findings],
        [finding.severity for finding in findings],
        [finding.message for finding in findings],
        [finding.path for finding in findings],
        [finding.line for finding in findings],
        [finding.fingerprint for finding in findings],
    )


@dataclass(frozen=True, slots=True)
class PostgresFindings:
    """The port `Findings`."""

    tx: TenantTransaction

    async def page(
        self,
        run_id: UUID,
        *,
        kind: AuditKind | None,
        minimum: Severity,
        after: UUID | None,
        limit: int,
    ) -> Sequence[tuple[UUID, Finding]]:
        """Findings with their ids, worst first, beginning after the id given."""
        rows = await self.tx.connection.fetch(_PAGE, run_id, kind, minimum, after, limit)
        return [(row["id"], _finding(row)) for row in rows]

    async def rules(self, run_id: UUID) -> Sequence[tuple[str, Severity]]:
        """The rules that were broken, each with the worst severity it was found with."""
        rows = await self.tx.connection.fetch(_RULES, run_id)
        return [(row["rule"], Severity(row["severity"])) for row in rows]


def _finding(row: asyncpg.Record) -> Finding:
    return Finding(
        kind=AuditKind(row["kind"]),
        rule=row["rule"],
        severity=Severity(row["severity"]),
        message=row["message"],
        path=row["path"],
        line=row["line"],
        fingerprint=row["fingerprint"],
    )
