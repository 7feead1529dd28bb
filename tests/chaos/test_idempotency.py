"""A request with an Idempotency-Key takes effect once even when what is known of it was lost."""

from __future__ import annotations

from uuid import uuid4

import pytest

from assay_testing.api import eventually
from assay_testing.blocking import run

pytestmark = pytest.mark.chaos

REQUESTS = {
    "prompt": ("/v1/prompts", {"name": "once"}),
    "evaluation": ("/v1/datasets", {"name": "once"}),
    "audit": ("/v1/repositories", {"name": "once"}),
    "auth": ("/v1/api-keys", {"name": "once", "scopes": ["prompts:read"]}),
}


def test_an_answer_that_was_lost_does_not_let_anything_happen_twice(suite, api):
    """The stored answers vanish with Valkey, as they do when a gateway dies before it could store them."""
    keys = {service: {"idempotency-key": uuid4().hex} for service in REQUESTS}

    def send(service):
        path, body = REQUESTS[service]
        return api.http.post(path, json=body, headers=keys[service])

    for service in REQUESTS:
        first = send(service)
        assert first.status_code == 201, first.text
        again = send(service)
        assert again.headers["idempotency-replayed"] == "true"
        assert again.json() == first.json()
    run(suite.valkey.kill())
    refused = send("prompt")
    assert (refused.status_code, refused.json()["reason"]) == (503, "IDEMPOTENCY_UNAVAILABLE")
    run(suite.valkey.start())
    for service, (path, _) in REQUESTS.items():
        after = eventually(lambda service=service: send(service), lambda answered: answered.status_code != 503)
        assert (after.status_code, after.json()["reason"]) == (409, "IDEMPOTENT_REQUEST_DONE"), service
        names = [item["name"] for item in api.get(path)["items"]]
        assert names.count("once") == 1, service


def test_a_version_is_published_once_under_its_key(api):
    api.prompt("versioned")
    headers = {"idempotency-key": uuid4().hex}
    for _ in range(3):
        answered = api.http.post("/v1/prompts/versioned/versions", json={"content": {"text": "one"}}, headers=headers)
        assert (answered.status_code, answered.json()["number"]) == (201, 1)
    assert len(api.get("/v1/prompts/versioned/versions")["items"]) == 1
