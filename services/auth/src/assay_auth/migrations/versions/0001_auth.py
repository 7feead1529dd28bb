"""People, organisations, API keys, sessions and signing keys."""

from alembic import op

from assay_common.postgres.migrations import create_event_tables, drop_event_tables, drop_tables, tenant_table

revision = "0001"
down_revision = None

SCHEMA = "auth"
SYSTEM_ONLY = ("refresh_families", "refresh_tokens", "signing_keys")


def upgrade() -> None:
    create_event_tables(op, SCHEMA)
    op.execute(
        """
        CREATE TABLE auth.users (
            id uuid PRIMARY KEY,
            email text NOT NULL UNIQUE,
            name text NOT NULL,
            password_hash text NOT NULL,
            created_at timestamptz NOT NULL
        );

        CREATE TABLE auth.organisations (
            org_id uuid PRIMARY KEY,
            slug text NOT NULL UNIQUE,
            name text NOT NULL,
            created_at timestamptz NOT NULL,
            version bigint NOT NULL DEFAULT 0
        );

        CREATE TABLE auth.memberships (
            org_id uuid NOT NULL REFERENCES auth.organisations ON DELETE CASCADE,
            user_id uuid NOT NULL REFERENCES auth.users ON DELETE CASCADE,
            role text NOT NULL CHECK (role IN ('owner', 'admin', 'member', 'viewer')),
            joined_at timestamptz NOT NULL,
            PRIMARY KEY (org_id, user_id)
        );
        CREATE INDEX memberships_of_user ON auth.memberships (user_id);

        CREATE TABLE auth.api_keys (
            id uuid PRIMARY KEY,
            org_id uuid NOT NULL REFERENCES auth.organisations ON DELETE CASCADE,
            name text NOT NULL,
            prefix text NOT NULL,
            digest bytea NOT NULL UNIQUE CHECK (length(digest) = 32),
            scopes text[] NOT NULL,
            created_by uuid NOT NULL,
            created_at timestamptz NOT NULL,
            expires_at timestamptz,
            revoked_at timestamptz
        );
        CREATE INDEX api_keys_of_organisation ON auth.api_keys (org_id, id);

        CREATE TABLE auth.refresh_families (
            id uuid PRIMARY KEY,
            user_id uuid NOT NULL REFERENCES auth.users ON DELETE CASCADE,
            org_id uuid REFERENCES auth.organisations ON DELETE SET NULL,
            created_at timestamptz NOT NULL,
            expires_at timestamptz NOT NULL,
            revoked_at timestamptz
        );
        CREATE INDEX refresh_families_of_user ON auth.refresh_families (user_id);

        CREATE TABLE auth.refresh_tokens (
            digest bytea PRIMARY KEY CHECK (length(digest) = 32),
            family_id uuid NOT NULL REFERENCES auth.refresh_families ON DELETE CASCADE,
            issued_at timestamptz NOT NULL,
            expires_at timestamptz NOT NULL,
            rotated_at timestamptz
        );
        CREATE INDEX refresh_tokens_of_family ON auth.refresh_tokens (family_id);

        CREATE TABLE auth.signing_keys (
            id text PRIMARY KEY,
            public_key bytea NOT NULL CHECK (length(public_key) = 32),
            sealed_private_key bytea NOT NULL,
            created_at timestamptz NOT NULL,
            signs_until timestamptz NOT NULL,
            verifies_until timestamptz NOT NULL
        );
        """
    )
    tenant_table(op, SCHEMA, "organisations", app="SELECT, INSERT, UPDATE")
    tenant_table(op, SCHEMA, "memberships")
    tenant_table(op, SCHEMA, "api_keys", app="SELECT, INSERT, UPDATE (revoked_at)")
    people_are_seen_by_their_organisations()
    for table in SYSTEM_ONLY:
        of_the_system(table)


def people_are_seen_by_their_organisations() -> None:
    """Let an organisation see its members' names and addresses, and nothing of their passwords."""
    of_the_system("users")
    op.execute(
        """
        CREATE POLICY members ON auth.users FOR SELECT TO assay_auth_app
            USING (EXISTS (SELECT FROM auth.memberships WHERE user_id = users.id));
        GRANT SELECT (id, email, name, created_at) ON auth.users TO assay_auth_app;
        """
    )


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
    op.execute("DROP POLICY members ON auth.users")
    drop_tables(op, SCHEMA, ["refresh_tokens", "refresh_families", "signing_keys"])
    drop_tables(op, SCHEMA, ["api_keys", "memberships", "organisations", "users"])
    drop_event_tables(op, SCHEMA)
