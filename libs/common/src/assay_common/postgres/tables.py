"""What migration files use to make tables: tenancy, grants, the event store and the inbox.

`op` is `alembic.op`. Every statement names the schema, so that nothing depends on a search path.
"""

from collections.abc import Sequence
from typing import Any, Final, Protocol

from assay_common.postgres.roles import Names

READ_WRITE: Final = "SELECT, INSERT, UPDATE, DELETE"


class Op(Protocol):
    """The one operation of Alembic that is used."""

    def execute(self, sqltext: str) -> Any:
        """Run SQL; several statements are separated by semicolons."""


def tenant_table(op: Op, schema: str, table: str, *, app: str = READ_WRITE, system: str = READ_WRITE) -> None:
    """Bind the table to tenants: the app role sees the rows of the organisation set, or none; the system role all.

    The table needs a column `org_id uuid`. `app` and `system` are the privileges granted to the roles.
    """
    names = Names(schema)
    own = "org_id = NULLIF(current_setting('assay.org_id', true), '')::uuid"
    op.execute(
        f"""
        ALTER TABLE {schema}.{table} ENABLE ROW LEVEL SECURITY;
        ALTER TABLE {schema}.{table} FORCE ROW LEVEL SECURITY;
        CREATE POLICY tenant ON {schema}.{table} TO {names.app} USING ({own}) WITH CHECK ({own});
        CREATE POLICY system ON {schema}.{table} TO {names.system} USING (true) WITH CHECK (true);
        """
    )
    grant_table(op, schema, table, app=app, system=system)


def grant_table(op: Op, schema: str, table: str, *, app: str = READ_WRITE, system: str = READ_WRITE) -> None:
    """Grant privileges on a table to the two roles; an empty text grants nothing to that role.

    By itself for tables that belong to no organisation: rows are then seen by everybody who may read.
    """
    names = Names(schema)
    for role, privileges in ((names.app, app), (names.system, system)):
        if privileges:
            op.execute(f"GRANT {privileges} ON {schema}.{table} TO {role}")


def create_event_tables(op: Op, schema: str) -> None:
    """Create the event store with its outbox trigger, and the inbox. Undone by `drop_event_tables`."""
    names = Names(schema)
    op.execute(
        f"""
        CREATE TABLE {schema}.events (
            position bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
            id uuid PRIMARY KEY,
            org_id uuid NOT NULL,
            topic text NOT NULL,
            key text NOT NULL,
            aggregate_type text NOT NULL,
            aggregate_id uuid NOT NULL,
            aggregate_version bigint CHECK (aggregate_version > 0),
            type text NOT NULL,
            payload bytea NOT NULL,
            traceparent text,
            request_id text,
            actor uuid,
            occurred_at timestamptz NOT NULL DEFAULT clock_timestamp(),
            published_at timestamptz,
            UNIQUE (aggregate_id, aggregate_version)
        );
        CREATE INDEX events_unpublished ON {schema}.events (position) WHERE published_at IS NULL;

        CREATE FUNCTION {schema}.announce_events() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            PERFORM pg_notify('{names.channel}', '');
            RETURN NULL;
        END $$;
        CREATE TRIGGER announce AFTER INSERT ON {schema}.events
            FOR EACH STATEMENT EXECUTE FUNCTION {schema}.announce_events();
        """
    )
    # Append-only: nobody may change or delete an event; publishing notes the time, and nothing else.
    tenant_table(op, schema, "events", app="SELECT, INSERT", system="SELECT, INSERT, UPDATE (published_at)")
    create_inbox(op, schema)


def add_event_attributes(op: Op, schema: str) -> None:
    """Let the event store remember where a request came from, and to whom an event is private.

    Undone by `drop_event_attributes`.
    """
    op.execute(f"ALTER TABLE {schema}.events ADD COLUMN client_address text, ADD COLUMN private_to uuid")


def drop_event_attributes(op: Op, schema: str) -> None:
    """Undo `add_event_attributes`."""
    op.execute(f"ALTER TABLE {schema}.events DROP COLUMN client_address, DROP COLUMN private_to")


def readable_when_public(op: Op, schema: str, table: str, condition: str = "visibility = 'public'") -> None:
    """Let every organisation read the rows that fulfil `condition`, in transactions that ask for public rows.

    Any other transaction sees its own organisation's rows only, so that a forgotten WHERE shows nobody else's. The
    policy goes when the table does.
    """
    names = Names(schema)
    op.execute(
        f"""
        CREATE POLICY public ON {schema}.{table} FOR SELECT TO {names.app}
            USING (current_setting('assay.reads_public', true) = 'on' AND {condition})
        """
    )


def create_inbox(op: Op, schema: str) -> None:
    """Create the inbox alone, for a service that listens and publishes nothing."""
    op.execute(
        f"""
        CREATE TABLE {schema}.inbox (
            consumer text NOT NULL,
            event_id uuid NOT NULL,
            received_at timestamptz NOT NULL DEFAULT now(),
            PRIMARY KEY (consumer, event_id)
        );
        """
    )
    grant_table(op, schema, "inbox", app="SELECT, INSERT", system="SELECT, INSERT")


def create_attempts(op: Op, schema: str) -> None:
    """Create the table in which workers note the tasks that they have in hand (`assay_common.postgres.deaths`).

    Undone by dropping it.
    """
    op.execute(
        f"""
        CREATE TABLE {schema}.attempts (
            event_id uuid NOT NULL,
            worker uuid NOT NULL,
            began_at timestamptz NOT NULL DEFAULT now(),
            PRIMARY KEY (event_id, worker)
        )
        """
    )
    grant_table(op, schema, "attempts", app="SELECT, INSERT, DELETE", system="SELECT, DELETE")


def let_forget(op: Op, schema: str, *, events: bool) -> None:
    """Let the system role remove what was handled long ago from the inbox, and old published events if `events`.

    An event that waits to be published, or was published in the last 30 days, cannot be removed whatever is asked for.
    Undone by `unlet_forget`.
    """
    names = Names(schema)
    op.execute(
        f"""
        GRANT DELETE ON {schema}.inbox TO {names.system};
        CREATE INDEX inbox_by_age ON {schema}.inbox USING brin (received_at) WITH (autosummarize = on)
        """
    )
    if events:
        op.execute(
            f"""
            GRANT DELETE ON {schema}.events TO {names.system};
            CREATE POLICY forgettable ON {schema}.events AS RESTRICTIVE FOR DELETE TO {names.system}
                USING (published_at < now() - interval '30 days');
            CREATE INDEX events_by_age ON {schema}.events USING brin (published_at) WITH (autosummarize = on)
            """
        )


def unlet_forget(op: Op, schema: str, *, events: bool) -> None:
    """Undo `let_forget`."""
    names = Names(schema)
    op.execute(f"DROP INDEX {schema}.inbox_by_age; REVOKE DELETE ON {schema}.inbox FROM {names.system}")
    if events:
        op.execute(
            f"""
            DROP INDEX {schema}.events_by_age;
            DROP POLICY forgettable ON {schema}.events;
            REVOKE DELETE ON {schema}.events FROM {names.system}
            """
        )


def drop_event_tables(op: Op, schema: str) -> None:
    """Drop what `create_event_tables` made, with all events in it."""
    drop_tables(op, schema, ["inbox", "events"])
    op.execute(f"DROP FUNCTION {schema}.announce_events()")


def drop_tables(op: Op, schema: str, tables: Sequence[str]) -> None:
    """Drop the tables in the order given."""
    for table in tables:
        op.execute(f"DROP TABLE {schema}.{table}")
