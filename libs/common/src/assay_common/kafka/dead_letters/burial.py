"""Messages nobody could handle are put aside with the reason, so that their partition moves on."""

from typing import Final, Protocol

import structlog
from aiokafka import ConsumerRecord
from aiokafka.errors import MessageSizeTooLargeError

from assay_common.errors import AssayError
from assay_common.kafka.producer import Producer
from assay_common.metrics import KAFKA_DEAD_LETTERS

log = structlog.get_logger()

PREFIX: Final = "dlq_"


class Graveyard(Protocol):
    """Where failed messages go."""

    async def bury(self, record: ConsumerRecord, error: BaseException, attempts: int) -> None:
        """Put a message aside; raises KafkaError when that cannot be done now."""


class DeadLetterTopic:
    """Copies the record to `<topic>.dlq`: key, value and headers as they were, plus `dlq_*` headers saying why."""

    outcome = "dead_letter"

    def __init__(self, producer: Producer, group: str) -> None:
        self._producer = producer
        self._group = group

    async def bury(self, record: ConsumerRecord, error: BaseException, attempts: int) -> None:
        """Write the dead letter and wait for Kafka's acknowledgement; raises KafkaError."""
        topic = f"{record.topic}.dlq"
        headers = _headers(record, error, attempts, self._group)
        try:
            await self._producer.send_and_wait(topic, record.value or b"", key=record.key, headers=headers)
        except MessageSizeTooLargeError:
            # The letter is refused for its size: the original, named in the headers, is kept until its retention ends.
            headers.append((f"{PREFIX}value_omitted_bytes", str(len(record.value or b"")).encode()))
            await self._producer.send_and_wait(topic, b"", key=record.key, headers=headers)
        KAFKA_DEAD_LETTERS.labels(record.topic).inc()


class Discard:
    """Lets failed messages go: for consumers that only mirror what others keep (a live feed, a cache)."""

    outcome = "dropped"

    async def bury(self, record: ConsumerRecord, error: BaseException, attempts: int) -> None:
        """Keep nothing; the delivery's log line tells what was dropped and why."""


def _headers(record: ConsumerRecord, error: BaseException, attempts: int, group: str) -> list[tuple[str, bytes | None]]:
    reason = error.reason if isinstance(error, AssayError) else type(error).__name__
    original: list[tuple[str, bytes | None]] = [
        (name, value) for name, value in record.headers if not name.startswith(PREFIX)
    ]
    why = {
        "reason": f"{reason}: {error}"[:1000],
        "error_type": f"{type(error).__module__}.{type(error).__qualname__}",
        "topic": record.topic,
        "partition": str(record.partition),
        "offset": str(record.offset),
        "attempts": str(attempts),
        "consumer_group": group,
    }
    return original + [(f"{PREFIX}{name}", text.encode()) for name, text in why.items()]
