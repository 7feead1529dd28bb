"""Drills as commands: in a folder that is gone afterwards, with nothing left running, even when they are killed."""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Protocol, TypeVar

from assay_local.keeper import start_keeper

R_co = TypeVar("R_co", covariant=True)


class Runnable(Protocol[R_co]):
    """A drill."""

    async def run(self) -> R_co:
        """Do it; whatever was started is stopped."""


def conduct(make: Callable[[Path], Runnable[R_co]]) -> R_co:
    """Run the drill that is made for a folder."""

    async def kept(folder: Path) -> R_co:
        await start_keeper(folder, os.getpid())
        return await make(folder).run()

    with tempfile.TemporaryDirectory(prefix="assay-drill-", ignore_cleanup_errors=True) as folder:
        return asyncio.run(kept(Path(folder)))


def tell(line: str) -> None:
    """Progress, for people."""
    sys.stderr.write(f"  {line}\n")
