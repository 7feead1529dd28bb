"""Bundles that nobody needs any more: their rows, and with them the objects."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

import asyncpg

from assay_audit.adapters.bundle_store import ObjectBundleStore
from assay_audit.domain.kinds import Status
from assay_common.postgres.housekeeping import Expendable

BATCH: Final = 100
"""Bundles removed by one transaction, which waits for the object store."""

# A repository's newest bundle is what its next audit reads. A run that has no bundle yet is about to clone one, which
# may turn out to be one of before.
_IS_OLD: Final = f"""
    used_at < $1
    AND NOT EXISTS (
        SELECT FROM repositories
        WHERE repositories.id = bundles.repository_id AND repositories.bundle_digest = bundles.digest)
    AND NOT EXISTS (
        SELECT FROM runs
        WHERE runs.repository_id = bundles.repository_id AND status IN ({Status.QUEUED:d}, {Status.RUNNING:d})
          AND (runs.bundle_digest = bundles.digest OR runs.bundle_digest IS NULL))
"""  # noqa: S608 - what is put in are constants of the code


def old_bundles(store: ObjectBundleStore, days: int) -> Expendable:
    """Bundles that nobody uploaded, cloned or began to audit for so many days, that no run waits for, and that are not
    their repository's newest.
    """

    async def remove(rows: Sequence[asyncpg.Record]) -> None:
        await store.remove([(row["org_id"], row["repository_id"], row["digest"]) for row in rows])

    return Expendable("bundles", _IS_OLD, timedelta(days=days), BATCH, remove)
