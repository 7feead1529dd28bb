"""Visibility, entity tags, and where requests came from."""

from alembic import op

from assay_common.postgres.migrations import add_client_address, drop_client_address, readable_when_public

revision = "0002"
down_revision = "0001"

SCHEMA = "prompt"
OF_A_PUBLIC_PROMPT = """
    EXISTS (SELECT FROM prompt.prompts
            WHERE prompts.id = {0}.prompt_id AND prompts.org_id = {0}.org_id AND prompts.visibility = 'public')
"""


def upgrade() -> None:
    add_client_address(op, SCHEMA)
    # The defaults stay: code of the release before goes on writing rows while this one is rolled out.
    op.execute(
        """
        ALTER TABLE prompt.prompts ADD COLUMN visibility text NOT NULL DEFAULT 'organisation'
            CHECK (visibility IN ('private', 'organisation', 'public'));
        ALTER TABLE prompt.labels ADD COLUMN revision bigint NOT NULL DEFAULT 0;
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
        ALTER TABLE prompt.labels DROP COLUMN revision;
        ALTER TABLE prompt.prompts DROP COLUMN visibility;
        """
    )
    drop_client_address(op, SCHEMA)
