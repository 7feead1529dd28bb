"""check: does this installation do its job?"""

from __future__ import annotations

from secrets import token_hex
from typing import Annotated

import typer
from rich.markup import escape

from assay_cli.command import AsJson, examples, work
from assay_cli.errors import ExitCode
from assay_cli.installation import InstallationCheck, Step

commands = typer.Typer(rich_markup_mode=None)

_COLOURS = {"passed": "green", "failed": "red", "left out": "yellow"}


@commands.command(
    epilog=examples("assay check", "assay check --model openai/gpt-4o-mini", "assay check --json | jq .passed")
)
def check(
    model: Annotated[str | None, typer.Option(help="To measure on; by default the catalogue's first.")] = None,
    patience: Annotated[float, typer.Option(min=1, help="Seconds that each part may take.")] = 120.0,
    as_json: AsJson = False,
) -> None:
    """Do the main job in its short form, to see whether all parts of an installation work together.

    A prompt is published, measured and gated, a small repository is audited, and both are looked for in analytics. What
    is made stays in the organisation that you act in; use one of its own: `assay org create checks`.

    Exit code 1 when a part does not do what it should.
    """
    with work(as_json) as job:
        name = f"check-{token_hex(4)}"
        job.out.hint(f"{escape(job.credentials.url)}, everything is named {name}")
        steps: list[Step] = []
        for step in InstallationCheck(job.client, name, model, patience)():
            steps.append(step)
            colour = _COLOURS[step.outcome]
            job.out.say(
                f"[{colour}]{step.outcome:<8}[/] {step.name:<10} {step.seconds:5.1f} s  [dim]{escape(step.words)}[/]"
            )
        passed = all(step.outcome != "failed" for step in steps)
        job.out.result({"name": name, "passed": passed, "steps": [step.document() for step in steps]})
    if not passed:
        raise typer.Exit(int(ExitCode.REFUSED))
