"""Organisations: invitations, teams, service accounts, and keys with limits."""

from alembic import op

from assay_common.postgres.migrations import drop_tables, tenant_table

revision = "0003"
down_revision = "0002"

SCHEMA = "auth"
CHANGED_OF_KEYS = "expires_at, last_used_at"


def upgrade() -> None:
    op.execute(
        """
        ALTER TABLE auth.organisations ADD COLUMN revision bigint NOT NULL DEFAULT 1;
        ALTER TABLE auth.memberships ADD COLUMN revision bigint NOT NULL DEFAULT 1;

        CREATE TABLE auth.invitations (
            id uuid PRIMARY KEY,
            org_id uuid NOT NULL REFERENCES auth.organisations ON DELETE CASCADE,
            email text NOT NULL,
            role text NOT NULL CHECK (role IN ('owner', 'admin', 'member', 'viewer')),
            teams uuid[] NOT NULL,
            digest bytea NOT NULL UNIQUE CHECK (length(digest) = 32),
            invited_by uuid NOT NULL,
            created_at timestamptz NOT NULL,
            expires_at timestamptz NOT NULL,
            accepted_at timestamptz,
            revoked_at timestamptz,
            CHECK (accepted_at IS NULL OR revoked_at IS NULL)
        );
        CREATE INDEX invitations_of_organisation ON auth.invitations (org_id, id);
        CREATE INDEX invitations_of_address ON auth.invitations (org_id, email);

        CREATE TABLE auth.teams (
            org_id uuid NOT NULL REFERENCES auth.organisations ON DELETE CASCADE,
            id uuid PRIMARY KEY,
            slug text NOT NULL,
            name text NOT NULL,
            description text NOT NULL,
            created_at timestamptz NOT NULL,
            revision bigint NOT NULL DEFAULT 1,
            UNIQUE (org_id, slug),
            UNIQUE (org_id, id)
        );

        CREATE TABLE auth.team_members (
            org_id uuid NOT NULL,
            team_id uuid NOT NULL,
            user_id uuid NOT NULL,
            joined_at timestamptz NOT NULL,
            PRIMARY KEY (team_id, user_id),
            FOREIGN KEY (org_id, team_id) REFERENCES auth.teams (org_id, id) ON DELETE CASCADE,
            FOREIGN KEY (org_id, user_id) REFERENCES auth.memberships ON DELETE CASCADE
        );
        CREATE INDEX team_members_of_member ON auth.team_members (org_id, user_id);

        CREATE TABLE auth.service_accounts (
            org_id uuid NOT NULL REFERENCES auth.organisations ON DELETE CASCADE,
            id uuid PRIMARY KEY,
            name text NOT NULL,
            description text NOT NULL,
            role text NOT NULL CHECK (role IN ('admin', 'member', 'viewer')),
            created_by uuid NOT NULL,
            created_at timestamptz NOT NULL,
            revision bigint NOT NULL DEFAULT 1,
            UNIQUE (org_id, name)
        );

        ALTER TABLE auth.api_keys
            ADD COLUMN owner_kind text NOT NULL DEFAULT 'person' CHECK (owner_kind IN ('person', 'service_account')),
            ADD COLUMN owner_id uuid,
            ADD COLUMN prompts text[] NOT NULL DEFAULT '{}',
            ADD COLUMN repositories text[] NOT NULL DEFAULT '{}',
            ADD COLUMN last_used_at timestamptz,
            ADD COLUMN rotated_from uuid UNIQUE REFERENCES auth.api_keys;
        """
    )
    _keys_belong_to_the_people_who_began_their_line()
    op.execute(
        """
        ALTER TABLE auth.api_keys ALTER COLUMN owner_id SET NOT NULL;
        ALTER TABLE auth.api_keys ALTER COLUMN owner_kind DROP DEFAULT;
        CREATE INDEX api_keys_of_owner ON auth.api_keys (owner_id);
        """
    )
    for table in ("invitations", "teams", "team_members", "service_accounts"):
        tenant_table(op, SCHEMA, table)
    op.execute(f"GRANT UPDATE ({CHANGED_OF_KEYS}) ON auth.api_keys TO assay_auth_app")


def _keys_belong_to_the_people_who_began_their_line() -> None:
    """Give each key its owner: a key that a key created belongs to whoever that one belongs to."""
    # Row-level security is forced upon the table's owner too, and it has no policy of its own.
    op.execute(
        """
        ALTER TABLE auth.api_keys NO FORCE ROW LEVEL SECURITY;
        WITH RECURSIVE line (id, ancestor) AS (
            SELECT id, created_by FROM auth.api_keys
            UNION ALL
            SELECT line.id, parent.created_by FROM line JOIN auth.api_keys AS parent ON parent.id = line.ancestor
        )
        UPDATE auth.api_keys SET owner_id = line.ancestor
        FROM line
        WHERE line.id = api_keys.id AND NOT EXISTS (SELECT FROM auth.api_keys AS other WHERE other.id = line.ancestor);
        ALTER TABLE auth.api_keys FORCE ROW LEVEL SECURITY;
        """
    )


def downgrade() -> None:
    op.execute(
        f"""
        REVOKE UPDATE ({CHANGED_OF_KEYS}) ON auth.api_keys FROM assay_auth_app;
        ALTER TABLE auth.api_keys
            DROP COLUMN owner_kind,
            DROP COLUMN owner_id,
            DROP COLUMN prompts,
            DROP COLUMN repositories,
            DROP COLUMN last_used_at,
            DROP COLUMN rotated_from;
        ALTER TABLE auth.memberships DROP COLUMN revision;
        ALTER TABLE auth.organisations DROP COLUMN revision;
        """
    )
    drop_tables(op, SCHEMA, ["service_accounts", "team_members", "teams", "invitations"])
