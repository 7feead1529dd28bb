"""The command line on the real suite: a sign-in on a device, and what one then can do with it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from assay_client import Assay
from assay_local.stack import Stack


@pytest.fixture
def environment(stack: Stack, tmp_path: Path) -> dict[str, str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("ASSAY_")}
    return {**clean, "ASSAY_URL": stack.gateway_url, "ASSAY_CONFIG_DIR": str(tmp_path / "config")}


def ran(environment: dict[str, str], *arguments: str) -> Any:
    command = [sys.executable, "-m", "assay_cli", *arguments, "--json"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_a_device_is_let_in_and_its_session_is_one_of_mine(stack: Stack, environment: dict[str, str]) -> None:
    with Assay(stack.gateway_url) as browser:
        browser.sign_in(stack.admin_email, stack.admin_password)
        slug = f"cli-{uuid4().hex[:12]}"
        browser.act_in(browser.organisations.create_organisation({"slug": slug, "name": slug})["id"])
        login = subprocess.Popen(
            [sys.executable, "-m", "assay_cli", "login", "--no-browser", "--organisation", slug],
            env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        try:
            assert login.stderr is not None
            shown = re.search(r"code (\S+)", login.stderr.readline())
            assert shown is not None
            asked = browser.devices.describe_device(shown[1])
            assert asked["client_name"].startswith("assay on")
            browser.devices.approve_device(shown[1])
            out, errors = login.communicate(timeout=60)
        finally:
            login.kill()
        assert login.returncode == 0, errors
        assert slug in out
        sessions = ran(environment, "sessions", "list")["items"]
        (here,) = [each for each in sessions if each["current"]]
        assert here["method"] == "device"
        assert [each["role"] for each in ran(environment, "members", "list")["items"]] == ["owner"]
        ran(environment, "teams", "create", "reviewers")
        account = ran(environment, "service-accounts", "create", "ci", "--role", "viewer")
        key = ran(environment, "key", "create", "ci", "--scope", "prompts:read", "--service-account", account["id"])
        rotated = ran(environment, "key", "rotate", key["api_key"]["id"], "--overlap", "1h")
        assert rotated["secret"] != key["secret"]
        assert ran(environment, "logout") == {"signed_out": True}
        left = [each["id"] for each in browser.sessions.iterate_sessions()]
        assert here["id"] not in left


def test_the_client_and_the_command_do_the_same_work(stack: Stack, environment: dict[str, str]) -> None:
    name = f"greeting-{uuid4().hex[:8]}"
    with Assay(stack.gateway_url) as client:
        client.sign_in(stack.admin_email, stack.admin_password)
        client.act_in(client.organisations.create_organisation({"slug": name, "name": name})["id"])
        client.prompts.create_prompt({"name": name})
        client.prompts.publish_version(name, {"content": {"text": "Hello {{ who }}, {{ n }}"}})
        client.prompts.set_label(name, "production", {"version": 1})
        made = client.api_keys.create_api_key({"name": "reader", "scopes": ["prompts:read"], "prompts": [name]})
        prompt = client.prompt(name, label="production")
        values = {"who": "Ada", "n": 2.0}
        rendered = client.prompts.render_prompt(name, {"label": "production", "variables": values})
        assert prompt.render(values) == rendered["messages"] == [{"role": "user", "content": "Hello Ada, 2"}]
    shown = ran({**environment, "ASSAY_API_KEY": made["secret"]}, "prompt", "get", name, "--label", "production")
    assert shown["number"] == 1


def test_an_installation_is_checked_from_end_to_end(stack: Stack, environment: dict[str, str]) -> None:
    with Assay(stack.gateway_url) as owner:
        owner.sign_in(stack.admin_email, stack.admin_password)
        slug = f"check-{uuid4().hex[:12]}"
        owner.act_in(owner.organisations.create_organisation({"slug": slug, "name": slug})["id"])
        scopes = [f"{what}:{how}" for what in ("prompts", "datasets", "evaluations", "repositories", "audits")
                  for how in ("read", "write")]  # fmt: skip
        scopes += ["labels:write", "analytics:read"]
        key = owner.api_keys.create_api_key({"name": "check", "scopes": scopes})["secret"]
    checked = ran({**environment, "ASSAY_API_KEY": key}, "check", "--patience", "25")
    assert checked["passed"]
    assert [(step["name"], step["outcome"]) for step in checked["steps"]] == [
        ("prompts", "passed"), ("evaluation", "passed"), ("audit", "passed"), ("analytics", "passed")
    ]  # fmt: skip
    reading = [scope for scope in scopes if scope.endswith(":read")]
    with Assay(stack.gateway_url) as owner:
        owner.sign_in(stack.admin_email, stack.admin_password)
        owner.act_in(slug)
        reader = owner.api_keys.create_api_key({"name": "reader", "scopes": reading})["secret"]
    command = [sys.executable, "-m", "assay_cli", "check", "--patience", "25", "--json"]
    refused = subprocess.run(
        command, env={**environment, "ASSAY_API_KEY": reader}, capture_output=True, text=True, check=False, timeout=120
    )
    assert refused.returncode == 1
    outcomes = {step["name"]: step["outcome"] for step in json.loads(refused.stdout)["steps"]}
    assert outcomes == {"prompts": "failed", "evaluation": "failed", "audit": "failed", "analytics": "passed"}
