"""The life of a process: it starts, becomes ready, drains on SIGTERM, and dies loudly when something in it breaks.

@asynccontextmanager
async def start(lifecycle: Lifecycle) -> AsyncIterator[None]:
    async with AsyncExitStack() as stack:
        ...
        lifecycle.spawn("outbox", relay(...))
        yield

sys.exit(run("prompt", settings, start))
"""

import asyncio
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from importlib.metadata import version
from typing import Any, Final

import structlog
import uvloop

from assay_common.logs import configure_logging
from assay_common.metrics import CHECK_FAILED, INFO, READY
from assay_common.ops import ops_server
from assay_common.settings import EX_CONFIG, MissingSettingError, ServiceSettings, describe
from assay_common.tracing import configure_tracing

log = structlog.get_logger()

Check = Callable[[], Awaitable[None]]

CHECK_TIMEOUT: Final = 2.0
"""Seconds a readiness check may take before it counts as failed."""
CHECK_INTERVAL: Final = 5.0
"""Seconds between two rounds of readiness checks."""
EXIT_MARGIN: Final = 5.0
"""Seconds, beyond the grace, in which resources must be closed."""


class Lifecycle:
    """What the parts of one process share about its life: background tasks, readiness, and the wish to stop."""

    def __init__(self, grace_seconds: float = 20.0) -> None:
        self.stopping = asyncio.Event()
        """Set once the process should end: take no new work, finish what is in flight, return."""
        self.started = False
        self.failure: BaseException | None = None
        """What broke, when the process stops because of it."""
        self.grace_seconds = grace_seconds
        self._stop_at: float | None = None
        self._tasks: dict[asyncio.Task[None], bool] = {}
        self._checks: dict[str, Check] = {}
        self._problems: dict[str, str] = {}
        self._ready = False
        self._turn = asyncio.Event()

    @property
    def ready(self) -> bool:
        """Whether this process should be given work now."""
        return self._ready

    @property
    def problems(self) -> dict[str, str]:
        """Why the process is not ready: the failed checks by name."""
        return dict(self._problems)

    def spawn(
        self, name: str, coroutine: Coroutine[Any, Any, None], *, cancel_on_stop: bool = False
    ) -> asyncio.Task[None]:
        """Run a background task under supervision: an exception in it stops the process with exit code 1.

        When the process stops, the task is expected to notice `stopping`, finish and return; it is cancelled when
        the grace is over. A task with nothing to finish (a periodic refresh) says `cancel_on_stop`.
        """
        task = asyncio.create_task(self._supervised(name, coroutine), name=name)
        self._tasks[task] = cancel_on_stop

        def forget(done: asyncio.Task[None]) -> None:
            del self._tasks[done]
            coroutine.close()  # a task that is cancelled before its first step has not touched its coroutine

        task.add_done_callback(forget)
        return task

    def add_check(self, name: str, check: Check) -> None:
        """Make readiness depend on `check`, which raises when its part cannot work.

        Only for what no request can do without (the database, say): a check that fails takes the process out of
        load balancing.
        """
        self._checks[name] = check

    def stop(self) -> None:
        """Begin to stop: not ready any more, and `stopping` is set. Idempotent."""
        if self._stop_at is None:
            self._stop_at = asyncio.get_running_loop().time() + self.grace_seconds
        self._set_ready(ready=False)
        self.stopping.set()

    def fail(self, error: BaseException) -> None:
        """Stop because something broke that cannot be repaired here; the process exits with code 1."""
        self.failure = self.failure or error
        self.stop()

    def grace_left(self) -> float:
        """Seconds left for work in flight; the whole grace while the process is not stopping."""
        if self._stop_at is None:
            return self.grace_seconds
        return max(0.0, self._stop_at - asyncio.get_running_loop().time())

    async def readiness(self) -> AsyncIterator[bool]:
        """Whether the process is ready now, and again after every change, for ever."""
        while True:
            turn = self._turn
            yield self._ready
            await turn.wait()

    async def probe(self) -> bool:
        """Run all checks and say whether the process is ready."""
        outcomes = await asyncio.gather(*(_outcome(check) for check in list(self._checks.values())))
        problems = {name: problem for name, problem in zip(self._checks, outcomes, strict=False) if problem is not None}
        for name in self._checks:
            CHECK_FAILED.labels(name).set(name in problems)
        if problems and problems != self._problems:
            log.warning("not ready", problems=problems)
        self._problems = problems
        self._set_ready(ready=self.started and not problems and not self.stopping.is_set())
        return self._ready

    async def drain(self) -> None:
        """Wait until every background task has ended; what outlives the grace is cancelled."""
        for task, cancel_on_stop in list(self._tasks.items()):
            if cancel_on_stop:
                task.cancel()
        if self._tasks:
            await asyncio.wait(list(self._tasks), timeout=self.grace_left())
        while self._tasks:
            late = list(self._tasks)
            log.warning("background tasks outlived the grace", tasks=[task.get_name() for task in late])
            for task in late:
                task.cancel()
            await asyncio.wait(late)

    def _set_ready(self, *, ready: bool) -> None:
        if ready == self._ready:
            return
        self._ready = ready
        READY.set(ready)
        turn, self._turn = self._turn, asyncio.Event()
        turn.set()

    async def _supervised(self, name: str, coroutine: Coroutine[Any, Any, None]) -> None:
        try:
            await coroutine
        except Exception as error:
            log.exception("background task crashed", task=name)
            self.fail(error)


