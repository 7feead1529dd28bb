"""The work on one partition: lanes of keys, giving up and coming back. No Kafka, only tasks."""

import asyncio
from dataclasses import dataclass

import pytest

from assay_common.kafka.lanes import GivenBack, PartitionWork


@dataclass(frozen=True)
class Record:
    offset: int
    key: bytes | None


class Workshop:
    """Work that begins at once and ends when told."""

    def __init__(self):
        self.begun, self.given_up = [], {}
        self.gates = {}
        self.progress, self.bugs = 0, []
        self.partition = PartitionWork(self._work, self._on_progress, self.bugs.append)

    async def _work(self, record, given_up):
        self.begun.append(record.offset)
        self.given_up[record.offset] = given_up
        self.gates[record.offset] = gate = asyncio.get_running_loop().create_future()
        await gate

    def _on_progress(self):
        self.progress += 1

    def accept(self, *records):
        self.partition.accept([Record(offset, key) for offset, key in records])

    async def end(self, offset, error=None):
        gate = self.gates.pop(offset)
        gate.set_exception(error) if error else gate.set_result(None)
        await settle()


async def settle():
    for _ in range(5):
        await asyncio.sleep(0)


@pytest.fixture
async def workshop():
    made = Workshop()
    yield made
    made.partition.cancel()
    await made.partition.drain(5)


async def test_a_key_has_one_lane_and_keyless_records_have_one_each(workshop):
    workshop.accept((0, b"a"), (1, b"a"), (2, b"b"), (3, None), (4, None))
    await settle()
    assert workshop.begun == [0, 2, 3, 4]
    await workshop.end(0)
    assert workshop.begun[-1] == 1
    assert workshop.partition.offsets.position == 1


async def test_progress_is_told_once_for_each_record(workshop):
    workshop.accept((0, b"a"), (1, b"a"))
    await settle()
    await workshop.end(0)
    await workshop.end(1)
    assert workshop.progress == 2


async def test_giving_up_drops_what_waits_and_lets_what_runs_end(workshop):
    workshop.accept((0, b"a"), (1, b"a"), (2, b"b"))
    await settle()
    workshop.partition.give_up()
    await workshop.end(0)
    await workshop.end(2)
    await workshop.partition.drain(5)
    assert workshop.begun == [0, 2]
    assert workshop.partition.offsets.position == 1


async def test_a_partition_that_comes_back_begins_only_what_is_not_running_or_done(workshop):
    records = [(0, b"a"), (1, b"b"), (2, b"c"), (3, b"a")]
    workshop.accept(*records)
    await settle()
    workshop.partition.give_up()
    await workshop.end(1)
    workshop.partition.take_back()
    workshop.accept(*records)
    await settle()
    assert workshop.begun == [0, 1, 2]
    await workshop.end(0)
    assert workshop.begun == [0, 1, 2, 3]
    await workshop.end(2)
    await workshop.end(3)
    assert workshop.partition.offsets.position == 4


async def test_a_record_given_back_is_begun_when_it_comes_again(workshop):
    workshop.accept((0, b"a"))
    await settle()
    workshop.partition.give_up()
    await workshop.end(0, GivenBack())
    assert workshop.partition.offsets.position == 0
    workshop.partition.take_back()
    workshop.accept((0, b"a"))
    await settle()
    assert workshop.begun == [0, 0]


async def test_a_record_given_back_too_late_is_tried_again_for_it_will_not_come_again(workshop):
    workshop.accept((0, b"a"))
    await settle()
    workshop.partition.give_up()
    workshop.partition.take_back()
    workshop.accept((0, b"a"))
    await workshop.end(0, GivenBack())
    assert workshop.begun == [0, 0]


async def test_a_bug_in_the_work_is_told_and_its_offset_stays_unfinished(workshop):
    workshop.accept((0, b"a"))
    await settle()
    bug = RuntimeError("a bug")
    await workshop.end(0, bug)
    assert workshop.bugs == [bug]
    assert workshop.partition.offsets.position == 0


async def test_draining_is_bounded(workshop):
    workshop.accept((0, b"a"))
    await settle()
    async with asyncio.timeout(30):
        await workshop.partition.drain(0.01)
    assert workshop.partition.offsets.open == 1
