"""Stopping whatever runs in a folder, from the pid files alone."""

import asyncio
import json
import os
import signal
from pathlib import Path

from assay_local import probes
from assay_local.process import Process
from assay_local.site import Site

# What others need goes last.
FOUNDATIONS = frozenset({"postgres", "valkey", "kafka", "model"})


def recorded(site: Site) -> list[Process]:
    """Every process that was started in the site and not stopped."""
    found = []
    for file in sorted(site.pids.glob("*.json")):
        number = signal.Signals(json.loads(file.read_text())["stop_signal"])
        found.append(Process(file.stem, site, probes.always, stop_signal=number))
    return found


async def stop_site(site: Site) -> list[str]:
    """Stop all that runs in the site, services before the components they need; returns the names."""
    processes = [process for process in recorded(site) if process.pid != os.getpid()]
    for wave in (
        [process for process in processes if process.name not in FOUNDATIONS],
        [process for process in processes if process.name in FOUNDATIONS],
    ):
        await asyncio.gather(*(process.stop() for process in wave))
    return [process.name for process in processes]


async def stop_below(folder: Path) -> None:
    """Stop all that runs in any site at or below the folder."""
    await asyncio.gather(*(stop_site(site) for site in _sites_below(folder)))


def _sites_below(folder: Path) -> list[Site]:
    return [Site(each) for each in {file.parent.parent for file in folder.rglob("run/*.json")}]
