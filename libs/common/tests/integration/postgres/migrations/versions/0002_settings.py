from alembic import op

from assay_common.postgres.migrations import add_client_address, drop_client_address, drop_tables, grant_table

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    add_client_address(op, "notes")
    op.execute("CREATE TABLE notes.shared (name text PRIMARY KEY, value text)")
    grant_table(op, "notes", "shared", app="SELECT")


def downgrade() -> None:
    drop_tables(op, "notes", ["shared"])
    drop_client_address(op, "notes")
