"""The audit trail: everything that somebody did, once, in an order that nobody can change unseen."""

import asyncio
import json
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import asyncpg
import grpc
import pytest
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from assay.auth.v1 import audit_trail_pb2 as pb
from assay.auth.v1 import audit_trail_pb2_grpc, events_pb2, organisations_pb2
from assay.evaluation.v1 import events_pb2 as evaluation_pb2
from assay.prompt.v1 import events_pb2 as prompt_pb2
from assay_auth.application.audit_trail.record_fact import RecordFact
from assay_auth.entrypoints.consumers import AuditedEvents
from assay_common.ids import new_id
from assay_common.kafka.delivery import Delivery
from assay_common.kafka.headers import CloudEvent

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def delivery(org_id, message: Message, *, actor=None, subject="thing", at=NOON, event_id=None, address="192.0.2.7"):
    event = CloudEvent(
        id=event_id or new_id(),
        type=message.DESCRIPTOR.full_name,
        source="prompt",
        time=at,
        subject=subject,
        org_id=UUID(str(org_id)),
        request_id="request-1",
        actor=str(actor) if actor else None,
        client_address=address,
    )
    return Delivery("topic", 0, 0, "key", event, message, 1)


def moved(version):
    return prompt_pb2.LabelMoved(prompt_id="p", name="greeting", label="production", version=version)


@pytest.fixture
def trail(world):
    return audit_trail_pb2_grpc.AuditTrailServiceStub(world.channel)


@pytest.fixture
def tell(world):
    return AuditedEvents(RecordFact(world.parts.uow))


@pytest.fixture
async def team(world):
    return await world.organisation()


async def entries(trail, team, **wanted):
    request = pb.ListEntriesRequest(filter=pb.EntryFilter(**wanted), page_size=200)
    return list((await trail.ListEntries(request, metadata=team.as_owner)).entries)


async def verification(trail, team):
    return await trail.VerifyTrail(pb.VerifyTrailRequest(), metadata=team.as_owner)


async def test_who_did_what_to_what_from_where(trail, tell, team):
    await tell(delivery(team.id, moved(3), actor=team.owner.id, subject="prompt-1"))
    (entry,) = await entries(trail, team)
    assert (entry.sequence, entry.actor, entry.actor_kind) == (1, str(team.owner.id), "user")
    assert (entry.action, entry.target_kind, entry.target) == ("assay.prompt.v1.LabelMoved", "prompt", "prompt-1")
    assert (entry.address, entry.request_id) == ("192.0.2.7", "request-1")
    assert entry.occurred_at.ToDatetime(tzinfo=UTC) == NOON
    assert entry.data["label"] == "production"
    found = await verification(trail, team)
    assert (found.intact, found.entries, found.head_hash) == (True, 1, entry.hash)


async def test_what_is_told_twice_is_kept_once(trail, tell, team):
    told = delivery(team.id, moved(1), actor=team.owner.id)
    for _ in range(3):
        await tell(told)
    assert len(await entries(trail, team)) == 1


async def test_what_nobody_did_is_not_kept(trail, tell, team):
    await tell(delivery(team.id, evaluation_pb2.ItemsMeasured(run_id="r")))
    assert await entries(trail, team) == []


async def test_replicas_append_to_one_chain(trail, team, shared_settings, replica):
    async with AsyncExitStack() as stack:
        replicas = [await stack.enter_async_context(replica(shared_settings)) for _ in range(3)]
        tellers = [AuditedEvents(RecordFact(parts.uow)) for parts in replicas]
        told = [delivery(team.id, moved(number), actor=team.owner.id) for number in range(20)]
        await asyncio.gather(*(tell(each) for each in told for tell in tellers))
    found = await entries(trail, team)
    assert sorted(entry.sequence for entry in found) == list(range(1, 21))
    assert (await verification(trail, team)).intact


async def test_signing_in_is_in_the_trail_of_every_organisation_of_the_person(trail, tell, world, team):
    other = await world.organisation()
    await other.join(team.owner, organisations_pb2.ROLE_MEMBER)
    opened = events_pb2.SessionOpened(session_id=str(uuid4()), user_id=str(team.owner.id), method="password")
    await tell(delivery(team.owner.id, opened))
    for each in (team, other):
        (entry,) = await entries(trail, each)
        assert (entry.action, entry.actor) == ("assay.auth.v1.SessionOpened", str(team.owner.id))


async def test_who_failed_to_be_somebody_is_not_that_person(trail, tell, team):
    await tell(delivery(team.owner.id, events_pb2.SignInFailed(user_id=str(team.owner.id), reason="password")))
    (entry,) = await entries(trail, team)
    assert (entry.actor, entry.actor_kind, entry.address) == ("", "system", "192.0.2.7")


