"""Topics as the contracts describe them, made and kept so in a cluster.

`python -m assay_common.kafka.topics` creates what is missing, adds partitions, puts settings right, and says what it
did.
What Kafka cannot change by itself, or must not, is told with the way to do it: replication, and fewer partitions.

More partitions spread new records of a key elsewhere than the old ones: consumers may see them out of order until the
old ones are read. The consumers of the suite bear that, for events carry their aggregate's version.
"""

import asyncio
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

from aiokafka.admin import AIOKafkaAdminClient, NewPartitions, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import (
    ClusterAuthorizationFailedError,
    InvalidPartitionsError,
    InvalidReplicationFactorError,
    KafkaConnectionError,
    KafkaError,
    TopicAlreadyExistsError,
    TopicAuthorizationFailedError,
    for_code,
)
from pydantic import NonNegativeInt

from assay_common.kafka.connection import connection_options, refusal
from assay_common.settings import KafkaSettings, Section, ServiceSettings, load
from assay_protos.topic import Topic
from assay_protos.topics import ALL

DEAD_LETTER_PARTITIONS: Final = 1
DEAD_LETTER_RETENTION_HOURS: Final = 30 * 24
"""Dead letters wait for a person."""
DEAD_LETTER_MAX_BYTES: Final = 2 * 1024 * 1024
"""The largest message of a topic plus its headers must fit."""
PATIENCE_SECONDS: Final = 60.0
"""How long to wait for Kafka, and for new topics to be usable."""
_SET_FOR_THE_TOPIC: Final = 1
"""Source of a setting that belongs to the topic itself, not to its brokers (DescribeConfigs, version 1)."""


class TopicsRefused(Exception):
    """The topics cannot be as they should; the message says which, and what to do."""


class TopicSettings(Section):
    """What is the cluster's to decide, not the contracts'."""

    replication_factor: NonNegativeInt = 0
    """Copies of each partition; 0 = the brokers' default, and no check."""
    min_insync_replicas: NonNegativeInt = 0
    """How many copies must have a record before it counts as written; 0 = the brokers' default, and no check."""


@dataclass(frozen=True, slots=True)
class TopicReport:
    """What `ensure_topics` did and found."""

    created: tuple[str, ...]
    changed: tuple[str, ...]
    """In words: partitions that were added, settings that were put right."""
    differences: tuple[str, ...]
    """In words: what was left as it is, for it does no harm: more partitions than the contracts ask for."""


@dataclass(frozen=True, slots=True)
class _Wanted:
    name: str
    partitions: int
    config: dict[str, str]


@dataclass(frozen=True, slots=True)
class _Found:
    partitions: int
    copies: int
    """Of the partition that has the fewest."""


async def ensure_topics(
    settings: KafkaSettings, topics: Sequence[Topic], cluster: TopicSettings | None = None
) -> TopicReport:
    """Make the topics and their dead-letter topics what they should be, and wait until they can be used. Idempotent.

    Raises:
        TopicsRefused: Kafka does not let us in, does not permit it, or the copies are not as many as they should be.
        KafkaError: Kafka refused for another reason.
        TimeoutError: Kafka cannot be reached, or a new topic not be used, within PATIENCE_SECONDS.
    """
    rules = cluster or TopicSettings()
    wanted = [each for topic in topics for each in _wanted(settings, topic, rules)]
    async with asyncio.timeout(PATIENCE_SECONDS), _admin(settings) as admin:
        try:
            present = set(await admin.list_topics())
            created = await _create(admin, [each for each in wanted if each.name not in present], rules)
            found = await _until_usable(admin, [each.name for each in wanted])
            _check_copies(found, rules)
            changed = [
                *await _add_partitions(admin, wanted, found),
                *[line for each in wanted for line in await _put_right(admin, each)],
            ]
        except (TopicAuthorizationFailedError, ClusterAuthorizationFailedError) as error:
            raise TopicsRefused(
                f"the user {settings.sasl_username or 'without a name'} may not do this: {error}. It needs Create,"
                f" Describe, DescribeConfigs, Alter and AlterConfigs on topics"
                f" that begin with {settings.qualified('assay.')!r}"
            ) from error
        return TopicReport(created, tuple(changed), tuple(_more_partitions(wanted, found)))


