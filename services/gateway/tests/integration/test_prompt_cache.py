"""The hot read: answered from memory, true to every change."""

from uuid import uuid4

import pytest

from assay.prompt.v1 import prompts_pb2
from assay.prompt.v1.events_pb2 import LabelMoved, LabelRemoved, PromptCreated, PromptUpdated, VersionPublished
from assay.type.v1.visibility_pb2 import VISIBILITY_ORGANISATION, VISIBILITY_PRIVATE, VISIBILITY_PUBLIC
from assay_common.errors import NotFound
from assay_protos import topics

PROMPT_ID = "0199f3d2-8b1e-7c4a-9d35-2f6c1e7a8b90"
PATH = "/v1/prompts/greeting/resolve"


class LabelNotFound(NotFound):
    pass


def version(number=1, **changes):
    known = {"prompt_id": PROMPT_ID, "prompt_name": "greeting", "visibility": VISIBILITY_ORGANISATION, **changes}
    return prompts_pb2.Version(number=number, content=prompts_pb2.Content(text="Hi"), **known)


@pytest.fixture
async def reader(client, backend, gateway):
    backend.answers["ResolveVersion"] = version()
    await gateway.ready()
    return client


async def test_the_second_read_asks_nobody_and_says_the_same(reader, backend):
    first = await reader.get(PATH, params={"label": "production"})
    # An unreadable event of another test that runs at this moment makes every gateway forget: once more, then.
    for _ in range(3):
        asked = len(backend.asked("ResolveVersion"))
        second = await reader.get(PATH, params={"label": "production"})
        if len(backend.asked("ResolveVersion")) == asked:
            break
    else:
        pytest.fail("never answered from memory")
    assert first.json() == second.json()
    assert first.json()["number"] == 1
    for header in ("etag", "cache-control", "content-type", "x-content-type-options", "ratelimit-limit"):
        assert first.headers[header] == second.headers[header], header
    assert first.headers["cache-control"] == "private, no-cache"
    assert first.headers["x-request-id"] != second.headers["x-request-id"]


@pytest.mark.parametrize("header", ["{etag}", "W/{etag}", '"other", {etag}', "*"])
async def test_who_has_it_already_is_told_so(header, reader):
    for _ in range(2):  # By the route, and from memory.
        etag = (await reader.get(PATH)).headers["etag"]
        answered = await reader.get(PATH, headers={"if-none-match": header.format(etag=etag)})
        assert answered.status_code == 304
        assert answered.content == b""
        assert answered.headers["etag"] == etag


async def test_the_route_itself_answers_304_too(reader, backend):
    etag = (await reader.get(PATH, params={"version": 1})).headers["etag"]
    answered = await reader.get(PATH, params={"version": 1, "unknown": "x"}, headers={"if-none-match": etag})
    assert answered.status_code == 304


async def test_another_tag_gets_the_body(reader):
    for _ in range(2):
        answered = await reader.get(PATH, headers={"if-none-match": '"another"'})
        assert answered.status_code == 200


@pytest.mark.parametrize(
    "change",
    [
        VersionPublished(prompt_id=PROMPT_ID, name="greeting", version=version(2)),
        LabelMoved(prompt_id=PROMPT_ID, name="greeting", label="production", version=2),
        LabelRemoved(prompt_id=PROMPT_ID, name="greeting", label="production"),
        PromptCreated(prompt_id=PROMPT_ID, name="greeting"),
    ],
    ids=lambda change: change.DESCRIPTOR.name,
)
@pytest.mark.parametrize("name", ["greeting", PROMPT_ID])
async def test_an_event_makes_it_forget(change, name, reader, backend, publish, org, eventually):
    path = f"/v1/prompts/{name}/resolve"
    old = await reader.get(path)
    backend.answers["ResolveVersion"] = version(2)
    await publish(topics.PROMPT_EVENTS, change, org=org, key=PROMPT_ID)

    async def changed():
        answered = await reader.get(path, headers={"if-none-match": old.headers["etag"]})
        return answered.status_code == 200 and answered.json()["number"] == 2

    await eventually(changed)


async def test_an_unreadable_event_makes_it_forget_everything(reader, backend, publish, eventually):
    await reader.get(PATH)
    backend.answers["ResolveVersion"] = version(2)
    await publish.raw.send_and_wait(topics.PROMPT_EVENTS.name, b"\xff\xff poison", key=b"k")

    async def changed():
        return (await reader.get(PATH)).json()["number"] == 2

    await eventually(changed)


async def test_every_replica_forgets(make_gateway, backend, token, publish, org, eventually):
    backend.answers["ResolveVersion"] = version()
    replicas = [await make_gateway(backend) for _ in range(2)]
    for replica in replicas:
        await replica.ready()
        replica.http.headers["authorization"] = f"Bearer {token}"
        assert (await replica.http.get(PATH)).json()["number"] == 1
    backend.answers["ResolveVersion"] = version(2)
    moved = LabelMoved(prompt_id=PROMPT_ID, name="greeting", label="production", version=2)
    await publish(topics.PROMPT_EVENTS, moved, org=org, key=PROMPT_ID)

    for replica in replicas:

        async def changed(http=replica.http):
            return (await http.get(PATH)).json()["number"] == 2

        await eventually(changed)


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PUT", "/v1/prompts/greeting/labels/production", {"version": 2}),
        ("DELETE", "/v1/prompts/greeting/labels/production", None),
        ("POST", "/v1/prompts/greeting/versions", {"content": {"text": "Hello"}}),
    ],
)
async def test_one_reads_ones_own_writes(method, path, body, reader, backend):
    await reader.get(PATH)
    backend.answers["ResolveVersion"] = version(2)
    backend.answers["PublishVersion"] = version(2)
    assert (await reader.request(method, path, json=body)).is_success
    assert (await reader.get(PATH)).json()["number"] == 2