async def test_filters_and_pages(trail, tell, team):
    somebody = uuid4()
    for number in range(5):
        at = NOON + timedelta(hours=number)
        await tell(delivery(team.id, moved(number), actor=team.owner.id, subject=f"prompt-{number % 2}", at=at))
    await tell(delivery(team.id, prompt_pb2.PromptCreated(prompt_id="p"), actor=somebody))

    assert [entry.sequence for entry in await entries(trail, team)] == [6, 5, 4, 3, 2, 1]
    assert [entry.sequence for entry in await entries(trail, team, actor=str(somebody))] == [6]
    assert [entry.sequence for entry in await entries(trail, team, action="assay.prompt.v1.Label")] == [5, 4, 3, 2, 1]
    assert [entry.sequence for entry in await entries(trail, team, target="prompt-1")] == [4, 2]
    hour = {"from": moment(NOON + timedelta(hours=1)), "to": moment(NOON + timedelta(hours=3))}
    assert [entry.sequence for entry in await entries(trail, team, **hour)] == [3, 2]

    seen, token = [], ""
    while True:
        page = await trail.ListEntries(pb.ListEntriesRequest(page_size=4, page_token=token), metadata=team.as_owner)
        seen += [entry.sequence for entry in page.entries]
        token = page.next_page_token
        if not token:
            break
    assert seen == [6, 5, 4, 3, 2, 1]


def moment(at):
    stamp = Timestamp()
    stamp.FromDatetime(at)
    return stamp


async def test_export_is_json_lines_oldest_first(trail, tell, team):
    for number in range(3):
        await tell(delivery(team.id, moved(number), actor=team.owner.id))
    chunks = trail.ExportEntries(pb.ExportEntriesRequest(), metadata=team.as_owner)
    text = b"".join([chunk.data async for chunk in chunks])
    lines = [json.loads(line) for line in text.splitlines()]
    assert [line["sequence"] for line in lines] == [1, 2, 3]
    assert lines[2]["hash"] == (await verification(trail, team)).head_hash


async def test_a_large_event_is_kept_in_short(trail, tell, team):
    published = prompt_pb2.VersionPublished(prompt_id="p", name="greeting")
    published.version.content.text = "x" * 100_000
    await tell(delivery(team.id, published, actor=team.owner.id))
    (entry,) = await entries(trail, team)
    assert dict(entry.data) == {"prompt_id": "p", "name": "greeting", "shortened": True}
    assert (await verification(trail, team)).intact


@pytest.mark.parametrize(
    ("tampering", "problem", "broken"),
    [
        ("UPDATE auth.audit_entries SET address = '198.51.100.1' WHERE org_id = $1 AND sequence = 2", "changed", 2),
        ("DELETE FROM auth.audit_entries WHERE org_id = $1 AND sequence = 2", "missing", 2),
        ("DELETE FROM auth.audit_entries WHERE org_id = $1 AND sequence > 2", "truncated", 3),
    ],
)
async def test_what_somebody_with_the_database_changes_is_found(
    trail, tell, team, shared_settings, tampering, problem, broken
):
    for number in range(4):
        await tell(delivery(team.id, moved(number), actor=team.owner.id))
    owner = await asyncpg.connect(str(shared_settings.database.migration_url.get_secret_value()))
    try:
        # Only who owns the tables can, and only by putting row security aside.
        await owner.execute("ALTER TABLE auth.audit_entries NO FORCE ROW LEVEL SECURITY")
        await owner.execute(tampering, UUID(team.id))
    finally:
        await owner.execute("ALTER TABLE auth.audit_entries FORCE ROW LEVEL SECURITY")
        await owner.close()
    found = await verification(trail, team)
    assert (found.intact, found.problem, found.first_broken) == (False, problem, broken)


@pytest.mark.parametrize(
    "statement", ["UPDATE audit_entries SET address = ''", "DELETE FROM audit_entries", "TRUNCATE audit_entries"]
)
async def test_the_service_itself_cannot_change_an_entry(world, team, statement):
    for transaction in (world.parts.uow(UUID(team.id)), world.parts.uow.system()):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            async with transaction as tx:
                await tx.tenant.connection.execute(statement)


async def test_another_organisation_sees_nothing(trail, tell, world, team, refused):
    await tell(delivery(team.id, moved(1), actor=team.owner.id))
    other = await world.organisation()
    assert await entries(trail, other) == []
    assert (await verification(trail, other)).entries == 0
    _, as_member = await team.joined(organisations_pb2.ROLE_MEMBER)
    with refused(grpc.StatusCode.PERMISSION_DENIED, "MISSING_PERMISSION"):
        await trail.ListEntries(pb.ListEntriesRequest(), metadata=as_member)


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        ({"filter": pb.EntryFilter(actor="x")}, "INVALID_ARGUMENT"),
        ({"page_token": "e30"}, "MALFORMED_CURSOR"),
        ({"page_token": "?"}, "MALFORMED_CURSOR"),
    ],
)
async def test_bad_requests(trail, team, refused, bad, reason):
    with refused(grpc.StatusCode.INVALID_ARGUMENT, reason):
        await trail.ListEntries(pb.ListEntriesRequest(**bad), metadata=team.as_owner)
