"""Files: streamed to the service as they come, refused early, never held as a whole."""

import asyncio
import hashlib

import pytest

from assay.audit.v1 import repositories_pb2
from assay.evaluation.v1 import datasets_pb2
from assay_common.errors import FailedPrecondition, NotFound

MIB = 1024 * 1024
JSONL = {"content-type": "application/x-ndjson"}
BUNDLE = {"content-type": "application/x-git-bundle"}


class NoSuchRepository(NotFound):
    pass


class BundleElsewhere(FailedPrecondition):
    pass


async def in_parts(size, part=300_000):
    for start in range(0, size, part):
        yield b"x" * min(part, size - start)


@pytest.mark.parametrize(
    ("content_type", "file_format"),
    [
        ("application/x-ndjson", datasets_pb2.FILE_FORMAT_JSONL),
        ("application/jsonl", datasets_pb2.FILE_FORMAT_JSONL),
        ("text/csv; charset=utf-8", datasets_pb2.FILE_FORMAT_CSV),
    ],
)
async def test_a_dataset_is_passed_on_in_parts(content_type, file_format, client, backend):
    file = b'{"inputs":{"a":1}}\n' * 50_000
    answered = await client.post(
        "/v1/datasets/messages/items?skip_invalid=true", content=file, headers={"content-type": content_type}
    )
    assert answered.status_code == 201
    assert answered.json()["imported"] == 7
    header, *parts = backend.asked("ImportItems")[0]
    assert header.header == datasets_pb2.ImportHeader(dataset="messages", format=file_format, skip_invalid=True)
    assert b"".join(part.chunk for part in parts) == file
    assert max(len(part.chunk) for part in parts) <= MIB


async def test_broken_rows_are_named_line_by_line(client, backend):
    backend.answers["ImportItems"] = datasets_pb2.ImportReport(
        dataset_id="d", version=0, rejected=2, errors=[datasets_pb2.RowError(line=12, message="is no JSON object")]
    )
    answered = await client.post("/v1/datasets/messages/items", content=b"x", headers=JSONL)
    assert answered.status_code == 422
    problem = answered.json()
    assert (problem["reason"], problem["rejected"]) == ("INVALID_ROWS", 2)
    assert problem["errors"] == [{"pointer": "/lines/12", "detail": "is no JSON object"}]


async def test_good_rows_beside_broken_ones_are_an_answer(client, backend):
    backend.answers["ImportItems"] = datasets_pb2.ImportReport(
        dataset_id="d", version=1, imported=3, rejected=1, errors=[datasets_pb2.RowError(line=2, message="no")]
    )
    answered = await client.post("/v1/datasets/messages/items?skip_invalid=true", content=b"x", headers=JSONL)
    assert answered.status_code == 201
    assert answered.json()["errors"] == [{"line": 2, "message": "no"}]


@pytest.mark.parametrize("content_type", ["application/json", "text/plain", ""])
async def test_other_files_are_415(content_type, client, backend):
    answered = await client.post("/v1/datasets/messages/items", content=b"x", headers={"content-type": content_type})
    assert answered.status_code == 415
    assert backend.asked("ImportItems") == []


async def test_a_dataset_of_20_megabytes_is_413_and_asks_nobody(client, backend):
    answered = await client.post("/v1/datasets/messages/items", content=b"x" * (20 * MIB), headers=JSONL)
    assert answered.status_code == 413
    assert answered.json()["reason"] == "PAYLOAD_TOO_LARGE"
    assert backend.asked("ImportItems") == []


async def test_a_dataset_that_turns_out_too_large_is_413_and_no_file_that_looks_whole(client, backend, eventually):
    answered = await client.post("/v1/datasets/messages/items", content=in_parts(20 * MIB), headers=JSONL)
    assert answered.status_code == 413
    assert answered.json()["reason"] == "PAYLOAD_TOO_LARGE"
    await eventually(lambda: backend.asked("ImportItems"))
    parts = backend.asked("ImportItems")[0]
    assert parts[-1].HasField("header")  # Against the contract: the service cannot take it for a file that ended.


async def test_a_bundle_of_40_megabytes_is_streamed_whole(client, backend):
    digest = hashlib.sha256()

    async def take(requests):
        for request in requests:
            digest.update(request.chunk)
        return repositories_pb2.UploadedBundle(repository_id="r", digest="d", head_commit="c", size_bytes=40 * MIB)

    backend.answers["UploadBundle"] = take
    answered = await client.post("/v1/repositories/shop/bundles?commit=abc", content=in_parts(40 * MIB), headers=BUNDLE)
    assert answered.status_code == 201
    assert answered.json()["size_bytes"] == 40 * MIB
    assert digest.hexdigest() == hashlib.sha256(b"x" * (40 * MIB)).hexdigest()
    assert backend.asked("UploadBundle")[0][0].header == repositories_pb2.BundleHeader(repository="shop", commit="abc")


async def test_a_bundle_announced_as_too_large_is_413_before_it_is_sent(client):
    reader, writer = await asyncio.open_connection(client.base_url.host, client.base_url.port)
    head = f"POST /v1/repositories/shop/bundles HTTP/1.1\r\nhost: x\r\ncontent-length: {2 * 1024 * MIB}\r\n"
    head += f"authorization: {client.headers['authorization']}\r\ncontent-type: application/x-git-bundle\r\n\r\n"
    writer.write(head.encode())
    assert b" 413 " in await asyncio.wait_for(reader.readline(), 30)
    writer.close()


@pytest.mark.parametrize(
    ("error", "status", "reason"),
    [
        (NoSuchRepository("there is no such repository"), 404, "NO_SUCH_REPOSITORY"),
        (BundleElsewhere("the repository is cloned from its URL"), 409, "BUNDLE_ELSEWHERE"),
    ],
)
async def test_a_service_that_refuses_early_is_heard_although_the_client_still_sends(
    error, status, reason, client, backend
):
    backend.answers["UploadBundle"] = error
    for _ in range(10):
        answered = await client.post("/v1/repositories/shop/bundles", content=in_parts(4 * MIB), headers=BUNDLE)
        assert answered.status_code == status
        assert answered.json()["reason"] == reason


async def test_who_may_not_upload_is_told_before_the_file_is_read(gateway, issuer, org, backend):
    headers = {"authorization": f"Bearer {issuer.token('repositories:read', org=org)}", **BUNDLE}
    answered = await gateway.http.post("/v1/repositories/shop/bundles", content=in_parts(5 * MIB), headers=headers)
    assert answered.status_code == 403
    assert answered.json()["permission"] == "repositories:write"


async def test_a_client_that_goes_away_in_the_middle_leaves_no_file_that_looks_whole(
    client, backend, gateway, eventually
):
    _, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
    head = f"POST /v1/datasets/messages/items HTTP/1.1\r\nhost: x\r\ncontent-length: {MIB}\r\n"
    head += f"authorization: {client.headers['authorization']}\r\ncontent-type: text/csv\r\n\r\n"
    writer.write(head.encode() + b"a,b\n")
    await writer.drain()
    writer.close()

    async def counted():
        metrics = (await gateway.http.get("/metrics")).text
        return 'status="499"' in metrics

    await eventually(counted)
    assert backend.asked("ImportItems")[0][-1].HasField("header")
