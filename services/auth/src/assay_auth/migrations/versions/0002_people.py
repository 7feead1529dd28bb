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
    _whoever_is_there_was_verified_by_an_administrator()


def _whoever_is_there_was_verified_by_an_administrator() -> None:
    """Give people the columns of addresses and of accounts without a password."""
    # Row-level security is forced upon the table's owner too, and it has no policy of its own.
    op.execute(
        """
        ALTER TABLE auth.users
            ALTER COLUMN password_hash DROP NOT NULL,
            ADD COLUMN email_verified_at timestamptz,
            ADD COLUMN deactivated_at timestamptz,
            NO FORCE ROW LEVEL SECURITY;
        UPDATE auth.users SET email_verified_at = created_at;
        ALTER TABLE auth.users FORCE ROW LEVEL SECURITY;
        """
    )


def downgrade() -> None:
    op.execute(
        """
        ALTER TABLE auth.users NO FORCE ROW LEVEL SECURITY;
        UPDATE auth.users SET password_hash = '!' WHERE password_hash IS NULL;
        ALTER TABLE auth.users
            ALTER COLUMN password_hash SET NOT NULL,
            DROP COLUMN email_verified_at,
            DROP COLUMN deactivated_at,
            FORCE ROW LEVEL SECURITY;
        """
    )
    drop_tables(op, SCHEMA, ["mails"])
    drop_event_attributes(op, SCHEMA)
