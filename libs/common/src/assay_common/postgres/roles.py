"""The names that a service's schema gives to its roles, channel and locks."""

import re
from dataclasses import dataclass

_SCHEMA = re.compile(r"[a-z][a-z0-9_]{0,40}")


@dataclass(frozen=True, slots=True)
class Names:
    """Names derived from a schema; raises ValueError unless it is a plain lower-case identifier."""

    schema: str

    def __post_init__(self) -> None:
        if not _SCHEMA.fullmatch(self.schema):
            raise ValueError(f"{self.schema!r} cannot name a schema: use lower-case letters, digits and underscores")

    @property
    def app(self) -> str:
        """The role of ordinary work: row-level security shows it one organisation, or nothing."""
        return f"assay_{self.schema}_app"

    @property
    def system(self) -> str:
        """The role that sees every organisation: for the outbox relay, and where no tenant is known yet."""
        return f"assay_{self.schema}_system"

    @property
    def channel(self) -> str:
        """The channel on which new events are announced."""
        return f"assay_{self.schema}_outbox"

    @property
    def relay_lock(self) -> str:
        """The advisory lock that the leading relay holds."""
        return f"assay.{self.schema}.outbox"

    @property
    def housekeeping_lock(self) -> str:
        """The advisory lock of the replica that removes old rows."""
        return f"assay.{self.schema}.housekeeping"

    @property
    def migration_lock(self) -> str:
        """The advisory lock under which the schema is migrated."""
        return f"assay.{self.schema}.migrate"
