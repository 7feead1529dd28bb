"""The audit trail, and signing keys that are published before they sign."""

revision = "0005"
down_revision = "0004"

SCHEMA = "auth"


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
