import asyncio
import time
from datetime import UTC, datetime
from uuid import uuid4

import grpc
import grpc.aio
import pytest

from assay.audit.v1 import audits_pb2, audits_pb2_grpc, repositories_pb2, repositories_pb2_grpc
from assay.prompt.v1 import prompts_pb2, prompts_pb2_grpc
from assay_common.errors import NotFound, Unavailable
from assay_common.idempotency import calling_once, current_once
from assay_common.identity import Principal, acting_as, principal
from assay_common.logs import bound_request_id, request_id
from assay_common.rpc.client import channel
from assay_common.rpc.errors import error_from
from assay_common.rpc.jwks import TokenVerifier, jwks_from_auth
from assay_common.settings import GrpcSettings
from assay_common.tracing import current_trace_id, span

PERMISSIONS = ("prompts:read", "prompts:write", "audits:read", "repositories:write", "audits:write")


class VersionNotFound(NotFound):
    pass


@pytest.fixture
def caller(issuer):
    token = issuer.token(*PERMISSIONS)
    with acting_as(Principal(uuid4(), "user", uuid4(), frozenset(), token, datetime.now(UTC))) as _:
        yield token


@pytest.fixture
def prompts(ours, caller):
    return prompts_pb2_grpc.PromptServiceStub(ours)


async def refused(call):
    with pytest.raises(grpc.aio.AioRpcError) as refusal:
        await call
    return error_from(refusal.value)


async def test_the_callers_token_goes_along_in_every_kind_of_rpc(server, ours, caller):
    seen = []

    async def get(request, context):
        seen.append(principal().token)
        return prompts_pb2.Prompt()

    async def export(request, context):
        seen.append(principal().token)
        yield audits_pb2.SarifChunk(chunk=b"x")

    async def upload(parts, context):
        seen.append(principal().token)
        return repositories_pb2.UploadedBundle(size_bytes=len([part async for part in parts]))

    server.prompts.get, server.audits.export, server.repositories.upload = get, export, upload
    await prompts_pb2_grpc.PromptServiceStub(ours).GetPrompt(prompts_pb2.GetPromptRequest())
    exported = audits_pb2_grpc.AuditServiceStub(ours).ExportSarif(audits_pb2.ExportSarifRequest())
    assert [chunk.chunk async for chunk in exported] == [b"x"]

    async def parts():
        for _ in range(3):
            yield repositories_pb2.UploadBundleRequest(chunk=b"x")

    uploaded = await repositories_pb2_grpc.RepositoryServiceStub(ours).UploadBundle(parts())
    assert uploaded.size_bytes == 3
    assert seen == [caller] * 3


async def test_a_token_given_explicitly_wins(server, prompts, issuer):
    other = issuer.token("prompts:read")

    async def get(request, context):
        return prompts_pb2.Prompt(id=principal().token)

    server.prompts.get = get
    answer = await prompts.GetPrompt(prompts_pb2.GetPromptRequest(), metadata=(("authorization", f"Bearer {other}"),))
    assert answer.id == other


async def test_without_a_caller_no_token_is_sent(server, ours):
    stub = prompts_pb2_grpc.PromptServiceStub(ours)
    assert (await refused(stub.GetPrompt(prompts_pb2.GetPromptRequest()))).reason == "TOKEN_MISSING"


async def test_the_request_id_goes_along_and_a_new_one_is_made_where_there_is_none(server, prompts):
    async def get(request, context):
        return prompts_pb2.Prompt(id=request_id.get())

    server.prompts.get = get
    with bound_request_id("r-1"):
        assert (await prompts.GetPrompt(prompts_pb2.GetPromptRequest())).id == "r-1"
    made = {(await prompts.GetPrompt(prompts_pb2.GetPromptRequest())).id for _ in range(2)}
    assert len(made) == 2
    assert all(len(one) == 32 for one in made)


async def test_the_trace_goes_on_through_two_services(server, prompts):
    traces = []

    async def get(request, context):
        traces.append(current_trace_id())
        await prompts.ListPrompts(prompts_pb2.ListPromptsRequest())
        return prompts_pb2.Prompt()

    async def list_(request, context):
        traces.append(current_trace_id())
        return prompts_pb2.ListPromptsResponse()

    server.prompts.get, server.prompts.list = get, list_
    with span("test"):
        mine = current_trace_id()
        await prompts.GetPrompt(prompts_pb2.GetPromptRequest())
    assert traces == [mine, mine]


