"""Run a role of the evaluation service: `python -m assay_evaluation serve`, `work` or `migrate`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from assay_common.lifecycle import Lifecycle, run
from assay_common.postgres.migrations import migrate
from assay_common.settings import load
from assay_evaluation import bootstrap
from assay_evaluation.settings import MigrationSettings, ServeSettings, WorkSettings


def main() -> int:
    """Run the role named on the command line; returns the exit code."""
    parser = argparse.ArgumentParser(prog="assay_evaluation", description="The evaluation service.")
    parser.add_argument("role", choices=["serve", "work", "migrate"])
    match parser.parse_args().role:
        case "serve":
            return _serve()
        case "work":
            return _work()
        case _:
            migrate(load(MigrationSettings).database, bootstrap.SCHEMA, bootstrap.MIGRATIONS)
            return 0


def _serve() -> int:
    settings = load(ServeSettings)

    @asynccontextmanager
    async def start(lifecycle: Lifecycle) -> AsyncIterator[None]:
        async with bootstrap.serve(settings, lifecycle):
            yield

    return run("evaluation", settings, start)


def _work() -> int:
    settings = load(WorkSettings)

    def start(lifecycle: Lifecycle) -> AbstractAsyncContextManager[None]:
        return bootstrap.work(settings, lifecycle)

    return run("evaluation-worker", settings, start)


if __name__ == "__main__":
    sys.exit(main())
