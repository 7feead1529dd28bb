"""Who sees, changes and runs what: the policy's whole table, asked of the running service and its database."""

import asyncio
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import grpc.aio
import pytest

from assay.evaluation.v1 import comparisons_pb2 as comparisons
from assay.evaluation.v1 import datasets_pb2 as pb
from assay.evaluation.v1 import runs_pb2 as runs
from assay_common.rpc.errors import error_from
from assay_common.visibility import Action, Relation, Visibility, may, may_show
from assay_evaluation.messages import VISIBILITIES

PRIVATE, ORGANISATION, PUBLIC = (VISIBILITIES[visibility] for visibility in Visibility)
ROLES = ("outsider", "viewer", "member", "viewer creator", "member creator", "admin", "owner")
ROWS = [{"inputs": {"message": f"mail {n}"}, "expected": f"mail {n}"} for n in range(12)]
HEADER = pb.ImportHeader(format=pb.FILE_FORMAT_JSONL)


async def reason(call):
    """Why a call was refused; empty when it was answered."""
    try:
        await call
    except grpc.aio.AioRpcError as error:
        return error_from(error).reason
    return ""


def get(reference):
    return pb.GetDatasetRequest(dataset=reference)


def relations(role):
    return frozenset(Relation(word) for word in role.split())


def readable(role):
    return {visibility for visibility in Visibility if may(relations(role), Action.READ, visibility)}


@dataclass
class Scene:
    """One dataset of each visibility, who created them, and people who stand to them as the table says."""

    creator: Any
    datasets: dict[Visibility, pb.Dataset]
    stand: Any


@pytest.fixture
async def scene(someone):
    creator = someone(role="admin")
    datasets = {
        visibility: await creator.import_rows(ROWS, f"{visibility.value}-mails", number)
        for visibility, number in VISIBILITIES.items()
    }

    def stand(role):
        if role == "outsider":
            return someone(role="owner")
        name, _, created = role.partition(" ")
        return someone(role=name, org_id=creator.org_id, subject=creator.subject if created else None)

    return Scene(creator, datasets, stand)


@pytest.mark.parametrize("role", ROLES)
async def test_reads_follow_the_policy(scene, role):
    somebody = scene.stand(role)
    for visibility, dataset in scene.datasets.items():
        expected = "" if visibility in readable(role) else "DATASET_NOT_FOUND"
        assert await reason(somebody.datasets.GetDataset(get(dataset.id))) == expected, visibility
        assert await reason(somebody.datasets.ListItems(pb.ListItemsRequest(dataset=dataset.id))) == expected
        named = "DATASET_NOT_FOUND" if role == "outsider" else expected
        assert await reason(somebody.datasets.GetDataset(get(dataset.name))) == named
        assert await reason(somebody.start(dataset)) == expected


@pytest.mark.parametrize("role", ROLES)
async def test_lists_and_batches_follow_the_policy_in_the_database(scene, role):
    somebody = scene.stand(role)
    ids = {dataset.id: visibility for visibility, dataset in scene.datasets.items()}
    listed = (await somebody.datasets.ListDatasets(pb.ListDatasetsRequest())).datasets
    assert {ids[dataset.id] for dataset in listed} == (readable(role) if role != "outsider" else set())
    request = pb.BatchGetDatasetsRequest(ids=[*ids, *ids, str(uuid4()), "no id"])
    batch = (await somebody.datasets.BatchGetDatasets(request)).datasets
    assert {ids[dataset.id] for dataset in batch} == readable(role)
    assert len(batch) == len(readable(role))


