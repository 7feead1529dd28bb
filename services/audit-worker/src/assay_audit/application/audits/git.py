"""The audit `git`: what the history tells."""

from assay_audit.application.audits.snapshot import Examined, NothingToMeasure, Snapshot
from assay_audit.domain.history import HUGE_BLOB, judge_history


async def audit_git(snapshot: Snapshot) -> Examined:
    """Judge messages, sizes of commits, hot spots, ownership and dead weight of the newest commits."""
    commits = await snapshot.mirror.history(snapshot.commit)
    if not commits:
        raise NothingToMeasure("no commits")
    lines = await snapshot.lines(snapshot.inventory.code())
    large = await snapshot.mirror.large_objects(snapshot.commit, HUGE_BLOB)
    return Examined(judge_history(commits, lines, large), len(commits) / 100)
