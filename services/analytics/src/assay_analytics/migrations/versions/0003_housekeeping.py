"""The inbox is looked through by age."""

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    # What was handled long ago may be removed already: see 0002.
    op.execute("CREATE INDEX inbox_by_age ON analytics.inbox USING brin (received_at) WITH (autosummarize = on)")


def downgrade() -> None:
    op.execute("DROP INDEX analytics.inbox_by_age")
