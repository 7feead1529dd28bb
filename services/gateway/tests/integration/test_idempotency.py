"""A POST with an Idempotency-Key takes effect once, whatever happens on the way."""

import asyncio
import contextlib
from uuid import uuid4

import httpx
import pytest

from assay.prompt.v1 import prompts_pb2
from assay_common.errors import AlreadyExists, ResourceExhausted, Unavailable
from assay_common.idempotency import IdempotentRequestDone, current_once
from assay_gateway.adapters.answers import KEY, ValkeyAnswers
from assay_gateway.adapters.valkey import valkey as connected
from assay_gateway.application.ports import AnswersAway
from assay_local.components import Valkey

PROMPT = {"name": "x"}


class NameTaken(AlreadyExists):
    pass


class Full(ResourceExhausted):
    pass


class Away(Unavailable):
    pass


def keyed(key=None, **headers):
    return {"idempotency-key": key or uuid4().hex, **headers}


async def test_a_repetition_gets_the_first_answer(client, backend):
    headers = keyed()
    first = await client.post("/v1/prompts", json=PROMPT, headers=headers)
    again = await client.post("/v1/prompts", json=PROMPT, headers=headers)
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.content == again.content
    assert first.headers["etag"] == again.headers["etag"]
    assert first.headers["content-type"] == again.headers["content-type"]
    assert "idempotency-replayed" not in first.headers
    assert again.headers["idempotency-replayed"] == "true"
    assert first.headers["x-request-id"] != again.headers["x-request-id"]
    assert len(backend.asked("CreatePrompt")) == 1


async def test_without_a_key_every_request_counts(client, backend):
    for _ in range(2):
        answered = await client.post("/v1/prompts", json=PROMPT)
        assert "idempotency-replayed" not in answered.headers
    assert len(backend.asked("CreatePrompt")) == 2


@pytest.mark.parametrize(
    ("path", "changes"),
    [
        ("/v1/prompts", {"json": {"name": "y"}}),
        ("/v1/prompts", {"content": b'{"name": "x"}'}),
        ("/v1/prompts", {"json": PROMPT, "params": {"x": "1"}}),
        ("/v1/prompts", {"content": b'{"name":"x"}', "headers": {"content-type": "application/x+json"}}),
    ],
    ids=["another value", "another spelling", "another query", "another media type"],
)
async def test_a_different_request_under_the_same_key_is_refused(path, changes, client, backend):
    headers = keyed(**{"content-type": "application/json"})
    assert (await client.post(path, content=b'{"name":"x"}', headers=headers)).status_code == 201
    refused = await client.post(path, **{**changes, "headers": {**headers, **changes.get("headers", {})}})
    assert (refused.status_code, refused.json()["reason"]) == (422, "IDEMPOTENCY_KEY_REUSED")
    assert len(backend.asked("CreatePrompt")) == 1


async def test_a_key_belongs_to_a_caller_and_a_path(client, gateway, backend, issuer, org):
    headers = keyed()
    other = issuer.token("prompts:write", org=org)
    await client.post("/v1/prompts", json=PROMPT, headers=headers)
    yours = await client.post("/v1/prompts", json=PROMPT, headers={**headers, "authorization": f"Bearer {other}"})
    assert yours.status_code == 201
    assert len(backend.asked("CreatePrompt")) == 2
    assert (await client.post("/v1/datasets", json=PROMPT, headers=headers)).status_code == 201
    assert len(backend.asked("CreateDataset")) == 1


@pytest.mark.parametrize("key", ["", "x" * 256, "tab\there", b"\xc3\xbc"], ids=["empty", "long", "tab", "umlaut"])
async def test_what_is_no_key_is_refused(key, client, backend):
    answered = await client.post("/v1/prompts", json=PROMPT, headers={"idempotency-key": key})
    problem = answered.json()
    assert (answered.status_code, problem["reason"]) == (422, "IDEMPOTENCY_KEY_INVALID")
    assert problem["errors"][0]["pointer"] == "/idempotency-key"
    assert backend.asked("CreatePrompt") == []


