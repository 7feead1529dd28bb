"""Bodies that are broken, wrong or too large: a clear problem document, and no service is bothered."""

import asyncio
import json

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from assay.prompt.v1 import prompts_pb2

MIB = 1024 * 1024
JSON = {"content-type": "application/json"}


@pytest.mark.parametrize(
    "body",
    [b"{", b"nonsense", b'{"name": }', b"\xff\xfe", b'{"name": "\xff"}', b"[" * 100_000, b"1" * 5000, b'{"a":' * 5000],
    ids=["open", "word", "no-value", "no-utf-8", "no-utf-8-text", "deep-list", "long-number", "deep-object"],
)
async def test_what_is_no_json_is_400(body, client, backend):
    answered = await client.post("/v1/prompts", content=body, headers=JSON)
    assert answered.status_code in (400, 422)
    assert answered.headers["content-type"] == "application/problem+json"
    assert backend.asked("CreatePrompt") == []


async def test_malformed_json_says_where(client):
    answered = await client.post("/v1/prompts", content=b'{"name": "x",}', headers=JSON)
    assert answered.status_code == 400
    problem = answered.json()
    assert problem["reason"] == "MALFORMED_JSON"
    assert "character 13" in problem["detail"] or "character" in problem["detail"]


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "/name"),
        ({"name": 1}, "/name"),
        ({"name": "x", "colour": "red"}, "/colour"),
        ({"name": "a\x00b"}, "/name"),
        ([], ""),
        (None, ""),
        ("x", ""),
    ],
)
async def test_what_is_wrong_is_422_and_pointed_at(body, pointer, client, backend):
    answered = await client.post("/v1/prompts", content=json.dumps(body), headers=JSON)
    assert answered.status_code == 422
    problem = answered.json()
    assert problem["errors"][0]["pointer"] == pointer
    assert problem["reason"] == "INVALID_REQUEST"
    assert backend.asked("CreatePrompt") == []


async def test_an_absent_body_is_422(client):
    answered = await client.post("/v1/prompts")
    assert answered.status_code == 422


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""])
async def test_what_is_not_called_json_is_415(content_type, client):
    answered = await client.post("/v1/prompts", content=b'{"name":"x"}', headers={"content-type": content_type})
    assert answered.status_code == 415
    assert answered.json()["reason"] == "UNSUPPORTED_MEDIA_TYPE"


@pytest.mark.parametrize("content_type", ["application/json; charset=utf-8", "APPLICATION/JSON", "application/x+json"])
async def test_json_by_other_names_is_taken(content_type, client):
    answered = await client.post("/v1/prompts", content=b'{"name":"x"}', headers={"content-type": content_type})
    assert answered.status_code == 201


@pytest.mark.parametrize(
    "query",
    ["limit=0", "limit=201", "limit=x", "limit=-1", "limit=1e3"],
)
async def test_a_limit_has_limits(query, client):
    answered = await client.get(f"/v1/prompts?{query}")
    assert answered.status_code == 422
    assert answered.json()["errors"][0]["pointer"] == "/limit"


@pytest.mark.parametrize(
    "path",
    [
        "/v1/analytics/summary?from=yesterday",
        "/v1/analytics/summary?from=2026-01-01T00:00:00",
        "/v1/analytics/usage?granularity=minute",
        "/v1/audits/x/findings?kind=taste",
        "/v1/prompts/x/resolve?version=0",
        "/v1/prompts/x/resolve?version=99999999999",
        "/v1/prompts/x/resolve?version=1&label=production",
        "/v1/datasets/x/items?version=a",
    ],
)
async def test_parameters_are_checked(path, client):
    answered = await client.get(path)
    assert answered.status_code == 422
    assert answered.json()["errors"]


async def test_a_label_and_a_version_are_one_too_many(client):
    answered = await client.post("/v1/prompts/x/render", json={"label": "a", "version": 1})
    assert answered.status_code == 422


async def test_20_megabytes_of_json_are_413_whether_announced_or_not(client, backend):
    body = b'{"name":"' + b"x" * (20 * MIB) + b'"}'

    async def parts():
        for start in range(0, len(body), MIB):
            yield body[start : start + MIB]

    for content in (body, parts()):
        answered = await client.post("/v1/prompts", content=content, headers=JSON)
        assert answered.status_code == 413
        assert answered.json()["reason"] == "PAYLOAD_TOO_LARGE"
        assert answered.headers["connection"] == "close"
    assert backend.asked("CreatePrompt") == []
    assert (await client.get("/v1/prompts")).status_code == 200


async def test_20_megabytes_without_a_token_are_401(gateway):
    answered = await gateway.http.post("/v1/prompts", content=b"x" * (20 * MIB), headers=JSON)
    assert answered.status_code == 401


async def test_a_small_body_that_nobody_wants_keeps_the_connection(gateway):
    answered = await gateway.http.post("/v1/prompts", json={"name": "x"})
    assert answered.status_code == 401
    assert "connection" not in answered.headers


async def test_a_body_of_just_under_a_megabyte_is_taken(client, backend):
    backend.answers["RenderVersion"] = prompts_pb2.RenderVersionResponse(
        version=prompts_pb2.Version(content=prompts_pb2.Content(text="x")), renderings=[prompts_pb2.Rendering()]
    )
    answered = await client.post("/v1/prompts/x/render", json={"variables": {"text": "d" * (MIB - 100)}})
    assert answered.status_code == 200
    assert len(backend.asked("RenderVersion")[0].variables[0]["text"]) == MIB - 100


json_documents = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)
BODIES = [
    ("POST", "/v1/prompts"),
    ("POST", "/v1/prompts/x/versions"),
    ("PUT", "/v1/prompts/x/labels/y"),
    ("POST", "/v1/prompts/x/render"),
    ("POST", "/v1/runs"),
    ("POST", "/v1/members"),
    ("POST", "/v1/api-keys"),
    ("POST", "/v1/comparisons"),
    ("POST", "/v1/audits"),
    ("POST", "/v1/sessions/refresh"),
]
FIELDS = ["name", "content", "text", "chat", "messages", "version", "variables", "prompt", "evaluators", "parameters"]


# The gateway runs beside the test in this process and uses `random` as it likes.
@pytest.mark.filterwarnings("ignore::hypothesis.errors.HypothesisDeprecationWarning")
async def test_no_body_whatever_breaks_anything(gateway, token):
    """Random documents, and random values in known fields: never a 500, always a problem document or an answer."""
    headers = {"authorization": f"Bearer {token}", **JSON}

    @given(st.sampled_from(BODIES), json_documents | st.dictionaries(st.sampled_from(FIELDS), json_documents))
    @settings(max_examples=150, suppress_health_check=list(HealthCheck))
    def send(where, document):
        method, path = where
        answered = http.request(method, path, content=json.dumps(document), headers=headers)
        assert answered.status_code in (200, 201, 204, 401, 415, 422, 429), answered.text
        if answered.status_code >= 400:
            assert answered.headers["content-type"] == "application/problem+json"

    with httpx.Client(base_url=f"http://{gateway.address}") as http:
        await asyncio.to_thread(send)
