"""Changing repositories, reading many at once, and API keys that are for some repositories only."""

import asyncio
from uuid import UUID, uuid4

import grpc
import pytest

from assay.audit.v1 import audits_pb2 as audits
from assay.audit.v1 import events_pb2
from assay.audit.v1 import repositories_pb2 as pb
from assay_audit import bootstrap
from assay_audit.adapters.postgres.transaction import PostgresTransaction
from assay_audit.settings import CloneSettings
from assay_common.postgres.unit_of_work import UnitOfWork
from assay_common.rpc.errors import error_from

S = grpc.StatusCode
FORGE = "https://localhost:4443"
ALL = ("repositories:read", "repositories:write", "audits:read", "audits:write")


@pytest.fixture
async def as_caller(serve):
    """The service of an installation whose own forge is on this machine."""
    return await serve(clone=CloneSettings(allowed_hosts=frozenset({"localhost"})))


def update(client, repository, **changes):
    request = pb.UpdateRepositoryRequest(repository=repository, **changes)
    return client.repositories.UpdateRepository(request, metadata=client.metadata)


def get(client, repository):
    request = pb.GetRepositoryRequest(repository=repository)
    return client.repositories.GetRepository(request, metadata=client.metadata)


def findings(client, run):
    return client.audits.ListFindings(audits.ListFindingsRequest(audit_id=run.id), metadata=client.metadata)


def sarif(client, run):
    return anext(aiter(client.audits.ExportSarif(audits.ExportSarifRequest(audit_id=run.id), metadata=client.metadata)))


async def reason(call):
    """Why a call was refused; empty when it was answered."""
    try:
        await call
    except grpc.aio.AioRpcError as error:
        return error_from(error).reason
    return ""


async def test_another_url_is_stored_told_and_changes_the_tag(client, events_of):
    created = await client.create("shop")
    assert created.etag == "1"
    moved = await update(client, "shop", url=f"{FORGE}/shop.git", etag=created.etag)
    assert (moved.url, moved.etag) == (f"{FORGE}/shop.git", "2")
    assert moved.updated_at.ToDatetime() > created.updated_at.ToDatetime()
    assert await get(client, created.id) == moved
    for same in ({"url": moved.url}, {}):
        assert await update(client, created.id, **same) == moved
    back = await update(client, created.id, url="")
    assert (back.url, back.etag) == ("", "3")
    events = await events_of(client.org_id)
    types = [event["type"].rpartition(".")[2] for event in events]
    assert types == ["RepositoryCreated", "RepositoryUrlChanged", "RepositoryUrlChanged"]
    told = events_pb2.RepositoryUrlChanged.FromString(events[1]["payload"])
    assert (told.repository_id, told.url) == (created.id, f"{FORGE}/shop.git")
    assert [(event["key"], event["aggregate_version"]) for event in events] == [(created.id, n) for n in (1, 2, 3)]


@pytest.mark.parametrize(
    "url", ["http://localhost/a", "https://u:p@localhost/a", "https://127.0.0.1/a", "https://169.254.169.254/a", "x"]
)
async def test_a_url_that_may_not_be_cloned_from_changes_nothing(client, refusal, events_of, url):
    created = await client.create("shop")
    refused = await refusal(update(client, "shop", url=url))
    assert (refused.status, refused.reason) == (S.INVALID_ARGUMENT, "URL_NOT_ALLOWED")
    assert refused.violations[0].field == "url"
    assert await get(client, "shop") == created
    assert len(await events_of(client.org_id)) == 1


async def test_what_cannot_be_updated(client, as_caller, refusal):
    created = await client.create("shop")
    nameless = await refusal(update(client, "", url=""))
    assert (nameless.status, nameless.violations[0].field) == (S.INVALID_ARGUMENT, "repository")
    for stranger, repository in ((as_caller(*ALL), created.id), (client, "other"), (client, str(uuid4()))):
        assert await reason(update(stranger, repository, url="")) == "REPOSITORY_NOT_FOUND"


async def test_a_lost_update_is_refused(client, refusal, shop):
    created = await client.create("shop")
    tags = [created.etag]
    for _ in range(2):  # the second upload moves no commit, and is a change all the same
        await client.upload(shop.bundle())
        tags.append((await get(client, "shop")).etag)
    assert len({*tags}) == 3
    for stale in tags[:2]:
        refused = await refusal(update(client, "shop", url=FORGE, etag=stale))
        assert (refused.status, refused.reason) == (S.ABORTED, "ETAG_MISMATCH")
        assert refused.details == {"etag": tags[2]}
    assert (await update(client, "shop", url=FORGE, etag=tags[2])).url == FORGE


async def test_of_updates_decided_on_the_same_state_one_wins(client, events_of):
    created = await client.create("shop")
    attempts = [reason(update(client, "shop", url=f"{FORGE}/{n}", etag=created.etag)) for n in range(8)]
    assert sorted(await asyncio.gather(*attempts)) == ["", *["ETAG_MISMATCH"] * 7]
    assert len(await events_of(client.org_id)) == 2


async def test_bundles_are_for_repositories_without_a_url(client, shop):
    await client.create("shop")
    await update(client, "shop", url=FORGE)
    assert await reason(client.upload(shop.bundle())) == "REPOSITORY_IS_CLONED"
    await update(client, "shop", url="")
    assert (await client.upload(shop.bundle())).head_commit == shop.git("rev-parse", "HEAD")