async def _outcome(check: Check) -> str | None:
    try:
        async with asyncio.timeout(CHECK_TIMEOUT):
            await check()
    except TimeoutError:
        return f"no answer within {CHECK_TIMEOUT:g} s"
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return None


Start = Callable[[Lifecycle], AbstractAsyncContextManager[None]]


@asynccontextmanager
async def running(lifecycle: Lifecycle, start: Start) -> AsyncIterator[Lifecycle]:
    """Start a service, hold it ready for the length of the block, then drain and close it.

    `run` is this plus a process around it; tests use it to run a service inside their own.
    """
    async with start(lifecycle):
        try:
            lifecycle.started = True
            await lifecycle.probe()
            lifecycle.spawn("readiness", _keep_probing(lifecycle), cancel_on_stop=True)
            yield lifecycle
        finally:
            lifecycle.stop()
            await lifecycle.drain()


async def _keep_probing(lifecycle: Lifecycle) -> None:
    while True:
        await asyncio.sleep(CHECK_INTERVAL)
        await lifecycle.probe()


def run(service_name: str, settings: ServiceSettings, start: Start) -> int:
    """Run a service until SIGTERM, SIGINT or a crash, and return the process's exit code.

    0 after a requested stop; 1 when it did not start, a background task crashed or draining hung; 78 (EX_CONFIG) when
    a setting is missing. A second signal ends the process without waiting for work in flight.
    """
    configure_logging(service_name, settings.log)
    provider = configure_tracing(service_name)
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return runner.run(_main(service_name, settings, start))
    finally:
        provider.shutdown()


async def _main(service_name: str, settings: ServiceSettings, start: Start) -> int:
    log.info("starting", settings=describe(settings))
    INFO.labels(service_name, version("assay-common")).set(1)
    lifecycle = Lifecycle(settings.grace_seconds)
    loop = asyncio.get_running_loop()
    whole = asyncio.create_task(_live(lifecycle, settings, start), name=service_name)

    def interrupted(which: signal.Signals) -> None:
        log.info("signal received", signal=which.name)
        if lifecycle.stopping.is_set():
            whole.cancel()
        lifecycle.stop()

    for which in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(which, interrupted, which)
    await _until_stopping(lifecycle, whole)
    if not lifecycle.started:
        whole.cancel()
    return _exit_code(lifecycle, (await asyncio.gather(whole, return_exceptions=True))[0])


async def _until_stopping(lifecycle: Lifecycle, whole: asyncio.Task[None]) -> None:
    stopping = asyncio.create_task(lifecycle.stopping.wait())
    await asyncio.wait([stopping, whole], return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    with suppress(asyncio.CancelledError):
        await stopping


async def _live(lifecycle: Lifecycle, settings: ServiceSettings, start: Start) -> None:
    loop = asyncio.get_running_loop()
    async with ops_server(settings.ops, lifecycle), asyncio.timeout(None) as limit, running(lifecycle, start):
        log.info("ready" if lifecycle.ready else "started", problems=lifecycle.problems)
        await lifecycle.stopping.wait()
        log.info("draining", grace_seconds=lifecycle.grace_left())
        limit.reschedule(loop.time() + lifecycle.grace_left() + EXIT_MARGIN)


def _exit_code(lifecycle: Lifecycle, ended_with: BaseException | None) -> int:
    match ended_with:
        case MissingSettingError():
            log.error("configuration", problem=str(ended_with))
            return EX_CONFIG
        case asyncio.CancelledError():
            log.warning("stopped before its work was finished")
        case TimeoutError() if lifecycle.started:
            log.error("resources were not closed in time")
            return 1
        case BaseException():
            log.error("stopped by an error" if lifecycle.started else "start failed", exc_info=ended_with)
            return 1
    if lifecycle.failure is not None:
        log.error("stopped by a crash", error=repr(lifecycle.failure))
        return 1
    log.info("stopped")
    return 0
