"""Where an installation's consumer groups stand."""

from __future__ import annotations

from typing import TypeAlias

from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from assay_common.kafka.connection import connection_options
from assay_common.settings import KafkaSettings

Committed: TypeAlias = dict[tuple[str, TopicPartition], int]
"""The next message of each group in each partition."""


async def committed(settings: KafkaSettings) -> Committed:
    """Of the groups of this installation."""
    admin = AIOKafkaAdminClient(**connection_options(settings))
    await admin.start()
    try:
        groups = [name for name, *_ in await admin.list_consumer_groups() if name.startswith(settings.namespace)]
        found = [(group, await admin.list_consumer_group_offsets(group)) for group in groups]
        return {(group, tp): at.offset for group, offsets in found for tp, at in offsets.items() if at.offset >= 0}
    finally:
        await admin.close()
