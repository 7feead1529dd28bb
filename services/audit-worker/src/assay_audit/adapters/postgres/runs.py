"""Audit runs and their results on PostgreSQL."""

# ruff: noqa: S608 - what is put into the statements are constants of the code

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import asyncpg
from google.protobuf.message import Message

from assay.audit.v1 import events_pb2, tasks_pb2
from assay_audit.adapters.postgres.findings import insert_findings
from assay_audit.adapters.postgres.tenancy import limited_to, org_of
from assay_audit.domain.errors import AuditNotFound
from assay_audit.domain.kinds import AuditKind, Status
from assay_audit.domain.run import AuditResult, AuditRun, Measured
from assay_audit.messages import KINDS, result_message, run_message
from assay_common.identity import Principal
from assay_common.postgres.events import NewEvent
from assay_common.postgres.unit_of_work import TenantTransaction
from assay_protos import topics

_COLUMNS = """id, repository_id, repository_name, commit, bundle_digest, status, reason, health, findings, files,
    lines_of_code, skipped, version, created_at, finished_at"""

_INSERT = """
    INSERT INTO runs (id, org_id, repository_id, repository_name, commit, bundle_digest, status, pending, version,
                      created_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
"""
_INSERT_RESULTS = """
    INSERT INTO results (org_id, run_id, kind, status, reason, findings, duration_ms)
    SELECT $1, $2, kind, status, reason, 0, 0
    FROM unnest($3::smallint[], $4::smallint[], $5::text[]) AS new (kind, status, reason)
"""
_GET = f"SELECT {_COLUMNS} FROM runs WHERE id = $1"
_PAGE = f"""
    SELECT {_COLUMNS} FROM runs
    WHERE org_id = $1 AND ($2::uuid IS NULL OR repository_id = $2) AND ($3::uuid IS NULL OR id < $3)
      AND ($5::text[] IS NULL OR repository_id::text = ANY ($5) OR repository_name = ANY ($5))
    ORDER BY id DESC
    LIMIT $4
"""
_LATEST = f"""
    SELECT latest.* FROM unnest($1::uuid[]) AS wanted (id)
    CROSS JOIN LATERAL (
        SELECT {_COLUMNS} FROM runs WHERE repository_id = wanted.id ORDER BY runs.id DESC LIMIT 1
    ) AS latest
"""
_RESULTS = """
    SELECT run_id, kind, status, score, reason, findings, duration_ms
    FROM results WHERE run_id = ANY($1::uuid[])
    ORDER BY kind
"""
_PREPARED = """
    UPDATE runs SET status = $2, commit = $3, bundle_digest = $4, files = $5, lines_of_code = $6, skipped = $7
    WHERE id = $1
"""
_BEGIN_AUDIT = f"""
    UPDATE results SET status = {Status.RUNNING:d}
    WHERE run_id = $1 AND kind = $2 AND status IN ({Status.QUEUED:d}, {Status.RUNNING:d})
"""
_STORE = f"""
    UPDATE results SET status = $3, score = $4, reason = $5, findings = $6, duration_ms = $7
    WHERE run_id = $1 AND kind = $2 AND status IN ({Status.QUEUED:d}, {Status.RUNNING:d})
"""
# The one statement that decides which result is the last: it locks the run until the transaction ends, so that the
# next one counts on from here and sees this result.
_COUNT_DOWN = "UPDATE runs SET pending = pending - 1, version = version + 1 WHERE id = $1 RETURNING pending, version"
_END = """
    UPDATE runs SET status = $2, reason = $3, health = $4, findings = $5, version = $6, finished_at = $7, pending = 0
    WHERE id = $1
"""
_END_RESULTS = f"""
    UPDATE results SET status = ended.status, reason = ended.reason
    FROM unnest($2::smallint[], $3::smallint[], $4::text[]) AS ended (kind, status, reason)
    WHERE run_id = $1 AND results.kind = ended.kind AND results.status IN ({Status.QUEUED:d}, {Status.RUNNING:d})
"""