async def test_the_trace_goes_on_through_streams(server, ours, caller):
    async def export(request, context):
        yield audits_pb2.SarifChunk(chunk=current_trace_id().encode())

    server.audits.export = export
    with span("test"):
        stream = audits_pb2_grpc.AuditServiceStub(ours).ExportSarif(audits_pb2.ExportSarifRequest())
        assert [chunk.chunk.decode() async for chunk in stream] == [current_trace_id()]


ROUNDED_UP = 1.02
"""gRPC rounds a deadline up when it puts it on the wire."""


async def deadline_seen(server, call):
    async def get(request, context):
        return prompts_pb2.Prompt(latest_version=round(context.time_remaining() * 1000))

    server.prompts.get = get
    return (await call).latest_version / 1000


async def test_the_default_deadline_and_an_explicit_one(server, prompts):
    assert 4 < await deadline_seen(server, prompts.GetPrompt(prompts_pb2.GetPromptRequest())) <= 5 * ROUNDED_UP
    assert (
        19
        < await deadline_seen(server, prompts.GetPrompt(prompts_pb2.GetPromptRequest(), timeout=20))
        <= 20 * ROUNDED_UP
    )


@pytest.mark.parametrize(("asked", "expected"), [(None, 3.0), (20.0, 3.0), (1.0, 1.0)])
async def test_a_call_inside_an_rpc_has_no_more_time_than_that(server, prompts, asked, expected):
    remaining = []

    async def list_(request, context):
        remaining.append(context.time_remaining())
        return prompts_pb2.ListPromptsResponse()

    async def get(request, context):
        await prompts.ListPrompts(prompts_pb2.ListPromptsRequest(), timeout=asked)
        return prompts_pb2.Prompt()

    server.prompts.get, server.prompts.list = get, list_
    await prompts.GetPrompt(prompts_pb2.GetPromptRequest(), timeout=3)
    assert expected - 1 < remaining[0] <= expected * ROUNDED_UP


async def test_a_deadline_further_down_is_a_deadline_at_the_top(server, prompts):
    async def hang(request, context):
        await asyncio.Event().wait()

    async def get(request, context):
        await prompts.ListPrompts(prompts_pb2.ListPromptsRequest(), timeout=0.2)

    server.prompts.get, server.prompts.list = get, hang
    started = time.monotonic()
    remote = await refused(prompts.GetPrompt(prompts_pb2.GetPromptRequest(), timeout=20))
    assert remote.status is grpc.StatusCode.DEADLINE_EXCEEDED
    assert time.monotonic() - started < 10


async def test_a_refusal_further_down_arrives_at_the_top(server, prompts):
    async def get(request, context):
        await prompts.ListPrompts(prompts_pb2.ListPromptsRequest())

    async def list_(request, context):
        raise VersionNotFound("no version 7", version="7")

    server.prompts.get, server.prompts.list = get, list_
    remote = await refused(prompts.GetPrompt(prompts_pb2.GetPromptRequest()))
    assert (remote.reason, remote.details) == ("VERSION_NOT_FOUND", {"version": "7"})


async def test_only_what_is_safe_to_repeat_is_retried(server, prompts):
    attempts = {"get": 0, "create": 0}

    async def get(request, context):
        attempts["get"] += 1
        if attempts["get"] < 3:
            raise Unavailable("not now")
        return prompts_pb2.Prompt(id="at last")

    async def create(request, context):
        attempts["create"] += 1
        raise Unavailable("not now")

    server.prompts.get, server.prompts.create = get, create
    assert (await prompts.GetPrompt(prompts_pb2.GetPromptRequest())).id == "at last"
    remote = await refused(prompts.CreatePrompt(prompts_pb2.CreatePromptRequest()))
    assert remote.reason == "UNAVAILABLE"
    assert attempts == {"get": 3, "create": 1}


async def test_retries_end(server, prompts):
    attempts = 0

    async def get(request, context):
        nonlocal attempts
        attempts += 1
        raise Unavailable("not now")

    server.prompts.get = get
    assert (await refused(prompts.GetPrompt(prompts_pb2.GetPromptRequest()))).message == "not now"
    assert attempts == 4


