"""What was counted may be forgotten, so that it can be counted anew."""

from __future__ import annotations

from alembic import op

revision = "0002"
down_revision = "0001"

TABLES = "analytics.counters, analytics.event_counts, analytics.model_usage, analytics.inbox"


def upgrade() -> None:
    op.execute(f"GRANT DELETE ON {TABLES} TO assay_analytics_system")


def downgrade() -> None:
    op.execute(f"REVOKE DELETE ON {TABLES} FROM assay_analytics_system")
