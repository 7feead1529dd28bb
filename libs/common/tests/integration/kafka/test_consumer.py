"""What the consumer promises about one message after the other, on a real Kafka."""

import asyncio
import random
from collections import Counter, defaultdict
from uuid import uuid4

import pytest
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from prometheus_client import REGISTRY

from assay.prompt.v1.events_pb2 import PromptCreated
from assay_common.errors import NotFound, Unavailable
from assay_common.logs import request_id
from assay_common.tracing import current_trace_id


class PromptNotFound(NotFound):
    pass


async def test_a_message_arrives_with_its_event_and_is_committed(room, make_notes):
    notes, org, event_id = make_notes(), uuid4(), uuid4()
    await room.publish("first", key="prompt-1", id=event_id, org_id=org, actor="somebody")
    room.consume(notes)
    await notes.until_ended(1)
    [delivery] = notes.ended
    assert (delivery.topic, delivery.partition, delivery.offset) == (room.topic.name, 0, 0)
    assert (delivery.key, delivery.attempt) == ("prompt-1", 1)
    assert delivery.message == PromptCreated(name="first")
    assert (delivery.event.id, delivery.event.org_id, delivery.event.actor) == (event_id, org, "somebody")
    assert await room.until_committed(1) == {0: 1}


async def test_the_handler_runs_in_the_trace_and_with_the_request_id_of_the_event(room, make_notes):
    seen = []

    async def look(_):
        seen.append((current_trace_id(), request_id.get()))

    notes = make_notes(look)
    trace = uuid4().hex
    await room.publish("x", traceparent=f"00-{trace}-00f067aa0ba902b7-01", request_id="request-7")
    room.consume(notes)
    await notes.until_ended(1)
    assert seen == [(trace, "request-7")]


async def test_what_cannot_be_read_goes_to_the_dead_letters_and_the_partition_moves_on(room, make_notes):
    notes = make_notes()
    await room.publish_raw(b"no headers at all", key=b"a")
    await room.publish_raw(b"\xff\xff\xff", key=b"b", headers=an_event_headers())
    await room.publish_raw(b"", key=b"c", headers=an_event_headers(ce_type=b"assay.prompt.v1.Nonsense"))
    await room.publish_raw(b"", key=b"\xff", headers=an_event_headers())
    await room.publish("good", key="a")
    room.consume(notes)
    await notes.until_ended(1)
    letters = {letter.key: letter for letter in await room.dead_letters(4)}
    headers = {key: dict(letter.headers) for key, letter in letters.items()}
    assert notes.names() == ["good"]
    assert letters[b"a"].value == b"no headers at all"
    assert b"content-type is missing" in headers[b"a"]["dlq_reason"]
    assert b"PromptCreated" in headers[b"b"]["dlq_reason"]
    assert b"Nonsense" in headers[b"c"]["dlq_reason"]
    assert b"utf-8" in headers[b"\xff"]["dlq_reason"]
    assert headers[b"b"]["ce_source"] == b"test"
    assert headers[b"b"]["dlq_topic"] == room.topic.name.encode()
    assert headers[b"b"]["dlq_partition"] == b"0"
    assert headers[b"b"]["dlq_offset"] == b"1"
    assert headers[b"b"]["dlq_attempts"] == b"1"
    assert headers[b"b"]["dlq_consumer_group"] == room.group.encode()
    assert headers[b"b"]["dlq_error_type"] == b"assay_common.kafka.delivery.Undecodable"
    assert await room.until_committed(5) == {0: 5}


def an_event_headers(**changes):
    headers = {
        "ce_id": str(uuid4()).encode(),
        "ce_type": b"assay.prompt.v1.PromptCreated",
        "ce_source": b"test",
        "ce_time": b"2026-01-01T00:00:00+00:00",
        "ce_subject": b"s",
        "content-type": b"application/protobuf",
    }
    return list({**headers, **changes}.items())


