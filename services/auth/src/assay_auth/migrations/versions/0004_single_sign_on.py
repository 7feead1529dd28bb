"""Single sign-on and devices."""

from alembic import op

from assay_common.postgres.migrations import drop_tables

revision = "0004"
down_revision = "0003"

SCHEMA = "auth"
TABLES = ("identities", "sign_on_attempts", "device_requests", "user_code_tries")


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE auth.identities (
            provider text NOT NULL,
            subject text NOT NULL,
            user_id uuid NOT NULL REFERENCES auth.users ON DELETE CASCADE,
            linked_at timestamptz NOT NULL,
            PRIMARY KEY (provider, subject),
            UNIQUE (user_id, provider)
        );

        CREATE TABLE auth.sign_on_attempts (
            state_digest bytea PRIMARY KEY CHECK (length(state_digest) = 32),
            binding_digest bytea NOT NULL CHECK (length(binding_digest) = 32),
            provider text NOT NULL,
            redirect_uri text NOT NULL,
            return_to text NOT NULL,
            nonce text NOT NULL,
            code_verifier text NOT NULL,
            expires_at timestamptz NOT NULL
        );
        CREATE INDEX sign_on_attempts_by_end ON auth.sign_on_attempts (expires_at);

        CREATE INDEX invitations_by_address ON auth.invitations (email);

        CREATE TABLE auth.device_requests (
            device_digest bytea PRIMARY KEY CHECK (length(device_digest) = 32),
            user_code text NOT NULL UNIQUE,
            client_name text NOT NULL,
            address text NOT NULL,
            requested_at timestamptz NOT NULL,
            expires_at timestamptz NOT NULL,
            interval_seconds integer NOT NULL,
            polled_at timestamptz,
            decision text NOT NULL CHECK (decision IN ('pending', 'approved', 'denied')),
            user_id uuid REFERENCES auth.users ON DELETE CASCADE,
            org_id uuid REFERENCES auth.organisations ON DELETE SET NULL,
            CHECK ((decision = 'approved') = (user_id IS NOT NULL))
        );
        CREATE INDEX device_requests_by_end ON auth.device_requests (expires_at);

        CREATE TABLE auth.user_code_tries (
            user_id uuid PRIMARY KEY REFERENCES auth.users ON DELETE CASCADE,
            wrong integer NOT NULL,
            since timestamptz NOT NULL
        );
        """
    )
    for table in TABLES:
        of_the_system(table)


def of_the_system(table: str) -> None:
    """Keep a table that belongs to no organisation from the app role."""
    op.execute(
        f"""
        ALTER TABLE auth.{table} ENABLE ROW LEVEL SECURITY;
        ALTER TABLE auth.{table} FORCE ROW LEVEL SECURITY;
        CREATE POLICY system ON auth.{table} TO assay_auth_system USING (true) WITH CHECK (true);
        GRANT SELECT, INSERT, UPDATE, DELETE ON auth.{table} TO assay_auth_system;
        """
    )


def downgrade() -> None:
    op.execute("DROP INDEX auth.invitations_by_address")
    drop_tables(op, SCHEMA, list(reversed(TABLES)))
