"""Visibility, entity tags, and where requests came from."""

from alembic import op

from assay_common.postgres.migrations import add_event_attributes, drop_event_attributes, readable_when_public

revision = "0002"
down_revision = "0001"

SCHEMA = "prompt"
OF_A_PUBLIC_PROMPT = """
    EXISTS (SELECT FROM prompt.prompts
            WHERE prompts.id = {0}.prompt_id AND prompts.visibility = 'public')
"""


def upgrade() -> None:
    add_event_attributes(op, SCHEMA)
    # The defaults stay: code of the release before goes on writing rows while this one is rolled out.
    op.execute(
        """
        ALTER TABLE prompt.prompts ADD COLUMN visibility text NOT NULL DEFAULT 'organisation'
            CHECK (visibility IN ('private', 'organisation', 'public'));
        ALTER TABLE prompt.labels ADD COLUMN revision bigint NOT NULL DEFAULT 0;
        """
    )
    # A key of organisation and prompt together: nobody adds a row to a prompt that they can read and do not own.
    op.execute(
        """
        ALTER TABLE prompt.prompts ADD CONSTRAINT prompts_of_organisation UNIQUE (org_id, id);
        DROP INDEX prompt.prompts_newest;
        ALTER TABLE prompt.versions ADD CONSTRAINT versions_of_organisation
            FOREIGN KEY (org_id, prompt_id) REFERENCES prompt.prompts (org_id, id);
        ALTER TABLE prompt.labels ADD CONSTRAINT labels_of_organisation
            FOREIGN KEY (org_id, prompt_id) REFERENCES prompt.prompts (org_id, id);
        """
    )
    readable_when_public(op, SCHEMA, "prompts")
    for table in ("versions", "labels"):
        readable_when_public(op, SCHEMA, table, OF_A_PUBLIC_PROMPT.format(table))


def downgrade() -> None:
    op.execute(
        """
        DROP POLICY public ON prompt.labels;
        DROP POLICY public ON prompt.versions;
        DROP POLICY public ON prompt.prompts;
        ALTER TABLE prompt.labels DROP CONSTRAINT labels_of_organisation;
        ALTER TABLE prompt.versions DROP CONSTRAINT versions_of_organisation;
        ALTER TABLE prompt.prompts DROP CONSTRAINT prompts_of_organisation;
        CREATE INDEX prompts_newest ON prompt.prompts (org_id, id DESC);
        ALTER TABLE prompt.labels DROP COLUMN revision;
        ALTER TABLE prompt.prompts DROP COLUMN visibility;
        """
    )
    drop_event_attributes(op, SCHEMA)
