"""What was handled long ago may be removed. Events stay: they number what comes next."""

from alembic import op

from assay_common.postgres.tables import let_forget, unlet_forget

revision = "0006"
down_revision = "0005"

SCHEMA = "auth"


def upgrade() -> None:
    let_forget(op, SCHEMA, events=False)


def downgrade() -> None:
    unlet_forget(op, SCHEMA, events=False)
