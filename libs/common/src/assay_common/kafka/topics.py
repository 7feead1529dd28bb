"""Topics as the contracts describe them, made in a cluster.

`python -m assay_common.kafka.topics` creates what is missing and says where the cluster differs from the contracts.
"""

import asyncio
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaConnectionError, KafkaError, TopicAlreadyExistsError, for_code

from assay_common.kafka.connection import connection_options
from assay_common.settings import KafkaSettings, ServiceSettings, load
from assay_protos.topic import Topic
from assay_protos.topics import ALL

DEAD_LETTER_PARTITIONS: Final = 1
DEAD_LETTER_RETENTION_HOURS: Final = 30 * 24
"""Dead letters wait for a person."""
DEAD_LETTER_MAX_BYTES: Final = 2 * 1024 * 1024
"""The largest message of a topic plus its headers must fit."""
PATIENCE_SECONDS: Final = 60.0
"""How long to wait for Kafka, and for new topics to be usable."""


@dataclass(frozen=True, slots=True)
class TopicReport:
    """What `ensure_topics` did and found."""

    created: tuple[str, ...]
    differences: tuple[str, ...]
    """In words: existing topics whose partitions or retention are not those of the contracts. Nothing is changed."""


@dataclass(frozen=True, slots=True)
class _Wanted:
    name: str
    partitions: int
    config: dict[str, str]


async def ensure_topics(settings: KafkaSettings, topics: Sequence[Topic]) -> TopicReport:
    """Create the missing topics and their dead-letter topics, and wait until they can be used. Idempotent.

    Replication is the brokers' default. Raises KafkaError when Kafka cannot be reached within PATIENCE_SECONDS or
    refuses.
    """
    wanted = [each for topic in topics for each in _wanted(settings, topic)]
    async with asyncio.timeout(PATIENCE_SECONDS), _admin(settings) as admin:
        present = set(await admin.list_topics())
        created = await _create(admin, [each for each in wanted if each.name not in present])
        found = await _until_usable(admin, [each.name for each in wanted])
        return TopicReport(created, tuple([line for each in wanted for line in await _differences(admin, each, found)]))


def _wanted(settings: KafkaSettings, topic: Topic) -> list[_Wanted]:
    return [
        _Wanted(
            settings.qualified(topic.name), topic.partitions, {"retention.ms": _milliseconds(topic.retention_hours)}
        ),
        _Wanted(
            settings.qualified(topic.dead_letters),
            DEAD_LETTER_PARTITIONS,
            {
                "retention.ms": _milliseconds(DEAD_LETTER_RETENTION_HOURS),
                "max.message.bytes": str(DEAD_LETTER_MAX_BYTES),
            },
        ),
    ]


def _milliseconds(hours: int) -> str:
    return str(hours * 60 * 60 * 1000)


@asynccontextmanager
async def _admin(settings: KafkaSettings) -> AsyncIterator[AIOKafkaAdminClient]:
    """A connected admin client; waits for Kafka as long as the surrounding timeout allows."""
    while True:
        admin = AIOKafkaAdminClient(**connection_options(settings))
        try:
            await admin.start()
            break
        except KafkaConnectionError:
            await admin.close()
            await asyncio.sleep(0.5)
    try:
        yield admin
    finally:
        await admin.close()


async def _create(admin: AIOKafkaAdminClient, missing: Sequence[_Wanted]) -> tuple[str, ...]:
    if not missing:
        return ()
    # Empty replica assignments let aiokafka pass -1 for the replication factor: the brokers' default.
    answer = await admin.create_topics(
        [
            NewTopic(each.name, each.partitions, -1, replica_assignments={}, topic_configs=each.config)
            for each in missing
        ]
    )
    created = []
    for name, code, *rest in answer.topic_errors:
        error = for_code(code)
        if error is TopicAlreadyExistsError:  # somebody else was faster
            continue
        if code:
            raise error(f"{name}: {rest[0] if rest else ''}")
        created.append(name)
    return tuple(created)


async def _until_usable(admin: AIOKafkaAdminClient, names: Sequence[str]) -> dict[str, int]:
    """Partitions by topic, once every partition has a leader."""
    while True:
        described = {each["topic"]: each["partitions"] for each in await admin.describe_topics(list(names))}
        if all(described.get(name) and all(p["leader"] >= 0 for p in described[name]) for name in names):
            return {name: len(described[name]) for name in names}
        await asyncio.sleep(0.1)


async def _differences(admin: AIOKafkaAdminClient, wanted: _Wanted, found: dict[str, int]) -> list[str]:
    lines = []
    if found[wanted.name] != wanted.partitions:
        lines.append(f"{wanted.name}: {found[wanted.name]} partitions, not {wanted.partitions}")
    config = await _config(admin, wanted.name)
    lines += [
        f"{wanted.name}: {name} is {config.get(name)}, not {value}"
        for name, value in wanted.config.items()
        if config.get(name) != value
    ]
    return lines


async def _config(admin: AIOKafkaAdminClient, name: str) -> dict[str, str]:
    answers = await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, name)])
    entries: list[Any] = [entry for answer in answers for resource in answer.resources for entry in resource[4]]
    return {entry[0]: entry[1] for entry in entries}


class _Settings(ServiceSettings):
    kafka: KafkaSettings


def main() -> int:
    """Create all topics of the contracts; exit code 1 when Kafka cannot be reached or refuses."""
    settings = load(_Settings)
    try:
        report = asyncio.run(ensure_topics(settings.kafka, ALL))
    except (KafkaError, TimeoutError) as error:
        sys.stderr.write(f"topics: {settings.kafka.bootstrap_servers}: {error!r}\n")
        return 1
    sys.stdout.writelines(f"created {name}\n" for name in report.created)
    sys.stdout.writelines(f"differs: {line}\n" for line in report.differences)
    return 0


if __name__ == "__main__":
    sys.exit(main())
