import asyncio

import asyncpg
import grpc
import grpc.aio
import pytest
from google.protobuf.descriptor_pool import Default
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from prometheus_client import REGISTRY
from structlog.testing import capture_logs

from assay.audit.v1 import audits_pb2, audits_pb2_grpc, repositories_pb2, repositories_pb2_grpc
from assay.auth.v1 import sessions_pb2, sessions_pb2_grpc
from assay.prompt.v1 import prompts_pb2, prompts_pb2_grpc
from assay_common.errors import InvalidArgument, NotFound, Violation
from assay_common.identity import current_principal, principal, tenant
from assay_common.rpc.authorisation import UndeclaredPermissionError
from assay_common.rpc.errors import error_from
from assay_common.rpc.server import serve
from assay_common.settings import GrpcSettings

GET = "/assay.prompt.v1.PromptService/GetPrompt"


class VersionNotFound(NotFound):
    pass


def bearer(token):
    return (("authorization", f"Bearer {token}"),)


async def refused(call):
    with pytest.raises(grpc.aio.AioRpcError) as refusal:
        await call
    return error_from(refusal.value)


async def name_of_caller(request, context):
    return prompts_pb2.Prompt(id=str(principal().subject), description=str(tenant()))


def counted(method, code):
    return REGISTRY.get_sample_value("grpc_server_handled_total", {"method": method, "code": code}) or 0.0


async def test_the_handler_knows_its_caller(server, bare, issuer):
    server.prompts.get = name_of_caller
    claims = {"sub": "0199c0de-0000-7000-8000-000000000001", "org": "0199c0de-0000-7000-8000-000000000002"}
    answer = await prompts_pb2_grpc.PromptServiceStub(bare).GetPrompt(
        prompts_pb2.GetPromptRequest(), metadata=bearer(issuer.token("prompts:read", **claims))
    )
    assert (answer.id, answer.description) == (claims["sub"], claims["org"])
    assert current_principal() is None


async def test_concurrent_callers_are_kept_apart(server, bare, issuer):
    everybody_is_here = asyncio.Barrier(10)

    async def wait_and_tell(request, context):
        await everybody_is_here.wait()
        return prompts_pb2.Prompt(id=str(principal().subject))

    server.prompts.get = wait_and_tell
    stub = prompts_pb2_grpc.PromptServiceStub(bare)
    subjects = [f"0199c0de-0000-7000-8000-{number:012}" for number in range(10)]
    answers = await asyncio.gather(
        *(
            stub.GetPrompt(
                prompts_pb2.GetPromptRequest(), metadata=bearer(issuer.token("prompts:read", sub=subject)), timeout=20
            )
            for subject in subjects
        )
    )
    assert [answer.id for answer in answers] == subjects


@pytest.mark.parametrize(
    ("metadata", "reason"),
    [
        (lambda issuer: (), "TOKEN_MISSING"),
        (lambda issuer: (("authorization", "Basic dTpw"),), "TOKEN_MISSING"),
        (lambda issuer: bearer("garbage"), "TOKEN_INVALID"),
        (lambda issuer: bearer(issuer.token("prompts:read", exp=1_700_000_000, iat=1_600_000_000)), "TOKEN_EXPIRED"),
        (lambda issuer: bearer(issuer.token("prompts:read", iss="evil")), "TOKEN_INVALID"),
        (lambda issuer: bearer(issuer.token("prompts:read", aud="other")), "TOKEN_INVALID"),
        (lambda issuer: bearer(issuer.unsigned("prompts:read")), "TOKEN_INVALID"),
    ],
)
async def test_without_a_good_token_no_handler_runs(server, bare, issuer, metadata, reason):
    async def never(request, context):
        raise AssertionError("the handler ran")

    server.prompts.get = never
    remote = await refused(
        prompts_pb2_grpc.PromptServiceStub(bare).GetPrompt(prompts_pb2.GetPromptRequest(), metadata=metadata(issuer))
    )
    assert (remote.status.name, remote.reason) == ("UNAUTHENTICATED", reason)


async def test_a_missing_permission_is_named(server, bare, issuer):
    remote = await refused(
        prompts_pb2_grpc.PromptServiceStub(bare).CreatePrompt(
            prompts_pb2.CreatePromptRequest(), metadata=bearer(issuer.token("prompts:read"))
        )
    )
    assert (remote.status.name, remote.reason) == ("PERMISSION_DENIED", "MISSING_PERMISSION")
    assert remote.details == {"permission": "prompts:write"}


