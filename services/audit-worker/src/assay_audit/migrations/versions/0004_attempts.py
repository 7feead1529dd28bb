"""Workers note the tasks that they have in hand.

`runs.attempts` and `results.attempts`, which counted them before, are used by the release before only.
"""

from alembic import op

from assay_common.postgres.tables import create_attempts, drop_tables

revision = "0004"
down_revision = "0003"

SCHEMA = "audit"


def upgrade() -> None:
    create_attempts(op, SCHEMA)


def downgrade() -> None:
    drop_tables(op, SCHEMA, ["attempts"])
