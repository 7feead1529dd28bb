"""Temporary folders that do not outlive their process by much, even when it is killed."""

import asyncio
import hashlib
import os
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from assay_audit.adapters.file_lock import try_lock
from assay_audit.application.ports import BundleFile
from assay_audit.domain.errors import BundleTooLarge, CorruptBundle
from assay_common.errors import Violation

_OWNER: Final = "owner.lock"


class ScratchFolders:
    """The port `Scratch`: each process has a folder under the data folder, which it holds by a lock.

    A folder whose lock can be had belongs to a process that was killed; the next one to start removes it.
    """

    def __init__(self, data_dir: Path, max_bundle_bytes: int) -> None:
        self._base = data_dir / "scratch"
        self._base.mkdir(parents=True, exist_ok=True)
        self._remove_orphans()
        self._own = Path(tempfile.mkdtemp(dir=self._base))
        self._lock = try_lock(self._own / _OWNER)
        self._max_bundle_bytes = max_bundle_bytes

    def close(self) -> None:
        """Remove everything."""
        shutil.rmtree(self._own, ignore_errors=True)
        if self._lock is not None:
            os.close(self._lock)

    @asynccontextmanager
    async def folder(self) -> AsyncIterator[Path]:
        """A new empty folder for the length of the block."""
        made = Path(tempfile.mkdtemp(dir=self._own))
        try:
            yield made
        finally:
            await asyncio.shield(asyncio.to_thread(shutil.rmtree, made, ignore_errors=True))

    async def receive(self, chunks: AsyncIterator[bytes], folder: Path) -> BundleFile:
        """Write an upload into the folder. Raises BundleTooLarge, or CorruptBundle when nothing came."""
        path, digest, size = folder / "upload.bundle", hashlib.sha256(), 0
        with path.open("wb") as file:
            async for chunk in chunks:
                size += len(chunk)
                if size > self._max_bundle_bytes:
                    limit = f"at most {self._max_bundle_bytes} bytes"
                    raise BundleTooLarge(f"the bundle is too large: {limit}", Violation("chunk", limit))
                digest.update(chunk)
                file.write(chunk)
        if not size:
            raise CorruptBundle("the bundle is empty", Violation("chunk", "nothing was sent"))
        return BundleFile(path, digest.hexdigest(), size)

    def _remove_orphans(self) -> None:
        for folder in self._base.iterdir():
            lock = folder / _OWNER
            # A folder without a lock file is being made at this moment, unless it is old.
            if lock.exists() and (descriptor := try_lock(lock)) is not None:
                shutil.rmtree(folder, ignore_errors=True)
                os.close(descriptor)