async def test_a_broken_rule_is_put_aside_at_once_and_a_bug_after_five_tries(room, make_notes):
    async def fail(delivery):
        if delivery.message.name == "rule":
            raise PromptNotFound("there is no such prompt")
        if delivery.message.name == "bug":
            raise KeyError("oops")

    notes = make_notes(fail)
    await room.publish("rule", "bug", "good")
    room.consume(notes)
    await notes.until_ended(1)
    rule, bug = [dict(letter.headers) for letter in await room.dead_letters(2)]
    assert notes.names(notes.begun) == ["rule"] + ["bug"] * 5 + ["good"]
    assert [delivery.attempt for delivery in notes.begun] == [1, 1, 2, 3, 4, 5, 1]
    assert rule["dlq_reason"] == b"PROMPT_NOT_FOUND: there is no such prompt"
    assert rule["dlq_attempts"] == b"1"
    assert bug["dlq_attempts"] == b"5"
    assert bug["dlq_error_type"] == b"builtins.KeyError"


async def test_a_transient_failure_holds_back_its_key_and_the_commit_and_nothing_else(room, make_notes):
    back = asyncio.Event()

    async def fail_while_away(delivery):
        if delivery.key == "held" and not back.is_set():
            raise Unavailable("the database is away")

    notes = make_notes(fail_while_away)
    await room.publish("before", key="other")
    await room.publish("h1", "h2", "h3", key="held")
    await room.publish("o1", "o2", key="other")
    room.consume(notes)
    await notes.until(lambda n: len(n.ended) == 3 and n.names(n.begun).count("h1") > 6)
    assert notes.names() == ["before", "o1", "o2"]
    assert await room.until_committed(1) == {0: 1}
    back.set()
    await notes.until_ended(6)
    assert notes.names()[3:] == ["h1", "h2", "h3"]
    await room.until_committed(6)


async def test_a_failed_delivery_is_tried_again_before_the_next_of_its_key(room, make_notes):
    failures = Counter()

    async def fail_twice(delivery):
        if failures[delivery.message.name] < 2:
            failures[delivery.message.name] += 1
            raise ConnectionResetError

    notes = make_notes(fail_twice)
    names = {key: [f"{key}-{i}" for i in range(5)] for key in ("a", "b", "c")}
    for key, of_key in names.items():
        await room.publish(*of_key, key=key)
    room.consume(notes)
    await notes.until_ended(15)
    by_key = defaultdict(list)
    for delivery in notes.begun:
        by_key[delivery.key].append(delivery.message.name)
    assert by_key == {key: [name for name in of_key for _ in range(3)] for key, of_key in names.items()}


async def test_one_key_is_serial_and_two_keys_run_at_the_same_time(room, make_notes):
    both = asyncio.Barrier(2)

    async def meet(delivery):
        await both.wait()  # returns only if the other key is being handled too

    notes = make_notes(meet)
    for i in range(3):
        await room.publish(f"a{i}", key="a")
        await room.publish(f"b{i}", key="b")
    room.consume(notes)
    await notes.until_ended(6)
    assert notes.most_running == 2
    assert [name for name in notes.names() if name[0] == "a"] == ["a0", "a1", "a2"]
    assert [name for name in notes.names() if name[0] == "b"] == ["b0", "b1", "b2"]


async def test_no_more_handlers_run_than_asked_for(make_room, make_notes):
    room = await make_room(partitions=3)

    async def yield_a_few_times(_):
        for _ in range(5):
            await asyncio.sleep(0)

    notes = make_notes(yield_a_few_times)
    for i in range(60):
        await room.publish(str(i), key=str(i))
    room.consume(notes, concurrency=4)
    await notes.until_ended(60)
    assert notes.most_running == 4


async def test_a_message_without_a_key_waits_for_nobody(room, make_notes):
    both = asyncio.Barrier(2)
    notes = make_notes(lambda _: both.wait())
    for _ in range(2):
        await room.publish_raw(PromptCreated(name="x").SerializeToString(), key=None, headers=an_event_headers())
    room.consume(notes)
    await notes.until_ended(2)