async def test_public_and_authenticated_rpcs(server, bare, issuer):
    async def who(request, context):
        return sessions_pb2.Identity(subject=str(principal().subject))

    server.sessions.who = who
    stub = sessions_pb2_grpc.SessionServiceStub(bare)
    assert "keys" in (await stub.GetJwks(sessions_pb2.GetJwksRequest())).jwks
    assert (await stub.WhoAmI(sessions_pb2.WhoAmIRequest(), metadata=bearer(issuer.token()))).subject
    assert (await refused(stub.WhoAmI(sessions_pb2.WhoAmIRequest()))).reason == "TOKEN_MISSING"


async def test_streams_are_authorised_and_know_their_caller(server, bare, issuer):
    async def export(request, context):
        for number in range(3):
            yield audits_pb2.SarifChunk(chunk=f"{number} for {principal().subject}".encode())

    async def upload(parts, context):
        sizes = [len(part.chunk) async for part in parts]
        return repositories_pb2.UploadedBundle(repository_id=str(principal().subject), size_bytes=sum(sizes))

    server.audits.export, server.repositories.upload = export, upload
    audits = audits_pb2_grpc.AuditServiceStub(bare)
    repositories = repositories_pb2_grpc.RepositoryServiceStub(bare)
    subject = "0199c0de-0000-7000-8000-000000000001"
    metadata = bearer(issuer.token("audits:read", "audits:write", "repositories:write", sub=subject))
    chunks = [c.chunk async for c in audits.ExportSarif(audits_pb2.ExportSarifRequest(), metadata=metadata)]
    assert chunks == [f"{number} for {subject}".encode() for number in range(3)]
    parts = [repositories_pb2.UploadBundleRequest(chunk=b"x" * 1000)] * 3
    answer = await repositories.UploadBundle(iter(parts), metadata=metadata)
    assert (answer.repository_id, answer.size_bytes) == (subject, 3000)
    assert (await refused(repositories.UploadBundle(iter(parts)))).reason == "TOKEN_MISSING"
    with pytest.raises(grpc.aio.AioRpcError) as refusal:
        [chunk async for chunk in audits.ExportSarif(audits_pb2.ExportSarifRequest())]
    assert error_from(refusal.value).reason == "TOKEN_MISSING"


async def test_a_domain_error_reaches_the_client_whole(server, bare, issuer):
    async def fail(request, context):
        raise VersionNotFound("no version 7", version="7")

    async def reject(request, context):
        raise InvalidArgument("wrong", Violation("name", "is empty"), Violation("label", "is reserved"))

    server.prompts.get, server.prompts.list = fail, reject
    stub = prompts_pb2_grpc.PromptServiceStub(bare)
    metadata = bearer(issuer.token("prompts:read"))
    remote = await refused(stub.GetPrompt(prompts_pb2.GetPromptRequest(), metadata=metadata))
    assert (remote.status.name, remote.reason, remote.message) == ("NOT_FOUND", "VERSION_NOT_FOUND", "no version 7")
    assert remote.details == {"version": "7"}
    remote = await refused(stub.ListPrompts(prompts_pb2.ListPromptsRequest(), metadata=metadata))
    assert remote.status is grpc.StatusCode.INVALID_ARGUMENT
    assert remote.violations == (Violation("name", "is empty"), Violation("label", "is reserved"))


async def test_an_error_in_the_middle_of_a_stream_reaches_the_client(server, bare, issuer):
    async def export(request, context):
        yield audits_pb2.SarifChunk(chunk=b"first")
        raise VersionNotFound("gone")

    server.audits.export = export
    received = []
    with pytest.raises(grpc.aio.AioRpcError) as refusal:
        async for chunk in audits_pb2_grpc.AuditServiceStub(bare).ExportSarif(
            audits_pb2.ExportSarifRequest(), metadata=bearer(issuer.token("audits:read"))
        ):
            received.append(chunk.chunk)
    assert received == [b"first"]
    assert error_from(refusal.value).reason == "VERSION_NOT_FOUND"


