"""One record from its first try to its end: handled, or put aside."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import structlog
from aiokafka import ConsumerRecord
from aiokafka.errors import KafkaError
from opentelemetry.trace import Span, SpanKind

from assay_common.clock import utc_now
from assay_common.kafka.dead_letters import DeadLetterTopic, Discard
from assay_common.kafka.delivery import Abandoned, Delivery, Undecodable, decoded
from assay_common.kafka.failures import BackOff, Verdict, judge
from assay_common.kafka.headers import addressee
from assay_common.kafka.lanes import GivenBack
from assay_common.logs import bound_request_id
from assay_common.metrics import KAFKA_CONSUMED, KAFKA_DELIVERY_SECONDS
from assay_common.tracing import context_from, span

log = structlog.get_logger()

Handler = Callable[[Delivery], Awaitable[None]]
Abandon = Callable[[Abandoned], Awaitable[None]]
"""Ends what waits for a message that was put aside; may be called more than once for it."""


@dataclass(frozen=True, slots=True)
class Handling:
    """Tries a record until it is handled or must be put aside, and waits between the tries.

    The concurrency limit counts handlers that run; a record that waits for its next try takes no slot.
    """

    handler: Handler
    graveyard: DeadLetterTopic | Discard
    slots: asyncio.Semaphore
    attempts: int
    back_off: BackOff
    group: str
    """Messages that are addressed to another group are passed over."""
    abandon: Abandon | None = None

    async def __call__(self, record: ConsumerRecord, given_up: asyncio.Event) -> None:
        """Bring the record to its end; raises GivenBack when its partition is given up before."""
        if addressee(record.headers) not in (None, self.group):
            KAFKA_CONSUMED.labels(record.topic, "passed_over").inc()
            return
        attempt = 0
        while True:
            attempt += 1
            error = await self._try(record, attempt, given_up)
            if error is None:
                return
            if self._is_hopeless(error, attempt):
                await self._put_aside(record, error, attempt, given_up)
                await self._end(record, error, attempt, given_up)
                return
            await self._pause(attempt, given_up)

    async def _try(self, record: ConsumerRecord, attempt: int, given_up: asyncio.Event) -> Exception | None:
        async with self.slots:
            if given_up.is_set():
                raise GivenBack
            try:
                delivery = decoded(record, attempt)
            except Undecodable as error:
                return error
            return await self._hand_over(delivery)

    async def _hand_over(self, delivery: Delivery) -> Exception | None:
        event, began = delivery.event, time.perf_counter()
        with _in_context(delivery, "process") as current:
            facts = {**_where(delivery), "type": event.type, "event_id": str(event.id), "attempt": delivery.attempt}
            failure = await _failure_of(self.handler(delivery))
            if failure is None:
                KAFKA_CONSUMED.labels(delivery.topic, "done").inc()
                KAFKA_DELIVERY_SECONDS.labels(delivery.topic).observe((utc_now() - event.time).total_seconds())
                log.info("delivered", **facts, seconds=round(time.perf_counter() - began, 4))
                return None
            current.record_exception(failure)
            log.warning(
                "delivery failed",
                **facts,
                verdict=judge(failure).value,
                error=repr(failure),
                exc_info=failure if judge(failure) is Verdict.UNCERTAIN else None,
            )
            return failure

    def _is_hopeless(self, error: Exception, attempt: int) -> bool:
        match judge(error):
            case Verdict.TRANSIENT:
                return False
            case Verdict.UNCERTAIN:
                return attempt >= self.attempts
            case Verdict.PERMANENT:
                return True

    async def _put_aside(
        self, record: ConsumerRecord, error: Exception, attempts: int, given_up: asyncio.Event
    ) -> None:
        refusals = 0
        while True:
            try:
                await self.graveyard.bury(record, error, attempts)
                break
            except KafkaError as refusal:
                refusals += 1
                log.warning("dead letter not accepted", **_where(record), error=repr(refusal))
                await self._pause(refusals, given_up)
        KAFKA_CONSUMED.labels(record.topic, self.graveyard.outcome).inc()
        log.error("put aside", **_where(record), outcome=self.graveyard.outcome, attempts=attempts, reason=repr(error))

    async def _end(self, record: ConsumerRecord, error: Exception, attempts: int, given_up: asyncio.Event) -> None:
        """Let the service end what waits for the message; one that cannot be read does not tell what that is.

        Tried as a delivery is, so that the record is done only when this is.
        """
        if self.abandon is None or isinstance(error, Undecodable):
            return
        abandoned = Abandoned(decoded(record, attempts), error)
        attempt = 0
        while True:
            attempt += 1
            async with self.slots:
                if given_up.is_set():
                    raise GivenBack
                with _in_context(abandoned.delivery, "abandon"):
                    failure = await _failure_of(self.abandon(abandoned))
            if failure is None:
                return
            log.warning("not ended yet", **_where(record), verdict=judge(failure).value, error=repr(failure))
            if self._is_hopeless(failure, attempt):
                log.error("nothing could be ended", **_where(record), reason=repr(failure))
                return
            await self._pause(attempt, given_up)

    async def _pause(self, attempt: int, given_up: asyncio.Event) -> None:
        try:
            async with asyncio.timeout(self.back_off.seconds(attempt)):
                await given_up.wait()
        except TimeoutError:
            return
        raise GivenBack


@contextmanager
def _in_context(delivery: Delivery, operation: str) -> Iterator[Span]:
    """Within the request and the trace that the message belongs to."""
    event = delivery.event
    with (
        bound_request_id(event.request_id),
        span(
            f"{delivery.topic} {operation}",
            parent=context_from(event.traceparent),
            kind=SpanKind.CONSUMER,
            attributes={
                "messaging.system": "kafka",
                "messaging.operation.type": operation,
                "messaging.destination.name": delivery.topic,
                "messaging.destination.partition.id": str(delivery.partition),
                "messaging.kafka.offset": delivery.offset,
                "messaging.message.id": str(event.id),
            },
        ) as current,
    ):
        yield current


async def _failure_of(work: Awaitable[None]) -> Exception | None:
    """What the work raised, if anything."""
    try:
        await work
    except asyncio.CancelledError as error:
        if (task := asyncio.current_task()) is not None and task.cancelling():
            raise
        # Nobody cancelled this delivery: something inside the handler was (a closed channel, for one).
        return RuntimeError(f"cancelled inside the handler: {error!r}")
    except Exception as error:
        return error
    return None


def _where(at: ConsumerRecord | Delivery) -> dict[str, object]:
    return {"topic": at.topic, "partition": at.partition, "offset": at.offset}
