"""What a client is told when something goes wrong."""

import asyncio
from uuid import uuid4

import pytest

from assay.auth.v1 import sessions_pb2
from assay_common import errors
from assay_protos.permissions import all_permissions


class PromptNotFound(errors.NotFound):
    pass


class NameTaken(errors.AlreadyExists):
    pass


class LastOwner(errors.FailedPrecondition):
    pass


class BadName(errors.InvalidArgument):
    pass


class Quota(errors.ResourceExhausted):
    pass


class ChangedMeanwhile(errors.Aborted):
    pass


ANSWERS = [
    (PromptNotFound("there is no such prompt", prompt="x"), 404, "PROMPT_NOT_FOUND", {"prompt": "x"}),
    (NameTaken("the name is taken"), 409, "NAME_TAKEN", {}),
    (ChangedMeanwhile("somebody was faster"), 409, "CHANGED_MEANWHILE", {}),
    (LastOwner("the last owner stays"), 409, "LAST_OWNER", {}),
    (BadName("the name is not valid", errors.Violation("name", "is too long")), 422, "BAD_NAME", {}),
    (Quota("the quota is used up"), 429, "QUOTA", {}),
    (errors.Unavailable("the database is away"), 503, "UNAVAILABLE", {}),
    (RuntimeError("a secret"), 500, "INTERNAL", {}),
]


@pytest.mark.parametrize(("error", "status", "reason", "extra"), ANSWERS, ids=[reason for _, _, reason, _ in ANSWERS])
async def test_a_services_refusal_becomes_a_problem(error, status, reason, extra, client, backend):
    backend.answers["CreatePrompt"] = error
    answered = await client.post("/v1/prompts", json={"name": "x"}, headers={"x-request-id": "my-request"})
    assert answered.status_code == status
    assert answered.headers["content-type"] == "application/problem+json"
    problem = answered.json()
    assert problem["type"] == f"https://assay.dev/problems/{reason.lower().replace('_', '-')}"
    assert (problem["status"], problem["reason"]) == (status, reason)
    assert problem["instance"] == "/v1/prompts"
    assert problem["request_id"] == "my-request"
    assert problem.items() >= extra.items()
    assert "secret" not in answered.text
    if status in (429, 503):
        assert answered.headers["retry-after"] == "1"


async def test_violations_point_at_the_fields(client, backend):
    backend.answers["CreatePrompt"] = ANSWERS[4][0]
    answered = await client.post("/v1/prompts", json={"name": "x"})
    assert answered.json()["errors"] == [{"pointer": "/name", "detail": "is too long"}]


@pytest.mark.parametrize("path", ["/v1/prompts", "/v1/runs", "/v1/audits", "/v1/members"])
async def test_a_bad_cursor_is_422_and_pointed_at(path, client, backend):
    for rpc in ("ListPrompts", "ListRuns", "ListAudits", "ListMembers"):
        backend.answers[rpc] = BadName("the request is not valid", errors.Violation("page_token", "is no cursor"))
    answered = await client.get(f"{path}?cursor=garbage")
    assert answered.status_code == 422
    assert answered.json()["errors"] == [{"pointer": "/cursor", "detail": "is no cursor"}]


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        (None, "TOKEN_MISSING"),
        ("Basic dXNlcjpwYXNz", "TOKEN_MISSING"),
        ("Bearer", "TOKEN_MISSING"),
        ("Bearer garbage", "TOKEN_INVALID"),
        ("Bearer assay_unknown", "KEY_REFUSED"),
    ],
)
async def test_401_challenges_for_a_bearer(header, reason, gateway):
    headers = {"authorization": header} if header else {}
    for path in ("/v1/prompts/x", "/v1/prompts/x/resolve"):
        answered = await gateway.http.get(path, headers=headers)
        assert answered.status_code == 401
        assert answered.headers["www-authenticate"].startswith("Bearer ")
        assert answered.json()["reason"] == reason


