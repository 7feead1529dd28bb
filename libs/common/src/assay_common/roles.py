"""The command line of a service: `python -m assay_prompt serve`, `work` or `migrate`.

sys.exit(main("assay_prompt", {"serve": process("prompt", Settings, bootstrap.serve), "migrate": migration(…)}))
"""

import argparse
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import structlog

from assay_common.errors import AssayError
from assay_common.lifecycle import Lifecycle, run
from assay_common.logs import configure_logging
from assay_common.settings import DatabaseSettings, ServiceSettings, load

S = TypeVar("S", bound=ServiceSettings)
Role = Callable[[], int]
"""Runs until it is done or stopped, and gives the exit code."""


class MigrationSettings(ServiceSettings):
    """What `migrate` needs, and no more: the job that runs it has no other secrets."""

    database: DatabaseSettings


@dataclass(frozen=True, slots=True)
class Operation:
    """What an operator does by hand to one thing, which the command line names behind the operation."""

    argument: str
    """What the thing is called in the help."""
    run: Callable[[str], int]


def main(program: str, roles: Mapping[str, Role], operations: Mapping[str, Operation] | None = None) -> int:
    """Run the role or the operation that the command line names; returns the process's exit code."""
    parser = argparse.ArgumentParser(prog=f"python -m {program}")
    commands = parser.add_subparsers(required=True, metavar="|".join([*roles, *(operations or {})]))
    for name, role in roles.items():
        commands.add_parser(name).set_defaults(run=lambda _, role=role: role())
    for name, operation in (operations or {}).items():
        command = commands.add_parser(name)
        command.add_argument("thing", metavar=operation.argument)
        command.set_defaults(run=lambda given, operation=operation: operation.run(given.thing))
    given = parser.parse_args()
    code: int = given.run(given)
    return code


def process(service: str, settings: type[S], start: Callable[[S, Lifecycle], AbstractAsyncContextManager[Any]]) -> Role:
    """A role that runs until SIGTERM; see `assay_common.lifecycle.run`. `service` names it in logs and traces."""

    def run_process() -> int:
        loaded = load(settings)

        @asynccontextmanager
        async def started(lifecycle: Lifecycle) -> Any:
            async with start(loaded, lifecycle):
                yield

        return run(service, loaded, started)

    return run_process


def migration(schema: str, migrations: Path) -> Role:
    """A role that brings the schema up to date and ends."""

    def run_migration() -> int:
        # Imported here: SQLAlchemy and Alembic take 30 MB and a second, which a serving process does without.
        from assay_common.postgres.migrations import migrate  # noqa: PLC0415

        loaded = load(MigrationSettings)
        configure_logging(f"{schema}-migrate", loaded.log)
        try:
            migrate(loaded.database, schema, migrations)
        except AssayError as error:  # says itself what to do; where it arose tells an operator nothing
            structlog.get_logger().error("not migrated", error=str(error))
            return 1
        return 0

    return run_migration