async def test_a_full_partition_is_paused_and_everything_still_arrives_in_order(room, make_notes):
    notes = make_notes()
    for i in range(600):  # more than one fetch holds, even compressed
        payload = PromptCreated(name=str(i), description=random.randbytes(1000).hex())
        await room.sender.send(room.topic.name, payload.SerializeToString(), key=b"k", headers=an_event_headers())
    room.consume(notes, concurrency=1)
    await notes.until_ended(600)
    assert notes.names() == [str(i) for i in range(600)]
    await room.until_committed(600)


async def test_without_dead_letters_a_hopeless_message_is_dropped(room, make_notes):
    notes = make_notes()
    await room.publish_raw(b"garbage")
    await room.publish("good")
    room.consume(notes, dead_letters=False)
    await notes.until_ended(1)
    await room.until_committed(2)


async def test_a_cancellation_inside_the_handler_is_a_failure_like_others(room, make_notes):
    async def cancel_once(delivery):
        if delivery.attempt == 1:
            inner = asyncio.get_running_loop().create_future()
            inner.cancel()
            await inner

    notes = make_notes(cancel_once)
    await room.publish("x")
    room.consume(notes)
    await notes.until_ended(1)
    assert notes.ended[0].attempt == 2


@pytest.mark.parametrize("partitions", [1, 3])
async def test_a_hundred_keys_each_in_order(make_room, make_notes, partitions):
    room = await make_room(partitions=partitions)
    notes = make_notes()
    for i in range(5):
        for key in range(100):
            payload = PromptCreated(name=str(i)).SerializeToString()
            await room.sender.send(room.topic.name, payload, key=str(key).encode(), headers=an_event_headers())
    room.consume(notes)
    await notes.until_ended(500)
    by_key = defaultdict(list)
    for delivery in notes.ended:
        by_key[delivery.key].append(delivery.message.name)
    assert set(map(tuple, by_key.values())) == {("0", "1", "2", "3", "4")}
    await room.until_committed(500)


async def test_the_largest_message_fits_among_the_dead_letters(room):
    garbage = random.randbytes(1024 * 1024 - 500)
    await room.publish_raw(garbage)
    room.consume(ignore)
    [letter] = await room.dead_letters(1)
    assert letter.value == garbage


async def test_a_letter_refused_for_its_size_keeps_the_reason_and_the_place_of_the_original(room):
    await limit_dead_letters(room, 2000)
    await room.publish_raw(random.randbytes(5000))
    room.consume(ignore)
    [letter] = await room.dead_letters(1)
    headers = dict(letter.headers)
    assert letter.value == b""
    assert headers["dlq_value_omitted_bytes"] == b"5000"
    assert (headers["dlq_topic"], headers["dlq_offset"]) == (room.topic.name.encode(), b"0")


async def ignore(_):
    pass


async def limit_dead_letters(room, max_bytes):
    admin = AIOKafkaAdminClient(bootstrap_servers=room.settings.bootstrap_servers)
    await admin.start()
    try:
        topic = room.settings.qualified(room.topic.dead_letters)
        await admin.alter_configs(
            [ConfigResource(ConfigResourceType.TOPIC, topic, {"max.message.bytes": str(max_bytes)})]
        )
    finally:
        await admin.close()


async def test_what_happened_is_counted(room, make_notes):
    notes = make_notes()
    await room.publish_raw(b"garbage")
    await room.publish("good", "better")
    room.consume(notes)
    await notes.until_ended(2)
    await room.dead_letters(1)
    await room.until_committed(3)

    def sample(name, **labels):
        return REGISTRY.get_sample_value(name, {"topic": room.topic.name, **labels})

    assert sample("kafka_consumed_total", outcome="done") == 2
    assert sample("kafka_consumed_total", outcome="dead_letter") == 1
    assert sample("kafka_dead_letters_total") == 1
    async with asyncio.timeout(30):
        while sample("kafka_consumer_lag", partition="0") != 0:  # noqa: ASYNC110 - a gauge tells no one when it changes
            await asyncio.sleep(0.05)
