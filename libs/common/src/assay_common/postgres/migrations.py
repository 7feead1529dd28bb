"""Migrations of a service's schema: SQL in Alembic files, run under a lock, with nothing else to configure.

A service keeps them inside its package, so that they ship with it:

    src/assay_prompt/migrations/versions/0001_prompts.py

    from alembic import op
    from assay_common.postgres.migrations import create_event_tables, drop_event_tables, tenant_table

    revision, down_revision = "0001", None

    def upgrade() -> None:
        create_event_tables(op, "prompt")
        op.execute("CREATE TABLE prompt.prompts (id uuid PRIMARY KEY, org_id uuid NOT NULL)")
        tenant_table(op, "prompt", "prompts")

    def downgrade() -> None:
        op.execute("DROP TABLE prompt.prompts")
        drop_event_tables(op, "prompt")

A colon followed by a word is a parameter to SQLAlchemy: write `\\:` for it inside a literal (`::uuid` is left alone).

The functions here block: call them from a process of their own (`python -m assay_prompt migrate`) or from a thread.
"""

import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import psycopg
import structlog
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from psycopg.conninfo import conninfo_to_dict
from sqlalchemy import Connection, NullPool, create_engine, text
from sqlalchemy.exc import DBAPIError, OperationalError

from assay_common.errors import Unavailable
from assay_common.postgres.refusals import refusal
from assay_common.postgres.roles import Names
from assay_common.postgres.tables import (
    add_event_attributes,
    create_event_tables,
    drop_event_attributes,
    drop_event_tables,
    drop_tables,
    grant_table,
    readable_when_public,
    tenant_table,
)
from assay_common.settings import DatabaseSettings

__all__ = [
    "add_event_attributes",
    "create_event_tables",
    "downgrade",
    "drop_event_attributes",
    "drop_event_tables",
    "drop_tables",
    "grant_table",
    "migrate",
    "readable_when_public",
    "tenant_table",
]

log = structlog.get_logger()

START_DEADLINE: Final = 60.0
"""Seconds to wait for a database that is not there yet."""
CATALOGUE_ATTEMPTS: Final = 20
"""Roles belong to the whole server: two databases migrated at once may collide on them, and try again."""

_one_in_this_process = threading.Lock()
"""Alembic keeps the migration that runs, `op` included, in module globals."""


class DatabaseNotReachable(Unavailable):
    """The database did not take a connection within the deadline."""


def migrate(settings: DatabaseSettings, schema: str, migrations_path: Path, revision: str = "head") -> None:
    """Bring the schema up to `revision`, creating it, its two roles and their grants to the service's login first.

    Replicas may do so at once: an advisory lock lets one work, and the others find nothing to do. All migrations that
    are due are one transaction: if one fails, none has happened. A schema that a newer release has migrated already is
    left as it is, since the code of one release works on the schema of the next.

    Raises:
        DatabaseNotReachable: no connection within START_DEADLINE.
        DatabaseRefused: the database does not take the owner's login, the certificate or this way to connect.
        sqlalchemy.exc.DBAPIError: a statement failed.
    """
    names = Names(schema)
    login = conninfo_to_dict(settings.url.get_secret_value())["user"]
    with _locked_connection(settings, names) as connection:
        _prepare(connection, names, str(login))
        config = _config(connection, names, migrations_path)
        if (ahead := _revision_ahead(connection, names, config)) is not None:
            connection.commit()
            log.info("migrated by a newer release already", schema=schema, revision=ahead)
            return
        with _one_in_this_process:
            command.upgrade(config, revision)
        connection.commit()
    log.info("migrated", schema=schema, revision=revision)


def downgrade(settings: DatabaseSettings, schema: str, migrations_path: Path, revision: str = "base") -> None:
    """Take the schema back to `revision`; the schema itself and its roles stay. Raises as `migrate`."""
    names = Names(schema)
    with _locked_connection(settings, names) as connection:
        with _one_in_this_process:
            command.downgrade(_config(connection, names, migrations_path), revision)
        connection.commit()
    log.info("migrated down", schema=schema, revision=revision)


