"""Dead letters are read and handed to their consumer once more, on the real Kafka."""

import asyncio
import json
import os
import subprocess
import sys
from uuid import uuid4

import pytest
from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from assay_common.errors import NotFound
from assay_common.kafka.dead_letters.letters import (
    LetterHandedOverBefore,
    LetterNotFound,
    OriginalGone,
    chosen,
    hand_over,
    read_letters,
)
from assay_common.kafka.producer import producer
from assay_common.kafka.topics import ensure_topics
from assay_protos import topics


class PromptNotFound(NotFound):
    """A rule that is broken until it is not."""


@pytest.fixture
def repaired():
    """Not yet: until it is set, handlers fail."""
    return asyncio.Event()


@pytest.fixture
def fails_until(repaired):
    async def handle(delivery):
        if delivery.message.name.startswith("bad") and not repaired.is_set():
            raise PromptNotFound("there is no such prompt")

    return handle


async def letters_of(room, count):
    await room.dead_letters(count)
    return await read_letters(room.settings, [room.topic])


async def test_a_letter_comes_to_its_group_once_more_and_to_no_other(room, make_notes, fails_until, repaired):
    failing, fine = make_notes(fails_until), make_notes()
    await room.publish("bad", "good", "bad too")
    room.consume(failing)
    room.consume(fine, group=f"other-{uuid4().hex}")
    await failing.until_ended(1)
    await fine.until_ended(3)
    first, second = await letters_of(room, 2)
    assert (first.group, first.reason, first.attempts) == (room.group, "PROMPT_NOT_FOUND: there is no such prompt", 1)
    assert (first.type, first.source_offset, second.source_offset) == ("assay.prompt.v1.PromptCreated", 0, 2)

    repaired.set()
    await hand_over(room.settings, room.sender, first)
    await failing.until_ended(2)
    await room.publish("last")
    await fine.until_ended(4)
    await failing.until_ended(3)
    assert failing.names() == ["good", "bad", "last"]
    assert fine.names() == ["bad", "good", "bad too", "last"]
    assert failing.ended[1].event.id == failing.begun[0].event.id

    done, waits = await letters_of(room, 2)
    assert done.handed_over_at is not None
    assert waits.handed_over_at is None
    with pytest.raises(LetterHandedOverBefore):
        await hand_over(room.settings, room.sender, done)
    await hand_over(room.settings, room.sender, done, again=True)
    await failing.until_ended(4)


async def test_what_fails_again_is_a_letter_again(room, make_notes, fails_until):
    notes = make_notes(fails_until)
    await room.publish("bad")
    room.consume(notes)
    (letter,) = await letters_of(room, 1)
    await hand_over(room.settings, room.sender, letter)
    await room.dead_letters(3)  # the letter, the note, the letter of the second time
    _, again = await read_letters(room.settings, [room.topic])
    assert (again.group, again.headers, again.handed_over_at) == (letter.group, letter.headers, None)


async def test_a_letter_that_was_too_large_is_taken_from_its_topic_while_that_holds_it(
    room, make_notes, fails_until, repaired
):
    notes = make_notes(fails_until)
    await limit(room, 2000)
    await room.publish("bad" + os.urandom(3000).hex())
    room.consume(notes)
    (letter,) = await letters_of(room, 1)
    assert (letter.value, letter.is_whole) == (b"", False)
    repaired.set()
    await hand_over(room.settings, room.sender, letter)
    await notes.until_ended(1)
    assert notes.ended[0].message == notes.begun[0].message

    await room.until_committed(2)
    admin = AIOKafkaAdminClient(bootstrap_servers=room.settings.bootstrap_servers)
    await admin.start()
    try:
        tp = TopicPartition(room.settings.qualified(room.topic.name), 0)
        await admin.delete_records({tp: RecordsToDelete(before_offset=1)})
    finally:
        await admin.close()
    with pytest.raises(OriginalGone):
        await hand_over(room.settings, room.sender, letter, again=True)


async def test_a_letter_that_is_not_there_is_named(room):
    assert await read_letters(room.settings, [room.topic]) == []
    with pytest.raises(LetterNotFound, match="7"):
        chosen([], [7])


async def limit(room, max_bytes):
    admin = AIOKafkaAdminClient(bootstrap_servers=room.settings.bootstrap_servers)
    await admin.start()
    try:
        name = room.settings.qualified(room.topic.dead_letters)
        await admin.alter_configs(
            [ConfigResource(ConfigResourceType.TOPIC, name, {"max.message.bytes": str(max_bytes)})]
        )
    finally:
        await admin.close()


@pytest.fixture
async def command(kafka_settings):
    """The command line in a namespace of its own, in which one letter waits: exit code, output, errors."""
    settings = kafka_settings.model_copy(update={"namespace": f"letters-{uuid4().hex[:8]}."})
    topic = topics.PROMPT_EVENTS
    await ensure_topics(settings, [topic])
    headers = [("ce_type", b"assay.prompt.v1.Nonsense"), ("dlq_consumer_group", b"g"), ("dlq_reason", b"because")]
    async with producer(settings) as sender:
        await sender.send_and_wait(topic.dead_letters, b"value", key=b"k", headers=headers)

    async def run(*arguments):
        environment = {name: value for name, value in os.environ.items() if not name.startswith("ASSAY_")} | {
            "ASSAY_KAFKA__BOOTSTRAP_SERVERS": settings.bootstrap_servers,
            "ASSAY_KAFKA__NAMESPACE": settings.namespace,
        }
        line = [sys.executable, "-m", "assay_common.kafka.dead_letters", *arguments]
        ended = await asyncio.to_thread(subprocess.run, line, env=environment, capture_output=True, text=True)
        return ended.returncode, ended.stdout, ended.stderr

    return run


async def test_the_command_line_lists_shows_and_hands_over(command):
    code, output, errors = await command("list")
    assert (code, errors) == (0, "")
    assert "assay.prompt.events 0" in output
    assert "because" in output
    code, output, _ = await command("show", "assay.prompt.events", "0")
    assert json.loads(output)["message"].startswith("cannot be decoded")
    assert json.loads(output)["key"] == "k"
    code, output, _ = await command("replay", "assay.prompt.events", "--all", "--group", "nobody")
    assert (code, output) == (0, "")
    code, output, _ = await command("replay", "assay.prompt.events", "0")
    assert (code, output) == (0, "assay.prompt.events 0 -> g\n")
    code, output, errors = await command("replay", "assay.prompt.events", "0")
    assert code == 1
    assert "was handed over at" in errors
    code, output, _ = await command("list", "--json")
    assert json.loads(output) == []
    code, output, _ = await command("list", "--json", "--all", "--topic", "assay.prompt.events")
    assert [letter["offset"] for letter in json.loads(output)] == [0]


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["replay", "assay.prompt.events"], 2, "say which"),
        (["replay", "assay.prompt.events", "5"], 1, "no dead letter at 5"),
        (["show", "assay.prompt.events", "5"], 1, "no dead letter at 5"),
        (["list", "--topic", "nonsense"], 2, "invalid choice"),
    ],
)
async def test_what_is_not_there_is_told(command, arguments, code, told):
    ended, _, errors = await command(*arguments)
    assert ended == code
    assert told in errors
