"""Datasets in immutable versions, runs with their items and results, comparisons and gate decisions."""

from alembic import op

from assay_common.postgres.migrations import create_event_tables, drop_event_tables, drop_tables, tenant_table

revision, down_revision = "0001", None

SCHEMA = "evaluation"
APPEND_ONLY = "SELECT, INSERT"


def upgrade() -> None:
    create_event_tables(op, SCHEMA)
    op.execute(
        """
        CREATE TABLE evaluation.datasets (
            id uuid PRIMARY KEY,
            org_id uuid NOT NULL,
            name text NOT NULL,
            description text NOT NULL,
            latest_version integer NOT NULL,
            item_count integer NOT NULL,
            created_at timestamptz NOT NULL,
            updated_at timestamptz NOT NULL,
            created_by uuid NOT NULL,
            UNIQUE (org_id, name)
        );
        CREATE INDEX datasets_newest_first ON evaluation.datasets (org_id, id DESC);

        CREATE TABLE evaluation.dataset_versions (
            dataset_id uuid NOT NULL REFERENCES evaluation.datasets,
            number integer NOT NULL CHECK (number > 0),
            org_id uuid NOT NULL,
            item_count integer NOT NULL,
            created_at timestamptz NOT NULL,
            created_by uuid NOT NULL,
            PRIMARY KEY (dataset_id, number)
        );

        CREATE TABLE evaluation.dataset_items (
            dataset_id uuid NOT NULL,
            version integer NOT NULL,
            index integer NOT NULL,
            id uuid NOT NULL,
            org_id uuid NOT NULL,
            inputs jsonb NOT NULL,
            expected text,
            metadata jsonb NOT NULL,
            PRIMARY KEY (dataset_id, version, index),
            FOREIGN KEY (dataset_id, version) REFERENCES evaluation.dataset_versions
        );

        CREATE TABLE evaluation.runs (
            id uuid PRIMARY KEY,
            org_id uuid NOT NULL,
            prompt_id uuid NOT NULL,
            prompt_name text NOT NULL,
            prompt_version integer NOT NULL,
            dataset_id uuid NOT NULL,
            dataset_name text NOT NULL,
            dataset_version integer NOT NULL,
            model text NOT NULL,
            parameters jsonb NOT NULL,
            status text NOT NULL CHECK (status IN ('queued', 'running', 'completed', 'cancelled')),
            total integer NOT NULL CHECK (total > 0),
            measured integer NOT NULL,
            unmeasured integer NOT NULL,
            input_tokens bigint NOT NULL,
            output_tokens bigint NOT NULL,
            cost_usd double precision,
            latency_p50_ms double precision,
            latency_p95_ms double precision,
            created_at timestamptz NOT NULL,
            created_by uuid NOT NULL,
            finished_at timestamptz,
            CHECK (measured + unmeasured <= total),
            CHECK ((finished_at IS NULL) = (status IN ('queued', 'running'))),
            FOREIGN KEY (dataset_id, dataset_version) REFERENCES evaluation.dataset_versions
        );
        CREATE INDEX runs_newest_first ON evaluation.runs (org_id, id DESC);
        CREATE INDEX runs_of_a_prompt ON evaluation.runs (org_id, prompt_id, id DESC);

        CREATE TABLE evaluation.run_evaluators (
            run_id uuid NOT NULL REFERENCES evaluation.runs,
            place integer NOT NULL,
            org_id uuid NOT NULL,
            name text NOT NULL,
            kind text NOT NULL,
            config jsonb NOT NULL,
            measured integer NOT NULL DEFAULT 0,
            passed integer NOT NULL DEFAULT 0,
            score_sum double precision NOT NULL DEFAULT 0,
            PRIMARY KEY (run_id, place),
            UNIQUE (run_id, name)
        );

        CREATE TABLE evaluation.run_items (
            run_id uuid NOT NULL REFERENCES evaluation.runs,
            index integer NOT NULL,
            org_id uuid NOT NULL,
            messages jsonb NOT NULL,
            PRIMARY KEY (run_id, index)
        );

        CREATE TABLE evaluation.results (
            run_id uuid NOT NULL,
            index integer NOT NULL,
            org_id uuid NOT NULL,
            output text,
            scores jsonb NOT NULL,
            unmeasured_reason text NOT NULL,
            latency_ms double precision NOT NULL,
            input_tokens bigint NOT NULL,
            output_tokens bigint NOT NULL,
            cost_usd double precision,
            attempts integer NOT NULL,
            completed_at timestamptz NOT NULL,
            PRIMARY KEY (run_id, index),
            FOREIGN KEY (run_id, index) REFERENCES evaluation.run_items,
            CHECK ((output IS NULL) = (unmeasured_reason <> ''))
        );

        CREATE TABLE evaluation.comparisons (
            id uuid PRIMARY KEY,
            org_id uuid NOT NULL,
            baseline_run_id uuid NOT NULL REFERENCES evaluation.runs,
            candidate_run_id uuid NOT NULL REFERENCES evaluation.runs,
            prompt_id uuid NOT NULL,
            prompt_name text NOT NULL,
            baseline_version integer NOT NULL,
            candidate_version integer NOT NULL,
            paired_items integer NOT NULL,
            unpaired_items integer NOT NULL,
            evaluators jsonb NOT NULL,
            metrics jsonb NOT NULL,
            primary_evaluator text NOT NULL,
            verdict text NOT NULL,
            reason text NOT NULL,
            created_at timestamptz NOT NULL,
            created_by uuid NOT NULL
        );

        CREATE TABLE evaluation.gate_decisions (
            id uuid PRIMARY KEY,
            org_id uuid NOT NULL,
            comparison_id uuid NOT NULL REFERENCES evaluation.comparisons,
            prompt_id uuid NOT NULL,
            label text NOT NULL,
            version integer NOT NULL,
            policy text NOT NULL,
            allowed boolean NOT NULL,
            reason text NOT NULL,
            decided_at timestamptz NOT NULL,
            decided_by uuid NOT NULL
        );
        """
    )
    for table in ("datasets", "runs", "run_evaluators"):
        tenant_table(op, SCHEMA, table, app="SELECT, INSERT, UPDATE")
    for table in ("dataset_versions", "dataset_items", "run_items", "results", "comparisons", "gate_decisions"):
        tenant_table(op, SCHEMA, table, app=APPEND_ONLY)


def downgrade() -> None:
    drop_tables(
        op,
        SCHEMA,
        [
            "gate_decisions",
            "comparisons",
            "results",
            "run_items",
            "run_evaluators",
            "runs",
            "dataset_items",
            "dataset_versions",
            "datasets",
        ],
    )
    drop_event_tables(op, SCHEMA)