def _wanted(settings: KafkaSettings, topic: Topic, rules: TopicSettings) -> list[_Wanted]:
    everywhere = {"cleanup.policy": "delete"}
    if rules.min_insync_replicas:
        everywhere["min.insync.replicas"] = str(rules.min_insync_replicas)
    return [
        _Wanted(
            settings.qualified(topic.name),
            topic.partitions,
            {**everywhere, "retention.ms": _milliseconds(topic.retention_hours)},
        ),
        _Wanted(
            settings.qualified(topic.dead_letters),
            DEAD_LETTER_PARTITIONS,
            {
                **everywhere,
                "retention.ms": _milliseconds(DEAD_LETTER_RETENTION_HOURS),
                "max.message.bytes": str(DEAD_LETTER_MAX_BYTES),
            },
        ),
    ]


def _milliseconds(hours: int) -> str:
    return str(hours * 60 * 60 * 1000)


@asynccontextmanager
async def _admin(settings: KafkaSettings) -> AsyncIterator[AIOKafkaAdminClient]:
    """A connected admin client; waits for Kafka as long as the surrounding timeout allows, unless waiting is no use."""
    while True:
        admin = AIOKafkaAdminClient(**connection_options(settings))
        try:
            await admin.start()
            break
        except KafkaConnectionError as error:
            await admin.close()
            if (refused := await refusal(settings)) is not None:
                raise TopicsRefused(refused) from error
            await asyncio.sleep(0.5)
    try:
        yield admin
    finally:
        await admin.close()


async def _create(admin: AIOKafkaAdminClient, missing: Sequence[_Wanted], rules: TopicSettings) -> tuple[str, ...]:
    if not missing:
        return ()
    copies = rules.replication_factor or -1
    # Empty replica assignments, and none otherwise, let aiokafka pass -1: the brokers' default.
    assignments: dict[int, list[int]] | None = {} if copies < 0 else None
    answer = await admin.create_topics(
        [
            NewTopic(each.name, each.partitions, copies, replica_assignments=assignments, topic_configs=each.config)
            for each in missing
        ]
    )
    created = []
    for name, code, *rest in answer.topic_errors:
        error = for_code(code)
        if error is TopicAlreadyExistsError:  # somebody else was faster
            continue
        if error is InvalidReplicationFactorError:
            raise TopicsRefused(
                f"{name}: {copies} copies cannot be made: {rest[0] if rest else ''} Add brokers, or set"
                f" ASSAY_TOPICS__REPLICATION_FACTOR (kafka.replicationFactor) to their number"
            )
        if code:
            raise error(f"{name}: {rest[0] if rest else ''}")
        created.append(name)
    return tuple(created)


async def _until_usable(admin: AIOKafkaAdminClient, names: Sequence[str]) -> dict[str, _Found]:
    """What each topic has, once every partition has a leader."""
    while True:
        answers = await admin.describe_topics(list(names))
        for answer in answers:
            if (error := for_code(answer["error_code"])) is TopicAuthorizationFailedError:
                raise error(answer["topic"])
        described = {each["topic"]: each["partitions"] for each in answers}
        if all(described.get(name) and all(p["leader"] >= 0 for p in described[name]) for name in names):
            return {
                name: _Found(len(described[name]), min(len(p["replicas"]) for p in described[name])) for name in names
            }
        await asyncio.sleep(0.1)


