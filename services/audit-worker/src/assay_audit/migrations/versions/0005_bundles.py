"""Bundles know when they were last needed; those of before are kept as if that were now."""

from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.execute("ALTER TABLE audit.bundles ADD COLUMN used_at timestamptz NOT NULL DEFAULT now()")


def downgrade() -> None:
    op.execute("ALTER TABLE audit.bundles DROP COLUMN used_at")
