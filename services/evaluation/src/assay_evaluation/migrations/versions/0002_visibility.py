"""Visibility, entity tags, and where requests came from."""

from alembic import op

from assay_common.postgres.migrations import add_client_address, drop_client_address

revision = "0002"
down_revision = "0001"

SCHEMA = "evaluation"


def upgrade() -> None:
    add_client_address(op, SCHEMA)


def downgrade() -> None:
    drop_client_address(op, SCHEMA)