@dataclass(frozen=True, slots=True)
class PostgresRuns:
    """The port `Runs`."""

    tx: TenantTransaction

    async def add(self, run: AuditRun) -> None:
        """Store a new run, announce it, and ask a worker to prepare it."""
        org_id = org_of(self.tx)
        queued = [audit for audit in run.audits if not audit.ended]
        await self.tx.connection.execute(
            _INSERT,
            run.id,
            org_id,
            run.repository_id,
            run.repository_name,
            run.commit,
            run.bundle_digest,
            run.status,
            len(queued),
            run.version,
            run.created_at,
        )
        await self.tx.connection.execute(
            _INSERT_RESULTS,
            org_id,
            run.id,
            [audit.kind for audit in run.audits],
            [audit.status for audit in run.audits],
            [audit.reason for audit in run.audits],
        )
        started = events_pb2.AuditStarted(
            audit_id=str(run.id),
            repository_id=str(run.repository_id),
            repository_name=run.repository_name,
            commit=run.commit,
        )
        prepare = tasks_pb2.PrepareAudit(audit_id=str(run.id))
        await self.tx.record_all([self._event(run.id, run.version, started), self._task(run.id, "prepare", prepare)])

    async def get(self, run_id: UUID, *, for_update: bool = False) -> AuditRun:
        """The run with its eight results. Raises AuditNotFound."""
        row = await self.tx.connection.fetchrow(_GET + (" FOR UPDATE" if for_update else ""), run_id)
        return (await self._runs([_found(row, run_id)]))[0]

    async def page(
        self, caller: Principal, *, repository: UUID | None, before: UUID | None, limit: int
    ) -> Sequence[AuditRun]:
        """Runs of repositories that the caller may touch, newest first, with their results, by two statements."""
        rows = await self.tx.connection.fetch(_PAGE, self.tx.org_id, repository, before, limit, limited_to(caller))
        return await self._runs(rows)

    async def latest(self, repositories: Sequence[UUID]) -> Sequence[AuditRun]:
        """The newest run of each of these repositories that has one, with their results, by two statements."""
        return await self._runs(await self.tx.connection.fetch(_LATEST, repositories))

    async def prepared(self, run: AuditRun) -> None:
        """Store what is to be audited, and ask workers for the audits that are queued."""
        await self.tx.connection.execute(
            _PREPARED,
            run.id,
            run.status,
            run.commit,
            run.bundle_digest,
            run.files,
            run.lines_of_code,
            run.skipped,
        )
        await self.tx.record_all(
            [
                self._task(run.id, audit.kind.word, tasks_pb2.RunAudit(audit_id=str(run.id), kind=KINDS[audit.kind]))
                for audit in run.audits
                if not audit.ended
            ]
        )

    async def begin_audit(self, run_id: UUID, kind: AuditKind) -> bool:
        """Note that an audit is running; False when it has ended."""
        return bool(await self.tx.connection.execute(_BEGIN_AUDIT, run_id, kind) == "UPDATE 1")

    async def store(self, run_id: UUID, repository_id: UUID, measured: Measured) -> bool:
        """Store a result with its findings, once, and announce it; says whether it was the run's last."""
        result = measured.result
        stored = await self.tx.connection.execute(
            _STORE,
            run_id,
            result.kind,
            result.status,
            result.score,
            result.reason,
            result.findings,
            result.duration_ms,
        )
        if stored != "UPDATE 1":
            return False
        await insert_findings(self.tx.connection, org_of(self.tx), run_id, measured.findings)
        row = await self.tx.connection.fetchrow(_COUNT_DOWN, run_id)
        if row is None:
            raise AuditNotFound.of(str(run_id))
        message = events_pb2.AuditMeasured(
            audit_id=str(run_id), repository_id=str(repository_id), result=result_message(result)
        )
        await self.tx.record(self._event(run_id, row["version"], message))
        return bool(row["pending"] == 0)

    async def ended(self, run: AuditRun) -> None:
        """Store that the run has ended and announce it."""
        await self.tx.connection.execute(
            _END_RESULTS,
            run.id,
            [audit.kind for audit in run.audits],
            [audit.status for audit in run.audits],
            [audit.reason for audit in run.audits],
        )
        await self.tx.connection.execute(
            _END, run.id, run.status, run.reason, run.health, run.findings, run.version, run.finished_at
        )
        completed = events_pb2.AuditCompleted(audit=run_message(run))
        await self.tx.record(self._event(run.id, run.version, completed))

    async def _runs(self, rows: Sequence[asyncpg.Record]) -> list[AuditRun]:
        results = await self.tx.connection.fetch(_RESULTS, [row["id"] for row in rows])
        audits: defaultdict[UUID, list[AuditResult]] = defaultdict(list)
        for row in results:
            audits[row["run_id"]].append(_result(row))
        return [_run(row, audits[row["id"]]) for row in rows]

    def _event(self, run_id: UUID, version: int, message: Message) -> NewEvent:
        return NewEvent(
            topics.AUDIT_EVENTS,
            message,
            org_of(self.tx),
            key=str(run_id),
            aggregate_type="audit",
            aggregate_id=run_id,
            aggregate_version=version,
        )

    def _task(self, run_id: UUID, what: str, message: Message) -> NewEvent:
        return NewEvent(
            topics.AUDIT_TASKS,
            message,
            org_of(self.tx),
            key=f"{run_id}:{what}",
            aggregate_type="audit",
            aggregate_id=run_id,
        )


def _found(row: asyncpg.Record | None, run_id: UUID) -> asyncpg.Record:
    if row is None:
        raise AuditNotFound.of(str(run_id))
    return row


def _run(row: asyncpg.Record, audits: list[AuditResult]) -> AuditRun:
    values: dict[str, Any] = dict(row)
    return AuditRun(**{**values, "status": Status(values["status"])}, audits=audits)


def _result(row: asyncpg.Record) -> AuditResult:
    return AuditResult(
        kind=AuditKind(row["kind"]),
        status=Status(row["status"]),
        score=row["score"],
        reason=row["reason"],
        findings=row["findings"],
        duration_ms=row["duration_ms"],
    )
