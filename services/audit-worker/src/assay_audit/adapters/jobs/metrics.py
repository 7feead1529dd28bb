"""What is measured of Jobs."""

from typing import Final

from prometheus_client import Counter, Histogram

JOBS: Final = Counter("audit_jobs", "Jobs of audit runs, by what became of them: ended, lost or refused.", ["outcome"])
START_SECONDS: Final = Histogram(
    "audit_job_start_seconds",
    "Time from the wish for a Job until its process asked for work.",
    buckets=(0.5, 1.0, 2.0, 3.0, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0),
)
