"""Topics read from somewhere to their present end, beside any consumer group: for what operators do."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Final

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from assay_common.errors import Unavailable
from assay_common.kafka.connection import connection_options
from assay_common.settings import KafkaSettings

POLL_MS: Final = 1000
SILENCE_POLLS: Final = 30
"""So many empty polls in a row, and Kafka counts as away."""


@asynccontextmanager
async def reader(settings: KafkaSettings, group: str | None = None) -> AsyncIterator[AIOKafkaConsumer]:
    """A consumer that is assigned by hand; `group` is whose offsets it may commit. Raises Unavailable."""
    options = connection_options(settings)
    consumer = AIOKafkaConsumer(**options, group_id=group, enable_auto_commit=False, auto_offset_reset="none")
    try:
        await consumer.start()
        yield consumer
    except KafkaError as error:
        raise Unavailable(f"Kafka ({settings.bootstrap_servers}): {error!r}") from error
    finally:
        await consumer.stop()


async def partitions_of(settings: KafkaSettings, names: Sequence[str]) -> list[TopicPartition]:
    """The partitions of those topics that exist; raises Unavailable."""
    admin = AIOKafkaAdminClient(**connection_options(settings))
    try:
        await admin.start()
        there = set(await admin.list_topics())
        known = [name for name in names if name in there]
        described = await admin.describe_topics(known) if known else []
        return [
            TopicPartition(each["topic"], partition["partition"])
            for each in described
            for partition in sorted(each["partitions"], key=lambda partition: int(partition["partition"]))
        ]
    except KafkaError as error:
        raise Unavailable(f"Kafka ({settings.bootstrap_servers}): {error!r}") from error
    finally:
        await admin.close()


async def offsets_at(
    consumer: AIOKafkaConsumer, partitions: Sequence[TopicPartition], moment: datetime
) -> dict[TopicPartition, int]:
    """The first offset of each partition whose record came at that moment or later; its end if there is none."""
    if not partitions:
        return {}
    found = await consumer.offsets_for_times(dict.fromkeys(partitions, round(moment.timestamp() * 1000)))
    ends = await consumer.end_offsets(list(partitions))
    return {tp: ends[tp] if found.get(tp) is None else found[tp].offset for tp in partitions}


async def until_end(
    consumer: AIOKafkaConsumer, beginnings: Mapping[TopicPartition, int]
) -> AsyncIterator[ConsumerRecord]:
    """The records from these offsets to the ends that there are now, in order per partition; raises Unavailable."""
    consumer.assign(list(beginnings))
    ends = await consumer.end_offsets(list(beginnings)) if beginnings else {}
    for tp, offset in beginnings.items():
        consumer.seek(tp, offset)
    left = {tp for tp, offset in beginnings.items() if offset < ends[tp]}
    silent = 0
    while left:
        fetched = await consumer.getmany(*left, timeout_ms=POLL_MS)
        silent = 0 if fetched else silent + 1
        if silent > SILENCE_POLLS:
            raise Unavailable("Kafka does not answer")
        for tp, records in fetched.items():
            for record in records:
                if record.offset < ends[tp]:
                    yield record
        left = {tp for tp in left if await consumer.position(tp) < ends[tp]}
