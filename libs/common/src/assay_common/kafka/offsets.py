"""Which offsets of one partition are finished, and how far that may be committed. Pure: no Kafka, no clock."""

from bisect import bisect_left, insort
from enum import Enum, auto


class _State(Enum):
    OPEN = auto()
    GIVEN_BACK = auto()
    DONE = auto()


class OffsetTracker:
    """Work is finished in any order; only what lies behind no unfinished work may be committed.

    Offsets may have gaps (compaction and transaction markers leave them), so "behind" means: among the offsets that
    were started. What is done is remembered until it is settled (committed), so that it is not done again when the
    partition is delivered once more from its last commit.
    """

    def __init__(self) -> None:
        self._states: dict[int, _State] = {}
        self._unfinished: list[int] = []
        self._last = -1
        self._open = 0
        self._resuming = False

    @property
    def position(self) -> int | None:
        """The offset to commit: everything started below it is done. None until something is started (or resumed)."""
        if self._resuming:
            return None
        if self._unfinished:
            return self._unfinished[0]
        return self._last + 1 if self._last >= 0 else None

    @property
    def open(self) -> int:
        """How many offsets are under way."""
        return self._open

    def start(self, offset: int) -> bool:
        """Note that an offset arrived; False when its work is under way or done, and must not be begun again.

        An offset that comes again after it was settled (somebody moved the group back) is new work.
        """
        if self._resuming:
            self._resume_at(offset)
        state = self._states.get(offset)
        if state is _State.OPEN or state is _State.DONE:
            return False
        self._last = max(self._last, offset) if self._states else offset
        if state is None:
            insort(self._unfinished, offset)
        self._states[offset] = _State.OPEN
        self._open += 1
        return True

    def finish(self, offset: int) -> None:
        """Note that the work of a started offset is done."""
        self._end(offset, _State.DONE)
        del self._unfinished[bisect_left(self._unfinished, offset)]

    def give_back(self, offset: int) -> None:
        """Note that a started offset will not be worked on unless it arrives again; the position stays before it."""
        self._end(offset, _State.GIVEN_BACK)

    def resume(self) -> None:
        """The partition will be delivered again from its last commit, wherever others may have moved that."""
        self._resuming = True

    def settle(self, position: int) -> None:
        """Forget what is done below a committed position: it will not be delivered again."""
        for offset in [offset for offset, state in self._states.items() if offset < position and state is _State.DONE]:
            del self._states[offset]

    def _resume_at(self, first: int) -> None:
        """What was done or given back below the first offset that arrives again was committed by somebody else."""
        self._resuming = False
        self._states = {
            offset: state for offset, state in self._states.items() if offset >= first or state is _State.OPEN
        }
        self._unfinished = sorted(offset for offset, state in self._states.items() if state is not _State.DONE)

    def _end(self, offset: int, state: _State) -> None:
        if self._states.get(offset) is not _State.OPEN:
            raise ValueError(f"offset {offset} is not under way")
        self._states[offset] = state
        self._open -= 1