async def test_an_unknown_error_is_logged_here_and_told_to_nobody(server, bare, issuer):
    async def bug(request, context):
        raise RuntimeError("the password is hunter2")

    server.prompts.get = bug
    with capture_logs() as logs:
        remote = await refused(
            prompts_pb2_grpc.PromptServiceStub(bare).GetPrompt(
                prompts_pb2.GetPromptRequest(), metadata=bearer(issuer.token("prompts:read"))
            )
        )
    assert (remote.status.name, remote.reason, remote.message) == ("INTERNAL", "INTERNAL", "internal error")
    assert any(line["event"] == "rpc failed" and line["exc_info"] for line in logs)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (asyncpg.ConnectionDoesNotExistError("gone"), "UNAVAILABLE"),
        (ConnectionRefusedError(111, "refused"), "UNAVAILABLE"),
        (TimeoutError(), "DEADLINE_EXCEEDED"),
    ],
)
async def test_absence_and_slowness(server, bare, issuer, error, code):
    async def fail(request, context):
        raise error

    server.prompts.get = fail
    remote = await refused(
        prompts_pb2_grpc.PromptServiceStub(bare).GetPrompt(
            prompts_pb2.GetPromptRequest(), metadata=bearer(issuer.token("prompts:read"))
        )
    )
    assert remote.status.name == code


async def test_a_handler_may_abort_by_itself(server, bare, issuer):
    async def abort(request, context):
        await context.abort(grpc.StatusCode.OUT_OF_RANGE, "no further")

    server.prompts.get = abort
    before = counted(GET, "OUT_OF_RANGE")
    remote = await refused(
        prompts_pb2_grpc.PromptServiceStub(bare).GetPrompt(
            prompts_pb2.GetPromptRequest(), metadata=bearer(issuer.token("prompts:read"))
        )
    )
    assert (remote.status.name, remote.message) == ("OUT_OF_RANGE", "no further")
    assert counted(GET, "OUT_OF_RANGE") == before + 1


async def test_a_status_that_a_handler_sets_is_counted(server, bare, issuer):
    async def leave(request, context):
        context.set_code(grpc.StatusCode.OUT_OF_RANGE)
        return prompts_pb2.Prompt()

    server.prompts.get = leave
    before = counted(GET, "OUT_OF_RANGE")
    remote = await refused(
        prompts_pb2_grpc.PromptServiceStub(bare).GetPrompt(
            prompts_pb2.GetPromptRequest(), metadata=bearer(issuer.token("prompts:read"))
        )
    )
    assert remote.status is grpc.StatusCode.OUT_OF_RANGE
    assert counted(GET, "OUT_OF_RANGE") == before + 1


async def test_every_rpc_is_counted_and_leaves_one_line(server, bare, issuer):
    server.prompts.get = name_of_caller
    before = counted(GET, "OK")
    with capture_logs() as logs:
        await prompts_pb2_grpc.PromptServiceStub(bare).GetPrompt(
            prompts_pb2.GetPromptRequest(), metadata=bearer(issuer.token("prompts:read"))
        )
    assert counted(GET, "OK") == before + 1
    (line,) = [line for line in logs if line["event"] == "rpc"]
    assert (line["method"], line["code"], line["log_level"]) == (GET, "OK", "info")
    assert line["subject"]
    assert line["org_id"]


async def test_the_deadline_ends_the_handler(server, bare, issuer):
    ended = asyncio.Event()

    async def hang(request, context):
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    server.prompts.get = hang
    remote = await refused(
        prompts_pb2_grpc.PromptServiceStub(bare).GetPrompt(
            prompts_pb2.GetPromptRequest(), metadata=bearer(issuer.token("prompts:read")), timeout=0.2
        )
    )
    assert remote.status is grpc.StatusCode.DEADLINE_EXCEEDED
    async with asyncio.timeout(30):
        await ended.wait()


async def test_a_client_that_leaves_a_stream_ends_it(server, bare, issuer):
    closed = asyncio.Event()

    async def export(request, context):
        try:
            while True:
                yield audits_pb2.SarifChunk(chunk=b"x")
                await asyncio.sleep(0)
        finally:
            closed.set()

    server.audits.export = export
    call = audits_pb2_grpc.AuditServiceStub(bare).ExportSarif(
        audits_pb2.ExportSarifRequest(), metadata=bearer(issuer.token("audits:read"))
    )
    await call.read()
    call.cancel()
    async with asyncio.timeout(10):
        await closed.wait()


