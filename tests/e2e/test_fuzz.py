"""Requests that fit the OpenAPI document and requests that break it: none makes a server error, none a surprise."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import pytest

from assay_local.stack import Stack
from assay_testing.api import Api

EXAMPLES = 6
"""Generated requests for each operation and phase, so that a run ends within its budget."""
CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"
ENDLESS = "stream_events"


def somebody(api: Api) -> str:
    """The access token of an owner who may close sessions and lose rights without anybody else noticing."""
    who = {"email": f"fuzz-{uuid4().hex}@example.org", "password": uuid4().hex}
    api.post("/v1/members", {**who, "name": "Fuzz", "role": "owner"})
    token: str = api.post("/v1/sessions", {**who, "organisation": api.organisation["id"]})["access_token"]
    return token


@pytest.mark.timeout(420)
@pytest.mark.parametrize("signed", [True, False], ids=["signed in", "not signed in"])
def test_the_whole_document(stack: Stack, make_api: Callable[[], Api], signed: bool, tmp_path: Path) -> None:
    api = make_api()
    headers = ["--header", f"X-Forwarded-For: {api.address}"]
    if signed:
        headers += ["--header", f"Authorization: Bearer {somebody(api)}"]
    command = [
        str(Path(sys.executable).with_name("schemathesis")),
        "run",
        f"{stack.gateway_url}/openapi.json",
        *headers,
        *("--checks", CHECKS, "--phases", "examples,coverage,fuzzing", "--max-examples", str(EXAMPLES)),
        *("--exclude-operation-id", ENDLESS, "--workers", "1", "--seed", "1", "--request-timeout", "40"),
        *("--suppress-health-check", "all", "--warnings", "off", "--no-color", "--continue-on-failure"),
    ]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-20_000:]
