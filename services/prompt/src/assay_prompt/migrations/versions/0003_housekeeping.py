"""What was handled long ago may be removed. Events are the history of prompts, and stay."""

from alembic import op

from assay_common.postgres.tables import let_forget, unlet_forget

revision = "0003"
down_revision = "0002"

SCHEMA = "prompt"


def upgrade() -> None:
    let_forget(op, SCHEMA, events=False)


def downgrade() -> None:
    unlet_forget(op, SCHEMA, events=False)
