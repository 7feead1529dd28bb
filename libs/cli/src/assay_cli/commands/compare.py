"""compare: is the candidate better than the baseline, and may a label move?"""

from __future__ import annotations

from typing import Annotated, Final, Literal

import typer
from rich.markup import escape

from assay_cli.command import AsJson, examples, work
from assay_cli.errors import ExitCode
from assay_cli.output import NOTHING, Json, Output, count, number

commands = typer.Typer(rich_markup_mode=None)

Policy = Literal["better", "not_worse"]

_VERDICTS: Final = {"better": "[green]better[/]", "worse": "[red]worse[/]", "no_evidence": "[yellow]no evidence[/]"}
_METRICS: Final = {
    "latency_ms": ("latency, ms", 1),
    "input_tokens": ("input tokens", 1),
    "output_tokens": ("output tokens", 1),
    "cost_usd": ("cost, $", 6),
}


@commands.command(
    epilog=examples(
        "assay compare BASELINE_RUN CANDIDATE_RUN",
        "assay compare BASELINE_RUN CANDIDATE_RUN --gate production || echo 'not shipped'",
    )
)
def compare(
    baseline: Annotated[str, typer.Argument(help="A completed run: what is in use today.")],
    candidate: Annotated[str, typer.Argument(help="A completed run over the same dataset version: the change.")],
    primary: Annotated[
        str | None, typer.Option(metavar="EVALUATOR", help="The one that decides; by default the candidate's first.")
    ] = None,
    gate: Annotated[
        str | None,
        typer.Option(metavar="LABEL", help="Move it to the candidate if the verdict allows; exit code 1 if not."),
    ] = None,
    policy: Annotated[Policy, typer.Option(help="What the gate asks for.")] = "better",
    as_json: AsJson = False,
) -> None:
    """Compare two runs item by item: scores, differences with 95 % intervals, p-values, and a verdict."""
    with work(as_json) as job:
        comparison = job.client.comparisons.create_comparison(
            {"baseline_run_id": baseline, "candidate_run_id": candidate, "primary_evaluator": primary}
        )
        decision = None
        if gate is not None:
            decision = job.client.comparisons.decide_gate(comparison["id"], {"label": gate, "policy": policy})
        job.out.result({"comparison": comparison, "gate": decision})
        show_comparison(job.out, comparison)
        if decision is not None:
            show_decision(job.out, decision)
    if decision is not None and not decision["allowed"]:
        raise typer.Exit(int(ExitCode.REFUSED))


def show_comparison(out: Output, comparison: Json) -> None:
    """A comparison for people."""
    baseline, candidate = (f"v{comparison[f'{which}_version']}" for which in ("baseline", "candidate"))
    unpaired = comparison["unpaired_items"]
    out.say(
        f"[bold]{escape(comparison['prompt_name'])}[/] {baseline} → {candidate} over {comparison['paired_items']} items"
        + (f" ({unpaired} more were measured in one run only)" if unpaired else "")
    )
    out.say("")
    columns = [
        "evaluator",
        f">{baseline}",
        f">{candidate}",
        ">difference",
        ">95 % interval",
        ">p (McNemar)",
        "won/lost/same",
        "verdict",
    ]
    out.table(columns, (_evaluator_row(each, comparison["primary_evaluator"]) for each in comparison["evaluators"]))
    out.say("")
    columns = ["per item", f">{baseline}", f">{candidate}", ">difference", ">95 % interval"]
    out.table(columns, map(_metric_row, comparison["metrics"]))
    out.say("")
    out.say(f"verdict: [bold]{verdict(comparison['verdict'])}[/]. {escape(comparison['reason'])}")


def show_decision(out: Output, decision: Json) -> None:
    """A gate's answer for people."""
    word = "[green]open[/]" if decision["allowed"] else "[red]shut[/]"
    out.say(f"gate {escape(decision['label'])}: [bold]{word}[/]. {escape(decision['reason'])}")


def verdict(word: str | None) -> str:
    """A verdict in colour."""
    return _VERDICTS.get(word or "", NOTHING)


def _evaluator_row(row: Json, primary: str) -> list[str]:
    name = escape(row["evaluator"])
    return [
        f"[bold]{name}[/] (decides)" if row["evaluator"] == primary else name,
        number(row["baseline_mean"]),
        number(row["candidate_mean"]),
        _signed(row["difference"], 3),
        _interval(row, 3),
        _p(row["mcnemar_p"]),
        f"{count(row['wins'])}/{count(row['losses'])}/{count(row['ties'])}",
        verdict(row["verdict"]),
    ]


def _metric_row(row: Json) -> list[str]:
    name, digits = _METRICS.get(row["metric"], (row["metric"], 3))
    return [
        escape(name),
        number(row["baseline_mean"], digits),
        number(row["candidate_mean"], digits),
        _signed(row["difference"], digits),
        _interval(row, digits),
    ]


def _signed(value: float | None, digits: int) -> str:
    return NOTHING if value is None else f"{value:+,.{digits}f}"


def _interval(row: Json, digits: int) -> str:
    if row["ci_low"] is None or row["ci_high"] is None:
        return NOTHING
    return f"{_signed(row['ci_low'], digits)} … {_signed(row['ci_high'], digits)}"


def _p(value: float | None) -> str:
    if value is None:
        return NOTHING
    return "< 0.0001" if value < 0.0001 else f"{value:.4f}"
