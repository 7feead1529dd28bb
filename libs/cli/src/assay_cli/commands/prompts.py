"""prompt: prompts, versions, labels."""

from __future__ import annotations

import json
import sys
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any

import typer
import yaml
from rich.markup import escape

from assay_cli.command import AsJson, Limit, examples, group, work
from assay_cli.errors import WrongUsage
from assay_cli.output import Json, Output, moment, short
from assay_client.models import ChatMessage, NewChat, NewContent

commands = group("prompt", "Prompts, their versions and labels.")

Name = Annotated[str, typer.Argument(metavar="PROMPT", help="Name or id.")]
Label = Annotated[str | None, typer.Option(help="The version that this label points at.")]
Version = Annotated[int | None, typer.Option(min=1, help="The version of this number; by default the newest.")]


@commands.command(
    epilog=examples("assay prompt create triage", "assay prompt create triage --description 'Sorts mail'")
)
def create(
    name: Annotated[str, typer.Argument(help="Lower-case letters, digits, '-', '_' and '.'.")],
    description: str = "",
    as_json: AsJson = False,
) -> None:
    """Create a prompt without versions."""
    with work(as_json) as job:
        made = job.client.prompts.create_prompt({"name": name, "description": description})
        job.out.result(made)
        job.out.say(f"created [bold]{escape(made['name'])}[/] ({made['id']})")
        job.out.hint(f"next: assay prompt publish {escape(made['name'])} FILE")


@commands.command("list", epilog=examples("assay prompt list", "assay prompt list --prefix support-"))
def list_prompts(
    prefix: Annotated[str, typer.Option(help="How names shall start.")] = "",
    limit: Limit = 50,
    as_json: AsJson = False,
) -> None:
    """List the prompts, newest first."""
    with work(as_json) as job:
        found = list(job.client.prompts.iterate_prompts(name_prefix=prefix or None, limit=limit))
        job.out.result({"items": found})
        rows = (
            [escape(each["name"]), str(each["latest_version"]), _labels(each), moment(each["updated_at"])]
            for each in found
        )
        job.out.table(["name", ">versions", "labels", "changed"], rows, empty="none yet: `assay prompt create NAME`")


@commands.command(epilog=examples("assay prompt show triage"))
def show(prompt: Name, limit: Limit = 20, as_json: AsJson = False) -> None:
    """Show a prompt and its versions, newest first."""
    with work(as_json) as job:
        found = job.client.prompts.get_prompt(prompt)
        versions = list(job.client.prompts.iterate_versions(prompt, limit=limit))
        job.out.result({**found, "versions": versions})
        job.out.facts(
            ("prompt", f"[bold]{escape(found['name'])}[/] ({found['id']})"),
            ("description", escape(found["description"])),
            ("labels", _labels(found)),
        )
        job.out.table(
            [">version", "message", "variables", "labels", "published", "hash"],
            (
                [
                    str(each["number"]),
                    short(each["commit_message"]),
                    escape(", ".join(each["variables"])),
                    escape(", ".join(each["labels"])),
                    moment(each["created_at"]),
                    each["content_hash"][:15],
                ]
                for each in versions
            ),
            empty=f"no versions yet: `assay prompt publish {escape(found['name'])} FILE`",
        )


@commands.command(
    epilog=examples(
        "assay prompt publish triage prompt.txt -m 'Ask for one word'",
        "assay prompt publish triage --chat conversation.yaml",
        "echo 'Answer in one word: {{ question }}' | assay prompt publish triage -",
    )
)
def publish(
    prompt: Name,
    file: Annotated[str | None, typer.Argument(help="A text with {{ variables }}; - is standard input.")] = None,
    chat: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="JSON or YAML instead: a list of {role, content}; - is standard input."),
    ] = None,
    message: Annotated[str, typer.Option("--message", "-m", help="Why this version.")] = "",
    as_json: AsJson = False,
) -> None:
    """Append an immutable version."""
    with work(as_json) as job:
        if (file is None) == (chat is None):
            raise WrongUsage("Name either a text FILE or --chat FILE.")
        content: NewContent = {"text": _read(file)} if file is not None else {"chat": _conversation(_read(chat or ""))}
        version = job.client.prompts.publish_version(prompt, {"content": content, "commit_message": message})
        job.out.result(version)
        variables = ", ".join(version["variables"]) or "none"
        job.out.say(
            f"published [bold]{escape(version['prompt_name'])}[/] version [bold]{version['number']}[/], "
            f"variables: {escape(variables)}"
        )


