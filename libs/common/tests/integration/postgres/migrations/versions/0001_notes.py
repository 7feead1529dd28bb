from alembic import op

from assay_common.postgres.migrations import create_event_tables, drop_event_tables, drop_tables, tenant_table

revision = "0001"
down_revision = None


def upgrade() -> None:
    create_event_tables(op, "notes")
    op.execute(
        """
        CREATE TABLE notes.notes (
            id uuid PRIMARY KEY,
            org_id uuid NOT NULL,
            body text NOT NULL,
            extra jsonb NOT NULL DEFAULT '{}'
        );
        CREATE INDEX notes_of_an_organisation ON notes.notes (org_id);
        """
    )
    tenant_table(op, "notes", "notes")


def downgrade() -> None:
    drop_tables(op, "notes", ["notes"])
    drop_event_tables(op, "notes")
