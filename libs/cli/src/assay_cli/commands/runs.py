"""eval: runs of a prompt version over a dataset; models: what they can use."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from typing import Annotated, Any, Final, Literal, get_args

import typer
from rich.markup import escape

from assay_cli.command import AsJson, Limit, examples, group, work
from assay_cli.errors import WrongUsage
from assay_cli.output import NOTHING, Json, Output, count, dollars, moment, number, short
from assay_cli.progress import bar, until_finished
from assay_client import Assay
from assay_client.models import NewEvaluator, NewRun

commands = typer.Typer(rich_markup_mode=None)
_eval = group("eval", "Runs: a prompt version measured over a dataset.")
commands.add_typer(_eval)

RunId = Annotated[str, typer.Argument(metavar="RUN", help="Its id.")]
Kind = Literal["exact_match", "contains", "regex", "json_schema", "token_f1", "embedding_similarity"]
KINDS: Final[dict[str, Kind]] = {kind: kind for kind in get_args(Kind)}


@_eval.command(
    epilog=examples(
        "assay eval run triage --version 2 --dataset messages --model local/smollm2 --evaluator exact_match",
        "assay eval run triage --label production --dataset messages --model openai/gpt-4o-mini "
        "--evaluator exact_match --evaluator token_f1 --max-tokens 16",
        "assay eval run triage --dataset messages --model local/smollm2 "
        """--evaluator 'regex:one-word={"pattern": "^\\\\w+$"}'""",
    )
)
def run(
    prompt: Annotated[str, typer.Argument(help="Name or id.")],
    dataset: Annotated[str, typer.Option(help="Name or id.")],
    model: Annotated[str, typer.Option(help="See `assay models`.")],
    evaluator: Annotated[
        list[str],
        typer.Option(metavar="KIND[:NAME][=JSON]", help=f"Repeat; the first decides comparisons. {', '.join(KINDS)}."),
    ],
    version: Annotated[int | None, typer.Option(min=1, help="Of the prompt; by default the newest.")] = None,
    label: Annotated[str | None, typer.Option(help="Of the prompt, instead of --version.")] = None,
    dataset_version: Annotated[int | None, typer.Option(min=1, help="By default the newest.")] = None,
    max_tokens: Annotated[int, typer.Option(min=1, help="The longest answer.")] = 256,
    temperature: Annotated[float, typer.Option(min=0)] = 0.0,
    seed: Annotated[int | None, typer.Option(help="Where the model heeds one.")] = None,
    stop: Annotated[list[str] | None, typer.Option(help=r"Where an answer ends; \n is a new line. Repeat.")] = None,
    wait: Annotated[bool, typer.Option("--wait/--no-wait", help="Until the run has ended.")] = True,
    as_json: AsJson = False,
) -> None:
    """Run a prompt version over a dataset, and show the scores."""
    with work(as_json) as job:
        body: NewRun = {
            "prompt": prompt,
            "version": version,
            "label": label,
            "dataset": dataset,
            "dataset_version": dataset_version,
            "model": model,
            "parameters": {
                "max_tokens": max_tokens,
                "temperature": temperature,
                "seed": seed,
                "stop": [_unescaped(each) for each in stop or []],
            },
            "evaluators": [parse_evaluator(each) for each in evaluator],
        }
        started: Json = job.client.runs.create_run(body)
        trace_id = job.client.transport.trace_id
        if wait:
            started = watch(job.client, job.out, started)
        job.out.result({**started, "trace_id": trace_id})
        show_run(job.out, started)
        job.out.say(f"[dim]trace {trace_id}[/]")
        if not wait:
            job.out.hint(f"It goes on without you: assay eval show {started['id']}")


@_eval.command(epilog=examples("assay eval show RUN", "assay eval show RUN --wait"))
def show(
    run_id: RunId,
    wait: Annotated[bool, typer.Option("--wait", help="Until it has ended.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show a run: its progress, or its scores."""
    with work(as_json) as job:
        found: Json = job.client.runs.get_run(run_id)
        if wait:
            found = watch(job.client, job.out, found)
        job.out.result(found)
        show_run(job.out, found)


@_eval.command("list", epilog=examples("assay eval list", "assay eval list --prompt triage"))
def list_runs(
    prompt: Annotated[str | None, typer.Option(help="Only runs of this one: name or id.")] = None,
    limit: Limit = 20,
    as_json: AsJson = False,
) -> None:
    """List runs, newest first."""
    with work(as_json) as job:
        found = list(job.client.runs.iterate_runs(prompt=prompt, limit=limit))
        job.out.result({"items": found})
        columns = ["id", "prompt", "dataset", "model", "status", ">items", "first score", "started"]
        job.out.table(columns, map(_row, found), empty="no runs yet: see `assay eval run --help`")


@_eval.command(
    epilog=examples("assay eval results RUN", "assay eval results RUN --failed", "assay eval results RUN --json")
)
def results(
    run_id: RunId,
    failed: Annotated[bool, typer.Option("--failed", help="Only items that an evaluator failed.")] = False,
    limit: Annotated[int | None, typer.Option(min=1, help="Read at most so many; by default all.")] = None,
    as_json: AsJson = False,
) -> None:
    """Show the answer and the scores of each item."""
    with work(as_json) as job:
        found = list(job.client.runs.iterate_results(run_id, limit=limit))
        if failed:
            found = [each for each in found if any(score["passed"] is False for score in each["scores"])]
        job.out.result({"items": found})
        names = [score["evaluator"] for score in max((each["scores"] for each in found), key=len, default=[])]
        columns = [">index", "answer", *(f">{name}" for name in names), ">ms"]
        job.out.table(columns, (_result_row(each, len(names)) for each in found))