async def test_two_keys_are_one_too_many(client, backend):
    headers = [("idempotency-key", "a"), ("idempotency-key", "b"), ("authorization", client.headers["authorization"])]
    answered = await client.post("/v1/prompts", json=PROMPT, headers=headers)
    assert (answered.status_code, answered.json()["reason"]) == (422, "IDEMPOTENCY_KEY_INVALID")


async def test_a_refusal_is_an_answer_too(client, backend):
    backend.answers["CreatePrompt"] = NameTaken("there is one")
    headers = keyed()
    first = await client.post("/v1/prompts", json=PROMPT, headers=headers)
    del backend.answers["CreatePrompt"]
    again = await client.post("/v1/prompts", json=PROMPT, headers=headers)
    assert (first.status_code, first.json()["reason"]) == (409, "NAME_TAKEN")
    assert again.content == first.content
    assert again.headers["content-type"] == "application/problem+json"
    invalid = keyed()
    assert (await client.post("/v1/prompts", json={}, headers=invalid)).status_code == 422
    assert (await client.post("/v1/prompts", json={}, headers=invalid)).headers["idempotency-replayed"] == "true"


@pytest.mark.parametrize(("error", "status"), [(Away("gone"), 503), (ValueError("bug"), 500), (Full("wait"), 429)])
async def test_what_failed_here_may_be_tried_again_under_its_key(error, status, client, backend):
    backend.answers["CreatePrompt"] = error
    headers = keyed()
    assert (await client.post("/v1/prompts", json=PROMPT, headers=headers)).status_code == status
    del backend.answers["CreatePrompt"]
    again = await client.post("/v1/prompts", json=PROMPT, headers=headers)
    assert again.status_code == 201
    assert "idempotency-replayed" not in again.headers


@pytest.fixture
def slow(backend):
    """CreatePrompt waits for `release`; `reached` counts calls."""
    reached, release = asyncio.Semaphore(0), asyncio.Event()

    async def answer(request):
        reached.release()
        await release.wait()
        return prompts_pb2.Prompt(id=uuid4().hex, name=request.name, etag="1")

    backend.answers["CreatePrompt"] = answer
    return reached, release


async def test_concurrent_twins_run_once_at_any_replica(make_gateway, backend, token, slow):
    reached, release = slow
    replicas = [await make_gateway(backend) for _ in range(2)]
    headers = keyed(authorization=f"Bearer {token}")
    twins = [
        asyncio.create_task(replicas[number % 2].http.post("/v1/prompts", json=PROMPT, headers=headers))
        for number in range(8)
    ]
    await reached.acquire()
    release.set()
    answers = await asyncio.gather(*twins)
    assert {answered.status_code for answered in answers} == {201}
    assert len({answered.content for answered in answers}) == 1
    assert sorted(answered.headers.get("idempotency-replayed", "") for answered in answers) == [""] + ["true"] * 7
    assert len(backend.asked("CreatePrompt")) == 1


async def test_a_twin_that_cannot_wait_any_longer_is_told_to_come_back(make_gateway, backend, token, slow):
    reached, release = slow
    patient = await make_gateway(backend)
    hasty = await make_gateway(backend, http={"listen": "127.0.0.1:0", "deadline_seconds": 0.3})
    headers = keyed(authorization=f"Bearer {token}")
    first = asyncio.create_task(patient.http.post("/v1/prompts", json=PROMPT, headers=headers))
    await reached.acquire()
    refused = await hasty.http.post("/v1/prompts", json=PROMPT, headers=headers)
    assert (refused.status_code, refused.json()["reason"]) == (409, "REQUEST_IN_PROGRESS")
    assert int(refused.headers["retry-after"]) >= 1
    different = await hasty.http.post("/v1/prompts", json={"name": "y"}, headers=headers)
    assert (different.status_code, different.json()["reason"]) == (422, "IDEMPOTENCY_KEY_REUSED")
    release.set()
    assert (await first).status_code == 201
    assert (await hasty.http.post("/v1/prompts", json=PROMPT, headers=headers)).status_code == 201