async def test_other_refusals_are_not_retried(server, prompts):
    attempts = 0

    async def get(request, context):
        nonlocal attempts
        attempts += 1
        raise VersionNotFound("no")

    server.prompts.get = get
    await refused(prompts.GetPrompt(prompts_pb2.GetPromptRequest()))
    assert attempts == 1


async def test_calls_are_spread_over_replicas_and_survive_the_loss_of_one(another_server, caller):
    first, second = another_server(), another_server()

    def answering(name):
        async def get(request, context):
            return prompts_pb2.Prompt(id=name)

        return get

    first.prompts.get, second.prompts.get = answering("first"), answering("second")
    async with (
        second.running(),
        first.running(),
        channel(f"ipv4:{first.address},{second.address}", GrpcSettings()) as opened,
    ):
        stub = prompts_pb2_grpc.PromptServiceStub(opened)
        answered = set()
        async with asyncio.timeout(10):
            while answered != {"first", "second"}:
                answered.add((await stub.GetPrompt(prompts_pb2.GetPromptRequest())).id)
        first.lifecycle.stop()
        await first.lifecycle.drain()
        assert {(await stub.GetPrompt(prompts_pb2.GetPromptRequest())).id for _ in range(10)} == {"second"}


async def test_callers_leave_a_server_that_stops(another_server, caller):
    """Not one call fails, though none of these may be repeated."""
    leaving, staying = another_server(), another_server()
    made = {leaving: 0, staying: 0}
    both_have_worked, stop = asyncio.Event(), asyncio.Event()

    def creating(server):
        async def create(request, context):
            made[server] += 1
            if min(made.values()) >= 10:
                both_have_worked.set()
            return prompts_pb2.Prompt()

        return create

    leaving.prompts.create, staying.prompts.create = creating(leaving), creating(staying)
    async with (
        staying.running(),
        leaving.running(),
        channel(f"ipv4:{leaving.address},{staying.address}", GrpcSettings()) as opened,
    ):
        stub = prompts_pb2_grpc.PromptServiceStub(opened)

        async def client():
            while not stop.is_set():
                await stub.CreatePrompt(prompts_pb2.CreatePromptRequest())

        async with asyncio.timeout(20), asyncio.TaskGroup() as group:
            for _ in range(8):
                group.create_task(client())
            await both_have_worked.wait()
            leaving.lifecycle.stop()
            await leaving.lifecycle.drain()
            stop.set()


async def test_a_server_without_health_is_called_all_the_same(caller):
    class Prompts(prompts_pb2_grpc.PromptServiceServicer):
        async def GetPrompt(self, request, context):
            return prompts_pb2.Prompt(id="old")

    server = grpc.aio.server()
    prompts_pb2_grpc.add_PromptServiceServicer_to_server(Prompts(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        async with channel(f"127.0.0.1:{port}", GrpcSettings()) as opened:
            stub = prompts_pb2_grpc.PromptServiceStub(opened)
            assert (await stub.GetPrompt(prompts_pb2.GetPromptRequest())).id == "old"
    finally:
        await server.stop(0)


async def test_nobody_there(issuer, caller):
    async with channel("127.0.0.1:1", GrpcSettings(deadline_seconds=2)) as opened:
        remote = await refused(prompts_pb2_grpc.PromptServiceStub(opened).GetPrompt(prompts_pb2.GetPromptRequest()))
    assert remote.status in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED)
    assert not remote.ours


async def test_keys_come_from_auth(ours, issuer):
    verifier = TokenVerifier(jwks_from_auth(ours))
    assert (await verifier.verify(issuer.token("prompts:read"))).permissions == {"prompts:read"}
    assert issuer.fetches == 1


async def test_the_idempotency_key_goes_along_and_reaches_only_what_may_not_be_repeated(server, prompts):
    seen = []

    async def create(request, context):
        seen.append(current_once())
        return prompts_pb2.Prompt()

    async def get(request, context):
        seen.append(current_once())
        return prompts_pb2.Prompt()

    server.prompts.create, server.prompts.get = create, get
    with calling_once("a-key"):
        await prompts.CreatePrompt(prompts_pb2.CreatePromptRequest())
        await prompts.GetPrompt(prompts_pb2.GetPromptRequest())
    await prompts.CreatePrompt(prompts_pb2.CreatePromptRequest())
    first, *others = seen
    assert (first.rpc, first.key) == ("/assay.prompt.v1.PromptService/CreatePrompt", "a-key")
    assert others == [None, None]