@pytest.mark.parametrize("role", ROLES)
async def test_writes_follow_the_policy(scene, role):
    somebody = scene.stand(role)
    for visibility, dataset in scene.datasets.items():
        expected = "DATASET_READ_ONLY" if visibility in readable(role) else "DATASET_NOT_FOUND"
        if may(relations(role), Action.WRITE, visibility):
            expected = ""
        update = pb.UpdateDatasetRequest(dataset=dataset.id, description=role)
        assert await reason(somebody.datasets.UpdateDataset(update)) == expected, visibility
        upload = somebody.upload(dataset.id, b'{"inputs": {"message": "new"}}', HEADER.format)
        assert await reason(upload) == expected, visibility
        found = await scene.creator.datasets.GetDataset(get(dataset.id))
        assert (found.description, found.latest_version) == ((role, 2) if not expected else ("", 1))


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("then", Visibility)
async def test_showing_to_more_or_fewer_follows_the_policy(scene, role, then):
    somebody = scene.stand(role)
    for now, dataset in scene.datasets.items():
        change = pb.UpdateDatasetRequest(dataset=dataset.id, visibility=VISIBILITIES[then])
        if now is then:
            allowed, expected = may(relations(role), Action.WRITE, now), "DATASET_READ_ONLY"
        else:
            allowed, expected = may_show(relations(role), now, then), "VISIBILITY_NOT_ALLOWED"
        if now not in readable(role):
            expected = "DATASET_NOT_FOUND"
        assert await reason(somebody.datasets.UpdateDataset(change)) == ("" if allowed else expected), now
        found = await scene.creator.datasets.GetDataset(get(dataset.id))
        assert found.visibility == VISIBILITIES[then if allowed else now]


async def test_only_who_may_publish_creates_in_public(someone, refused):
    public = pb.CreateDatasetRequest(name="mails", visibility=PUBLIC)
    with refused("PERMISSION_DENIED", "VISIBILITY_NOT_ALLOWED"):
        await someone(role="member").datasets.CreateDataset(public)
    assert (await someone(role="admin").datasets.CreateDataset(public)).visibility == PUBLIC
    with refused("INVALID_ARGUMENT", "MALFORMED_DATASET") as refusal:
        await someone().datasets.CreateDataset(pb.CreateDatasetRequest(name="mails", visibility=9))
    assert refusal.violations == ["visibility"]


async def test_a_key_is_its_owner(someone):
    """A private dataset that a key makes is its owner's, and the owner's other keys see it."""
    member = someone(role="member")
    keys = [someone(role="member", kind="api_key", owner=str(member.subject), org_id=member.org_id) for _ in range(2)]
    dataset = await keys[0].import_rows(ROWS, visibility=PRIVATE)
    assert dataset.created_by == str(member.subject)
    for who in (member, *keys):
        assert await who.datasets.GetDataset(get(dataset.id)) == dataset
        assert len((await who.datasets.ListDatasets(pb.ListDatasetsRequest())).datasets) == 1
    assert (await keys[1].start(dataset)).created_by == str(member.subject)


async def test_a_dataset_says_whose_it_is(scene, someone):
    dataset = scene.datasets[Visibility.PUBLIC]
    stranger = someone()
    found = await stranger.datasets.GetDataset(get(dataset.id))
    assert found == dataset
    assert (found.organisation_id, found.created_by) == (str(scene.creator.org_id), str(scene.creator.subject))
    assert found.organisation_id != str(stranger.org_id)


async def test_another_organisations_name_hides_no_own_dataset(scene, someone):
    """Names are an organisation's own: the public dataset of another one is not found by its name, nor in the way."""
    stranger = someone()
    name = scene.datasets[Visibility.PUBLIC].name
    assert await reason(stranger.datasets.GetDataset(get(name))) == "DATASET_NOT_FOUND"
    own = await stranger.import_rows(ROWS[:1], name)
    assert await stranger.datasets.GetDataset(get(name)) == own