@contextmanager
def _locked_connection(settings: DatabaseSettings, names: Names) -> Iterator[Connection]:
    """Connect as the owner and hold the migration lock until the connection closes."""
    url = settings.owner_url.get_secret_value()
    engine = create_engine(
        "postgresql+psycopg://",
        creator=lambda: psycopg.connect(url, connect_timeout=5, application_name=f"assay-{names.schema}-migrate"),
        poolclass=NullPool,
    )
    with _connect(engine.connect) as connection:
        connection.execute(text("SELECT pg_advisory_lock(hashtextextended(:name, 0))"), {"name": names.migration_lock})
        connection.commit()
        yield connection


def _connect(attempt: Callable[[], Connection]) -> Connection:
    pause = 0.1
    give_up_at = time.monotonic() + START_DEADLINE
    while True:
        try:
            return attempt()
        except OperationalError as error:
            if (refused := refusal(error.orig)) is not None:
                raise refused from error
            if time.monotonic() + pause > give_up_at:
                raise DatabaseNotReachable(f"no database after {START_DEADLINE:g} s: {error.orig}") from error
            log.warning("waiting for the database", error=str(error.orig))
            time.sleep(pause)
            pause = min(2 * pause, 3.0)


def _prepare(connection: Connection, names: Names, login: str) -> None:
    for attempt in range(CATALOGUE_ATTEMPTS):
        try:
            _create_roles(connection, names, login)
        except DBAPIError:
            connection.rollback()
            if attempt == CATALOGUE_ATTEMPTS - 1:
                raise
            time.sleep(random.uniform(0.01, 0.1))  # noqa: S311 - jitter, not a secret
        else:
            break
    connection.execute(text(f"CREATE SCHEMA IF NOT EXISTS {names.schema}"))
    connection.execute(text(f"GRANT USAGE ON SCHEMA {names.schema} TO {names.app}, {names.system}"))
    connection.commit()


def _create_roles(connection: Connection, names: Names, login: str) -> None:
    quoted = connection.execute(text("SELECT quote_ident(:login)"), {"login": login}).scalar_one()
    for role in (names.app, names.system):
        if not connection.execute(text("SELECT 1 FROM pg_roles WHERE rolname = :role"), {"role": role}).scalar():
            connection.execute(text(f"CREATE ROLE {role} NOLOGIN NOBYPASSRLS"))
        if not connection.execute(_MAY_SET, {"login": login, "role": role}).scalar():
            # Not inherited: the login has nothing of its own, it must take a role.
            connection.execute(text(f"GRANT {role} TO {quoted} WITH INHERIT FALSE, SET TRUE"))
    connection.commit()


_MAY_SET = text(
    """
    SELECT 1 FROM pg_auth_members
    WHERE roleid = to_regrole(:role) AND member = to_regrole(quote_ident(:login)) AND set_option
    """
)


def _config(connection: Connection, names: Names, migrations_path: Path) -> Config:
    config = Config(attributes={"connection": connection, "schema": names.schema})
    config.set_main_option("script_location", _literally(Path(__file__).parent / "alembic"))
    config.set_main_option("path_separator", "newline")
    config.set_main_option("version_locations", _literally(migrations_path / "versions"))
    return config


def _revision_ahead(connection: Connection, names: Names, config: Config) -> str | None:
    """The revision of the schema if this code has no migration of that name, as a release that came before it."""
    context = MigrationContext.configure(connection, opts={"version_table_schema": names.schema})
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    return next((revision for revision in context.get_current_heads() if revision not in known), None)


def _literally(path: Path) -> str:
    """The path as a value of Alembic's configuration, in which a percent sign would begin a substitution."""
    return str(path).replace("%", "%%")
