"""A bounded cache of bare repositories made from bundles, shared by the workers of one machine."""

import asyncio
import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final
from uuid import UUID

from prometheus_client import Gauge

from assay_audit.adapters.file_lock import locked, try_lock
from assay_audit.adapters.git.bundles import unpack
from assay_audit.adapters.git.command import Git
from assay_audit.adapters.git.mirror import GitMirror
from assay_audit.application.ports import BundleStore, Scratch

CACHE_BYTES: Final = Gauge("audit_cache_bytes", "Size of the mirrors of repositories, as of the last that was made.")
CACHE_LIMIT_BYTES: Final = Gauge("audit_cache_limit_bytes", "From which size on mirrors are removed.")
DATA_FREE_BYTES: Final = Gauge("audit_data_free_bytes", "Free space where mirrors and scratch folders are.")
DATA_SIZE_BYTES: Final = Gauge(
    "audit_data_size_bytes", "Size of the file system where mirrors and scratch folders are."
)


class MirrorCache:
    """The port `Mirrors`: `<data>/mirrors/<organisation>-<digest>.git`, each with a lock file beside it.

    Who reads a mirror shares its lock; who makes or removes it holds the lock alone. A mirror is made in a scratch
    folder and renamed when it is complete, so that a worker that is killed leaves none by halves. What was not used
    for longest goes when there is too much.
    """

    def __init__(
        self, data_dir: Path, git: Git, store: BundleStore, scratch: Scratch, *, max_bytes: int, max_commits: int
    ) -> None:
        self._base = data_dir / "mirrors"
        self._base.mkdir(parents=True, exist_ok=True)
        self._git, self._store, self._scratch = git, store, scratch
        self._max_bytes, self._max_commits = max_bytes, max_commits
        CACHE_LIMIT_BYTES.set(max_bytes)
        DATA_FREE_BYTES.set_function(lambda: shutil.disk_usage(data_dir).free)
        DATA_SIZE_BYTES.set_function(lambda: shutil.disk_usage(data_dir).total)

    @asynccontextmanager
    async def lease(self, org_id: UUID, repository_id: UUID, digest: str) -> AsyncIterator[GitMirror]:
        """A mirror that stays for the length of the block. Raises RepositoryUnreadable or ObjectStoreUnavailable."""
        folder = self._base / f"{org_id}-{digest}.git"
        lock = folder.with_suffix(".lock")
        while True:
            async with locked(lock, shared=True):
                if folder.is_dir():
                    os.utime(folder)
                    yield GitMirror(self._git, folder, self._max_commits)
                    return
            async with locked(lock):
                if not folder.is_dir():
                    await self._make(org_id, repository_id, digest, folder)

    async def _make(self, org_id: UUID, repository_id: UUID, digest: str, folder: Path) -> None:
        async with self._scratch.folder() as scratch:
            bundle, made = scratch / "fetched.bundle", scratch / "mirror.git"
            await self._store.fetch(org_id, repository_id, digest, bundle)
            await unpack(self._git, bundle, made)
            await asyncio.to_thread(self._make_room, _size(bundle))
            made.rename(folder)

    def _make_room(self, needed: int) -> None:
        """Remove mirrors that nobody reads, those not used for longest first, until the new one fits."""
        mirrors = sorted(self._base.glob("*.git"), key=lambda mirror: mirror.stat().st_mtime)
        sizes = {mirror: _size(mirror) for mirror in mirrors}
        total = needed + sum(sizes.values())
        for mirror in mirrors:
            if total <= self._max_bytes:
                break
            lock = mirror.with_suffix(".lock")
            if (descriptor := try_lock(lock)) is None:
                continue
            try:
                shutil.rmtree(mirror, ignore_errors=True)
                lock.unlink(missing_ok=True)
                total -= sizes[mirror]
            finally:
                os.close(descriptor)
        CACHE_BYTES.set(total)


def _size(path: Path) -> int:
    if path.is_file():
        return path.stat().st_size
    return sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
