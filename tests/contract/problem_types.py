"""The problems that the API answers with, collected from the code: `make problems` writes what this finds.

A problem is an error class of a service (its category decides the HTTP status), a `Problem(status, "REASON", …)` that
the gateway makes itself, or a status that HTTP or gRPC names without a word from us.
"""

import ast
import importlib
import inspect
import json
import pkgutil
import re
from collections.abc import Iterator
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

import grpc

from assay_common.errors import AssayError
from assay_common.rpc.errors import RemoteError, status_of
from assay_gateway.entrypoints.http.problems import from_http, from_status

ROOT = Path(__file__).parents[2]
PACKAGES = ("assay_common", "assay_auth", "assay_prompt", "assay_evaluation", "assay_audit", "assay_gateway")
GATEWAY = ROOT / "services/gateway/src/assay_gateway"
DATA = GATEWAY / "entrypoints/http/problem_types.json"
PAGE = ROOT / "docs/problems.md"
BY_HTTP = (400, 404, 405, 408, 413, 415, 431)
BY_GRPC = (grpc.StatusCode.INTERNAL, grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED)
"""Statuses that stand for themselves when no service has named a reason."""
MAY_NOT_IMPORT = re.compile(r"\.(__main__|migrations|alembic)(\.|$)")


@dataclass(frozen=True, order=True)
class Kind:
    """One kind of problem."""

    reason: str
    status: int
    description: str


def kinds() -> list[Kind]:
    """All of them, one for each reason."""
    found: dict[str, Kind] = {}
    for kind in (*_by_protocol(), *_by_class(), *_by_gateway()):
        found.setdefault(kind.reason, kind)
    return sorted(found.values())


def _by_class() -> Iterator[Kind]:
    for package in PACKAGES:
        root = importlib.import_module(package)
        for module in pkgutil.walk_packages(root.__path__, f"{package}."):
            if not MAY_NOT_IMPORT.search(module.name):
                importlib.import_module(module.name)
    for error in sorted(_descendants(AssayError), key=lambda each: (each.__qualname__, each.__module__)):
        of_no_service = error.__module__ == "assay_common.errors" or not error.__module__.startswith(PACKAGES)
        # What is not imported here may have been by somebody else in this process, and is no answer of the API.
        if of_no_service or MAY_NOT_IMPORT.search(error.__module__):
            continue
        problem = from_status(status_of(_instance(error)))
        yield Kind(problem.reason, problem.status, _first_sentence(inspect.getdoc(error) or ""))


def _instance(error: type[AssayError]) -> AssayError:
    """An error of this class, whatever its constructor wants to know."""
    made = error.__new__(error)
    AssayError.__init__(made, "")
    made.violations = ()  # type: ignore[attr-defined]
    return made


def _descendants(kind: type[AssayError]) -> set[type[AssayError]]:
    return {kind}.union(*(_descendants(each) for each in kind.__subclasses__())) - {AssayError}


def _by_gateway() -> Iterator[Kind]:
    for path in sorted(GATEWAY.rglob("*.py")):
        for call in ast.walk(ast.parse(path.read_text())):
            if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "Problem":
                given = dict(zip(("status", "reason", "detail"), call.args, strict=False))
                given |= {keyword.arg: keyword.value for keyword in call.keywords if keyword.arg}
                status, reason = given.get("status"), given.get("reason")
                if isinstance(status, ast.Constant) and isinstance(reason, ast.Constant):
                    number = int(status.value)
                    yield Kind(str(reason.value), number, _text(given.get("detail")) or HTTPStatus(number).description)


def _by_protocol() -> Iterator[Kind]:
    for status in BY_HTTP:
        yield Kind(from_http(status).reason, status, HTTPStatus(status).description)
    for code in BY_GRPC:
        problem = from_status(RemoteError(code, code.name, "", {}, (), ours=False))
        yield Kind(problem.reason, problem.status, problem.detail)


def _text(detail: ast.expr | None) -> str:
    """What a message says, with its blanks named by what is put there."""
    match detail:
        case ast.Constant():
            return str(detail.value)
        case ast.JoinedStr():
            return "".join(
                str(part.value) if isinstance(part, ast.Constant) else f"<{ast.unparse(part.value).split('.')[-1]}>"
                for part in detail.values
                if isinstance(part, ast.Constant | ast.FormattedValue)
            )
        case _:
            return ""


def _first_sentence(text: str) -> str:
    return " ".join(text.partition("\n\n")[0].split())


def data(found: list[Kind]) -> str:
    """What the gateway shows in its OpenAPI document."""
    shown = [
        {
            "type": f"https://assay.dev/problems/{kind.reason.lower().replace('_', '-')}",
            "reason": kind.reason,
            "status": kind.status,
            "title": kind.reason.replace("_", " ").capitalize(),
            "description": kind.description,
        }
        for kind in found
    ]
    return json.dumps(shown, indent=2, ensure_ascii=False) + "\n"


def page(found: list[Kind]) -> str:
    """The page of the documentation."""
    lines = [
        "# Problems",
        "",
        "Written by `make problems`; do not edit. Every error of the API is a problem document (RFC 9457). `reason` is "
        "for programs; `type` is `https://assay.dev/problems/` and the reason in kebab-case. Both are stable.",
        "",
        "| reason | status | what it says |",
        "|---|---|---|",
        *(f"| `{kind.reason}` | {kind.status} | {kind.description.replace('|', chr(92) + '|')} |" for kind in found),
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    everything = kinds()
    DATA.write_text(data(everything))
    PAGE.write_text(page(everything))
