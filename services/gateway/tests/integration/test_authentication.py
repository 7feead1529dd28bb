"""Tokens and API keys: checked offline, exchanged once, forgotten when auth says so."""

import asyncio
from datetime import UTC, datetime
from uuid import uuid4

import pytest

from assay.auth.v1 import api_keys_pb2
from assay.auth.v1.events_pb2 import ApiKeyRevoked, MemberRemoved
from assay_protos import topics


def bearer(token):
    return {"authorization": f"Bearer {token}"}


async def test_a_token_is_checked_without_asking_auth(client, backend):
    for _ in range(3):
        assert (await client.get("/v1/prompts/x")).status_code == 200
    assert backend.asked("ExchangeApiKey") == []
    assert len(backend.asked("GetJwks")) <= 2  # Readiness, and the first token.


async def test_the_service_gets_the_callers_token(gateway, backend, issuer, org):
    token = issuer.token("prompts:read", org=org)
    await gateway.http.get("/v1/prompts/x", headers=bearer(token))
    caller = backend.calls[-1].principal
    assert (caller.org_id, caller.permissions) == (org, {"prompts:read"})


async def test_an_api_key_is_exchanged_once_and_its_token_passed_on(gateway, backend, org):
    await gateway.ready()  # Its stream of events begins, after which nothing older is trusted.
    key, key_id = backend.issue_key("prompts:read", org=org)
    for _ in range(3):
        assert (await gateway.http.get("/v1/prompts/x", headers=bearer(key))).status_code == 200
    assert [request.api_key for request in backend.asked("ExchangeApiKey")] == [key]
    caller = backend.calls[-1].principal
    assert (caller.kind, caller.subject, caller.org_id) == ("api_key", key_id, org)


async def test_a_key_has_its_scopes_and_no_more(gateway, backend, org):
    key, _ = backend.issue_key("prompts:read", org=org)
    answered = await gateway.http.post("/v1/prompts", json={"name": "x"}, headers=bearer(key))
    assert answered.status_code == 403
    assert answered.json()["permission"] == "prompts:write"


async def test_a_wrong_key_does_not_bother_auth_again_and_again(make_gateway, backend, address):
    gateway = await make_gateway(backend, http={"trusted_proxies": "127.0.0.1"})
    # Wrong keys are counted by address, in the Valkey of all tests: these come from where no other test does.
    headers = {**bearer("assay_wrong"), "x-forwarded-for": address}
    for _ in range(5):
        assert (await gateway.http.get("/v1/prompts/x", headers=headers)).status_code == 401
    assert len(backend.asked("ExchangeApiKey")) == 1


async def test_a_revoked_key_stops_working_when_the_event_arrives(gateway, backend, org, publish, eventually):
    key, key_id = backend.issue_key("prompts:read", org=org)
    other, _ = backend.issue_key("prompts:read", org=org)
    for each in (key, other):
        assert (await gateway.http.get("/v1/prompts/x/resolve", headers=bearer(each))).status_code == 200
    await gateway.ready()
    assert (await gateway.http.get("/v1/prompts/x/resolve", headers=bearer(key))).status_code == 200
    del backend.keys[key]
    await publish(topics.AUTH_EVENTS, ApiKeyRevoked(api_key_id=str(key_id)), org=org)

    async def refused():
        return (await gateway.http.get("/v1/prompts/x/resolve", headers=bearer(key))).status_code == 401

    await eventually(refused)
    assert (await gateway.http.get("/v1/prompts/x/resolve", headers=bearer(other))).status_code == 200


async def test_a_key_revoked_here_stops_working_at_once(gateway, backend, org, token):
    key, key_id = backend.issue_key("prompts:read", org=org)
    assert (await gateway.http.get("/v1/prompts/x", headers=bearer(key))).status_code == 200
    del backend.keys[key]
    backend.answers["RevokeApiKey"] = api_keys_pb2.ApiKey(id=str(key_id))
    assert (await gateway.http.delete(f"/v1/api-keys/{key_id}", headers=bearer(token))).status_code == 204
    assert (await gateway.http.get("/v1/prompts/x", headers=bearer(key))).status_code == 401


async def test_the_token_of_a_removed_member_stops_working(gateway, issuer, org, publish, eventually):
    user = uuid4()
    token = issuer.token("prompts:read", org=org, sub=user)
    colleague = issuer.token("prompts:read", org=org)
    await gateway.ready()
    assert (await gateway.http.get("/v1/prompts/x", headers=bearer(token))).status_code == 200
    removed = MemberRemoved(organisation_id=str(org), user_id=str(user))
    await publish(topics.AUTH_EVENTS, removed, org=org, time=datetime.now(UTC))

    async def refused():
        return await gateway.http.get("/v1/prompts/x", headers=bearer(token))

    async def is_refused():
        return (await refused()).status_code == 401

    await eventually(is_refused)
    assert (await refused()).json()["reason"] == "MEMBERSHIP_ENDED"
    assert (await gateway.http.get("/v1/prompts/x", headers=bearer(colleague))).status_code == 200


async def test_while_auth_is_away_known_keys_and_tokens_work(make_gateway, backend, make_backend, issuer, org):
    auth = make_backend()
    prompts = f"127.0.0.1:{backend.port}"
    key, _ = auth.issue_key("prompts:read", org=org)
    token = issuer.token("prompts:read", org=org)
    async with auth.running():
        targets = {"auth": f"127.0.0.1:{auth.port}"} | dict.fromkeys(
            ("prompt", "evaluation", "audit", "analytics"), prompts
        )
        gateway = await make_gateway(backend, targets=targets)
        for bearer_token in (key, token):
            assert (await gateway.http.get("/v1/prompts/x", headers=bearer(bearer_token))).status_code == 200
    for bearer_token in (key, token, issuer.token("prompts:read", org=org)):
        assert (await gateway.http.get("/v1/prompts/x", headers=bearer(bearer_token))).status_code == 200
    answered = await gateway.http.get("/v1/prompts/x", headers=bearer("assay_unknown"))
    assert answered.status_code == 503
    assert answered.json()["reason"] == "AUTH_AWAY"
    assert (await gateway.http.get("/.well-known/jwks.json")).status_code == 200
    assert "signing keys" not in (await gateway.http.get("/readyz")).json()["problems"]


@pytest.mark.parametrize("path", ["/v1/prompts/x", "/v1/prompts/x/resolve", "/v1/me"])
async def test_the_scheme_is_read_without_regard_to_case(path, gateway, token):
    answered = await gateway.http.get(path, headers={"authorization": f"bEARER {token}"})
    assert answered.status_code == 200


async def test_many_requests_at_once_with_a_key_that_is_new_here_are_not_taken_for_guesses(make_gateway, backend, org):
    gateway = await make_gateway(backend, limits={"refused_burst": 2})
    key, _ = backend.issue_key("prompts:read", org=org)
    requests = (gateway.http.get("/v1/prompts/x", headers=bearer(key)) for _ in range(30))
    assert {answered.status_code for answered in await asyncio.gather(*requests)} == {200}
    assert len(backend.asked("ExchangeApiKey")) == 1
