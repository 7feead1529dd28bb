from pathlib import Path
from uuid import uuid4

import grpc
import pytest

from assay.audit.v1 import events_pb2
from assay.audit.v1 import repositories_pb2 as pb
from assay_audit.settings import LimitSettings

S = grpc.StatusCode


def objects(tmp_path: Path) -> list[Path]:
    return [path for path in (tmp_path / "objects").rglob("*") if path.is_file()]


def left_behind(tmp_path: Path) -> list[Path]:
    return [path for path in (tmp_path / "data" / "scratch").rglob("*") if path.is_file() and path.suffix != ".lock"]


async def test_a_repository_is_created_and_found_by_id_and_name(client, events_of):
    created = await client.create("shop")
    for reference in (created.id, "shop"):
        request = pb.GetRepositoryRequest(repository=reference)
        assert await client.repositories.GetRepository(request, metadata=client.metadata) == created
    (event,) = await events_of(client.org_id)
    assert event["type"] == "assay.audit.v1.RepositoryCreated"
    assert (event["key"], event["aggregate_version"]) == (created.id, 1)
    told = events_pb2.RepositoryCreated.FromString(event["payload"])
    assert (told.repository_id, told.name, told.url) == (created.id, "shop", "")


async def test_names_are_checked_and_taken_once(client, refusal):
    await client.create("shop")
    taken = await refusal(client.create("shop"))
    assert (taken.status, taken.reason) == (S.ALREADY_EXISTS, "REPOSITORY_NAME_TAKEN")
    for name, reason in (("", "MALFORMED_REQUEST"), ("A Shop", "MALFORMED_REPOSITORY")):
        refused = await refusal(client.create(name))
        assert (refused.status, refused.reason) == (S.INVALID_ARGUMENT, reason)
        assert refused.violations[0].field == "name"


@pytest.mark.parametrize(
    "url", ["http://example.org/a", "https://u:p@example.org/a", "https://localhost/a", "https://127.0.0.1/a"]
)
async def test_urls_into_the_private_network_are_refused(client, refusal, url):
    refused = await refusal(client.create("shop", url))
    assert (refused.status, refused.reason) == (S.INVALID_ARGUMENT, "URL_NOT_ALLOWED")
    assert refused.violations[0].field == "url"


async def test_repositories_are_listed_newest_first_page_by_page(client, as_caller):
    names = [f"shop-{n}" for n in range(5)]
    for name in names:
        await client.create(name)
    found, token = [], ""
    while True:
        request = pb.ListRepositoriesRequest(page_size=2, page_token=token)
        page = await client.repositories.ListRepositories(request, metadata=client.metadata)
        found += [repository.name for repository in page.repositories]
        token = page.next_page_token
        if not token:
            break
    assert found == names[::-1]
    other = as_caller("repositories:read")
    nothing = await other.repositories.ListRepositories(pb.ListRepositoriesRequest(), metadata=other.metadata)
    assert not nothing.repositories


async def test_page_tokens_that_are_not_ours(client, refusal):
    for token in ("garbage!", "eyJpZCI6ICJ4In0"):
        request = pb.ListRepositoriesRequest(page_token=token)
        refused = await refusal(client.repositories.ListRepositories(request, metadata=client.metadata))
        assert refused.status is S.INVALID_ARGUMENT
        assert refused.violations[0].field == "page_token"


async def test_what_is_not_there_or_another_organisations_is_not_found(client, as_caller, refusal, shop):
    created = await client.create("shop")
    other = as_caller("repositories:read", "repositories:write", "audits:write")
    for reference in (created.id, "shop", str(uuid4()), "not-an-id"):
        request = pb.GetRepositoryRequest(repository=reference)
        refused = await refusal(other.repositories.GetRepository(request, metadata=other.metadata))
        assert (refused.status, refused.reason) == (S.NOT_FOUND, "REPOSITORY_NOT_FOUND")
    assert (await refusal(other.upload(shop.bundle(), created.id))).reason == "REPOSITORY_NOT_FOUND"
    assert (await refusal(other.start(created.id))).reason == "REPOSITORY_NOT_FOUND"
    empty = await refusal(client.repositories.GetRepository(pb.GetRepositoryRequest(), metadata=client.metadata))
    assert (empty.status, empty.violations[0].field) == (S.INVALID_ARGUMENT, "repository")


