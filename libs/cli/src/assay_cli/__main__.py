"""The command `assay`."""

from __future__ import annotations

import logging

import typer

from assay_cli.commands import (
    api_keys,
    audit,
    audit_trail,
    check,
    compare,
    datasets,
    members,
    organisations,
    prompts,
    runs,
    service_accounts,
    sessions,
    status,
    teams,
    usage,
    watch,
)

app = typer.Typer(
    name="assay",
    help="Is this change good enough to ship? Measure prompts and code, compare, and gate.\n\n"
    "Exit codes: 0 ok, 1 a gate, threshold or check said no, 2 wrong usage, 3 the API refused or failed, "
    "4 not signed in, 5 the gateway does not answer.\n\n"
    "ASSAY_URL and ASSAY_API_KEY in the environment win over what `assay login` stored.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
for module in (
    sessions, status, check, organisations, members, teams, service_accounts, api_keys, prompts, datasets, runs,
    compare, audit, watch, usage, audit_trail,
):  # fmt: skip
    app.add_typer(module.commands)


def main() -> None:
    """Run the command line."""
    # What the client warns of, the commands say in their own words.
    logging.getLogger("assay_client").addHandler(logging.NullHandler())
    app()


if __name__ == "__main__":
    main()
