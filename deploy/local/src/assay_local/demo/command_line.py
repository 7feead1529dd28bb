"""Runs the real `assay` command line, so that the demo is what a user would type."""

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape

_PATIENCE = 600
"""Seconds that a command may take; runs and audits take seconds on an idle machine."""
_REFUSED = 1
"""The exit code of a gate that said no: an answer, not a failure."""


class DemoFailed(Exception):
    """A step of the demo did not do what it should; the message says which, and why."""


class AssayCommand:
    """`assay`, signed in apart from the user's own sign-in.

    Args:
        console: where each command is shown before it runs.
        url: of the gateway.
        config: the folder for its credentials.
    """

    def __init__(self, console: Console, url: str, config: Path) -> None:
        self._console = console
        self._environment = {
            **{name: value for name, value in os.environ.items() if name != "ASSAY_API_KEY"},
            "ASSAY_URL": url,
            "ASSAY_CONFIG_DIR": str(config),
        }

    def use_key(self, secret: str) -> None:
        """Sign in with this API key from now on, as CI would."""
        self._environment["ASSAY_API_KEY"] = secret

    def __call__(self, *arguments: str, stdin: str | None = None, shown: bool = True) -> Mapping[str, Any]:
        """What the command answers as JSON. Its progress bar is seen on standard error.

        Raises:
            DemoFailed: it ended with another exit code than 0, or 1 of a gate, or not at all; it has said why itself.
        """
        if shown:
            self._console.print(f"[dim]$ assay {escape(_words(arguments))}[/]", highlight=False, soft_wrap=True)
        command = [sys.executable, "-m", "assay_cli", *arguments, "--json"]
        try:
            done = subprocess.run(
                command,
                check=False,
                env=self._environment,
                input=stdin,
                stdout=subprocess.PIPE,
                text=True,
                timeout=_PATIENCE,
            )
        except subprocess.TimeoutExpired as error:
            raise DemoFailed(f"`assay {_words(arguments)}` did not end within {_PATIENCE} s") from error
        if done.returncode not in (0, _REFUSED) or not done.stdout:
            raise DemoFailed(f"`assay {_words(arguments)}` ended with exit code {done.returncode}; its words are above")
        answer: Mapping[str, Any] = json.loads(done.stdout)
        return answer


def _words(arguments: tuple[str, ...]) -> str:
    """The command as it would be typed; paths are shown from here."""
    return shlex.join(_from_here(each) for each in arguments)


def _from_here(argument: str) -> str:
    path = Path(argument)
    if not path.is_absolute() or not path.exists():
        return argument
    return os.path.relpath(path)
