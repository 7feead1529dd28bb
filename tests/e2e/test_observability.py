"""One trace from the request to the worker, and logs without secrets."""

from __future__ import annotations

import json

from tests.e2e.asked import short_run

from assay_testing.api import eventually


def lines_of_trace(stack, trace_id):
    """Names of the processes whose logs mention the trace."""
    found = set()
    for log in (stack.site.folder / "logs").glob("*.log"):
        for line in log.read_text(errors="replace").splitlines():
            if trace_id in line and json.loads(line).get("trace_id") == trace_id:
                found.add(log.stem)
    return found


def test_one_trace_goes_from_the_request_over_grpc_and_kafka_to_the_worker(api, stack):
    wanted = short_run(api)
    answer = api.http.post("/v1/runs", json=wanted)
    api.finished(f"/v1/runs/{answer.json()['id']}")
    trace_id = answer.headers["x-trace-id"]
    eventually(
        lambda: lines_of_trace(stack, trace_id),
        lambda found: {"gateway", "evaluation", "prompt", "evaluation-work", "analytics"} <= found,
    )


def test_a_request_id_that_is_sent_comes_back_and_a_bad_one_does_not(api):
    assert api.http.get("/v1/me", headers={"x-request-id": "mine-1"}).headers["x-request-id"] == "mine-1"
    assert api.http.get("/v1/me", headers={"x-request-id": "x" * 5000}).headers["x-request-id"] != "x" * 5000


def test_no_secret_is_in_any_log(api, stack):
    api.prompt("echo", "one")
    assert api.with_key("prompts:read").get("/v1/prompts/echo").status_code == 200
    assert api.http.post("/v1/sessions", json={"email": "nobody@example.com", "password": "wrong-password-1"}).is_error
    secrets = [*api.secrets, "wrong-password-1", *stack.site.state().secrets.values()]
    for log in (stack.site.folder / "logs").glob("*.log"):
        text = log.read_text(errors="replace")
        for secret in secrets:
            assert secret not in text, f"a secret is in {log.name}"
