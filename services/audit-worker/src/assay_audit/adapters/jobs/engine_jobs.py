"""Engines that answer in Jobs: one for each audit run, made with its first question, ended when there are no more."""

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Protocol
from uuid import UUID

import structlog

from assay_audit.adapters.engines.process import Question
from assay_audit.adapters.jobs.exchange import Exchange
from assay_audit.adapters.jobs.manifest import Owner, filled
from assay_audit.adapters.jobs.metrics import JOBS
from assay_audit.adapters.jobs.package import pack
from assay_audit.adapters.jobs.session import JobLost, Session
from assay_audit.adapters.jobs.states import JobState
from assay_audit.domain.errors import EngineFailed
from assay_common.errors import AssayError, Unavailable

log = structlog.get_logger()

MAX_JOBS: Final = 3
"""Jobs over which one question may lose its answer before it is given up: a file may take its whole pod down."""
ROUND_SECONDS: Final = 1.0
LOOK_SECONDS: Final = 3.0
"""Time between two looks at the worker's Jobs in the cluster; one call for all of them."""
FAREWELL_SECONDS: Final = 15.0
"""How long a Job that was told to end may take before it is deleted."""
ANSWER_MARGIN: Final = 90.0
"""Seconds that a question may take beyond the limit of an engine process: to be fetched, unpacked and answered."""


class Cluster(Protocol):
    """Where Jobs run."""

    async def create(self, manifest: Mapping[str, Any]) -> None:
        """Make a Job. Raises Unavailable or EngineFailed."""

    async def states(self, selector: str) -> dict[str, JobState]:
        """All Jobs with these labels. Raises Unavailable or EngineFailed."""

    async def delete(self, name: str) -> None:
        """Delete a Job. Raises Unavailable or EngineFailed."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long what is waited for."""

    start_seconds: float
    """From the wish for a Job until its process asks for work: scheduling, a node, the image."""
    idle_seconds: float
    """A Job without a question is kept for so long, since the run's next task may come."""
    silence_seconds: float
    """A Job, or a worker, that says nothing for so long is dead."""


