"""Every Kafka topic as a constant. Made from protos/topics/*.yaml by `make proto`: do not edit."""

from __future__ import annotations

from assay_protos.topic import Topic

AUDIT_EVENTS = Topic(
    name="assay.audit.events",
    description="What happens to repositories and audits.",
    owner="audit",
    key="id of the repository or the audit run",
    messages=(
        "assay.audit.v1.RepositoryCreated",
        "assay.audit.v1.RepositoryUpdated",
        "assay.audit.v1.AuditStarted",
        "assay.audit.v1.AuditMeasured",
        "assay.audit.v1.AuditCompleted",
    ),
    partitions=6,
    retention_hours=336,
    consumers=("gateway", "analytics"),
)
AUDIT_TASKS = Topic(
    name="assay.audit.tasks",
    description="Audits that wait for a worker.",
    owner="audit",
    key="audit run id and kind",
    messages=("assay.audit.v1.PrepareAudit", "assay.audit.v1.RunAudit"),
    partitions=12,
    retention_hours=168,
    consumers=("audit",),
)
AUTH_EVENTS = Topic(
    name="assay.auth.events",
    description="What happens to organisations, members and API keys.",
    owner="auth",
    key="organisation id",
    messages=(
        "assay.auth.v1.OrganisationCreated",
        "assay.auth.v1.MemberAdded",
        "assay.auth.v1.MemberRoleChanged",
        "assay.auth.v1.MemberRemoved",
        "assay.auth.v1.ApiKeyCreated",
        "assay.auth.v1.ApiKeyRevoked",
    ),
    partitions=6,
    retention_hours=336,
    consumers=("gateway", "analytics"),
)
EVALUATION_EVENTS = Topic(
    name="assay.evaluation.events",
    description="What happens to datasets, runs, comparisons and gates.",
    owner="evaluation",
    key="id of the dataset, the run or the comparison",
    messages=(
        "assay.evaluation.v1.DatasetImported",
        "assay.evaluation.v1.RunCreated",
        "assay.evaluation.v1.ItemsMeasured",
        "assay.evaluation.v1.RunCompleted",
        "assay.evaluation.v1.RunCancelled",
        "assay.evaluation.v1.ComparisonCreated",
        "assay.evaluation.v1.GateDecided",
    ),
    partitions=6,
    retention_hours=336,
    consumers=("gateway", "prompt", "analytics"),
)
EVALUATION_TASKS = Topic(
    name="assay.evaluation.tasks",
    description="Items of runs that wait for a worker.",
    owner="evaluation",
    key="run id and first index, so that a run spreads over all partitions",
    messages=("assay.evaluation.v1.EvaluateItems",),
    partitions=12,
    retention_hours=168,
    consumers=("evaluation",),
)
PROMPT_EVENTS = Topic(
    name="assay.prompt.events",
    description="What happens to prompts.",
    owner="prompt",
    key="prompt id",
    messages=(
        "assay.prompt.v1.PromptCreated",
        "assay.prompt.v1.VersionPublished",
        "assay.prompt.v1.LabelMoved",
        "assay.prompt.v1.LabelRemoved",
    ),
    partitions=6,
    retention_hours=336,
    consumers=("gateway", "analytics"),
)
ALL: tuple[Topic, ...] = (
    AUDIT_EVENTS,
    AUDIT_TASKS,
    AUTH_EVENTS,
    EVALUATION_EVENTS,
    EVALUATION_TASKS,
    PROMPT_EVENTS,
)
