"""An idempotent producer that outlives broken connections.

Records are acknowledged by all in-sync replicas and are neither lost nor doubled by a retry of the client. While Kafka
is away the client keeps what it was given and sends it afterwards, in order.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Iterable
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import Final

import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.errors import (
    InvalidTimestampError,
    InvalidTopicError,
    KafkaConnectionError,
    KafkaError,
    KafkaTimeoutError,
    MessageSizeTooLargeError,
    ProducerClosed,
    RecordListTooLargeError,
    TopicAuthorizationFailedError,
)
from aiokafka.producer.message_accumulator import BatchBuilder
from aiokafka.structs import RecordMetadata

from assay_common.kafka.connection import connection_options, refusal
from assay_common.kafka.headers import CloudEvent
from assay_common.settings import KafkaSettings

log = structlog.get_logger()

LINGER_MS: Final = 5
"""How long a record may wait for others to share its batch."""
MAX_REQUEST_BYTES: Final = 4 * 1024 * 1024
"""Refused by the client before compression; the brokers' own limit (1 MiB by default) counts after it."""
CONNECT_TIMEOUT: Final = 15.0
"""Seconds to find the brokers and obtain a producer id."""
FLUSH_TIMEOUT: Final = 3.0
"""Seconds to send what is still buffered when the producer is closed."""

_ABOUT_ONE_RECORD = (
    MessageSizeTooLargeError,
    RecordListTooLargeError,
    InvalidTopicError,
    InvalidTimestampError,
    TopicAuthorizationFailedError,
    KafkaTimeoutError,
)


class Producer:
    """Publishes records; connects when first used, and anew when the client's state is beyond repair.

    Topics are named as the contracts name them; the namespace of the settings is put before.
    """

    def __init__(self, settings: KafkaSettings) -> None:
        self._settings = settings
        self._client: AIOKafkaProducer | None = None
        self._connecting = asyncio.Lock()
        self._unacknowledged: set[asyncio.Future[RecordMetadata]] = set()
        self._closing: set[asyncio.Task[None]] = set()

    async def send(
        self,
        topic: str,
        value: bytes,
        *,
        key: bytes | None = None,
        headers: Iterable[tuple[str, bytes | None]] = (),
    ) -> asyncio.Future[RecordMetadata]:
        """Hand over one record; the future is done when Kafka has acknowledged it.

        Records of one key are written in the order in which they were handed over, as long as none of them fails.

        Raises:
            KafkaError: Kafka is away and never was reached, the topic does not exist, or the buffer is full. The
                future raises the same, or what Kafka refused the record for.
        """
        client = await self._connected()
        return await self._watched(
            client, client.send(self._settings.qualified(topic), value, key=key, headers=list(headers))
        )

    async def send_and_wait(
        self,
        topic: str,
        value: bytes,
        *,
        key: bytes | None = None,
        headers: Iterable[tuple[str, bytes | None]] = (),
    ) -> RecordMetadata:
        """Like `send`, and wait until Kafka has acknowledged the record."""
        return await (await self.send(topic, value, key=key, headers=headers))

    async def publish(
        self, topic: str, *, key: str, event: CloudEvent, payload: bytes
    ) -> asyncio.Future[RecordMetadata]:
        """Like `send`, for an event: its attributes become the headers, the encoded message the value."""
        return await self.send(topic, payload, key=key.encode(), headers=event.to_headers())

    async def partitions_for(self, topic: str) -> set[int]:
        """The partitions of a topic; raises KafkaError when it does not exist or Kafka is away."""
        client = await self._connected()
        try:
            found: set[int] = await client.partitions_for(self._settings.qualified(topic))
        except KafkaError as error:
            self._inspect(client, error)
            raise
        return found

    async def create_batch(self) -> BatchBuilder:
        """An empty batch: records for one partition that arrive together or not at all; raises KafkaError."""
        batch: BatchBuilder = (await self._connected()).create_batch()
        return batch

    async def send_batch(self, batch: BatchBuilder, topic: str, *, partition: int) -> asyncio.Future[RecordMetadata]:
        """Like `send`, for a closed batch."""
        client = await self._connected()
        return await self._watched(
            client, client.send_batch(batch, self._settings.qualified(topic), partition=partition)
        )

    async def close(self) -> None:
        """Send what is buffered (at most FLUSH_TIMEOUT seconds) and disconnect."""
        if self._client is not None:
            self._discard(self._client)
        if self._closing:
            await asyncio.wait(self._closing)

    async def _connected(self) -> AIOKafkaProducer:
        async with self._connecting:
            if self._client is None:
                self._client = await _connect(self._settings)
            return self._client

    async def _watched(
        self, client: AIOKafkaProducer, sending: Awaitable[asyncio.Future[RecordMetadata]]
    ) -> asyncio.Future[RecordMetadata]:
        try:
            acknowledged = await sending
        except KafkaError as error:
            self._inspect(client, error)
            raise
        self._unacknowledged.add(acknowledged)
        acknowledged.add_done_callback(partial(self._acknowledged, client))
        return acknowledged

    def _acknowledged(self, client: AIOKafkaProducer, answer: asyncio.Future[RecordMetadata]) -> None:
        self._unacknowledged.discard(answer)
        self._inspect(client, None if answer.cancelled() else answer.exception())

    def _inspect(self, client: AIOKafkaProducer, error: BaseException | None) -> None:
        """Drop a client whose failure concerns more than one record: a lost producer id, a dead sender."""
        if client is not self._client or error is None:
            return
        if isinstance(error, _ABOUT_ONE_RECORD) or getattr(error, "retriable", False):
            return
        log.warning("kafka producer is replaced", error=repr(error))
        self._discard(client)

    def _discard(self, client: AIOKafkaProducer) -> None:
        if client is not self._client:
            return
        self._client = None
        unanswered, self._unacknowledged = self._unacknowledged, set()
        task = asyncio.create_task(_retire(client, unanswered))
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)


@asynccontextmanager
async def producer(settings: KafkaSettings) -> AsyncIterator[Producer]:
    """A producer for the length of the block. Kafka need not be there yet: it is looked for at the first `send`."""
    opened = Producer(settings)
    try:
        yield opened
    finally:
        await opened.close()


async def _connect(settings: KafkaSettings) -> AIOKafkaProducer:
    client = AIOKafkaProducer(
        **connection_options(settings),
        enable_idempotence=True,
        acks="all",
        linger_ms=LINGER_MS,
        compression_type="gzip",
        max_request_size=MAX_REQUEST_BYTES,
    )
    try:
        async with asyncio.timeout(CONNECT_TIMEOUT):
            await client.start()
    except TimeoutError as error:
        await _close(client)
        raise KafkaConnectionError(f"no answer from {settings.bootstrap_servers} in {CONNECT_TIMEOUT:g} s") from error
    except KafkaConnectionError as error:
        await _close(client)
        if (refused := await refusal(settings)) is not None:
            raise KafkaConnectionError(refused) from error
        raise
    except BaseException:
        await _close(client)
        raise
    return client


async def _retire(client: AIOKafkaProducer, unanswered: Iterable[asyncio.Future[RecordMetadata]]) -> None:
    """Close a client; whoever still waits for it is told that it is closed, for it would not answer any more."""
    await _close(client)
    for answer in unanswered:
        if not answer.done():
            answer.set_exception(ProducerClosed())


async def _close(client: AIOKafkaProducer) -> None:
    with suppress(KafkaError, TimeoutError):
        async with asyncio.timeout(FLUSH_TIMEOUT):
            await client.stop()
    await client.client.close()
