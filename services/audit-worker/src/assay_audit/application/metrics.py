"""What the use cases count."""

from typing import Final

from prometheus_client import Counter, Histogram

from assay_audit.domain.kinds import MEASURED

PREPARATIONS: Final = Counter(
    "audit_preparations", "Repositories brought in for a run, by what came of it.", ["outcome"]
)
MEASUREMENTS: Final = Counter(
    "audit_measurements", "Audits done by this worker, by what came of them.", ["kind", "outcome"]
)
MEASUREMENT_SECONDS: Final = Histogram(
    "audit_measurement_seconds",
    "Time of one audit, from its task to its result.",
    ["kind"],
    buckets=(0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0),
)

for _outcome in ("prepared", "failed"):  # from nothing: a rate does not see the first of what was never seen at 0
    PREPARATIONS.labels(_outcome)
for _kind in MEASURED:
    for _outcome in ("measured", "nothing_to_measure", "failed", "given_up"):
        MEASUREMENTS.labels(_kind.word, _outcome)
