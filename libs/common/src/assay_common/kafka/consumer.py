"""The consumer loop: at least once, in order per key, and never further committed than done."""

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

import structlog
from aiokafka.errors import KafkaError

from assay_common.kafka.dead_letters import DeadLetterTopic, Discard
from assay_common.kafka.delivery import Abandoned, Delivery
from assay_common.kafka.failures import BackOff
from assay_common.kafka.handling import Abandon, Handler, Handling
from assay_common.kafka.membership import Membership, Timing
from assay_common.kafka.producer import producer
from assay_common.lifecycle import Lifecycle
from assay_common.metrics import KAFKA_CONSUMED, KAFKA_DEAD_LETTERS
from assay_common.settings import KafkaSettings
from assay_protos.topic import Topic

__all__ = ["Abandon", "Abandoned", "Delivery", "Handler", "Tuning", "consume"]

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Tuning:
    """How patient a consumer is; the defaults suit every service."""

    attempts: int = 5
    """Tries of a message whose failure may be its own fault."""
    back_off: BackOff = field(default_factory=BackOff)
    timing: Timing = field(default_factory=Timing)


async def consume(
    lifecycle: Lifecycle,
    settings: KafkaSettings,
    *,
    group: str,
    topics: Sequence[Topic],
    handler: Handler,
    abandon: Abandon | None = None,
    concurrency: int = 16,
    dead_letters: bool = True,
    tuning: Tuning | None = None,
) -> None:
    """Hand every message of the topics to `handler` until the process stops. To be spawned on the lifecycle.

    What is promised:

    * At least once. An offset is committed only when it and everything before it in its partition is done, so a
      message whose worker dies is delivered again. A handler that must not repeat its effect uses the inbox.
    * In order per key. Messages of one key are handled one after the other, across retries too; different keys run
      at the same time, at most `concurrency` handlers in this process. Messages without a key have no order.
    * A permanent failure (the record cannot be decoded; an AssayError other than Unavailable and Aborted; anything
      else after five tries) goes to `<topic>.dlq`, with the original key, value and headers and the reason in `dlq_*`
      headers, and the partition moves on. With `dead_letters=False` it is logged and dropped. Before the offset is
      committed, `abandon` is called, if there is one and the record could be decoded: it ends what waits for the
      message. It is tried as a delivery is, and a worker that dies over it leaves a second letter, not less. What a
      message that was abandoned is to do when an operator hands it over once more is the handler's to decide.
    * A transient failure (Unavailable, PostgreSQL, Kafka, the network or another service away, a deadline exceeded)
      is tried again with growing, jittered pauses, for ever, and holds back its key, and the commit of its partition.
    * Long work does not cost the membership: a partition with enough to do is paused while polling goes on.
    * A rebalance drains: nothing new is begun, what runs may finish within a bound, then offsets are committed. Work
      that takes longer goes on if the partition stays with this process, and is cancelled if it goes elsewhere.
    * When the process stops, nothing more is fetched or begun, running handlers finish within the grace (later ones
      are cancelled, to be delivered again elsewhere), offsets are committed and the group is left.
    * While Kafka is away, the consumer waits and joins again when it is back.

    A message that an operator hands over once more (`assay_common.kafka.dead_letters`) comes to its own group only.

    The handler runs inside the trace and with the request id of the event. A new group begins at the oldest message
    there is.
    """
    tuning = tuning or Tuning()
    async with AsyncExitStack() as stack:
        graveyard: DeadLetterTopic | Discard = Discard()
        if dead_letters:
            graveyard = DeadLetterTopic(await stack.enter_async_context(producer(settings)), group)
        for topic in topics:  # counters begin at nothing: a rate does not see the first of what was never seen at 0
            KAFKA_DEAD_LETTERS.labels(topic.name)
            for outcome in ("done", graveyard.outcome):
                KAFKA_CONSUMED.labels(topic.name, outcome)
        handling = Handling(
            handler, graveyard, asyncio.Semaphore(concurrency), tuning.attempts, tuning.back_off, group, abandon
        )
        disconnects = 0
        while not lifecycle.stopping.is_set():
            membership = Membership(
                lifecycle,
                settings,
                group=group,
                topics=topics,
                work=handling,
                limit=2 * concurrency,
                timing=tuning.timing,
            )
            try:
                await membership.run()
            except KafkaError as error:
                disconnects = 1 if membership.was_assigned else disconnects + 1
                log.warning("kafka consumer joins again", group=group, error=repr(error))
                await _stopping_within(lifecycle, tuning.back_off.seconds(disconnects))


async def _stopping_within(lifecycle: Lifecycle, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await lifecycle.stopping.wait()
    except TimeoutError:
        return