async def test_other_transactions_see_nothing_of_others(scene, connections):
    """Without asking for public rows, others' do not exist; with them, they can be read and nothing more."""
    stranger = uuid4()
    async with connections.acquire() as connection, connection.transaction():
        await connection.execute("SELECT set_config('assay.org_id', $1, true)", str(stranger))
        for table in ("datasets", "dataset_items"):
            assert await connection.fetchval(f"SELECT count(*) FROM {table}") == 0
    async with connections.acquire() as connection, connection.transaction():
        await connection.execute("SELECT set_config('assay.org_id', $1, true)", str(stranger))
        await connection.execute("SELECT set_config('assay.reads_public', 'on', true)")
        mine = scene.creator.org_id
        seen = await connection.fetch("SELECT visibility FROM datasets WHERE org_id = $1", mine)
        assert [row["visibility"] for row in seen] == ["public"]
        assert await connection.fetchval("SELECT count(*) FROM dataset_items WHERE org_id = $1", mine) == len(ROWS)
        for table in ("dataset_versions", "runs", "run_items", "results", "comparisons", "events"):
            assert await connection.fetchval(f"SELECT count(*) FROM {table} WHERE org_id = $1", mine) == 0
        changed = await connection.execute("UPDATE datasets SET description = 'taken' WHERE org_id = $1", mine)
        assert changed == "UPDATE 0"
        public = UUID(scene.datasets[Visibility.PUBLIC].id)
        for org_id, refused in (
            (mine, asyncpg.InsufficientPrivilegeError),
            (stranger, asyncpg.ForeignKeyViolationError),
        ):
            for planted in (
                "INSERT INTO dataset_items VALUES ($1, 1, 99, $3, $2, '{}', NULL, '{}')",
                "INSERT INTO dataset_versions VALUES ($1, 9, $2, 1, now(), $3)",
            ):
                with pytest.raises(refused):
                    async with connection.transaction():
                        await connection.execute(planted, public, org_id, stranger)


async def test_a_run_over_another_organisations_dataset_needs_it_no_more(scene, someone, worker, refused):
    """The run is its maker's: what it needs of the items it holds, even when the dataset is no longer public."""
    stranger, dataset = someone(), scene.datasets[Visibility.PUBLIC]
    run = await stranger.start(dataset)
    assert (run.dataset_id, run.visibility) == (dataset.id, ORGANISATION)
    items = (await stranger.datasets.ListItems(pb.ListItemsRequest(dataset=dataset.id))).items
    hide = pb.UpdateDatasetRequest(dataset=dataset.id, visibility=PRIVATE)
    await scene.creator.datasets.UpdateDataset(hide)
    with refused("NOT_FOUND", "DATASET_NOT_FOUND"):
        await stranger.start(dataset)
    await worker()(stranger.org_id, UUID(run.id), [*range(len(ROWS))])
    done = await stranger.run(run.id)
    assert (done.status, done.progress.measured) == (runs.RUN_STATUS_COMPLETED, len(ROWS))
    assert done.summaries[0].measured == len(ROWS)
    assert [result.item_id for result in await stranger.results(run.id)] == [item.id for item in items]
    assert not (await scene.creator.runs.ListRuns(runs.ListRunsRequest())).runs


@pytest.mark.parametrize(
    ("of_prompt", "of_dataset", "expected"),
    [
        (ORGANISATION, ORGANISATION, ORGANISATION),
        (PUBLIC, PUBLIC, ORGANISATION),
        (PRIVATE, ORGANISATION, PRIVATE),
        (ORGANISATION, PRIVATE, PRIVATE),
        (PUBLIC, PRIVATE, PRIVATE),
    ],
)
async def test_a_run_is_private_when_its_prompt_or_its_dataset_is(someone, prompts, of_prompt, of_dataset, expected):
    prompts.visibility = of_prompt
    creator = someone(role="admin")
    assert (await creator.start(await creator.import_rows(ROWS, visibility=of_dataset))).visibility == expected


@dataclass
class Measured:
    """A private and a shared pair of runs of one member, each compared and decided."""

    creator: Any
    runs: dict[int, list[runs.Run]]
    comparisons: dict[int, comparisons.Comparison]
    decisions: dict[int, comparisons.GateDecision]


