"""What a call can raise."""

from __future__ import annotations

from typing import Any

import httpx


class AssayError(Exception):
    """Anything that keeps a call from succeeding."""


class Unreachable(AssayError):
    """The gateway does not answer, or not in time."""


class NotSignedIn(AssayError):
    """There is no token, or the session behind it has ended."""


class MissingVariables(AssayError):
    """A prompt cannot be rendered: it names variables that have no value."""

    def __init__(self, names: tuple[str, ...]) -> None:
        self.names = names
        super().__init__(f"no value for {', '.join(names)}")


class Problem(AssayError):
    """The gateway says no, and why (RFC 9457)."""

    def __init__(self, status: int, document: dict[str, Any]) -> None:
        self.status = status
        self.document = document
        self.type: str = document.get("type", "about:blank")
        self.title: str = document.get("title", "")
        self.detail: str = document.get("detail", "") or self.title
        self.reason: str = document.get("reason", "")
        """The rule that was broken, for programs: `PROMPT_NOT_FOUND`."""
        self.errors: list[dict[str, str]] = document.get("errors") or []
        """What is wrong with which part of the request: JSON pointer and detail."""
        self.request_id: str | None = document.get("request_id")
        """To be named when asking for help."""
        super().__init__(f"{self.detail} ({status} {self.reason})" if self.reason else f"{self.detail} ({status})")

    @classmethod
    def of(cls, answer: httpx.Response) -> Problem:
        """The problem in an answer."""
        try:
            document = answer.json()
        except ValueError:
            document = None
        if not isinstance(document, dict):
            document = {"title": f"HTTP {answer.status_code}", "detail": answer.text.strip()[:500]}
        if isinstance(document.get("error"), str):
            # A refusal of OAuth (RFC 6749, section 5.2).
            document = {
                "title": document["error"].replace("_", " ").capitalize(),
                "detail": document.get("error_description", ""),
                "reason": document["error"].upper(),
            }
        document.setdefault("request_id", answer.headers.get("x-request-id"))
        document.setdefault("trace_id", answer.headers.get("x-trace-id"))
        return cls(answer.status_code, document)
