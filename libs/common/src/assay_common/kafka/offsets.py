"""Which offsets of one partition are finished, and how far that may be committed. Pure: no Kafka, no clock."""

from bisect import insort
from enum import Enum, auto


class _State(Enum):
    OPEN = auto()
    GIVEN_BACK = auto()
    DONE = auto()


class OffsetTracker:
    """Work is finished in any order; only what lies behind no unfinished work may be committed.

    Offsets may have gaps (compaction and transaction markers leave them), so "behind" means: among the offsets that
    were started.
    """

    def __init__(self) -> None:
        self._states: dict[int, _State] = {}
        self._order: list[int] = []
        self._behind: int | None = None
        self._open = 0

    @property
    def position(self) -> int | None:
        """The offset to commit: everything started below it is done. None until something was started."""
        return self._order[0] if self._order else self._behind

    @property
    def open(self) -> int:
        """How many offsets are started and not done, given back ones excepted."""
        return self._open

    def start(self, offset: int) -> bool:
        """Note that an offset arrived; False when its work is under way or done already, and must not be begun again.

        An offset that comes again after it was committed (somebody moved the group back) is new work.
        """
        state = self._states.get(offset)
        if state is _State.OPEN or state is _State.DONE:
            return False
        if state is None:
            insort(self._order, offset)
        self._states[offset] = _State.OPEN
        self._open += 1
        return True

    def finish(self, offset: int) -> None:
        """Note that the work of a started offset is done."""
        self._close(offset, _State.DONE)
        while self._order and self._states[self._order[0]] is _State.DONE:
            self._behind = self._order.pop(0) + 1
            del self._states[self._behind - 1]

    def give_back(self, offset: int) -> None:
        """Note that a started offset will not be worked on unless it arrives again; the position stays before it."""
        self._close(offset, _State.GIVEN_BACK)

    def _close(self, offset: int, state: _State) -> None:
        if self._states.get(offset) is not _State.OPEN:
            raise ValueError(f"offset {offset} is not under way")
        self._states[offset] = state
        self._open -= 1