@pytest.fixture
async def measured(someone, worker):
    creator = someone(role="member")
    made = Measured(creator, {}, {}, {})
    for visibility in (PRIVATE, ORGANISATION):
        dataset = await creator.import_rows(ROWS, visibility=visibility)
        pair = [await creator.start(dataset, version=version) for version in (1, 2)]
        for run in pair:
            await worker()(creator.org_id, UUID(run.id), [*range(len(ROWS))])
        made.runs[visibility] = pair
        made.comparisons[visibility] = await creator.comparisons.CreateComparison(
            comparisons.CreateComparisonRequest(baseline_run_id=pair[0].id, candidate_run_id=pair[1].id)
        )
        made.decisions[visibility] = await creator.comparisons.DecideGate(
            comparisons.DecideGateRequest(comparison_id=made.comparisons[visibility].id, label="production")
        )
    return made


@pytest.mark.parametrize("role", ["viewer", "member", "admin", "owner", "viewer creator", "member creator"])
async def test_private_runs_and_what_comes_of_them_are_their_creators_and_the_admins(measured, someone, role):
    name, _, created = role.partition(" ")
    creator = measured.creator
    somebody = someone(role=name, org_id=creator.org_id, subject=creator.subject if created else None)
    seen = {PRIVATE, ORGANISATION} if Visibility.PRIVATE in readable(role) else {ORGANISATION}
    listed = (await somebody.runs.ListRuns(runs.ListRunsRequest())).runs
    assert {run.visibility for run in listed} == seen
    assert len(listed) == 2 * len(seen)
    ids = [run.id for pair in measured.runs.values() for run in pair]
    batch = (await somebody.runs.BatchGetRuns(runs.BatchGetRunsRequest(ids=[*ids, str(uuid4()), "no id"]))).runs
    assert {run.id for run in batch} == {run.id for run in listed}
    for visibility, (baseline, candidate) in measured.runs.items():
        hidden = visibility not in seen
        for call, name in (
            (somebody.run(baseline.id), "RUN"),
            (somebody.results(baseline.id), "RUN"),
            (
                somebody.comparisons.CreateComparison(
                    comparisons.CreateComparisonRequest(baseline_run_id=baseline.id, candidate_run_id=candidate.id)
                ),
                "RUN",
            ),
            (
                somebody.comparisons.GetComparison(
                    comparisons.GetComparisonRequest(id=measured.comparisons[visibility].id)
                ),
                "COMPARISON",
            ),
            (
                somebody.comparisons.GetGateDecision(
                    comparisons.GetGateDecisionRequest(id=measured.decisions[visibility].id)
                ),
                "GATE_DECISION",
            ),
        ):
            assert await reason(call) == (f"{name}_NOT_FOUND" if hidden else ""), (visibility, name)
        gate = comparisons.DecideGateRequest(comparison_id=measured.comparisons[visibility].id, label="staging")
        expected = "COMPARISON_NOT_FOUND" if hidden else "PROMPT_READ_ONLY" if "viewer" in role else ""
        assert await reason(somebody.comparisons.DecideGate(gate)) == expected, visibility


async def test_events_of_private_things_are_private_to_who_created_them(measured, connections):
    """Of the two datasets with all that came of them, the first is private."""
    org_id, creator = measured.creator.org_id, measured.creator.subject
    async with connections.acquire() as connection, connection.transaction():
        await connection.execute("SELECT set_config('assay.org_id', $1, true)", str(org_id))
        rows = await connection.fetch(
            "SELECT type, private_to FROM events WHERE topic = 'assay.evaluation.events' ORDER BY position"
        )
    told = [(row["type"].rsplit(".", 1)[1], row["private_to"]) for row in rows]
    half = len(told) // 2
    assert [kind for kind, _ in told[:half]] == [kind for kind, _ in told[half:]]
    assert {kind for kind, _ in told} == {
        "DatasetCreated",
        "DatasetImported",
        "RunCreated",
        "ItemsMeasured",
        "RunCompleted",
        "ComparisonCreated",
        "GateDecided",
    }
    assert [to for _, to in told] == [creator] * half + [None] * half


