"""People: verified addresses, second factors, sessions one can see, throttles."""

from alembic import op

from assay_common.postgres.migrations import add_event_attributes, drop_event_attributes, drop_tables, grant_table

revision = "0002"
down_revision = "0001"

SCHEMA = "auth"


def upgrade() -> None:
    add_event_attributes(op, SCHEMA)
    op.execute(
        """
        CREATE TABLE auth.mails (
            id uuid PRIMARY KEY,
            recipient text NOT NULL,
            subject text NOT NULL,
            text text NOT NULL,
            created_at timestamptz NOT NULL DEFAULT now(),
            attempts integer NOT NULL DEFAULT 0,
            next_attempt_at timestamptz NOT NULL DEFAULT now()
        );
        """
    )
    grant_table(op, SCHEMA, "mails", app="")


def downgrade() -> None:
    drop_tables(op, SCHEMA, ["mails"])
    drop_event_attributes(op, SCHEMA)
