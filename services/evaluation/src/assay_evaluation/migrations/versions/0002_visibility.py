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
    # Keys that hold the organisation too: nobody adds a row to a dataset that they can read and do not own. The index
    # of the unique constraint serves lists, newest first, as well.
    op.execute(
        """
        ALTER TABLE evaluation.datasets ADD CONSTRAINT datasets_of_organisation UNIQUE (org_id, id);
        DROP INDEX evaluation.datasets_newest_first;
        ALTER TABLE evaluation.dataset_versions
            DROP CONSTRAINT dataset_versions_dataset_id_fkey,
            ADD CONSTRAINT dataset_versions_of_organisation
                FOREIGN KEY (org_id, dataset_id) REFERENCES evaluation.datasets (org_id, id),
            ADD CONSTRAINT dataset_versions_with_organisation UNIQUE (org_id, dataset_id, number);
        ALTER TABLE evaluation.dataset_items
            DROP CONSTRAINT dataset_items_dataset_id_version_fkey,
            ADD CONSTRAINT dataset_items_of_organisation
                FOREIGN KEY (org_id, dataset_id, version)
                REFERENCES evaluation.dataset_versions (org_id, dataset_id, number);
        """
    )
    readable_when_public(op, SCHEMA, "datasets")
    readable_when_public(op, SCHEMA, "dataset_items", OF_A_PUBLIC_DATASET)


def downgrade() -> None:
    op.execute(
        """
        DROP POLICY public ON evaluation.dataset_items;
        DROP POLICY public ON evaluation.datasets;
        ALTER TABLE evaluation.dataset_items
            DROP CONSTRAINT dataset_items_of_organisation,
            ADD CONSTRAINT dataset_items_dataset_id_version_fkey
                FOREIGN KEY (dataset_id, version) REFERENCES evaluation.dataset_versions;
        ALTER TABLE evaluation.dataset_versions
            DROP CONSTRAINT dataset_versions_with_organisation,
            DROP CONSTRAINT dataset_versions_of_organisation,
            ADD CONSTRAINT dataset_versions_dataset_id_fkey
                FOREIGN KEY (dataset_id) REFERENCES evaluation.datasets;
        CREATE INDEX datasets_newest_first ON evaluation.datasets (org_id, id DESC);
        ALTER TABLE evaluation.datasets DROP CONSTRAINT datasets_of_organisation;
        ALTER TABLE evaluation.run_items DROP COLUMN expected, DROP COLUMN item_id;
        ALTER TABLE evaluation.runs DROP COLUMN visibility;
        ALTER TABLE evaluation.datasets DROP COLUMN updates, DROP COLUMN visibility;
        """
    )
    drop_event_attributes(op, SCHEMA)