async def test_what_an_administrator_makes_of_two_peoples_private_runs_is_theirs_alone(someone, worker, connections):
    admin = someone(role="admin")
    dataset = await admin.import_rows(ROWS)
    pair = []
    for _ in range(2):
        member = someone(role="member", org_id=admin.org_id)
        run = await member.start(dataset)
        await worker()(admin.org_id, UUID(run.id), [*range(len(ROWS))])
        pair.append((member, run))
    async with connections.acquire() as connection, connection.transaction():
        await connection.execute("SELECT set_config('assay.org_id', $1, true)", str(admin.org_id))
        await connection.execute("UPDATE runs SET visibility = 'private'")
    request = comparisons.CreateComparisonRequest(baseline_run_id=pair[0][1].id, candidate_run_id=pair[1][1].id)
    comparison = await admin.comparisons.CreateComparison(request)
    for member, _ in pair:
        asked = comparisons.GetComparisonRequest(id=comparison.id)
        assert await reason(member.comparisons.GetComparison(asked)) == "COMPARISON_NOT_FOUND"
    async with connections.acquire() as connection, connection.transaction():
        await connection.execute("SELECT set_config('assay.org_id', $1, true)", str(admin.org_id))
        told = await connection.fetchval("SELECT private_to FROM events WHERE type LIKE '%.ComparisonCreated'")
    assert told == admin.subject


@pytest.mark.parametrize("role", ["viewer", "member", "admin", "viewer creator"])
async def test_stopping_a_run_follows_the_policy(someone, role):
    creator = someone(role="admin")
    name, _, created = role.partition(" ")
    somebody = someone(role=name, org_id=creator.org_id, subject=creator.subject if created else None)
    for visibility in (Visibility.PRIVATE, Visibility.ORGANISATION):
        run = await creator.start(await creator.import_rows(ROWS, visibility=VISIBILITIES[visibility]))
        expected = "RUN_READ_ONLY" if visibility in readable(role) else "RUN_NOT_FOUND"
        if may(relations(role), Action.WRITE, visibility):
            expected = ""
        assert await reason(somebody.runs.CancelRun(runs.CancelRunRequest(id=run.id))) == expected, visibility


async def test_a_key_limited_to_other_prompts_neither_runs_nor_sees_these(measured, someone, prompts):
    creator = measured.creator
    ids = [run.id for pair in measured.runs.values() for run in pair]
    dataset = await creator.import_rows(ROWS)
    for limit, allowed in ((["other"], False), ([prompts.prompt_id], True), (["triage"], True), ([], False)):
        key = someone(kind="api_key", role="member", owner=str(creator.subject), org_id=creator.org_id, prompts=limit)
        listed = (await key.runs.ListRuns(runs.ListRunsRequest())).runs
        batch = (await key.runs.BatchGetRuns(runs.BatchGetRunsRequest(ids=ids))).runs
        assert (bool(listed), len(batch)) == (allowed, 4 if allowed else 0), limit
        assert await reason(key.run(ids[0])) == ("" if allowed else "RUN_NOT_FOUND")
        assert await reason(key.runs.CancelRun(runs.CancelRunRequest(id=ids[0]))) == (
            "RUN_ALREADY_FINISHED" if allowed else "RUN_NOT_FOUND"
        )
        comparison = comparisons.GetComparisonRequest(id=measured.comparisons[ORGANISATION].id)
        assert await reason(key.comparisons.GetComparison(comparison)) == ("" if allowed else "COMPARISON_NOT_FOUND")
        assert await reason(key.start(dataset)) == ("" if allowed else "PROMPT_NOT_FOUND")


