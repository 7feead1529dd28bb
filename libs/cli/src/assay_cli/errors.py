"""What can go wrong, and the exit code that says so to a script."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, ClassVar

import assay_client


class ExitCode(IntEnum):
    """The exit codes of every command."""

    OK = 0
    REFUSED = 1
    """A gate or a threshold said no."""
    USAGE = 2
    API_ERROR = 3
    NOT_SIGNED_IN = 4
    UNREACHABLE = 5


class CliError(Exception):
    """An end of the command that the user is told of: what happened, and what to do."""

    exit_code: ClassVar[ExitCode]

    def document(self) -> dict[str, Any]:
        """The error for programs."""
        return {"error": type(self).__name__, "detail": str(self), "exit_code": int(self.exit_code)}


class Refused(CliError):
    """A gate or a threshold said no."""

    exit_code = ExitCode.REFUSED


class WrongUsage(CliError):
    """The command was called with something that cannot work."""

    exit_code = ExitCode.USAGE


class NotSignedIn(CliError):
    """There are no credentials, or they are good no more."""

    exit_code = ExitCode.NOT_SIGNED_IN


class Unreachable(CliError):
    """The gateway does not answer."""

    exit_code = ExitCode.UNREACHABLE


@dataclass(eq=False)
class ApiError(CliError):
    """The gateway refused or failed: its problem document (RFC 9457), or what could be made of its answer."""

    exit_code: ClassVar[ExitCode] = ExitCode.API_ERROR

    status: int
    problem: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.title}: {self.detail}" if self.detail else self.title

    @property
    def title(self) -> str:
        """A few words for the kind of problem."""
        return str(self.problem.get("title") or f"HTTP {self.status}")

    @property
    def detail(self) -> str:
        """What is wrong this time."""
        return str(self.problem.get("detail") or "")

    @property
    def reason(self) -> str:
        """The rule that was broken, in UPPER_SNAKE; empty when the answer names none."""
        return str(self.problem.get("reason") or "")

    @property
    def parts(self) -> list[tuple[str, str]]:
        """JSON pointer and detail of each part of the request that is wrong."""
        return [
            (str(each.get("pointer", "")), str(each.get("detail", ""))) for each in self.problem.get("errors") or []
        ]

    def document(self) -> dict[str, Any]:
        """The problem document, with the exit code."""
        return {**super().document(), **self.problem, "status": self.status}


def told(error: assay_client.AssayError, url: str, *, has_key: bool) -> CliError:
    """What the client raised, as the user is told of it."""
    match error:
        case assay_client.Problem(status=401) if has_key:
            return NotSignedIn(f"The gateway does not accept ASSAY_API_KEY: {error.detail}.")
        case assay_client.Problem():
            return ApiError(error.status, error.document)
        case assay_client.Unreachable():
            return Unreachable(f"{url} does not answer ({error}). Is the suite up (`make up`)? Is ASSAY_URL right?")
        case _:
            return NotSignedIn(f"{url}: {error}. Run `assay login`, or set ASSAY_API_KEY.")
