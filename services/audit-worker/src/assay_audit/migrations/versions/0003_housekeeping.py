"""What was handled and published long ago may be removed."""

from alembic import op

from assay_common.postgres.tables import let_forget, unlet_forget

revision = "0003"
down_revision = "0002"

SCHEMA = "audit"


def upgrade() -> None:
    let_forget(op, SCHEMA, events=True)


def downgrade() -> None:
    unlet_forget(op, SCHEMA, events=True)
