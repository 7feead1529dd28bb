"""The analysis cache on PostgreSQL."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from assay_audit.adapters.postgres.tenancy import org_of
from assay_audit.domain.analysis import Analysis
from assay_common.postgres.unit_of_work import TenantTransaction

_FIND = """
    SELECT content, result FROM analyses
    WHERE org_id = $1 AND engine = $2 AND engine_version = $3 AND config = $4 AND content = ANY($5::text[])
"""
_REMEMBER = """
    INSERT INTO analyses (org_id, engine, engine_version, config, content, result)
    SELECT $1, $2, $3, $4, content, result FROM unnest($5::text[], $6::jsonb[]) AS new (content, result)
    ON CONFLICT DO NOTHING
"""


@dataclass(frozen=True, slots=True)
class PostgresAnalyses:
    """The port `AnalysisCache`."""

    tx: TenantTransaction

    async def find(self, engine: str, version: str, config: str, contents: Collection[str]) -> Mapping[str, Analysis]:
        """The analyses that are known, by content."""
        rows = await self.tx.connection.fetch(_FIND, org_of(self.tx), engine, version, config, list(contents))
        return {row["content"]: Analysis.from_json(row["result"]) for row in rows}

    async def remember(self, engine: str, version: str, config: str, analyses: Mapping[str, Analysis]) -> None:
        """Keep new analyses, by content."""
        await self.tx.connection.execute(
            _REMEMBER,
            org_of(self.tx),
            engine,
            version,
            config,
            list(analyses),
            [analysis.to_json() for analysis in analyses.values()],
        )