@dataclass(slots=True)
class EngineJobs:
    """The port `Answers` on a cluster."""

    cluster: Cluster
    exchange: Exchange
    template: Mapping[str, Any]
    owner: Owner
    patience: Patience
    _sessions: dict[UUID, Session] = field(default_factory=dict)
    _ending: dict[Session, float] = field(default_factory=dict)
    """Jobs that were told to end → when they are deleted if they have not."""
    _creating: set[asyncio.Task[None]] = field(default_factory=set)
    _looked_at: float = 0.0

    async def answer(self, audit_id: UUID, question: Question, files: Path, home: Path) -> bytes:
        """Ask in the run's Job. A Job that is lost is replaced, at most MAX_JOBS times."""
        engine = str(question["engine"])
        package = home / "question.tar"
        await asyncio.to_thread(pack, question, files, package)
        why = ""
        for _ in range(MAX_JOBS):
            session = self._session(audit_id)
            asked = session.ask(engine, package)
            try:
                return await asked.outcome
            except JobLost as lost:
                why = str(lost)
            finally:
                session.forget(asked)
        raise EngineFailed(f"{engine} failed: {why}; {MAX_JOBS} Jobs were tried", engine=engine)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Look after the Jobs for the length of the block; at its end none is left."""
        with suppress(Unavailable):  # left behind by this pod's process before
            for name in await self.cluster.states(self.owner.selector):
                await self.cluster.delete(name)
        looking = asyncio.create_task(self._look_after_jobs(), name="audit jobs")
        try:
            yield
        finally:
            looking.cancel()
            await asyncio.gather(looking, *self._creating, return_exceptions=True)
            await self._delete_all()

    def _session(self, audit_id: UUID) -> Session:
        session = self._sessions.get(audit_id)
        if session is None or session.over:
            name = f"{self.template['metadata']['name']}-{secrets.token_hex(5)}"
            session = self._sessions[audit_id] = Session(name, audit_id, self.exchange.orders.lanes)
            self.exchange.admit(session)
            creating = asyncio.create_task(self._create(session), name=f"create {name}")
            self._creating.add(creating)
            creating.add_done_callback(self._creating.discard)
        return session

    async def _create(self, session: Session) -> None:
        variables = {
            "ASSAY_EXCHANGE__URL": self.exchange.url,
            "ASSAY_EXCHANGE__TOKEN": session.token,
            "ASSAY_EXCHANGE__CERTIFICATE": self.exchange.certificate.certificate,
        }
        manifest = filled(
            self.template, name=session.name, audit_id=session.audit_id, owner=self.owner, variables=variables
        )
        try:
            await self.cluster.create(manifest)
        except AssayError as error:
            log.warning("no Job could be made", job=session.name, audit_id=str(session.audit_id), reason=error.message)
            JOBS.labels("refused").inc()
            self._end(session, error)
        except Exception as error:
            log.exception("no Job could be made", job=session.name, audit_id=str(session.audit_id))
            self._end(session, EngineFailed(f"no Job for the engines: {type(error).__name__}"))
        else:
            session.created = True

    async def _look_after_jobs(self) -> None:
        while True:
            await asyncio.sleep(ROUND_SECONDS)
            try:
                await self._round()
            except AssayError as error:
                log.warning("Jobs could not be looked at", reason=error.message)
            except Exception:
                log.exception("Jobs could not be looked at")

    async def _round(self) -> None:
        for session in list(self._sessions.values()):
            if problem := self._problem(session):
                self._lose(session, problem)
            elif session.claimed and session.idle_for() > self.patience.idle_seconds:
                JOBS.labels("ended").inc()
                self._end(session)
        if (self._sessions or self._ending) and time.monotonic() - self._looked_at > LOOK_SECONDS:
            await self._look_at_cluster()
        for session, until in list(self._ending.items()):
            if time.monotonic() > until:
                self._ending[session] += FAREWELL_SECONDS
                await self.cluster.delete(session.name)
                self._forget(session)

    async def _look_at_cluster(self) -> None:
        expected = [session for session in (*self._sessions.values(), *self._ending) if session.created]
        states = await self.cluster.states(self.owner.selector)
        self._looked_at = time.monotonic()
        for session in expected:
            state = states.get(session.name)
            if session.over:
                if state is not JobState.ACTIVE:
                    self._forget(session)
            elif state is None:
                self._lose(session, "its Job was deleted")
            elif state is not JobState.ACTIVE:
                self._lose(session, "its Job ended before it answered")

    def _problem(self, session: Session) -> str | None:
        now, patience = time.monotonic(), self.patience
        longest = self.exchange.orders.seconds + ANSWER_MARGIN
        if not session.claimed:
            if now - session.began_at > patience.start_seconds:
                return f"no Job began within {patience.start_seconds:g} s"
        elif now - session.seen_at > patience.silence_seconds:
            return f"its Job was silent for {patience.silence_seconds:g} s"
        elif session.slowest() > longest:
            return f"its Job gave no answer within {longest:g} s"
        return None

    def _lose(self, session: Session, why: str) -> None:
        log.warning("a Job was lost", job=session.name, audit_id=str(session.audit_id), reason=why)
        JOBS.labels("lost").inc()
        self._end(session, JobLost(why), seconds=0)

    def _end(self, session: Session, why: Exception | None = None, *, seconds: float = FAREWELL_SECONDS) -> None:
        session.end(why)
        if self._sessions.get(session.audit_id) is session:
            del self._sessions[session.audit_id]
        self._ending[session] = time.monotonic() + seconds

    def _forget(self, session: Session) -> None:
        self._ending.pop(session, None)
        self.exchange.dismiss(session)

    async def _delete_all(self) -> None:
        for session in (*self._sessions.values(), *self._ending):
            session.end()
            with suppress(AssayError):
                await self.cluster.delete(session.name)
            self.exchange.dismiss(session)
