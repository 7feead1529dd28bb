"""Answer for known and unknown addresses in the same time."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

FLOOR_SECONDS = 0.25
"""Longer than the work behind any of these answers takes, passwords' hashing aside, which all of them wait for."""


@asynccontextmanager
async def at_pace(seconds: float) -> AsyncIterator[None]:
    """Let the block end no sooner than `seconds` after it began: what it did shows in nothing else."""
    loop = asyncio.get_running_loop()
    ends_at = loop.time() + seconds
    yield
    await asyncio.sleep(ends_at - loop.time())