@commands.command(
    epilog=examples("assay prompt label triage production 2", "assay prompt label triage production --remove")
)
def label(
    prompt: Name,
    label: Annotated[str, typer.Argument(help="For instance production.")],
    version: Annotated[int | None, typer.Argument(min=1, help="The version it shall point at.")] = None,
    remove: Annotated[bool, typer.Option("--remove", help="Take the label away.")] = False,
    as_json: AsJson = False,
) -> None:
    """Point a label at a version, without asking any gate (`assay compare --gate` asks one)."""
    with work(as_json) as job:
        if remove == (version is not None):
            raise WrongUsage("Name either a version or --remove.")
        if version is None:
            job.client.prompts.remove_label(prompt, label)
            job.out.result({"removed": label})
            job.out.say(f"{escape(label)} is gone")
            return
        moved = job.client.prompts.set_label(prompt, label, {"version": version})
        job.out.result(moved)
        job.out.say(f"[bold]{escape(moved['name'])}[/] points at version [bold]{moved['version']}[/]")


@commands.command(epilog=examples("assay prompt get triage --label production", "assay prompt get triage > prompt.txt"))
def get(prompt: Name, label: Label = None, version: Version = None, as_json: AsJson = False) -> None:
    """Print what a version says.

    While the gateway does not answer, what it said last is printed from a copy on this machine, with a warning.
    """
    with work(as_json) as job:
        found = job.client.prompt(prompt, label=label, version=version)
        if found.is_stale:
            read_at = found.confirmed_at.isoformat()
            age = timedelta(seconds=round(found.age_seconds))
            job.out.warning(
                f"{job.credentials.url} does not answer: this is version {found.number}, which it named "
                f"{age} ago ({moment(read_at)}); another one may stand there by now",
                confirmed_at=read_at,
                version=found.number,
            )
        job.out.result(found.version)
        if found.text is not None:
            job.out.text(found.text)
        else:
            _show_messages(job.out, found.messages)


@commands.command(
    epilog=examples(
        "assay prompt render triage --label production -v message='Where is my parcel?'",
        "assay prompt render triage --variables values.json",
    )
)
def render(
    prompt: Name,
    label: Label = None,
    version: Version = None,
    variable: Annotated[
        list[str] | None, typer.Option("--variable", "-v", metavar="NAME=VALUE", help="Repeat.")
    ] = None,
    variables: Annotated[str | None, typer.Option(metavar="FILE", help="A JSON object; - is standard input.")] = None,
    as_json: AsJson = False,
) -> None:
    """Fill a version's variables in and print the messages."""
    with work(as_json) as job:
        values = {**(_object(_read(variables)) if variables else {}), **dict(map(_pair, variable or []))}
        rendered = job.client.prompts.render_prompt(prompt, {"label": label, "version": version, "variables": values})
        job.out.result(rendered)
        _show_messages(job.out, rendered["messages"])


@commands.command(epilog=examples("assay prompt history triage"))
def history(prompt: Name, limit: Limit = 50, as_json: AsJson = False) -> None:
    """Show what happened to a prompt, oldest first."""
    with work(as_json) as job:
        found = list(job.client.prompts.iterate_history(prompt, limit=limit))
        job.out.result({"items": found})
        rows = (
            [moment(each["occurred_at"]), escape(each["type"].rpartition(".")[2]), _told(each["data"]), each["actor"]]
            for each in found
        )
        job.out.table(["when", "what", "details", "by"], rows)


def _labels(prompt: Json) -> str:
    return escape(", ".join(f"{each['name']}→{each['version']}" for each in prompt["labels"]))


def _told(data: Json | None) -> str:
    """The short facts of an event."""
    facts = {name: value for name, value in (data or {}).items() if isinstance(value, str | int) and value != ""}
    return short(", ".join(f"{name}={value}" for name, value in facts.items() if not name.endswith("_id")))


def _show_messages(out: Output, messages: list[ChatMessage]) -> None:
    for message in messages:
        out.say(f"[bold cyan]{escape(message['role'])}[/]")
        out.text(message["content"])


def _read(file: str) -> str:
    try:
        return sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise WrongUsage(f"{file} cannot be read: {error}") from error


def _conversation(text: str) -> NewChat:
    try:
        content = yaml.safe_load(text)  # every JSON document is YAML too
    except yaml.YAMLError as error:
        raise WrongUsage(f"The conversation is neither JSON nor YAML: {error}") from error
    messages = content.get("messages") if isinstance(content, dict) else content
    if not isinstance(messages, list):
        raise WrongUsage("A conversation is a list of {role, content}, or an object with `messages`.")
    return {"messages": messages}


def _object(text: str) -> dict[str, Any]:
    try:
        values = json.loads(text)
    except ValueError as error:
        raise WrongUsage(f"The variables are not JSON: {error}") from error
    if not isinstance(values, dict):
        raise WrongUsage("The variables must be one JSON object.")
    return values


def _pair(words: str) -> tuple[str, str]:
    name, equals, value = words.partition("=")
    if not equals:
        raise WrongUsage(f"{words!r} is not NAME=VALUE.")
    return name, value