async def test_a_client_that_goes_away_finds_its_answer_later(gateway, client, backend, slow):
    reached, release = slow
    headers = keyed(authorization=client.headers["authorization"])
    async with httpx.AsyncClient(base_url=f"http://{gateway.address}") as impatient:
        asked = asyncio.create_task(impatient.post("/v1/prompts", json=PROMPT, headers=headers))
        await reached.acquire()
        asked.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asked
    release.set()
    again = await client.post("/v1/prompts", json=PROMPT, headers=headers)
    assert (again.status_code, again.headers["idempotency-replayed"]) == (201, "true")
    assert len(backend.asked("CreatePrompt")) == 1


async def test_the_services_get_a_name_for_the_request_that_tells_nothing(client, backend):
    seen = []

    async def answer(request):
        seen.append(current_once())
        return prompts_pb2.Prompt(name=request.name)

    backend.answers["CreatePrompt"] = answer
    await client.post("/v1/prompts", json=PROMPT, headers=keyed("my-secret-key"))
    await client.post("/v1/prompts", json=PROMPT)
    assert seen[0].rpc == "/assay.prompt.v1.PromptService/CreatePrompt"
    assert len(seen[0].key) == 64
    assert "secret" not in seen[0].key
    assert seen[1] is None


async def test_what_a_service_knows_to_be_done_is_not_done_again(client, backend):
    backend.answers["CreatePrompt"] = IdempotentRequestDone("done before")
    answered = await client.post("/v1/prompts", json=PROMPT, headers=keyed())
    assert (answered.status_code, answered.json()["reason"]) == (409, "IDEMPOTENT_REQUEST_DONE")


async def test_without_valkey_it_is_refused_rather_than_done_twice(make_gateway, backend, token):
    gateway = await make_gateway(backend, valkey={"url": "redis://127.0.0.1:1/0"})
    headers = {"authorization": f"Bearer {token}"}
    refused = await gateway.http.post("/v1/prompts", json=PROMPT, headers={**headers, **keyed()})
    assert (refused.status_code, refused.json()["reason"]) == (503, "IDEMPOTENCY_UNAVAILABLE")
    assert "retry-after" in refused.headers
    assert backend.asked("CreatePrompt") == []
    assert (await gateway.http.post("/v1/prompts", json=PROMPT, headers=headers)).status_code == 201


@pytest.mark.chaos
async def test_an_answer_that_could_not_be_kept_is_given_and_the_service_told_to_watch(
    make_gateway, backend, token, make_site, eventually
):
    """Valkey dies between the effect and its record: the client hears of it, and a repetition is refused."""
    valkey = Valkey(make_site())
    await valkey.start()
    gateway = await make_gateway(backend, valkey={"url": valkey.url, "timeout_seconds": 5})
    names = []

    async def answer(request):
        if names:  # What a service does that has noted the name with its effect.
            assert current_once().key == names[0]
            raise IdempotentRequestDone("done before")
        names.append(current_once().key)
        await valkey.kill()
        return prompts_pb2.Prompt(name=request.name)

    backend.answers["CreatePrompt"] = answer
    headers = keyed(authorization=f"Bearer {token}")
    assert (await gateway.http.post("/v1/prompts", json=PROMPT, headers=headers)).status_code == 201
    assert (await gateway.http.post("/v1/prompts", json=PROMPT, headers=headers)).status_code == 503
    await valkey.start()

    async def refused():
        answered = await gateway.http.post("/v1/prompts", json=PROMPT, headers=headers)
        return answered.status_code == 409 and answered.json()["reason"] == "IDEMPOTENT_REQUEST_DONE"

    await eventually(refused)
    await valkey.stop()


