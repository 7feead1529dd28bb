"""How git is called: no configuration but ours, no hooks, no prompts, no transports, limits on everything."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Final

from assay_audit.adapters.processes import Completed, Limits, TimedOut, TooMuchOutput, environment, run, started
from assay_audit.domain.errors import RepositoryUnreadable

MAX_OUTPUT: Final = 256 * 1024 * 1024
"""Bytes read of one listing."""

FSCK: Final = "badTimezone=ignore,missingSpaceBeforeDate=ignore,zeroPaddedFilemode=ignore"
"""Faults of old, honest histories; everything else that fsck calls an error is refused."""

_CONFIG: Final = (
    "core.hooksPath=/dev/null",
    "core.attributesFile=/dev/null",
    "core.fsmonitor=false",
    "core.quotePath=false",
    "credential.helper=",
    # The folders are ours even where a shared volume gives them another owner.
    "safe.directory=*",
    "protocol.allow=never",
    "submodule.recurse=false",
    "gc.auto=0",
    "maintenance.auto=false",
    # Memory: large objects are streamed, and packs are read through small windows.
    "core.bigFileThreshold=16m",
    "core.packedGitWindowSize=32m",
    "core.packedGitLimit=512m",
    "core.deltaBaseCacheLimit=32m",
    "pack.threads=1",
)


@dataclass(frozen=True, slots=True)
class Git:
    """Runs git."""

    limits: Limits

    def within(self, seconds: float, file_bytes: int) -> "Git":
        """The same with other limits."""
        return Git(replace(self.limits, seconds=seconds, file_bytes=file_bytes))

    async def __call__(
        self,
        *arguments: str,
        folder: Path,
        config: tuple[str, ...] = (),
        stdin: IO[bytes] | None = None,
        max_output: int = MAX_OUTPUT,
    ) -> Completed:
        """Run git in a folder; a non-zero exit code is the caller's to judge.

        Raises:
            RepositoryUnreadable: it took too long or answered too much.
        """
        try:
            return await run(
                _argv(arguments, config),
                folder=folder,
                env=_environment(folder),
                limits=self.limits,
                stdin=stdin,
                max_output=max_output,
            )
        except TimedOut as error:
            raise RepositoryUnreadable(f"git {arguments[0]} took too long: {error}") from error
        except TooMuchOutput as error:
            raise RepositoryUnreadable(f"git {arguments[0]} answered too much: {error}") from error

    async def output(self, *arguments: str, folder: Path, stdin: IO[bytes] | None = None) -> bytes:
        """What git prints. Raises RepositoryUnreadable, also when git fails."""
        done = await self(*arguments, folder=folder, stdin=stdin)
        if done.code != 0:
            raise RepositoryUnreadable(f"git {arguments[0]} failed: {complaint(done)}")
        return done.stdout

    @asynccontextmanager
    async def stream(self, *arguments: str, folder: Path, stdin: IO[bytes]) -> AsyncIterator[asyncio.StreamReader]:
        """What git prints, as it prints it."""
        process: AbstractAsyncContextManager[asyncio.subprocess.Process] = started(
            _argv(arguments, ()), folder=folder, env=_environment(folder), limits=self.limits, stdin=stdin
        )
        async with process as running:
            if running.stdout is None:
                raise RuntimeError("git was started without a pipe")
            yield running.stdout


def complaint(done: Completed) -> str:
    """What git complained about, in one line and without the folders of this machine."""
    if "signal 25" in done.stderr or "File too large" in done.stderr or done.code == -25:
        return "it is larger than allowed"
    lines = [line.strip() for line in done.stderr.splitlines() if line.startswith(("fatal:", "error:"))]
    text = (lines or done.stderr.strip().splitlines() or [f"exit code {done.code}"])[-1]
    return " ".join(word for word in text.split() if "/" not in word)[:300]


def _argv(arguments: tuple[str, ...], config: tuple[str, ...]) -> list[str]:
    options = [part for setting in (*_CONFIG, *config) for part in ("-c", setting)]
    return ["git", *options, *arguments]


def _environment(folder: Path) -> dict[str, str]:
    return {
        **environment(folder),
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": "/dev/null",
        "GIT_ATTR_NOSYSTEM": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_ASKPASS": "/bin/false",
        "GIT_CEILING_DIRECTORIES": str(folder.parent),
        "GIT_NO_REPLACE_OBJECTS": "1",
        "GIT_OPTIONAL_LOCKS": "0",
    }
