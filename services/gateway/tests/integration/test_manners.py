"""REST manners, held by walking the OpenAPI document: what one route does, every route does."""

import json
import re
from uuid import UUID

import pytest
from jsonschema import Draft202012Validator

from assay_common.etags import EtagMismatch
from assay_gateway.entrypoints.http.app import documentation
from assay_protos.permissions import methods

DOCUMENT = documentation()
ANY = UUID(int=7)
METHODS = ("get", "put", "post", "patch", "delete")
LISTS_OF_FIXED_LENGTH = {"list_models", "list_sign_on_providers", "list_usage", "list_event_counts"}
"""Lists that the installation or the question bounds."""
WITHOUT_KEYS = re.compile(r"/(graphql|device|verify-email|reset-password|accept-invitation)$")
"""Posts that change nothing (GraphQL reads), and forms that browsers send."""
VERBS = re.compile(
    r"(accept|approve|begin|cancel|change|close|complete|confirm|create|deactivate|decide|delete|deny|describe|disable|"
    r"enrol|export|get|import|issue|leave|list|publish|query|refresh|remove|render|replace|request|resend|reset|resolve|revoke|"
    r"rotate|add|set|sign|start|stream|transfer|update|upload|verify)_[a-z0-9_]+"
)


@pytest.fixture
def org():
    """The organisation that every path names."""
    return ANY


@pytest.fixture
def backend(backend):
    """Answers what every example can be answered with."""
    whole = backend.fill(methods()["/assay.prompt.v1.PromptService/RenderVersion"].output_type)
    for rendering in whole.renderings:
        rendering.ClearField("missing_variables")
    backend.answers["RenderVersion"] = whole
    return backend


def operations():
    for path, there in DOCUMENT["paths"].items():
        for method in METHODS:
            if method in there:
                yield path, method, there[method]


def named(chosen):
    return pytest.mark.parametrize(
        ("path", "method", "operation"),
        [(path, method, operation) for path, method, operation in operations() if chosen(path, method, operation)],
        ids=lambda value: value["operationId"] if isinstance(value, dict) else "",
    )


def parameters(operation, place="query"):
    return {each["name"].lower() for each in operation.get("parameters", ()) if each["in"] == place}


def schema(content):
    name = content["schema"].get("$ref", "").rpartition("/")[2]
    return DOCUMENT["components"]["schemas"][name] if name else content["schema"]


def good(operation):
    return next((answer for status, answer in operation["responses"].items() if status.startswith("2")), None)


def answered_json(operation):
    return (good(operation) or {}).get("content", {}).get("application/json")


def is_list(operation):
    content = answered_json(operation)
    return content is not None and "items" in schema(content).get("properties", {})


def takes_a_key(path, method, _operation):
    return method == "post" and not WITHOUT_KEYS.search(path) and not path.startswith("/graphql")


def takes_a_tag(_path, _method, operation):
    return "if-match" in parameters(operation, "header")


def body_of(operation):
    """Content, media type: the documented example of a body."""
    content = operation.get("requestBody", {}).get("content", {})
    if not content:
        return None, None
    media_type = next(iter(content))
    if "json" in media_type and "jsonl" not in media_type and "ndjson" not in media_type:
        return json.dumps(content[media_type]["example"]).encode(), media_type
    if "form" in media_type:
        return None, media_type
    return b"{}\n", media_type


async def send(client, path, method, operation, **headers):
    content, media_type = body_of(operation)
    if media_type:
        headers["content-type"] = media_type
    filled = re.sub(r"\{[^}]+\}", str(ANY), path)
    required = {
        each["name"]: each.get("example", each["schema"].get("examples", ["x"])[0])
        for each in operation.get("parameters", ())
        if each["in"] == "query" and each.get("required")
    }
    return await client.request(method, filled, content=content, params=required, headers=headers)


@named(lambda *_: True)
def test_names_are_verbs_in_snake_case(path, method, operation):
    assert VERBS.fullmatch(operation["operationId"]), operation["operationId"]


def test_names_are_unique():
    names = [operation["operationId"] for _, _, operation in operations()]
    assert len(names) == len(set(names)) >= 80


@named(lambda path, method, operation: is_list(operation) and operation["operationId"] not in LISTS_OF_FIXED_LENGTH)
def test_every_list_comes_in_pages(path, method, operation):
    assert {"limit", "cursor"} <= parameters(operation)
    assert "next_cursor" in schema(answered_json(operation))["properties"]


