"""One transaction with everything an organisation has."""

from dataclasses import dataclass

from assay_audit.adapters.postgres.analyses import PostgresAnalyses
from assay_audit.adapters.postgres.findings import PostgresFindings
from assay_audit.adapters.postgres.repositories import PostgresRepositories
from assay_audit.adapters.postgres.runs import PostgresRuns
from assay_common.postgres.unit_of_work import TenantTransaction


@dataclass(frozen=True, slots=True)
class PostgresTransaction:
    """The port `Transaction` on a tenant's transaction."""

    tx: TenantTransaction

    @property
    def repositories(self) -> PostgresRepositories:
        """The organisation's repositories."""
        return PostgresRepositories(self.tx)

    @property
    def runs(self) -> PostgresRuns:
        """The organisation's audit runs."""
        return PostgresRuns(self.tx)

    @property
    def findings(self) -> PostgresFindings:
        """The organisation's findings."""
        return PostgresFindings(self.tx)

    @property
    def analyses(self) -> PostgresAnalyses:
        """The organisation's analysis cache."""
        return PostgresAnalyses(self.tx)
