"""The ends of log files, and what is added to them."""

import time
from collections import deque
from collections.abc import Iterator, Sequence
from pathlib import Path

_LOOK_SECONDS = 0.3


def last_lines(file: Path, count: int) -> list[str]:
    """The last lines of a file, oldest first."""
    with file.open(errors="replace") as lines:
        return [line.rstrip("\n") for line in deque(lines, maxlen=count)]


def follow(files: Sequence[Path]) -> Iterator[tuple[Path, str]]:
    """Lines added to the files from now on, for ever."""
    streams = {file: file.open(errors="replace") for file in files}
    try:
        for stream in streams.values():
            stream.seek(0, 2)
        while True:
            for file, stream in streams.items():
                for line in stream:
                    yield file, line.rstrip("\n")
            time.sleep(_LOOK_SECONDS)
    finally:
        for stream in streams.values():
            stream.close()