@pytest.mark.parametrize("changes", [{"lifetime": -60}, {"iss": "else"}, {"aud": "else"}])
async def test_a_token_that_does_not_hold_is_401(changes, gateway, issuer, org):
    token = issuer.token("prompts:read", org=org, **changes)
    answered = await gateway.http.get("/v1/prompts", headers={"authorization": f"Bearer {token}"})
    assert answered.status_code == 401


async def test_without_a_token_nothing_is_read_and_no_service_is_asked(gateway, backend):
    answered = await gateway.http.post("/v1/prompts", content=b"{ broken", headers={"content-type": "application/json"})
    assert answered.status_code == 401
    assert backend.asked("CreatePrompt") == []


async def test_403_names_the_permission(gateway, issuer, org):
    token = issuer.token("prompts:read", org=org)
    answered = await gateway.http.post("/v1/prompts", json={"name": "x"}, headers={"authorization": f"Bearer {token}"})
    assert answered.status_code == 403
    problem = answered.json()
    assert (problem["reason"], problem["permission"]) == ("MISSING_PERMISSION", "prompts:write")


async def test_a_token_without_organisation_may_not_read_prompts(gateway, issuer):
    token = issuer.token(*all_permissions())
    answered = await gateway.http.get("/v1/prompts/x/resolve", headers={"authorization": f"Bearer {token}"})
    assert answered.status_code == 403
    assert answered.json()["reason"] == "ORGANISATION_NOT_CHOSEN"


@pytest.mark.parametrize("path", ["/", "/v1", "/v1/nothing", "/v1/prompts/", "/v1/prompts/a/b/c", "/v2/prompts"])
async def test_an_unknown_path_is_404(path, client):
    answered = await client.get(path)
    assert answered.status_code == 404
    assert answered.headers["content-type"] == "application/problem+json"
    assert answered.json()["reason"] == "NOT_FOUND"


async def test_a_wrong_method_is_405_and_names_the_right_ones(client):
    answered = await client.delete("/v1/prompts/x")
    assert answered.status_code == 405
    assert "GET" in answered.headers["allow"]
    assert answered.json()["reason"] == "METHOD_NOT_ALLOWED"


async def test_a_service_that_is_away_is_503(make_gateway, backend, make_backend, issuer, token):
    away = make_backend()
    async with away.running():
        pass
    gateway = await make_gateway(
        backend,
        targets={"auth": f"127.0.0.1:{backend.port}"}
        | dict.fromkeys(("prompt", "evaluation", "audit", "analytics"), f"127.0.0.1:{away.port}"),
    )
    headers = {"authorization": f"Bearer {token}"}
    for path in ("/v1/prompts/x", "/v1/prompts/x/resolve", "/v1/runs", "/v1/audits", "/v1/analytics/summary"):
        answered = await gateway.http.get(path, headers=headers)
        assert answered.status_code == 503, path
        assert answered.headers["retry-after"] == "1"
        assert str(away.port) not in answered.text
    assert (await gateway.http.get("/readyz")).json()["problems"].keys() <= {"event stream"}


async def test_a_service_that_hangs_is_504(make_gateway, backend, token):
    async def hang(request):
        await asyncio.Event().wait()

    backend.answers["GetPrompt"] = hang
    gateway = await make_gateway(backend, http={"listen": "127.0.0.1:0", "deadline_seconds": 0.3})
    answered = await gateway.http.get("/v1/prompts/x", headers={"authorization": f"Bearer {token}"})
    assert answered.status_code == 504
    assert answered.json()["reason"] == "DEADLINE_EXCEEDED"


async def test_a_stream_that_is_refused_is_a_problem_and_no_broken_answer(client, backend):
    backend.answers["ExportSarif"] = PromptNotFound("there is no such audit")
    answered = await client.get(f"/v1/audits/{uuid4()}/sarif")
    assert answered.status_code == 404
    assert answered.json()["reason"] == "PROMPT_NOT_FOUND"


async def test_the_answer_of_a_service_that_breaks_the_contract_is_500(client, backend):
    backend.answers["WhoAmI"] = sessions_pb2.Identity(kind="robot")
    answered = await client.get("/v1/me")
    assert answered.status_code == 500
    assert answered.json()["reason"] == "INTERNAL"