@_eval.command(epilog=examples("assay eval cancel RUN"))
def cancel(run_id: RunId, as_json: AsJson = False) -> None:
    """Stop a run; what is done stays."""
    with work(as_json) as job:
        stopped = job.client.runs.cancel_run(run_id)
        job.out.result(stopped)
        show_run(job.out, stopped)


@commands.command(epilog=examples("assay models"))
def models(as_json: AsJson = False) -> None:
    """List the models that runs can use."""
    with work(as_json) as job:
        found = job.client.runs.list_models()["items"]
        job.out.result({"items": found})
        rows = ([escape(each["name"]), "yes" if each["priced"] else "no"] for each in found)
        job.out.table(["model", "cost known"], rows, empty="none: the operator names them in ASSAY_MODELS")


def watch(client: Assay, out: Output, started: Json) -> Json:
    """The run once it has ended; its progress is shown meanwhile."""
    name = f"{started['prompt_name']} v{started['prompt_version']}"
    out.hint(f"run {started['id']} (ctrl-C leaves it running)")
    with bar(out.errors, name, "items") as progress:

        def show_progress(current: Json) -> None:
            done = current["progress"]
            unmeasured = f"{done['unmeasured']} unmeasured" if done["unmeasured"] else ""
            progress(done["measured"] + done["unmeasured"], done["total"], unmeasured)

        return until_finished(lambda: client.runs.get_run(started["id"]), show_progress, time.sleep)


def show_run(out: Output, found: Json) -> None:
    """A run for people."""
    progress, totals = found["progress"], found["totals"] or {}
    items = f"{progress['measured']} of {progress['total']} measured"
    out.facts(
        ("run", found["id"]),
        ("prompt", f"[bold]{escape(found['prompt_name'])}[/] version {found['prompt_version']}"),
        ("dataset", f"{escape(found['dataset_name'])} version {found['dataset_version']}"),
        ("model", escape(found["model"])),
        ("status", str(found["status"])),
        ("items", items + (f", {progress['unmeasured']} unmeasured" if progress["unmeasured"] else "")),
        (
            "latency",
            f"p50 {number(totals.get('latency_p50_ms'), 0)} ms, p95 {number(totals.get('latency_p95_ms'), 0)} ms",
        ),
        ("tokens", f"{count(totals.get('input_tokens'))} in, {count(totals.get('output_tokens'))} out"),
        ("cost", dollars(totals.get("cost_usd"))),
    )
    out.table(
        ["evaluator", ">mean score", ">passed", ">measured"],
        map(_summary_row, found["summaries"]),
        empty="no scores yet",
    )


def parse_evaluator(words: str) -> NewEvaluator:
    """KIND[:NAME][=JSON] as the API takes it; raises WrongUsage."""
    head, equals, config = words.partition("=")
    kind, _, name = head.partition(":")
    known = KINDS.get(kind)
    if known is None:
        raise WrongUsage(f"There is no evaluator {kind!r}; there are {', '.join(KINDS)}.")
    settings: Any = {}
    if equals:
        try:
            settings = json.loads(config)
        except ValueError as error:
            raise WrongUsage(f"The settings of {head} are not JSON: {error}.") from error
        if not isinstance(settings, dict):
            raise WrongUsage(f"The settings of {head} must be one JSON object.")
    return {"kind": known, "name": name, "config": settings}


def _unescaped(words: str) -> str:
    return words.replace(r"\n", "\n").replace(r"\t", "\t")


def _row(found: Json) -> list[str]:
    progress = found["progress"]
    scores: Iterable[Json] = found["summaries"]
    first = next((f"{escape(each['evaluator'])} {number(each['mean_score'])}" for each in scores), NOTHING)
    return [
        found["id"],
        f"{escape(found['prompt_name'])} v{found['prompt_version']}",
        f"{escape(found['dataset_name'])} v{found['dataset_version']}",
        escape(found["model"]),
        str(found["status"]),
        f"{progress['measured'] + progress['unmeasured']}/{progress['total']}",
        first,
        moment(found["created_at"]),
    ]


def _summary_row(summary: Json) -> list[str]:
    return [
        escape(summary["evaluator"]),
        number(summary["mean_score"]),
        count(summary["passed"]),
        count(summary["measured"]),
    ]


def _result_row(result: Json, columns: int) -> list[str]:
    answer = (
        short(result["output"]) if result["output"] is not None else f"[yellow]{short(result['unmeasured_reason'])}[/]"
    )
    scores = [_score(each) for each in result["scores"]]
    scores += [NOTHING] * (columns - len(scores))
    return [str(result["index"]), answer, *scores, number(result["latency_ms"], 0)]


def _score(score: Json) -> str:
    if score["passed"] is not None:
        return "[green]pass[/]" if score["passed"] else "[red]fail[/]"
    return number(score["score"])
