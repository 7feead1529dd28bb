"""A PostgreSQL that follows another one by streaming, until it is promoted."""

from __future__ import annotations

from datetime import datetime

from tests.drills.postgres import DrilledPostgres

FOLLOWER = "region-b"
_REPLAYED = """
    SELECT count(*) = 1 FROM pg_stat_replication WHERE application_name = $1 AND replay_lsn >= pg_current_wal_lsn()
"""


class StandbyPostgres(DrilledPostgres):
    """The other region's server."""

    async def follow(self, primary: DrilledPostgres) -> None:
        """Begin as a copy of the primary that streams from it, and start."""
        options = ("--wal-method", "stream", "--write-recovery-conf")
        data = self.site.data(self.name)
        data.rmdir()  # the copy is made with the rights that the server wants to see
        await primary.copy_to(data, *options, name=FOLLOWER)
        await self.start()
        await primary.until("SELECT count(*) = 1 FROM pg_stat_replication WHERE application_name = $1", FOLLOWER)

    async def until_replayed(self, primary: DrilledPostgres) -> None:
        """Return when it has all that the primary, which nobody writes to any more, has."""
        await primary.until(_REPLAYED, FOLLOWER)

    async def cut(self) -> None:
        """Let it follow nobody, as when the link between the regions fails."""
        await self.ask("ALTER SYSTEM SET primary_conninfo = ''")
        await self.ask("SELECT pg_reload_conf()")
        await self.until("SELECT count(*) = 0 FROM pg_stat_wal_receiver")

    async def promote(self) -> datetime:
        """Let it be written to; returns the time of the last transaction that it has of the primary."""
        if not await self.ask("SELECT pg_promote()"):
            raise AssertionError("the standby was not promoted in time")
        last: datetime = await self.ask("SELECT pg_last_xact_replay_timestamp()")
        return last