async def test_what_is_stored_opens_nothing(client, backend, valkey):
    headers = keyed("a-key-that-nobody-guesses")
    created = await client.post("/v1/api-keys", json={"name": "ci", "scopes": ["prompts:read"]}, headers=headers)
    assert created.status_code == 201
    secret = created.json()["secret"]
    async with connected(valkey.url, 5) as redis:
        values = [await redis.get(key) async for key in redis.scan_iter(KEY % "*")]
    assert values
    for value in values:
        assert secret.encode() not in (value or b"")
        assert b"a-key-that-nobody-guesses" not in (value or b"")
    again = await client.post("/v1/api-keys", json={"name": "ci", "scopes": ["prompts:read"]}, headers=headers)
    assert again.json()["secret"] == secret
    assert again.headers["cache-control"] == "no-store"


async def test_uploads_are_hashed_as_they_pass(client, backend):
    headers = keyed(**{"content-type": "application/x-ndjson"})
    path = "/v1/datasets/x/items"

    async def parts(last):
        for number in range(40):
            yield b'{"input": "%d"}\n' % number * 1000
        yield last

    first = await client.post(path, content=parts(b"{}"), headers=headers)
    again = await client.post(path, content=parts(b"{}"), headers=headers)
    other = await client.post(path, content=parts(b"[]"), headers=headers)
    assert (first.status_code, again.status_code, other.status_code) == (201, 201, 422)
    assert again.headers["idempotency-replayed"] == "true"
    assert other.json()["reason"] == "IDEMPOTENCY_KEY_REUSED"
    assert len(backend.asked("ImportItems")) == 1


async def test_public_routes_take_keys_too(gateway, backend):
    body = {"email": f"{uuid4().hex}@example.org", "password": "x"}
    headers = keyed()
    first = await gateway.http.post("/v1/sessions", json=body, headers=headers)
    again = await gateway.http.post("/v1/sessions", json=body, headers=headers)
    assert first.status_code == 201
    assert again.json() == first.json()
    assert again.headers["idempotency-replayed"] == "true"
    assert len(backend.asked("SignIn")) == 1


async def test_only_the_owner_of_a_record_changes_it(valkey):
    name, mine, yours = uuid4().hex, b"m" * 16, b"y" * 16
    async with connected(valkey.url, 5) as redis:
        answers = ValkeyAnswers(redis)
        assert await answers.claim(name, b"R" + mine, 60) is None
        assert await answers.claim(name, b"R" + yours, 60) == b"R" + mine
        await answers.release(name, yours)
        await answers.keep(name, yours, b"A yours", 60)
        assert await answers.claim(name, b"R" + yours, 60) == b"R" + mine
        await answers.renew(name, mine, 1000)
        assert await redis.pttl(KEY % name) > 900_000
        await answers.keep(name, mine, b"A mine", 60)
        await answers.release(name, mine)
        assert await answers.claim(name, b"R" + yours, 60) == b"A mine"
        other = uuid4().hex
        await answers.keep(other, mine, b"A late", 60)  # its claim has ended meanwhile
        assert await answers.claim(other, b"R" + yours, 60) == b"A late"


async def test_a_claim_whose_answer_was_lost_is_made_again_and_is_ours(make_site):
    """Valkey takes the first claim and answers too late; then it is let go on."""
    name, record = uuid4().hex, b"R" + b"m" * 16
    own = Valkey(make_site())
    await own.start()
    async with connected(own.url, 0.3) as redis, connected(own.url, 5) as other:
        answers = ValkeyAnswers(redis)
        await answers.claim(uuid4().hex, record, 1)  # connected, and the script is known
        await other.client_pause(400, all=True)
        assert await answers.claim(name, record, 60) is None
        assert await answers.claim(name, b"R" + b"y" * 16, 60) == record
    await own.stop()


async def test_a_store_that_is_away_says_so():
    async with connected("redis://127.0.0.1:1/0", 0.1) as redis:
        with pytest.raises(AnswersAway):
            await ValkeyAnswers(redis).claim("x", b"R", 1)
