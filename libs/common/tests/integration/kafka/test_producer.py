"""The producer on a real Kafka, and without one."""

import socket

import pytest
from aiokafka.errors import KafkaConnectionError, MessageSizeTooLargeError, OutOfOrderSequenceNumber

from assay_common.kafka.producer import producer
from assay_common.settings import KafkaSettings


@pytest.fixture
def nobody():
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))  # bound and not listening: nobody else takes the port, connecting is refused
        yield KafkaSettings(bootstrap_servers=f"127.0.0.1:{held.getsockname()[1]}")


async def test_a_producer_opens_without_kafka_and_says_so_when_it_is_used(nobody):
    async with producer(nobody) as sender:
        with pytest.raises(KafkaConnectionError):
            await sender.send("anything", b"value")


async def test_what_was_handed_over_is_sent_before_the_producer_closes(room, make_notes):
    async with producer(room.settings) as sender:
        answers = [await sender.send(room.topic.name, str(i).encode(), key=b"k") for i in range(100)]
    assert [(await answer).offset for answer in answers] == list(range(100))


async def test_a_record_too_large_does_not_trouble_the_next(room):
    client = await warm(room)
    too_large = bytes(5 * 1024 * 1024)
    with pytest.raises(MessageSizeTooLargeError):
        await room.sender.send_and_wait(room.topic.name, too_large)
    await room.publish("next")
    assert room.sender._client is client


async def test_a_client_beyond_repair_is_replaced(room):
    client = await warm(room)
    # What a broker says when it forgot the producer and records are missing in between.
    client._txn_manager.increment_sequence_number(next(iter(client._txn_manager._sequence_numbers)), 7)
    with pytest.raises(OutOfOrderSequenceNumber):
        await room.publish("lost")
    await room.publish("sent")
    assert room.sender._client is not client


async def warm(room):
    await room.publish("first")
    return room.sender._client


async def test_a_batch_arrives_whole_and_in_order(room, make_notes):
    partitions = await room.sender.partitions_for(room.topic.name)
    batch = await room.sender.create_batch()
    for i in range(3):
        batch.append(key=b"k", value=str(i).encode(), timestamp=None)
    batch.close()
    answer = await (await room.sender.send_batch(batch, room.topic.name, partition=0))
    assert (partitions, answer.offset) == ({0}, 0)