def _check_copies(found: Mapping[str, _Found], rules: TopicSettings) -> None:
    wrong = [
        f"{name} has {each.copies}"
        for name, each in found.items()
        if rules.replication_factor and each.copies != rules.replication_factor
    ]
    if wrong:
        raise TopicsRefused(
            f"not {rules.replication_factor} copies of each partition: {', '.join(wrong)}. Kafka changes that only by"
            f" moving partitions: kafka-reassign-partitions.sh --execute (with Strimzi: spec.replicas of the"
            f" KafkaTopic). Or set ASSAY_TOPICS__REPLICATION_FACTOR (kafka.replicationFactor) to what there is"
        )
    short = [name for name, each in found.items() if rules.min_insync_replicas > each.copies]
    if short:
        raise TopicsRefused(
            f"{', '.join(short)}: fewer copies than the {rules.min_insync_replicas} that must have a record, so"
            f" nothing could be written. Set ASSAY_TOPICS__MIN_INSYNC_REPLICAS (kafka.minInsyncReplicas) to less"
        )


async def _add_partitions(
    admin: AIOKafkaAdminClient, wanted: Sequence[_Wanted], found: Mapping[str, _Found]
) -> list[str]:
    few = {each.name: each for each in wanted if found[each.name].partitions < each.partitions}
    if not few:
        return []
    try:
        await admin.create_partitions({name: NewPartitions(each.partitions) for name, each in few.items()})
    except InvalidPartitionsError:  # somebody else was faster
        return []
    await _until_usable(admin, list(few))
    return [f"{name}: {found[name].partitions} → {each.partitions} partitions" for name, each in few.items()]


def _more_partitions(wanted: Sequence[_Wanted], found: Mapping[str, _Found]) -> list[str]:
    return [
        f"{each.name}: {found[each.name].partitions} partitions, more than {each.partitions}: kept, for"
        f" Kafka takes none away"
        for each in wanted
        if found[each.name].partitions > each.partitions
    ]


async def _put_right(admin: AIOKafkaAdminClient, wanted: _Wanted) -> list[str]:
    """Set what differs; what somebody else has set for the topic stays."""
    resource = ConfigResource(ConfigResourceType.TOPIC, wanted.name)
    entries = await _config(admin, resource)
    now = {entry[0]: entry[1] for entry in entries}
    wrong = {name: value for name, value in wanted.config.items() if now.get(name) != value}
    if not wrong:
        return []
    # The request replaces all settings of the topic.
    kept = {entry[0]: entry[1] for entry in entries if entry[3] == _SET_FOR_THE_TOPIC}
    change = ConfigResource(ConfigResourceType.TOPIC, wanted.name, configs={**kept, **wanted.config})
    for answer in await admin.alter_configs([change]):
        _raise_first(answer.resources)
    return [f"{wanted.name}: {name} {now.get(name)} → {value}" for name, value in wrong.items()]


async def _config(admin: AIOKafkaAdminClient, resource: ConfigResource) -> list[Any]:
    answers = await admin.describe_configs([resource])
    for answer in answers:
        _raise_first(answer.resources)
    return [entry for answer in answers for found in answer.resources for entry in found[4]]


def _raise_first(answers: Sequence[Any]) -> None:
    for code, message, _, name, *_ in answers:
        if code:
            raise for_code(code)(f"{name}: {message}")


class _Settings(ServiceSettings):
    kafka: KafkaSettings
    topics: TopicSettings = TopicSettings()


def main() -> int:
    """Make all topics of the contracts what they should be; exit code 1, and why, when they cannot be."""
    settings = load(_Settings)
    try:
        report = asyncio.run(ensure_topics(settings.kafka, ALL, settings.topics))
    except TopicsRefused as error:
        sys.stderr.write(f"topics: {error}\n")
        return 1
    except TimeoutError:
        sys.stderr.write(
            f"topics: no answer from {settings.kafka.bootstrap_servers} within {PATIENCE_SECONDS:g} s: set"
            f" ASSAY_KAFKA__BOOTSTRAP_SERVERS (kafka.bootstrapServers) to where Kafka is\n"
        )
        return 1
    except KafkaError as error:
        sys.stderr.write(f"topics: {settings.kafka.bootstrap_servers}: {error!r}\n")
        return 1
    sys.stdout.writelines(f"created {name}\n" for name in report.created)
    sys.stdout.writelines(f"changed {line}\n" for line in report.changed)
    sys.stdout.writelines(f"differs {line}\n" for line in report.differences)
    return 0


if __name__ == "__main__":
    sys.exit(main())