async def test_health_follows_readiness(server, bare):
    health = health_pb2_grpc.HealthStub(bare)
    broken = True

    async def database():
        if broken:
            raise ConnectionRefusedError

    watch = health.Watch(health_pb2.HealthCheckRequest(service="assay.prompt.v1.PromptService"), timeout=20)
    states = health_pb2.HealthCheckResponse
    assert (await watch.read()).status == states.SERVING
    whole = health.Watch(health_pb2.HealthCheckRequest(), timeout=20)
    assert (await whole.read()).status == states.SERVING
    server.lifecycle.add_check("database", database)
    await server.lifecycle.probe()
    assert (await watch.read()).status == states.NOT_SERVING
    answer = await health.Check(health_pb2.HealthCheckRequest())
    assert answer.status == states.SERVING, "callers are to hear from the server itself what is wrong"
    broken = False
    await server.lifecycle.probe()
    assert (await watch.read()).status == states.SERVING
    server.lifecycle.stop()
    assert (await watch.read()).status == states.NOT_SERVING
    assert (await whole.read()).status == states.NOT_SERVING, "it was told SERVING once and nothing in between"


async def test_it_is_not_serving_until_all_of_the_service_has_started(another_server):
    server = another_server()
    async with server._start(server.lifecycle), grpc.aio.insecure_channel(server.address) as channel:
        answer = await health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest())
        assert answer.status == health_pb2.HealthCheckResponse.NOT_SERVING
        server.lifecycle.stop()
        await server.lifecycle.drain()


async def test_health_is_not_among_the_rpcs_that_are_measured(server, bare):
    await health_pb2_grpc.HealthStub(bare).Check(health_pb2.HealthCheckRequest())
    assert counted("/grpc.health.v1.Health/Check", "OK") == 0


async def test_reflection_lists_the_services(bare):
    stub = reflection_pb2_grpc.ServerReflectionStub(bare)
    requests = iter([reflection_pb2.ServerReflectionRequest(list_services="")])
    (answer,) = [answer async for answer in stub.ServerReflectionInfo(requests)]
    names = {service.name for service in answer.list_services_response.service}
    assert "assay.prompt.v1.PromptService" in names
    assert "grpc.health.v1.Health" in names


async def test_what_is_in_flight_finishes_and_what_is_new_is_refused(server, bare, issuer):
    entered = asyncio.Event()
    finish = asyncio.Event()

    async def slow(request, context):
        entered.set()
        await finish.wait()
        return prompts_pb2.Prompt(id="finished")

    server.prompts.get = slow
    stub = prompts_pb2_grpc.PromptServiceStub(bare)
    metadata = bearer(issuer.token("prompts:read"))
    in_flight = asyncio.ensure_future(stub.GetPrompt(prompts_pb2.GetPromptRequest(), metadata=metadata, timeout=20))
    await entered.wait()
    server.lifecycle.stop()
    drained = asyncio.create_task(server.lifecycle.drain())
    async with asyncio.timeout(10):
        reason = "TOKEN_MISSING"
        while reason == "TOKEN_MISSING":
            reason = (await refused(stub.CreatePrompt(prompts_pb2.CreatePromptRequest()))).reason
    assert not in_flight.done()
    assert not drained.done()
    finish.set()
    assert (await in_flight).id == "finished"
    await drained


async def test_a_taken_port_is_named(server, another_server):
    second = another_server(GrpcSettings(listen=server.address))
    with pytest.raises(OSError, match="ASSAY_GRPC__LISTEN"):
        async with second.running():
            pass


async def test_a_service_without_permissions_does_not_start(another_server):
    server = another_server()
    health = Default().FindServiceByName("grpc.health.v1.Health")
    with pytest.raises(UndeclaredPermissionError):
        async with serve(server.lifecycle, server.settings, [], [health], server.verifier):
            pass


async def test_a_message_over_the_limit_is_refused(issuer, another_server):
    server = another_server(GrpcSettings(listen="127.0.0.1:0", max_message_bytes=1000))
    async with server.running(), grpc.aio.insecure_channel(server.address) as channel:
        remote = await refused(
            prompts_pb2_grpc.PromptServiceStub(channel).CreatePrompt(
                prompts_pb2.CreatePromptRequest(name="x" * 2000), metadata=bearer(issuer.token("prompts:write"))
            )
        )
    assert remote.status is grpc.StatusCode.RESOURCE_EXHAUSTED
