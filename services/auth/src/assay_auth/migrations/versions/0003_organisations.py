"""Organisations: invitations, teams, service accounts, and keys with limits."""

revision = "0003"
down_revision = "0002"

SCHEMA = "auth"


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
