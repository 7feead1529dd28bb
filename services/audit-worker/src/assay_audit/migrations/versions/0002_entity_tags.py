"""Entity tags, and where requests came from."""

from alembic import op

from assay_common.postgres.migrations import add_event_attributes, drop_event_attributes

revision = "0002"
down_revision = "0001"

SCHEMA = "audit"


def upgrade() -> None:
    add_event_attributes(op, SCHEMA)


def downgrade() -> None:
    drop_event_attributes(op, SCHEMA)
