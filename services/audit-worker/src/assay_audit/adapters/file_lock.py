"""Locks between processes on one machine, which the system frees when a process dies, however it dies."""

import asyncio
import fcntl
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

LOOK_AGAIN: Final = 0.02
"""Seconds between two tries. A thread that waits inside the system call would be one less for those who hold the lock
and need threads to come to an end."""


@asynccontextmanager
async def locked(path: Path, *, shared: bool = False) -> AsyncIterator[None]:
    """Hold the lock file for the length of the block, waiting for others; any number may share it."""
    while (descriptor := try_lock(path, shared=shared)) is None:  # noqa: ASYNC110 - others are other processes
        await asyncio.sleep(LOOK_AGAIN)
    try:
        yield
    finally:
        os.close(descriptor)


def try_lock(path: Path, *, shared: bool = False) -> int | None:
    """Take the lock, or None when somebody holds it. Close the descriptor to free it."""
    try:
        return _take(path, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        return None


def _take(path: Path, operation: int) -> int:
    """Lock the file that is at the path now: another process may have removed the one that was opened."""
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, operation)
            if _is_still_there(path, descriptor):
                return descriptor
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)


def _is_still_there(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False
