"""The relay on PostgreSQL, with a Kafka of this file: what is published when, by whom, and in what order."""

import asyncio
from collections import defaultdict
from contextlib import asynccontextmanager
from uuid import uuid4

import pytest

from assay.prompt.v1.events_pb2 import PromptCreated
from assay_common.metrics import OUTBOX_LEADER, OUTBOX_OLDEST_SECONDS, OUTBOX_PUBLISHED, OUTBOX_UNPUBLISHED
from assay_common.postgres.outbox import BATCH, OutboxRelay
from assay_common.postgres.pool import pool

WAITING = "SELECT count(*) FROM events WHERE published_at IS NULL"
LEADER = """
    SELECT pid FROM pg_locks
    WHERE locktype = 'advisory' AND granted
          AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""


class Kafka:
    """Takes events unless it is away, and lets a test wait for them."""

    def __init__(self):
        self.events = []
        self.away = False
        self.attempts = 0
        self._news = asyncio.Condition()

    async def publish(self, events):
        async with self._news:
            self.attempts += 1
            taken = [] if self.away else list(events)
            self.events += taken
            self._news.notify_all()
        return [event.position for event in taken]

    @property
    def texts(self):
        return [PromptCreated.FromString(event.payload).name for event in self.events]

    async def until(self, condition):
        async with asyncio.timeout(20), self._news:
            await self._news.wait_for(condition)


class Silent(Kafka):
    """Takes nothing and never answers."""

    async def publish(self, events):
        await super().publish([])
        await asyncio.Event().wait()


@pytest.fixture
def kafka():
    return Kafka()


def value(gauge):
    """What a scrape would read."""
    (sample,) = [sample for metric in gauge.collect() for sample in metric.samples]
    return sample.value


@asynccontextmanager
async def relaying(database, kafka):
    """A relay that runs for the length of the block."""
    stopping = asyncio.Event()
    running = asyncio.create_task(OutboxRelay(database, "notes", kafka.publish, stopping).run())
    try:
        yield running
    finally:
        stopping.set()
        async with asyncio.timeout(20):
            await running


async def until_all_are_marked(superuser):
    async with asyncio.timeout(20):
        while await superuser.fetchval(WAITING):  # noqa: ASYNC110 - the database tells nobody
            await asyncio.sleep(0.01)


async def leader(superuser):
    async with asyncio.timeout(20):
        while (pid := await superuser.fetchval(LEADER)) is None:  # noqa: ASYNC110 - the database tells nobody
            await asyncio.sleep(0.01)
    return pid


async def test_what_is_committed_is_published_at_once_and_marked(uow, database, org, new_event, kafka, superuser):
    published = OUTBOX_PUBLISHED.labels("notes")._value.get()
    aggregate = uuid4()
    async with relaying(database, kafka):
        await leader(superuser)
        async with uow(org) as tx:
            await tx.record_all([new_event(org, aggregate, version, text=f"{version}") for version in range(1, 4)])
            assert kafka.events == []
        await kafka.until(lambda: len(kafka.events) == 3)
        await until_all_are_marked(superuser)
    assert kafka.texts == ["1", "2", "3"]
    first = kafka.events[0]
    assert (first.topic, first.key) == ("assay.prompt.events", str(aggregate).encode())
    assert (first.event.type, first.event.source) == ("assay.prompt.v1.PromptCreated", "notes")
    assert (first.event.subject, first.event.org_id) == (str(aggregate), org)
    assert OUTBOX_PUBLISHED.labels("notes")._value.get() == published + 3
    assert OUTBOX_UNPUBLISHED.labels("notes")._value.get() == 0


async def test_the_leader_tells_how_long_the_oldest_event_has_waited(uow, database, org, new_event, kafka, superuser):
    oldest, waiting, leads = (
        each.labels("notes") for each in (OUTBOX_OLDEST_SECONDS, OUTBOX_UNPUBLISHED, OUTBOX_LEADER)
    )
    kafka.away = True
    async with relaying(database, kafka):
        async with uow(org) as tx:
            await tx.record_all([new_event(org), new_event(org)])
        await kafka.until(lambda: kafka.attempts >= 1)
        first = value(oldest)
        assert first > 0
        await kafka.until(lambda: kafka.attempts >= 3)
        assert value(oldest) > first
        assert (value(waiting), value(leads)) == (2, 1)
        kafka.away = False
        await until_all_are_marked(superuser)
        await leader(superuser)
    assert (value(oldest), value(waiting), value(leads)) == (0, 0, 0)


async def test_a_notification_wakes_the_relay_long_before_the_next_look(
    uow, database, org, new_event, kafka, superuser, monkeypatch
):
    monkeypatch.setattr("assay_common.postgres.outbox.POLL_SECONDS", 600)
    async with relaying(database, kafka):
        await leader(superuser)
        for number in range(1, 4):
            async with uow(org) as tx:
                await tx.record(new_event(org))
            await kafka.until(lambda expected=number: len(kafka.events) == expected)


async def test_what_was_rolled_back_is_never_published(uow, database, org, new_event, kafka):
    async with relaying(database, kafka):
        with pytest.raises(ZeroDivisionError):
            async with uow(org) as tx:
                await tx.record(new_event(org, text="undone"))
                raise ZeroDivisionError
        async with uow(org) as tx:
            await tx.record(new_event(org, text="done"))
        await kafka.until(lambda: kafka.events)
    assert kafka.texts == ["done"]


async def test_rows_that_commit_in_another_order_than_their_positions_are_all_published(
    uow, database, org, new_event, kafka, superuser
):
    async with relaying(database, kafka):
        async with uow(org) as late:
            await late.record(new_event(org, text="position 1, committed last"))
            async with uow(org) as early:
                await early.record(new_event(org, text="position 2, committed first"))
            await kafka.until(lambda: kafka.events)
        await kafka.until(lambda: len(kafka.events) == 2)
        await until_all_are_marked(superuser)
    assert kafka.texts == ["position 2, committed first", "position 1, committed last"]
    assert [event.position for event in kafka.events] == [2, 1]


async def test_more_than_a_batch_is_published_in_order(uow, database, org, new_event, kafka, superuser):
    total = 2 * BATCH + 7
    async with uow(org) as tx:
        await tx.record_all([new_event(org, text=f"{number}") for number in range(total)])
    async with relaying(database, kafka):
        await kafka.until(lambda: len(kafka.events) == total)
        await until_all_are_marked(superuser)
    assert kafka.texts == [f"{number}" for number in range(total)]


async def test_writers_at_once_keep_the_order_of_each_aggregate(uow, database, org, new_event, kafka, superuser):
    aggregates = [uuid4() for _ in range(3)]

    async def write(aggregate):
        for version in range(1, 21):
            async with uow(org) as tx:
                await tx.record(new_event(org, aggregate, version, text=f"{version}"))

    async with relaying(database, kafka):
        await asyncio.gather(*map(write, aggregates))
        await kafka.until(lambda: len(kafka.events) == 60)
        await until_all_are_marked(superuser)
    by_key = defaultdict(list)
    for event, text in zip(kafka.events, kafka.texts, strict=True):
        by_key[event.key].append(int(text))
    assert list(by_key.values()) == [list(range(1, 21))] * 3


async def test_while_kafka_is_away_events_wait_and_then_arrive_in_order(
    uow, database, org, new_event, kafka, superuser
):
    kafka.away = True
    aggregate = uuid4()
    async with relaying(database, kafka):
        for version in range(1, 6):
            async with uow(org) as tx:
                await tx.record(new_event(org, aggregate, version, text=f"{version}"))
        await kafka.until(lambda: kafka.attempts >= 3)
        assert await superuser.fetchval(WAITING) == 5
        kafka.away = False
        await until_all_are_marked(superuser)
    assert kafka.texts == ["1", "2", "3", "4", "5"]


async def test_new_events_do_not_cut_short_the_pause_after_a_failure(
    uow, database, org, new_event, kafka, superuser, monkeypatch
):
    monkeypatch.setattr("assay_common.postgres.outbox.random.uniform", lambda *_: 600)
    kafka.away = True
    async with relaying(database, kafka):
        async with uow(org) as tx:
            await tx.record(new_event(org))
        await kafka.until(lambda: kafka.attempts == 1)
        for _ in range(5):
            async with uow(org) as tx:
                await tx.record(new_event(org))
    assert kafka.attempts == 1


async def test_what_was_not_acknowledged_is_sent_again_and_only_that(uow, database, org, new_event, kafka, superuser):
    refused = {"2", "4"}

    async def picky(events):
        texts = {event.position: PromptCreated.FromString(event.payload).name for event in events}
        taken = await kafka.publish([event for event in events if texts[event.position] not in refused])
        refused.clear()
        return taken

    async with uow(org) as tx:
        await tx.record_all([new_event(org, text=f"{number}") for number in range(1, 6)])
    stopping = asyncio.Event()
    running = asyncio.create_task(OutboxRelay(database, "notes", picky, stopping).run())
    await until_all_are_marked(superuser)
    stopping.set()
    await running
    assert kafka.texts == ["1", "3", "5", "2", "4"]


async def test_of_two_relays_one_leads_and_the_other_takes_over_when_it_stops(
    uow, settings, database, org, new_event, superuser
):
    first, second = Kafka(), Kafka()
    async with pool(settings, "notes") as other, asyncio.timeout(30):
        async with relaying(other, first):
            old = await leader(superuser)
            async with relaying(database, second):
                for _ in range(3):
                    async with uow(org) as tx:
                        await tx.record(new_event(org))
                await first.until(lambda: len(first.events) == 3)
                assert await leader(superuser) == old
                assert second.events == []
        async with relaying(database, second):
            async with uow(org) as tx:
                await tx.record(new_event(org, text="after"))
            await second.until(lambda: second.texts == ["after"])


async def test_when_the_leader_s_session_dies_another_relay_goes_on_and_nothing_is_lost(
    uow, settings, database, org, new_event, superuser
):
    kafka = Kafka()
    async with (
        pool(settings, "notes") as one,
        pool(settings, "notes") as two,
        relaying(one, kafka),
        relaying(two, kafka),
    ):
        for number in range(4):
            old = await leader(superuser)
            assert await superuser.fetchval("SELECT pg_terminate_backend($1)", old)
            async with uow(org) as tx:
                await tx.record(new_event(org, text=f"{number}"))
            await kafka.until(lambda expected=number: f"{expected}" in kafka.texts)
            await until_all_are_marked(superuser)
            assert await leader(superuser) != old
    assert list(dict.fromkeys(kafka.texts)) == ["0", "1", "2", "3"]


class Journal:
    """Keeps the errors that the relay reports: it leads too briefly, while the database refuses, to be seen leading."""

    def __init__(self):
        self.errors = []

    def info(self, event, **fields):
        pass

    def warning(self, event, **fields):
        self.errors.append(fields.get("error", ""))


async def test_a_relay_survives_a_database_that_refuses_everything_for_a_while(
    uow, database, org, new_event, kafka, superuser, monkeypatch
):
    journal = Journal()
    monkeypatch.setattr("assay_common.postgres.outbox.log", journal)
    async with relaying(database, kafka):
        pid = await leader(superuser)
        await superuser.execute("ALTER TABLE events RENAME TO elsewhere")
        await superuser.fetchval("SELECT pg_terminate_backend($1)", pid)
        async with asyncio.timeout(30):
            while not any("UndefinedTable" in error for error in journal.errors):  # noqa: ASYNC110 - a list tells nobody
                await asyncio.sleep(0.01)
        await superuser.execute("ALTER TABLE elsewhere RENAME TO events")
        async with uow(org) as tx:
            await tx.record(new_event(org, text="survived"))
        await kafka.until(lambda: kafka.texts == ["survived"])


async def test_stopping_does_not_wait_for_a_kafka_that_does_not_answer(
    uow, database, org, new_event, superuser, monkeypatch
):
    monkeypatch.setattr("assay_common.postgres.outbox.LAST_ACKNOWLEDGEMENTS", 0.05)
    silent = Silent()
    async with uow(org) as tx:
        await tx.record(new_event(org))
    async with asyncio.timeout(10), relaying(database, silent):
        await silent.until(lambda: silent.attempts)
    assert await superuser.fetchval(WAITING) == 1


async def test_a_stopped_relay_gives_its_connection_back_clean(database, kafka, superuser):
    async with relaying(database, kafka):
        await leader(superuser)
    assert await superuser.fetchval(LEADER) is None
    assert database.get_idle_size() == database.get_size()
    assert await database.fetchval("SELECT current_user") == "assay_notes_app"
    assert await database.fetchval("SELECT count(*) FROM pg_listening_channels()") == 0


async def test_what_is_wrong_with_publishing_itself_ends_the_relay_loudly(uow, database, org, new_event):
    async def broken(_events):
        raise ZeroDivisionError

    async with uow(org) as tx:
        await tx.record(new_event(org))
    with pytest.raises(ZeroDivisionError):
        async with asyncio.timeout(10):
            await OutboxRelay(database, "notes", broken, asyncio.Event()).run()
