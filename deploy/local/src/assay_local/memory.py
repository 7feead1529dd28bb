"""How much memory a tree of processes really takes."""

import contextlib
from pathlib import Path

import psutil

from assay_local.process import family


def memory_mb(pid: int) -> float:
    """Memory of the process and its descendants in MB (10^6 bytes).

    PSS (proportional set size, proc_pid_smaps(5)): a page shared by n processes counts 1/n for each, so that the sum
    over processes is what they take together. Where the system does not tell, RSS, which counts shared pages fully.
    """
    return sum(_bytes(member.pid) for member in family(pid)) / 1e6


def _bytes(pid: int) -> int:
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    with contextlib.suppress(psutil.Error):
        return int(psutil.Process(pid).memory_info().rss)
    return 0
