"""Visibility, entity tags, and where requests came from."""

from alembic import op

from assay_common.postgres.migrations import add_event_attributes, drop_event_attributes, readable_when_public

revision = "0002"
down_revision = "0001"

SCHEMA = "evaluation"
OF_A_PUBLIC_DATASET = """
    EXISTS (SELECT FROM evaluation.datasets
            WHERE datasets.id = dataset_items.dataset_id AND datasets.org_id = dataset_items.org_id
              AND datasets.visibility = 'public')
"""


def upgrade() -> None:
    add_event_attributes(op, SCHEMA)
    # The defaults stay, and what run_items gains may be absent: code of the release before goes on writing rows while
    # this one is rolled out.
    op.execute(
        """
        ALTER TABLE evaluation.datasets
            ADD COLUMN visibility text NOT NULL DEFAULT 'organisation'
                CHECK (visibility IN ('private', 'organisation', 'public')),
            ADD COLUMN updates integer NOT NULL DEFAULT 0;
        ALTER TABLE evaluation.runs
            ADD COLUMN visibility text NOT NULL DEFAULT 'organisation'
                CHECK (visibility IN ('private', 'organisation'));
        ALTER TABLE evaluation.run_items
            ADD COLUMN item_id uuid,
            ADD COLUMN expected text;
        """
    )
    readable_when_public(op, SCHEMA, "datasets")
    readable_when_public(op, SCHEMA, "dataset_items", OF_A_PUBLIC_DATASET)


def downgrade() -> None:
    op.execute(
        """
        DROP POLICY public ON evaluation.dataset_items;
        DROP POLICY public ON evaluation.datasets;
        ALTER TABLE evaluation.run_items DROP COLUMN expected, DROP COLUMN item_id;
        ALTER TABLE evaluation.runs DROP COLUMN visibility;
        ALTER TABLE evaluation.datasets DROP COLUMN updates, DROP COLUMN visibility;
        """
    )
    drop_event_attributes(op, SCHEMA)
