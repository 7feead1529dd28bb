"""Run a role of the audit-worker service: `python -m assay_audit serve`, `work` or `migrate`."""

import argparse
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from assay_audit import bootstrap
from assay_audit.settings import MigrationSettings, Settings
from assay_common.lifecycle import Lifecycle, run
from assay_common.postgres.migrations import migrate
from assay_common.settings import load


def main() -> int:
    """Run the role named on the command line; returns the exit code."""
    parser = argparse.ArgumentParser(prog="assay_audit", description="The audit-worker service.")
    parser.add_argument("role", choices=["serve", "work", "migrate"])
    role = parser.parse_args().role
    if role == "migrate":
        migrate(load(MigrationSettings).database, bootstrap.SCHEMA, bootstrap.MIGRATIONS)
        return 0
    settings = load(Settings)

    @asynccontextmanager
    async def start(lifecycle: Lifecycle) -> AsyncIterator[None]:
        async with bootstrap.serve(settings, lifecycle) if role == "serve" else bootstrap.work(settings, lifecycle):
            yield

    return run("audit" if role == "serve" else "audit-worker", settings, start)


if __name__ == "__main__":
    sys.exit(main())
