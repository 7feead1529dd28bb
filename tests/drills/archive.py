"""PostgreSQL with continuous archiving, destroyed and restored: what an operator's tools do, in small."""

from __future__ import annotations

import shlex
import shutil
from datetime import datetime
from pathlib import Path

from tests.drills.postgres import DrilledPostgres

from assay_local.site import Site


class ArchivedPostgres(DrilledPostgres):
    """The suite's server, whose write-ahead log goes to a folder beside it, at the latest every `archive_seconds`."""

    def __init__(self, site: Site, archive_seconds: int) -> None:
        super().__init__(site)
        self.archive = _folder(site.folder / "archive")
        self.base = site.folder / "base-backup"
        kept = shlex.quote(str(self.archive))
        self.settings = {
            **self.settings,
            "archive_mode": "on",
            "archive_timeout": str(archive_seconds),
            # Renamed when it is whole: a segment that is there can be restored.
            "archive_command": f"test ! -f {kept}/%f && cp %p {kept}/.%f && mv {kept}/.%f {kept}/%f",
            "restore_command": f"cp {kept}/%f %p",
        }

    async def back_up(self) -> int:
        """Copy the running server's data; returns the bytes. With the archive it is good for any later moment."""
        await self.copy_to(self.base, "--wal-method", "fetch")
        return size_of(self.base)

    async def destroy(self) -> None:
        """Kill the server and lose its disk."""
        await self.kill()
        shutil.rmtree(self.site.data(self.name))

    async def restore(self) -> datetime:
        """Start from the backup and replay the archive to its end; returns the time of the last transaction."""
        data = self.site.data(self.name)
        shutil.rmtree(data)
        shutil.copytree(self.base, data)
        data.chmod(0o700)
        (data / "recovery.signal").touch()
        await self.start()
        await self.until("SELECT NOT pg_is_in_recovery()")
        last: datetime = await self.ask("SELECT pg_last_xact_replay_timestamp()")
        return last


def size_of(folder: Path) -> int:
    """Bytes of all files in it."""
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def _folder(path: Path) -> Path:
    path.mkdir(parents=True, exist_ok=True)
    return path