async def test_another_organisation_gets_its_own_answer(reader, backend, issuer):
    await reader.get(PATH)
    backend.answers["ResolveVersion"] = LabelNotFound("there is no such prompt")
    stranger = issuer.token("prompts:read", org=uuid4())
    answered = await reader.get(PATH, headers={"authorization": f"Bearer {stranger}"})
    assert answered.status_code == 404
    assert answered.json()["reason"] == "LABEL_NOT_FOUND"
    assert (await reader.get(PATH)).status_code == 200


async def test_who_may_not_read_is_refused_although_the_answer_is_known(reader, issuer, org):
    await reader.get(PATH)
    token = issuer.token("prompts:write", org=org)
    answered = await reader.get(PATH, headers={"authorization": f"Bearer {token}"})
    assert answered.status_code == 403
    assert answered.json()["permission"] == "prompts:read"


async def test_a_private_prompt_is_not_answered_from_memory(reader, backend, issuer, org):
    backend.answers["ResolveVersion"] = version(visibility=VISIBILITY_PRIVATE)
    assert (await reader.get(PATH)).status_code == 200
    backend.answers["ResolveVersion"] = LabelNotFound("there is no such prompt")
    colleague = issuer.token("prompts:read", org=org)
    assert (await reader.get(PATH, headers={"authorization": f"Bearer {colleague}"})).status_code == 404
    assert (await reader.get(PATH)).status_code == 404


async def test_a_prompt_that_becomes_private_is_not_answered_from_memory_any_more(
    reader, backend, org, publish, eventually
):
    await reader.get(PATH)
    backend.answers["ResolveVersion"] = LabelNotFound("there is no such prompt")
    updated = PromptUpdated(prompt_id=PROMPT_ID, visibility=VISIBILITY_PRIVATE)
    await publish(topics.PROMPT_EVENTS, updated, org=org, key=PROMPT_ID)

    async def refused():
        return (await reader.get(PATH)).status_code == 404

    await eventually(refused)


async def test_a_public_prompt_of_others_is_forgotten_when_its_own_organisation_changes_it(
    reader, backend, publish, eventually
):
    path = f"/v1/prompts/{PROMPT_ID}/resolve"
    backend.answers["ResolveVersion"] = version(visibility=VISIBILITY_PUBLIC)
    await reader.get(path)
    backend.answers["ResolveVersion"] = LabelNotFound("there is no such prompt")
    updated = PromptUpdated(prompt_id=PROMPT_ID, visibility=VISIBILITY_PRIVATE)
    await publish(topics.PROMPT_EVENTS, updated, org=uuid4(), key=PROMPT_ID)

    async def refused():
        return (await reader.get(path)).status_code == 404

    await eventually(refused)


@pytest.mark.parametrize(("limit", "status"), [("greeting", 200), (PROMPT_ID, 200), ("farewell", 404)])
async def test_a_key_limited_to_prompts_reads_only_those_from_memory(reader, backend, issuer, org, limit, status):
    await reader.get(PATH)
    backend.answers["ResolveVersion"] = LabelNotFound("there is no such prompt")
    key = issuer.token("prompts:read", org=org, kind="api_key", prompts=[limit])
    assert (await reader.get(PATH, headers={"authorization": f"Bearer {key}"})).status_code == status


async def test_a_refusal_is_not_remembered(reader, backend):
    backend.answers["ResolveVersion"] = LabelNotFound("there is no such label")
    assert (await reader.get(PATH)).status_code == 404
    backend.answers["ResolveVersion"] = version(3)
    assert (await reader.get(PATH)).json()["number"] == 3


async def test_a_name_in_other_spelling_is_the_same_name(reader, backend):
    await reader.get("/v1/prompts/a%62c/resolve?label=x%2Fy")
    await reader.get("/v1/prompts/abc/resolve?label=x/y")
    assert {(request.prompt, request.label) for request in backend.asked("ResolveVersion")} == {("abc", "x/y")}


async def test_a_read_from_memory_takes_part_in_the_callers_trace(reader):
    traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    for _ in range(2):
        answered = await reader.get(PATH, headers={"traceparent": traceparent, "x-request-id": "mine"})
        assert answered.headers["x-trace-id"] == "0af7651916cd43dd8448eb211c80319c"
        assert answered.headers["traceparent"].startswith("00-0af7651916cd43dd8448eb211c80319c-")
        assert answered.headers["traceparent"] != traceparent
        assert answered.headers["x-request-id"] == "mine"


async def test_reads_from_memory_are_counted(reader, gateway):
    name = 'gateway_requests_total{method="GET",route="/v1/prompts/{prompt}/resolve",status="200"}'

    async def count():
        lines = (await gateway.http.get("/metrics")).text.splitlines()
        return next((float(line.split()[-1]) for line in lines if line.startswith(name)), 0.0)

    before = await count()
    for _ in range(3):
        await reader.get(PATH)
    assert await count() == before + 3
