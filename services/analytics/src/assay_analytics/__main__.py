"""Run a role of the analytics service: `python -m assay_analytics serve` or `migrate`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from assay_analytics import bootstrap
from assay_analytics.settings import MigrationSettings, Settings
from assay_common.lifecycle import Lifecycle, run
from assay_common.postgres.migrations import migrate
from assay_common.settings import load


def main() -> int:
    """Run the role named on the command line; returns the exit code."""
    parser = argparse.ArgumentParser(prog="assay_analytics", description="The analytics service.")
    parser.add_argument("role", choices=["serve", "migrate"])
    if parser.parse_args().role == "migrate":
        migrate(load(MigrationSettings).database, bootstrap.SCHEMA, bootstrap.MIGRATIONS)
        return 0
    settings = load(Settings)

    @asynccontextmanager
    async def start(lifecycle: Lifecycle) -> AsyncIterator[None]:
        async with bootstrap.serve(settings, lifecycle):
            yield

    return run("analytics", settings, start)


if __name__ == "__main__":
    sys.exit(main())
