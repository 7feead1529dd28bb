"""Single sign-on and devices."""

revision = "0004"
down_revision = "0003"

SCHEMA = "auth"


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
