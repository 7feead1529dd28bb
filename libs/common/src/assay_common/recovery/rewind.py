"""Rewind every consumer group to a moment, so that what their databases have forgotten is handled again."""

from dataclasses import dataclass
from datetime import datetime

from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from assay_common.errors import FailedPrecondition, Unavailable
from assay_common.kafka.connection import connection_options
from assay_common.kafka.reading import offsets_at, reader
from assay_common.settings import KafkaSettings
from assay_protos.topics import ALL


class StillConsuming(FailedPrecondition):
    """Processes of these groups run: their offsets cannot be moved from outside."""


@dataclass(frozen=True, slots=True)
class Rewound:
    """How far back a group was taken."""

    group: str
    messages: int
    """That come again; the inbox knows those whose effect is in the database."""


async def rewind(settings: KafkaSettings, moment: datetime) -> list[Rewound]:
    """Take each group of this installation back to the first message of `moment`; never forward.

    Raises StillConsuming before anything was changed, Unavailable.
    """
    groups = await _groups(settings)
    done = []
    for group, committed in sorted(groups.items()):
        async with reader(settings, group) as consumer:
            wanted = await offsets_at(consumer, list(committed), moment)
            back = {tp: offset for tp, offset in wanted.items() if offset < committed[tp]}
            if back:
                consumer.assign(list(back))
                await consumer.commit(back)
            done.append(Rewound(group, sum(committed[tp] - offset for tp, offset in back.items())))
    return done


async def _groups(settings: KafkaSettings) -> dict[str, dict[TopicPartition, int]]:
    """The groups that have offsets in this installation's topics; raises StillConsuming when one has members."""
    topics = {settings.qualified(topic.name) for topic in ALL}
    admin = AIOKafkaAdminClient(**connection_options(settings))
    try:
        await admin.start()
        found = {}
        for name, *_ in await admin.list_consumer_groups():
            if not name.startswith(settings.namespace):
                continue
            offsets = await admin.list_consumer_group_offsets(name)
            ours = {tp: at.offset for tp, at in offsets.items() if tp.topic in topics and at.offset >= 0}
            if ours:
                found[name] = ours
        await _ensure_idle(admin, sorted(found))
    except KafkaError as error:
        raise Unavailable(f"Kafka ({settings.bootstrap_servers}): {error!r}") from error
    else:
        return found
    finally:
        await admin.close()


async def _ensure_idle(admin: AIOKafkaAdminClient, groups: list[str]) -> None:
    # One by one: aiokafka cannot read an answer about several groups.
    answers = [answer for group in groups for answer in await admin.describe_consumer_groups([group])]
    busy = [name for answer in answers for _, name, _, _, _, members, *_ in answer.groups if members]
    if busy:
        raise StillConsuming(f"stop the services first: processes still consume as {', '.join(busy)}")