@named(lambda path, method, operation: is_list(operation) and operation["operationId"] not in LISTS_OF_FIXED_LENGTH)
async def test_a_page_is_asked_for_as_the_client_says(path, method, operation, client, backend):
    filled = re.sub(r"\{[^}]+\}", str(ANY), path)
    answered = await client.get(filled, params={"limit": 7, "cursor": "a cursor"})
    assert answered.status_code == 200, answered.text
    asked = [call.request for call in backend.calls if "page_token" in call.request.DESCRIPTOR.fields_by_name]
    assert [(request.page_size, request.page_token) for request in asked] == [(7, "a cursor")]


@named(takes_a_key)
def test_every_post_takes_an_idempotency_key(path, method, operation):
    assert "idempotency-key" in parameters(operation, "header")
    assert {"409", "422", "503"} <= operation["responses"].keys()


@named(lambda path, method, operation: takes_a_key(path, method, operation) and path.startswith("/v1/"))
async def test_every_post_is_done_once_under_its_key(path, method, operation, client, backend):
    headers = {"idempotency-key": f"walk {path} {backend.port}"}
    first = await send(client, path, method, operation, **headers)
    assert first.status_code < 300, first.text
    asked = len(backend.calls)
    again = await send(client, path, method, operation, **headers)
    assert again.headers["idempotency-replayed"] == "true"
    assert (again.status_code, again.content) == (first.status_code, first.content)
    assert len(backend.calls) == asked


def _changes_something_tagged(path, method, operation):
    tagged = {p for p, m, o in operations() if m == "get" and "etag" in _properties(o)}
    return method in ("patch", "put") and (path in tagged or "etag" in _properties(operation))


def _properties(operation):
    content = answered_json(operation)
    return {} if content is None else schema(content).get("properties", {})


@named(_changes_something_tagged)
def test_every_change_of_something_tagged_takes_if_match(path, method, operation):
    assert takes_a_tag(path, method, operation) or path.endswith("/members/{user_id}")
    if takes_a_tag(path, method, operation):
        assert "412" in operation["responses"]


@named(takes_a_tag)
async def test_a_tag_reaches_the_service_and_a_lost_update_is_412(path, method, operation, client, backend):
    answered = await send(client, path, method, operation, **{"if-match": '"41.0123456789abcdef"'})
    assert answered.status_code < 300, answered.text
    asked = [call.request for call in backend.calls if "etag" in call.request.DESCRIPTOR.fields_by_name]
    assert [request.etag for request in asked] == ["41"]
    for call in backend.calls:
        backend.answers[call.rpc] = None if call.rpc == "GetJwks" else EtagMismatch("changed meanwhile", etag="42")
    lost = await send(client, path, method, operation, **{"if-match": '"41"'})
    assert (lost.status_code, lost.json()["reason"]) == (412, "ETAG_MISMATCH")
    refused = await send(client, path, method, operation, **{"if-match": "41"})
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "/if-match")


@named(lambda path, method, operation: method == "get" and "etag" in _properties(operation))
async def test_what_is_tagged_is_read_again_only_when_it_changed(path, method, operation, client):
    first = await send(client, path, method, operation)
    assert first.status_code == 200, first.text
    assert first.headers["etag"].startswith(f'"{first.json()["etag"]}.')
    again = await send(client, path, method, operation, **{"if-none-match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


@named(lambda path, method, operation: path.startswith("/v1/"))
def test_every_body_and_answer_has_an_example_that_fits(path, method, operation):
    contents = [operation.get("requestBody", {}).get("content", {}).get("application/json"), answered_json(operation)]
    for content in filter(None, contents):
        whole = {**content["schema"], "components": DOCUMENT["components"]}
        Draft202012Validator(whole).validate(content["example"])


@named(lambda path, method, operation: path.startswith("/v1/"))
async def test_unknown_callers_are_refused_alike(path, method, operation, gateway):
    if "security" not in operation:
        pytest.skip("public")
    answered = await send(gateway.http, path, method, operation)
    assert answered.status_code == 401
    assert answered.json()["type"] == "https://assay.dev/problems/token-missing"
    assert "www-authenticate" in answered.headers


def test_every_kind_of_problem_is_listed():
    types = DOCUMENT["x-problem-types"]
    assert {"ETAG_MISMATCH", "IDEMPOTENCY_KEY_REUSED", "RATE_LIMITED", "OVERLOADED"} <= {
        each["reason"] for each in types
    }
    for each in types:
        assert each["type"] == "https://assay.dev/problems/" + each["reason"].lower().replace("_", "-")
        assert each["status"] in range(400, 600)
        assert each["description"]


def test_expensive_calls_say_what_they_cost():
    costs = {operation["operationId"]: operation["x-cost"] for _, _, operation in operations() if "x-cost" in operation}
    assert {"create_run", "sign_in"} <= costs.keys()
    assert all(1 < cost <= 50 for cost in costs.values())
