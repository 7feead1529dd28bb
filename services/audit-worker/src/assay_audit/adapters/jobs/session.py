"""What a worker asks of one Job, and what has become of it."""

import asyncio
import secrets
import time
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

from assay_audit.domain.errors import EngineFailed


class JobLost(Exception):
    """The Job ended, or never began, before it answered: another may."""


class SessionOver(Exception):
    """There will be no more questions."""


@dataclass(eq=False, slots=True)
class Asked:
    """A question on its way."""

    id: str
    engine: str
    package: Path
    outcome: asyncio.Future[bytes]
    taken_at: float | None = None

    @property
    def open(self) -> bool:
        """Whether an answer is still waited for."""
        return not self.outcome.done()


@dataclass(eq=False, slots=True)
class Session:
    """One Job of one audit run, from the wish for it to its end.

    A Job has some lanes, each of which asks for a question, answers it and asks for the next. A lane that asks again
    without having answered has lost the question on its way, and gets it again.
    """

    name: str
    """The Job's."""
    audit_id: UUID
    lanes: int
    token: str = field(default_factory=lambda: secrets.token_urlsafe(32), repr=False)
    """What the Job shows once, to be let in."""
    began_at: float = field(default_factory=time.monotonic)
    created: bool = False
    """Whether the cluster has taken the Job."""
    claimed: bool = False
    seen_at: float = field(default_factory=time.monotonic)
    over: bool = False
    _idle_since: float = field(default_factory=time.monotonic)
    _waiting: deque[Asked] = field(default_factory=deque)
    _taken: dict[int, Asked] = field(default_factory=dict)
    _turn: asyncio.Event = field(default_factory=asyncio.Event)

    def ask(self, engine: str, package: Path) -> Asked:
        """Put a question; its `outcome` is the answer, EngineFailed, Unavailable or JobLost."""
        if self.over:
            raise SessionOver
        asked = Asked(secrets.token_hex(8), engine, package, asyncio.get_running_loop().create_future())
        self._waiting.append(asked)
        self._changed()
        return asked

    def forget(self, asked: Asked) -> None:
        """Nobody waits for the answer any more."""
        asked.outcome.cancel()
        if asked in self._waiting:
            self._waiting.remove(asked)
        self._idle_since = time.monotonic()

    async def next(self, lane: int, seconds: float) -> Asked | None:
        """The lane's question, or None when there was none for so long. Raises SessionOver."""
        try:
            async with asyncio.timeout(seconds):
                while (asked := self._for(lane)) is None:
                    turn = self._turn
                    await turn.wait()
        except TimeoutError:
            return None
        return asked

    def answered(self, question: str, outcome: bytes | EngineFailed) -> None:
        """Take an answer; what was not asked, or is answered already, is left alone."""
        for asked in self._taken.values():
            if asked.id == question and asked.open:
                if isinstance(outcome, bytes):
                    asked.outcome.set_result(outcome)
                else:
                    asked.outcome.set_exception(outcome)

    def asked(self, question: str) -> Asked | None:
        """The question that the Job is at, by its id."""
        return next((asked for asked in self._taken.values() if asked.id == question and asked.open), None)

    def end(self, why: BaseException | None = None) -> None:
        """No more questions; those that are open fail with the reason."""
        self.over = True
        for asked in (*self._waiting, *self._taken.values()):
            if asked.open:
                asked.outcome.set_exception(why or JobLost("the worker stopped"))
        self._waiting.clear()
        self._changed()

    def idle_for(self) -> float:
        """Seconds since the last question was answered; 0 while one is open."""
        busy = bool(self._waiting) or any(asked.open for asked in self._taken.values())
        return 0.0 if busy else time.monotonic() - self._idle_since

    def slowest(self) -> float:
        """Seconds for which a lane has been at its question."""
        now = time.monotonic()
        return max((now - asked.taken_at for asked in self._taken.values() if asked.open and asked.taken_at), default=0)

    def _for(self, lane: int) -> Asked | None:
        if self.over:
            raise SessionOver
        current = self._taken.get(lane)
        if current is not None and current.open:
            return current
        if not self._waiting:
            return None
        asked = self._taken[lane] = self._waiting.popleft()
        asked.taken_at = time.monotonic()
        return asked

    def _changed(self) -> None:
        turn, self._turn = self._turn, asyncio.Event()
        turn.set()
