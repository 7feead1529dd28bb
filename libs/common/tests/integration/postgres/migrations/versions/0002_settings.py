from alembic import op

from assay_common.postgres.migrations import add_event_attributes, drop_event_attributes, drop_tables, grant_table

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    add_event_attributes(op, "notes")
    op.execute("CREATE TABLE notes.shared (name text PRIMARY KEY, value text)")
    grant_table(op, "notes", "shared", app="SELECT")


def downgrade() -> None:
    drop_tables(op, "notes", ["shared"])
    drop_event_attributes(op, "notes")