async def test_a_bundle_is_stored_and_moves_the_head(client, shop, events_of, tmp_path):
    created = await client.create("shop")
    uploaded = await client.upload(shop.bundle())
    assert uploaded.head_commit == shop.git("rev-parse", "HEAD")
    assert uploaded.size_bytes == len(shop.bundle())
    (stored,) = objects(tmp_path)
    assert stored.parent.parent.name == str(client.org_id)
    assert stored.parent.name == created.id
    assert uploaded.digest == f"sha256:{stored.stem}"
    assert not left_behind(tmp_path)

    again = await client.upload(shop.bundle(), created.id)
    assert again.head_commit == uploaded.head_commit
    shop.put({"NEWS.md": "now"})
    newer = shop.commit()
    assert (await client.upload(shop.bundle())).head_commit == newer
    events = [event["type"].rpartition(".")[2] for event in await events_of(client.org_id)]
    assert events == ["RepositoryCreated", "RepositoryUpdated", "RepositoryUpdated"]
    request = pb.GetRepositoryRequest(repository="shop")
    assert (await client.repositories.GetRepository(request, metadata=client.metadata)).head_commit == newer


async def test_an_older_commit_can_be_named(client, shop):
    first = shop.git("rev-parse", "HEAD")
    shop.commit("Add nothing at all")
    await client.create("shop")
    assert (await client.upload(shop.bundle(), commit=first)).head_commit == first


@pytest.mark.parametrize("content", [b"", b"not a bundle", "cut"])
async def test_a_corrupt_bundle_changes_nothing(client, refusal, shop, events_of, tmp_path, content):
    await client.create("shop")
    bytes_sent = shop.bundle()[:-40] if content == "cut" else content
    refused = await refusal(client.upload(bytes_sent))
    assert (refused.status, refused.reason) == (S.INVALID_ARGUMENT, "CORRUPT_BUNDLE")
    assert refused.violations[0].field == "chunk"
    assert not objects(tmp_path)
    assert not left_behind(tmp_path)
    assert len(await events_of(client.org_id)) == 1


@pytest.mark.parametrize(("commit", "field"), [("main", "header.commit"), ("0" * 40, "header.commit")])
async def test_a_commit_that_is_not_in_the_bundle(client, refusal, shop, tmp_path, commit, field):
    await client.create("shop")
    refused = await refusal(client.upload(shop.bundle(), commit=commit))
    assert (refused.status, refused.reason) == (S.INVALID_ARGUMENT, "UNKNOWN_COMMIT")
    assert refused.violations[0].field == field
    assert not objects(tmp_path)


async def test_a_bundle_beyond_the_limit(serve, refusal, shop, tmp_path):
    client = (await serve(limits=LimitSettings(bundle_bytes=100)))("repositories:write")
    await client.create("shop")
    refused = await refusal(client.upload(shop.bundle()))
    assert (refused.status, refused.reason) == (S.INVALID_ARGUMENT, "BUNDLE_TOO_LARGE")
    assert not objects(tmp_path)
    assert not left_behind(tmp_path)


async def test_an_upload_begins_with_its_header_and_has_one(client, refusal):
    async def headless():
        yield pb.UploadBundleRequest(chunk=b"x")

    async def nothing():
        return
        yield

    async def twice():
        for _ in range(2):
            yield pb.UploadBundleRequest(header=pb.BundleHeader(repository="shop"))

    await client.create("shop")
    for parts in (headless, nothing, twice):
        refused = await refusal(client.repositories.UploadBundle(parts(), metadata=client.metadata))
        assert (refused.status, refused.reason) == (S.INVALID_ARGUMENT, "MALFORMED_REQUEST")


async def test_a_client_that_leaves_in_the_middle_leaves_nothing(client, until, tmp_path):
    await client.create("shop")

    async def endless():
        yield pb.UploadBundleRequest(header=pb.BundleHeader(repository="shop"))
        while True:
            yield pb.UploadBundleRequest(chunk=b"x" * 10_000)

    call = client.repositories.UploadBundle(endless(), metadata=client.metadata)

    async def something_came():
        return left_behind(tmp_path)

    async def nothing_is_left():
        return not left_behind(tmp_path)

    await until(something_came)
    call.cancel()
    await until(nothing_is_left)
    assert not objects(tmp_path)