async def test_many_repositories_and_their_latest_audits_are_read_at_once(client, as_caller, shop, connections):
    made = [await client.create(f"shop-{n}") for n in range(3)]
    for repository in made[:2]:
        await client.upload(shop.bundle(), repository.id)
    newest = [[await client.start(one.id) for _ in range(2)][-1] for one in made[:2]]
    other = as_caller(*ALL)
    hidden = await other.create("shop")
    ids = [*(one.id for one in made), hidden.id, made[0].id, str(uuid4()), "no id"]
    request = pb.BatchGetRepositoriesRequest(ids=ids)
    found = await client.repositories.BatchGetRepositories(request, metadata=client.metadata)
    assert sorted(one.name for one in found.repositories) == ["shop-0", "shop-1", "shop-2"]
    latest = await client.audits.BatchGetLatestAudits(
        audits.BatchGetLatestAuditsRequest(repository_ids=ids), metadata=client.metadata
    )
    assert {run.id for run in latest.audits} == {run.id for run in newest}
    for run in latest.audits:
        assert run == await client.run(run.id)

    queries = []
    async with UnitOfWork(connections, bootstrap.SCHEMA, PostgresTransaction)(client.org_id) as tx:
        with tx.tx.connection.query_logger(queries.append):
            assert len(await tx.repositories.some([UUID(one.id) for one in made])) == 3
            assert len(await tx.runs.latest([UUID(one.id) for one in made])) == 2
    asked = [query.query for query in queries if "ANY ($1::uuid[])" in query.query or "$1::uuid[]" in query.query]
    assert len(asked) == 3  # the repositories; the runs, and their results


async def test_a_batch_has_a_largest_size(client, refusal):
    ids = [str(uuid4()) for _ in range(201)]
    for call, field in (
        (
            client.repositories.BatchGetRepositories(pb.BatchGetRepositoriesRequest(ids=ids), metadata=client.metadata),
            "ids",
        ),
        (
            client.audits.BatchGetLatestAudits(
                audits.BatchGetLatestAuditsRequest(repository_ids=ids), metadata=client.metadata
            ),
            "repository_ids",
        ),
    ):
        refused = await refusal(call)
        assert (refused.status, refused.reason) == (S.INVALID_ARGUMENT, "BATCH_TOO_LARGE")
        assert refused.violations[0].field == field


@pytest.fixture
async def two(client, shop):
    """Two repositories of one organisation with an audit each: (the repository, the audit) by name."""
    made = {}
    for name in ("mine", "other"):
        repository = await client.create(name)
        await client.upload(shop.bundle(), name)
        made[name] = repository, await client.start(name)
    return made


@pytest.mark.parametrize("by", ["name", "id"])
async def test_a_key_for_one_repository_finds_no_other(client, as_caller, two, shop, by):
    (mine, mine_run), (other, other_run) = two["mine"], two["other"]
    limit = [mine.name if by == "name" else mine.id]
    key = as_caller(*ALL, org_id=client.org_id, kind="api_key", repositories=limit)
    for repository, run, expected in ((mine, mine_run, False), (other, other_run, True)):
        for reference in (repository.id, repository.name):
            not_found = "REPOSITORY_NOT_FOUND" if expected else ""
            assert await reason(get(key, reference)) == not_found
            assert await reason(update(key, reference)) == not_found
            assert await reason(key.upload(shop.bundle(), reference)) == not_found
            assert await reason(key.start(reference)) == not_found
            request = audits.ListAuditsRequest(repository=reference)
            assert await reason(key.audits.ListAudits(request, metadata=key.metadata)) == not_found
        for call in (key.run(run.id), findings(key, run), sarif(key, run)):
            assert await reason(call) == ("AUDIT_NOT_FOUND" if expected else "")
    listed = await key.repositories.ListRepositories(pb.ListRepositoriesRequest(), metadata=key.metadata)
    assert [one.name for one in listed.repositories] == ["mine"]
    runs = await key.audits.ListAudits(audits.ListAuditsRequest(), metadata=key.metadata)
    assert {run.repository_id for run in runs.audits} == {mine.id}
    ids = [mine.id, other.id]
    batch = await key.repositories.BatchGetRepositories(pb.BatchGetRepositoriesRequest(ids=ids), metadata=key.metadata)
    assert [one.id for one in batch.repositories] == [mine.id]
    latest = await key.audits.BatchGetLatestAudits(
        audits.BatchGetLatestAuditsRequest(repository_ids=ids), metadata=key.metadata
    )
    assert [run.repository_id for run in latest.audits] == [mine.id]


async def test_a_key_for_some_repositories_registers_these_only(client, as_caller, refusal):
    key = as_caller(*ALL, org_id=client.org_id, kind="api_key", repositories=["mine"])
    assert (await key.create("mine")).name == "mine"
    refused = await refusal(key.create("other"))
    assert (refused.status, refused.reason) == (S.PERMISSION_DENIED, "REPOSITORY_OUTSIDE_KEY")
    nothing = as_caller(*ALL, org_id=client.org_id, kind="api_key", repositories=[])
    listed = await nothing.repositories.ListRepositories(pb.ListRepositoriesRequest(), metadata=nothing.metadata)
    assert not listed.repositories