async def test_what_is_updated_is_told_and_changes_the_tag(caller, stored_events):
    dataset = await caller.import_rows(ROWS)
    assert dataset.etag == "2"
    change = pb.UpdateDatasetRequest(dataset=dataset.name, description="Mails", visibility=PRIVATE, etag=dataset.etag)
    updated = await caller.datasets.UpdateDataset(change)
    assert (updated.description, updated.visibility, updated.etag) == ("Mails", PRIVATE, "3")
    assert updated.updated_at.ToDatetime() > dataset.updated_at.ToDatetime()
    assert await caller.datasets.GetDataset(get(dataset.id)) == updated
    same = pb.UpdateDatasetRequest(dataset=dataset.id, description="Mails", visibility=PRIVATE)
    assert await caller.datasets.UpdateDataset(same) == updated
    events = await stored_events(caller.org_id)
    assert [kind for kind, _ in events] == ["DatasetCreated", "DatasetImported", "DatasetUpdated"]
    assert (events[0][1].dataset_id, events[0][1].name) == (dataset.id, dataset.name)
    told = events[2][1]
    assert (told.dataset_id, told.description, told.visibility) == (dataset.id, "Mails", PRIVATE)
    empty = await caller.datasets.UpdateDataset(pb.UpdateDatasetRequest(dataset=dataset.id, description=""))
    assert (empty.description, empty.visibility) == ("", PRIVATE)


async def test_a_description_has_a_largest_size(caller, refused):
    dataset = await caller.import_rows(ROWS)
    with refused("INVALID_ARGUMENT", "MALFORMED_DATASET") as refusal:
        await caller.datasets.UpdateDataset(pb.UpdateDatasetRequest(dataset=dataset.id, description="x" * 2001))
    assert refusal.violations == ["description"]


async def test_a_lost_update_is_refused(caller, refused, stored_events):
    dataset = await caller.import_rows(ROWS)
    await caller.upload(dataset.id, b'{"inputs": {"message": "new"}}', HEADER.format)
    stale = pb.UpdateDatasetRequest(dataset=dataset.id, description="mine", etag=dataset.etag)
    with refused("ABORTED", "ETAG_MISMATCH") as refusal:
        await caller.datasets.UpdateDataset(stale)
    current = await caller.datasets.GetDataset(get(dataset.id))
    assert (refusal.details, current.description) == ({"etag": current.etag}, "")


async def test_of_updates_decided_on_the_same_state_one_wins(caller, stored_events):
    dataset = await caller.import_rows(ROWS)
    attempts = [
        reason(
            caller.datasets.UpdateDataset(
                pb.UpdateDatasetRequest(dataset=dataset.id, description=f"number {n}", etag=dataset.etag)
            )
        )
        for n in range(8)
    ]
    assert sorted(await asyncio.gather(*attempts)) == ["", *["ETAG_MISMATCH"] * 7]
    assert [kind for kind, _ in await stored_events(caller.org_id)].count("DatasetUpdated") == 1


async def test_updates_that_name_no_state_all_count(caller):
    dataset = await caller.import_rows(ROWS)
    updates = [
        caller.datasets.UpdateDataset(pb.UpdateDatasetRequest(dataset=dataset.id, description=f"number {n}"))
        for n in range(8)
    ]
    tags = [updated.etag for updated in await asyncio.gather(*updates)]
    assert sorted(map(int, tags)) == [*range(3, 11)]


async def test_a_batch_is_one_query_and_has_a_largest_size(caller, scene, uow, refused):
    ids = [str(uuid4()) for _ in range(201)]
    for call in (
        caller.datasets.BatchGetDatasets(pb.BatchGetDatasetsRequest(ids=ids)),
        caller.runs.BatchGetRuns(runs.BatchGetRunsRequest(ids=ids)),
    ):
        with refused("INVALID_ARGUMENT", "BATCH_TOO_LARGE") as refusal:
            await call
        assert refusal.violations == ["ids"]
    mine = [UUID(dataset.id) for dataset in scene.datasets.values()]
    started = [UUID((await scene.creator.start(dataset)).id) for dataset in scene.datasets.values()]
    queries = []
    async with uow(scene.creator.org_id) as tx:
        with tx.datasets._connection.query_logger(queries.append):
            assert {dataset.id for dataset in await tx.datasets.some(mine)} == {*mine}
            assert {run.id for run in await tx.runs.some(started)} == {*started}
    # The first of a connection also asks for the types of its columns.
    assert sum("ANY ($1::uuid[])" in query.query for query in queries) == 2
