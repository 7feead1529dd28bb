"""People: verified addresses, second factors, sessions one can see, throttles."""

from alembic import op

from assay_common.postgres.migrations import add_event_attributes, drop_event_attributes, drop_tables, grant_table

revision = "0002"
down_revision = "0001"

SCHEMA = "auth"
SYSTEM_ONLY = ("account_links", "second_factors", "recovery_codes", "throttles")


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
    op.execute(
        """
        CREATE INDEX mails_by_turn ON auth.mails (next_attempt_at);

        CREATE TABLE auth.account_links (
            digest bytea PRIMARY KEY CHECK (length(digest) = 32),
            user_id uuid NOT NULL REFERENCES auth.users ON DELETE CASCADE,
            purpose text NOT NULL CHECK (purpose IN ('verify_email', 'reset_password')),
            created_at timestamptz NOT NULL,
            expires_at timestamptz NOT NULL
        );
        CREATE INDEX account_links_of_user ON auth.account_links (user_id);
        CREATE INDEX account_links_by_end ON auth.account_links (expires_at);

        CREATE TABLE auth.second_factors (
            user_id uuid PRIMARY KEY REFERENCES auth.users ON DELETE CASCADE,
            sealed_secret bytea NOT NULL,
            created_at timestamptz NOT NULL,
            confirmed_at timestamptz,
            last_step bigint NOT NULL DEFAULT 0
        );

        CREATE TABLE auth.recovery_codes (
            user_id uuid NOT NULL REFERENCES auth.second_factors ON DELETE CASCADE,
            digest bytea NOT NULL CHECK (length(digest) = 32),
            PRIMARY KEY (user_id, digest)
        );

        CREATE TABLE auth.throttles (
            bucket bytea PRIMARY KEY CHECK (length(bucket) = 32),
            failures integer NOT NULL,
            last_at timestamptz NOT NULL,
            refused boolean NOT NULL DEFAULT false
        );
        CREATE INDEX throttles_by_age ON auth.throttles (last_at);

        ALTER TABLE auth.refresh_families
            ADD COLUMN method text NOT NULL DEFAULT 'password',
            ADD COLUMN user_agent text NOT NULL DEFAULT '',
            ADD COLUMN address text NOT NULL DEFAULT '',
            ADD COLUMN last_used_at timestamptz NOT NULL DEFAULT now();
        """
    )
    for table in SYSTEM_ONLY:
        of_the_system(table)
    _whoever_is_there_was_verified_by_an_administrator()


def of_the_system(table: str) -> None:
    """Keep a table that belongs to no organisation from the app role."""
    op.execute(
        f"""
        ALTER TABLE auth.{table} ENABLE ROW LEVEL SECURITY;
        ALTER TABLE auth.{table} FORCE ROW LEVEL SECURITY;
        CREATE POLICY system ON auth.{table} TO assay_auth_system USING (true) WITH CHECK (true);
        """
    )
    grant_table(op, SCHEMA, table, app="")


def _whoever_is_there_was_verified_by_an_administrator() -> None:
    """Give people the columns of addresses and of accounts without a password."""
    # Row-level security is forced upon the table's owner too, and it has no policy of its own.
    op.execute(
        """
        ALTER TABLE auth.users
            ALTER COLUMN password_hash DROP NOT NULL,
            ADD COLUMN email_verified_at timestamptz,
            ADD COLUMN deactivated_at timestamptz,
            ADD COLUMN revision bigint NOT NULL DEFAULT 1,
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
            DROP COLUMN revision,
            FORCE ROW LEVEL SECURITY;
        """
    )
    op.execute(
        """
        ALTER TABLE auth.refresh_families
            DROP COLUMN method, DROP COLUMN user_agent, DROP COLUMN address, DROP COLUMN last_used_at
        """
    )
    drop_tables(op, SCHEMA, ["throttles", "recovery_codes", "second_factors", "account_links", "mails"])
    drop_event_attributes(op, SCHEMA)
