"""The document that clients are generated from."""

import re

import pytest

PUBLIC = {
    "sign_in",
    "refresh_session",
    "revoke_session",
    "get_jwks",
    "sign_up",
    "verify_email",
    "resend_verification",
    "request_password_reset",
    "reset_password",
    "describe_invitation",
    "list_sign_on_providers",
    "begin_sign_on",
    "complete_sign_on",
    "start_device_authorization",
    "issue_token",
}
METHODS = {"get", "put", "post", "patch", "delete"}
ALWAYS = {"422", "429", "503", "504"}


@pytest.fixture
async def document(gateway):
    return (await gateway.http.get("/openapi.json")).json()


def operations(document):
    return [
        (path, method, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
        if method in METHODS
    ]


async def test_every_operation_can_be_named_and_says_what_it_needs(document):
    found = operations(document)
    assert len(found) >= 45
    names = [operation["operationId"] for _, _, operation in found]
    assert len(names) == len(set(names))
    for path, method, operation in found:
        where = f"{method} {path}"
        assert re.fullmatch(r"[a-z]+(_[a-z]+)*", operation["operationId"]), where
        assert operation["tags"], where
        assert operation["summary"] and operation["description"], where
        assert ("security" in operation) is (operation["operationId"] not in PUBLIC), where


async def test_every_operation_documents_its_problems(document):
    for path, method, operation in operations(document):
        where = f"{method} {path}"
        responses = operation["responses"]
        problems = {status for status in responses if status[0] in "45"}
        if path.startswith("/oauth/"):
            assert problems >= {"400", "429", "503", "504"}, where  # Their own refusals are OAuth's.
            continue
        if operation["operationId"] != "get_jwks":
            assert problems >= ALWAYS, where
        if operation["operationId"] not in PUBLIC:
            assert {"401", "403", "404"} <= problems, where
        if "requestBody" in operation:
            assert {"413", "415"} <= problems, where
        for status in problems:
            content = responses[status]["content"]
            assert content == {"application/problem+json": {"schema": {"$ref": "#/components/schemas/ProblemDocument"}}}


async def test_every_reference_leads_somewhere(document):
    schemas = document["components"]["schemas"]
    references = set(re.findall(r'"#/components/schemas/([^"]+)"', str(document).replace("'", '"')))
    assert references <= schemas.keys()
    assert "HTTPValidationError" not in schemas


async def test_the_main_bodies_have_examples(document):
    for name in ("NewPrompt", "NewVersion", "NewRun", "RenderRequest", "SignIn", "NewAudit", "GateQuestion"):
        assert document["components"]["schemas"][name]["examples"], name


async def test_bodies_are_closed_and_answers_are_whole(document):
    schemas = document["components"]["schemas"]
    assert schemas["NewPrompt"]["additionalProperties"] is False
    assert set(schemas["Version"]["required"]) == set(schemas["Version"]["properties"])


async def test_the_hot_read_is_documented_like_any_other(document):
    operation = document["paths"]["/v1/prompts/{prompt}/resolve"]["get"]
    assert operation["operationId"] == "resolve_prompt"
    assert {parameter["name"] for parameter in operation["parameters"]} == {
        "prompt",
        "label",
        "version",
        "if-none-match",
    }
    assert "304" in operation["responses"]


async def test_uploads_say_what_they_take(document):
    body = document["paths"]["/v1/datasets/{dataset}/items"]["post"]["requestBody"]
    assert set(body["content"]) == {"application/x-ndjson", "application/jsonl", "text/csv"}


async def test_the_documentation_loads_nothing_from_elsewhere(gateway):
    page = (await gateway.http.get("/docs")).text
    loaded = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert loaded
    for address in loaded:
        assert address.startswith("/"), address
        assert (await gateway.http.get(address)).status_code == 200
