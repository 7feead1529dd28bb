"""Repositories, bundles, audit runs with results and findings, the analysis cache, and their events."""

from alembic import op

from assay_common.postgres.tables import create_event_tables, drop_event_tables, drop_tables, tenant_table

revision = "0001"
down_revision = None

TABLES = ["analyses", "findings", "results", "runs", "bundles", "repositories"]


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE audit.repositories (
            id uuid PRIMARY KEY,
            org_id uuid NOT NULL,
            name text COLLATE "C" NOT NULL,
            url text NOT NULL,
            head_commit text NOT NULL,
            bundle_digest text,
            version bigint NOT NULL,
            created_at timestamptz NOT NULL,
            updated_at timestamptz NOT NULL,
            UNIQUE (org_id, name)
        );
        CREATE INDEX repositories_newest ON audit.repositories (org_id, id DESC);

        CREATE TABLE audit.bundles (
            org_id uuid NOT NULL,
            repository_id uuid NOT NULL REFERENCES audit.repositories,
            digest text NOT NULL,
            head_commit text NOT NULL,
            size_bytes bigint NOT NULL,
            created_at timestamptz NOT NULL,
            PRIMARY KEY (repository_id, digest)
        );

        CREATE TABLE audit.runs (
            id uuid PRIMARY KEY,
            org_id uuid NOT NULL,
            repository_id uuid NOT NULL REFERENCES audit.repositories,
            repository_name text NOT NULL,
            commit text NOT NULL,
            bundle_digest text,
            status smallint NOT NULL,
            reason text NOT NULL DEFAULT '',
            health double precision,
            findings integer NOT NULL DEFAULT 0,
            files integer NOT NULL DEFAULT 0,
            lines_of_code integer NOT NULL DEFAULT 0,
            skipped jsonb NOT NULL DEFAULT '{}',
            pending smallint NOT NULL CHECK (pending >= 0),
            attempts integer NOT NULL DEFAULT 0,
            version bigint NOT NULL,
            created_at timestamptz NOT NULL,
            finished_at timestamptz
        );
        CREATE INDEX runs_newest ON audit.runs (org_id, id DESC);
        CREATE INDEX runs_of_repository ON audit.runs (repository_id, id DESC);

        CREATE TABLE audit.results (
            org_id uuid NOT NULL,
            run_id uuid NOT NULL REFERENCES audit.runs,
            kind smallint NOT NULL,
            status smallint NOT NULL,
            score double precision,
            reason text NOT NULL,
            findings integer NOT NULL,
            duration_ms double precision NOT NULL,
            attempts integer NOT NULL DEFAULT 0,
            PRIMARY KEY (run_id, kind)
        );

        CREATE TABLE audit.findings (
            id uuid PRIMARY KEY,
            org_id uuid NOT NULL,
            run_id uuid NOT NULL REFERENCES audit.runs,
            kind smallint NOT NULL,
            rule text COLLATE "C" NOT NULL,
            severity smallint NOT NULL,
            message text NOT NULL,
            path text COLLATE "C" NOT NULL,
            line integer NOT NULL,
            fingerprint text NOT NULL,
            UNIQUE (run_id, kind, fingerprint)
        );
        CREATE INDEX findings_worst ON audit.findings (run_id, (-severity), kind, path, line, id);

        CREATE TABLE audit.analyses (
            org_id uuid NOT NULL,
            engine text NOT NULL,
            engine_version text NOT NULL,
            config text NOT NULL,
            content text NOT NULL,
            result jsonb NOT NULL,
            created_at timestamptz NOT NULL DEFAULT now(),
            PRIMARY KEY (org_id, engine, engine_version, config, content)
        );
        """
    )
    for table in TABLES:
        tenant_table(op, "audit", table)
    create_event_tables(op, "audit")


def downgrade() -> None:
    drop_event_tables(op, "audit")
    drop_tables(op, "audit", TABLES)
