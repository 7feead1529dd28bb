"""Prompts, versions, labels, and their events."""

from __future__ import annotations

from alembic import op

from assay_common.postgres.tables import create_event_tables, drop_event_tables, drop_tables, tenant_table

revision = "0001"
down_revision = None

APPEND_ONLY = "SELECT, INSERT"


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE prompt.prompts (
            id uuid PRIMARY KEY,
            org_id uuid NOT NULL,
            name text COLLATE "C" NOT NULL,
            description text NOT NULL,
            latest_version integer NOT NULL,
            latest_hash text,
            revision bigint NOT NULL,
            created_at timestamptz NOT NULL,
            created_by uuid NOT NULL,
            updated_at timestamptz NOT NULL,
            UNIQUE (org_id, name)
        );
        CREATE INDEX prompts_newest ON prompt.prompts (org_id, id DESC);

        CREATE TABLE prompt.versions (
            org_id uuid NOT NULL,
            prompt_id uuid NOT NULL REFERENCES prompt.prompts,
            number integer NOT NULL CHECK (number > 0),
            content jsonb NOT NULL,
            content_hash text NOT NULL,
            commit_message text NOT NULL,
            variables text[] NOT NULL,
            created_at timestamptz NOT NULL,
            created_by uuid NOT NULL,
            PRIMARY KEY (prompt_id, number)
        );

        CREATE TABLE prompt.labels (
            org_id uuid NOT NULL,
            prompt_id uuid NOT NULL,
            name text NOT NULL,
            version integer NOT NULL,
            updated_at timestamptz NOT NULL,
            PRIMARY KEY (prompt_id, name),
            FOREIGN KEY (prompt_id, version) REFERENCES prompt.versions (prompt_id, number)
        );
        """
    )
    tenant_table(op, "prompt", "prompts")
    tenant_table(op, "prompt", "versions", app=APPEND_ONLY, system=APPEND_ONLY)
    tenant_table(op, "prompt", "labels")
    create_event_tables(op, "prompt")


def downgrade() -> None:
    drop_event_tables(op, "prompt")
    drop_tables(op, "prompt", ["labels", "versions", "prompts"])
