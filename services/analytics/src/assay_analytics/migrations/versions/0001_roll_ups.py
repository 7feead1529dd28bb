"""Sums per hour, and the inbox."""

from __future__ import annotations

from alembic import op

from assay_common.postgres.tables import create_inbox, drop_tables, tenant_table

revision = "0001"
down_revision = None

ADD_ONLY = "SELECT, INSERT, UPDATE"


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE analytics.counters (
            org_id uuid NOT NULL,
            hour timestamptz NOT NULL,
            name text NOT NULL,
            value numeric NOT NULL,
            PRIMARY KEY (org_id, hour, name)
        );
        CREATE TABLE analytics.model_usage (
            org_id uuid NOT NULL,
            hour timestamptz NOT NULL,
            model text NOT NULL,
            items bigint NOT NULL,
            input_tokens bigint NOT NULL,
            output_tokens bigint NOT NULL,
            cost_usd numeric NOT NULL,
            latency_ms_sum numeric NOT NULL,
            PRIMARY KEY (org_id, hour, model)
        );
        CREATE TABLE analytics.event_counts (
            org_id uuid NOT NULL,
            hour timestamptz NOT NULL,
            type text NOT NULL,
            count bigint NOT NULL,
            PRIMARY KEY (org_id, hour, type)
        );
        """
    )
    for table in ("counters", "model_usage", "event_counts"):
        tenant_table(op, "analytics", table, app=ADD_ONLY, system="SELECT")
    create_inbox(op, "analytics")


def downgrade() -> None:
    drop_tables(op, "analytics", ["inbox", "event_counts", "model_usage", "counters"])
