"""People: verified addresses, second factors, sessions one can see, throttles."""

from alembic import op

from assay_common.postgres.migrations import add_client_address, drop_client_address

revision = "0002"
down_revision = "0001"

SCHEMA = "auth"


def upgrade() -> None:
    add_client_address(op, SCHEMA)


def downgrade() -> None:
    drop_client_address(op, SCHEMA)
