from alembic import op

from assay_common.postgres.migrations import drop_tables, grant_table

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.execute("CREATE TABLE notes.shared (name text PRIMARY KEY, value text)")
    grant_table(op, "notes", "shared", app="SELECT")


def downgrade() -> None:
    drop_tables(op, "notes", ["shared"])
