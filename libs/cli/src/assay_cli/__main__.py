"""The command `assay`."""

from __future__ import annotations

import typer

from assay_cli.commands import (
    api_keys,
    audit,
    compare,
    datasets,
    organisations,
    prompts,
    runs,
    sessions,
    status,
    usage,
)

app = typer.Typer(
    name="assay",
    help="Is this change good enough to ship? Measure prompts and code, compare, and gate.\n\n"
    "Exit codes: 0 ok, 1 a gate or threshold said no, 2 wrong usage, 3 the API refused or failed, "
    "4 not signed in, 5 the gateway does not answer.\n\n"
    "ASSAY_URL and ASSAY_API_KEY in the environment win over what `assay login` stored.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
for module in (sessions, status, organisations, api_keys, prompts, datasets, runs, compare, audit, usage):
    app.add_typer(module.commands)


def main() -> None:
    """Run the command line."""
    app()


if __name__ == "__main__":
    main()
