"""The audit trail, and signing keys that are published before they sign."""

from alembic import op

from assay_common.postgres.migrations import drop_tables, tenant_table

revision = "0005"
down_revision = "0004"

SCHEMA = "auth"


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE auth.audit_entries (
            org_id uuid NOT NULL,
            sequence bigint NOT NULL CHECK (sequence > 0),
            id uuid NOT NULL,
            occurred_at timestamptz NOT NULL,
            actor uuid,
            actor_kind text NOT NULL CHECK (actor_kind IN ('user', 'api_key', 'system')),
            action text NOT NULL,
            target_kind text NOT NULL,
            target text NOT NULL,
            address text NOT NULL,
            request_id text NOT NULL,
            data text NOT NULL,
            hash bytea NOT NULL CHECK (length(hash) = 32),
            PRIMARY KEY (org_id, sequence),
            UNIQUE (org_id, id)
        );
        CREATE INDEX audit_entries_of_actor ON auth.audit_entries (org_id, actor, sequence);
        CREATE INDEX audit_entries_of_target ON auth.audit_entries (org_id, target, sequence);

        CREATE TABLE auth.audit_heads (
            org_id uuid PRIMARY KEY,
            sequence bigint NOT NULL,
            hash bytea NOT NULL CHECK (length(hash) = 32)
        );

        ALTER TABLE auth.signing_keys ADD COLUMN signs_from timestamptz;
        UPDATE auth.signing_keys SET signs_from = created_at;
        ALTER TABLE auth.signing_keys ALTER COLUMN signs_from SET NOT NULL;
        """
    )
    # Append-only: no role of the service may change or delete an entry.
    tenant_table(op, SCHEMA, "audit_entries", app="SELECT", system="SELECT, INSERT")
    tenant_table(op, SCHEMA, "audit_heads", app="SELECT", system="SELECT, INSERT, UPDATE")


def downgrade() -> None:
    op.execute("ALTER TABLE auth.signing_keys DROP COLUMN signs_from")
    drop_tables(op, SCHEMA, ["audit_heads", "audit_entries"])
