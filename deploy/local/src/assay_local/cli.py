"""The launcher's command line: up, down, status, logs, demo."""

import asyncio
import dataclasses
import json
import time
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from assay_local.demo import AssayCommand, Demo, DemoFailed
from assay_local.errors import LaunchError
from assay_local.site import Address
from assay_local.stack import DEFAULT_GATEWAY_PORT, Stack, Status
from assay_local.tail import follow, last_lines

ROOT = Path(__file__).resolve().parents[4]
"""The repository: the launcher is always run from its clone."""
FOLDER = ROOT / ".local"
"""Data, logs and state of the suite that `make up` starts."""

app = typer.Typer(help="Run the whole suite on this machine.", no_args_is_help=True, add_completion=False)
console = Console(highlight=False)


def open_stack(port: int = DEFAULT_GATEWAY_PORT, host: str | None = None) -> Stack:
    """The suite of this clone, its gateway on that port and its components on that host."""
    address = Address(listen=host) if host else None
    return Stack(FOLDER, ports="default", gateway_port=port, address=address)


@app.command()
def up(
    names: Annotated[list[str] | None, typer.Argument(help="Only these and what they need; by default all.")] = None,
    port: Annotated[int, typer.Option(envvar="ASSAY_PORT", help="Of the gateway.")] = DEFAULT_GATEWAY_PORT,
    host: Annotated[
        str | None,
        typer.Option(
            envvar="ASSAY_LOCAL_HOST",
            help="Address for PostgreSQL, Kafka, Valkey and the model to listen on, remembered; at first 127.0.0.1.",
        ),
    ] = None,
) -> None:
    """Start everything that does not run, and say where it is."""
    stack = open_stack(port, host)
    try:
        _bring_up(stack, names)
    except KeyError as error:
        raise typer.BadParameter(str(error.args[0])) from error
    console.print()
    _print_addresses(stack)


@app.command()
def demo(
    port: Annotated[int, typer.Option(envvar="ASSAY_PORT", help="Of the gateway.")] = DEFAULT_GATEWAY_PORT,
) -> None:
    """Start what does not run, do the main job on it, and leave the results in .local/demo.json."""
    started = time.monotonic()
    stack = open_stack(port)
    _bring_up(stack, None)
    results_file = FOLDER / "demo.json"
    results_file.unlink(missing_ok=True)
    assay = AssayCommand(console, stack.gateway_url, FOLDER / "demo")
    try:
        results = Demo(console, assay, ROOT, FOLDER / "logs").run(stack.admin_email, stack.admin_password)
    except DemoFailed as error:
        console.print("\n[red]The demo failed[/]: ", end="")
        console.print(str(error), markup=False, soft_wrap=True)
        console.print("The suite is left running; [b]make logs[/] shows what it says, [b]make down[/] stops it.")
        raise typer.Exit(1) from error
    results_file.write_text(json.dumps(results, indent=2, ensure_ascii=False) + "\n")
    console.print(f"\n[green]done[/] after {time.monotonic() - started:.1f} s. Where to look next:\n")
    _say("results", str(results_file))
    _print_addresses(stack)


@app.command()
def down() -> None:
    """Stop everything; the data stays."""
    stopped = asyncio.run(open_stack().down())
    console.print(f"stopped {', '.join(stopped)}" if stopped else "nothing was running")


@app.command()
def status(as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False) -> None:
    """Show each process: state, pid, port, memory. Exit code 1 unless everything is ready."""
    rows = asyncio.run(open_stack().status())
    total = sum(row.memory_mb for row in rows)
    if as_json:
        processes = [{**dataclasses.asdict(row), "log": str(row.log)} for row in rows]
        console.print_json(json.dumps({"processes": processes, "memory_mb": total}))
    else:
        console.print(_as_table(rows, total))
    if any(row.state != "ready" for row in rows):
        raise typer.Exit(1)


@app.command()
def logs(
    name: Annotated[str | None, typer.Argument(help="Of one process; by default of all.")] = None,
    follow_on: Annotated[bool, typer.Option("--follow", "-f", help="Go on as they grow, until ctrl-C.")] = False,
    lines: Annotated[int, typer.Option("--lines", "-n", help="How many of the last lines of each.")] = 20,
) -> None:
    """Show the logs."""
    files = sorted((FOLDER / "logs").glob(f"{name or '*'}.log"))
    if not files:
        known = ", ".join(file.stem for file in sorted((FOLDER / "logs").glob("*.log"))) or "none yet"
        raise typer.BadParameter(f"there is no log {name or ''}; there are: {known}")
    for file in files:
        for line in last_lines(file, lines):
            _print_log(file, line)
    if follow_on:
        try:
            for file, line in follow(files):
                _print_log(file, line)
        except KeyboardInterrupt:
            raise typer.Exit from None


def _bring_up(stack: Stack, names: list[str] | None) -> None:
    """Start what does not run; raises KeyError for an unknown name, and ends the program when it cannot."""
    started = time.monotonic()
    try:
        asyncio.run(stack.up(names or None, tell=_say))
    except LaunchError as error:
        console.print(f"\n[red]{type(error).__name__}[/]: ", end="")
        console.print(str(error), markup=False)
        console.print("What did start is left running: try again with [b]make up[/], or stop it with [b]make down[/].")
        raise typer.Exit(1) from error
    console.print(f"\n[green]up[/] after {time.monotonic() - started:.1f} s")


def _say(name: str, words: str) -> None:
    console.print(f"  {name:<20} {words}", markup=False, soft_wrap=True)


def _print_log(file: Path, line: str) -> None:
    console.print(f"[cyan]{file.stem:<16}[/] ", end="")
    console.print(line, markup=False, soft_wrap=True)


def _print_addresses(stack: Stack) -> None:
    gateway = stack.process("gateway")
    if gateway.running:
        _say("HTTP API", stack.gateway_url)
        _say("API docs", f"{stack.gateway_url}/docs")
        _say("metrics", f"{gateway.ops_url}/metrics (each process has its own: make status)")
        _say("administrator", f"{stack.admin_email}, password in {stack.site.state_file} (secrets.bootstrap-admin)")
    _say("logs", f"{stack.site.folder / 'logs'} (make logs)")
    _say("stop", "make down")


def _as_table(rows: list[Status], total: float) -> Table:
    table = Table("process", "state", "pid", "port", "memory MB", show_footer=True, box=None)
    table.columns[0].footer = "total"
    table.columns[4].footer = f"{total:.0f}"
    for column in table.columns[2:]:
        column.justify = "right"
    colours = {"ready": "green", "not ready": "yellow", "died": "red", "stopped": "dim"}
    for row in rows:
        state = f"[{colours[row.state]}]{row.state}[/]"
        table.add_row(row.name, state, str(row.pid or ""), str(row.port), f"{row.memory_mb:.0f}" if row.pid else "")
    return table
