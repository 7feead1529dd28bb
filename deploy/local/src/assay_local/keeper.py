"""The keeper of a test run: `python -m assay_local.keeper FOLDER PID`.

A test run stops what it started. Should it be killed before it can, this process, which watches it, does so instead.
"""

import asyncio
import shutil
import sys
from pathlib import Path

from assay_local import probes
from assay_local.process import Command, Process, is_alive
from assay_local.shutdown import stop_below
from assay_local.site import Site

_LOOK_SECONDS = 0.5


async def start_keeper(folder: Path, watched_pid: int) -> None:
    """Have the process watched, and all sites at or below the folder stopped when it ends."""
    site = Site(folder / "keeper")  # of its own: it is no part of the suite that it keeps

    keeper = Process("keeper", site, probes.always)
    async with site.alone(keeper.name):
        await keeper.start(Command([sys.executable, "-m", "assay_local.keeper", folder, str(watched_pid)]))


async def keep(folder: Path, pid: int) -> None:
    """Wait until the process has ended, stop all below the folder and remove it."""
    while is_alive(pid):  # noqa: ASYNC110 - only a parent is told of an end; others must look
        await asyncio.sleep(_LOOK_SECONDS)
    await stop_below(folder)
    shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    asyncio.run(keep(Path(sys.argv[1]), int(sys.argv[2])))
