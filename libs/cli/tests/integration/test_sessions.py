"""Signing in and out, organisations and keys."""

from __future__ import annotations

import json
import stat

ADA = ("--email", "ada@example.org", "--password-stdin")


def test_login_keeps_the_tokens_and_they_are_used(assay, gateway, answers, tmp_path):
    gateway.on("POST /v1/sessions", answers.session, 201)
    gateway.on("GET /v1/me", answers.me)
    ran = assay("login", *ADA, stdin="secret words\n", key=None)
    assert ran.code == 0, ran.err
    assert "ada@example.org" in ran.out
    assert gateway.asked("POST /v1/sessions")[0].json == {"email": "ada@example.org", "password": "secret words"}
    file = tmp_path / "config" / "credentials.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert "secret words" not in file.read_text()
    again = assay("whoami", "--json", key=None)
    assert again.json == answers.me
    assert gateway.asked("GET /v1/me")[-1].headers["authorization"] == "Bearer access-1"


def test_a_login_at_another_address_is_remembered(assay, gateway, answers):
    gateway.on("POST /v1/sessions", answers.session, 201)
    gateway.on("GET /v1/me", answers.me)
    assert assay("login", *ADA, "--url", gateway.url, stdin="x\n", key=None, ASSAY_URL="http://127.0.0.1:1").code == 0
    assert assay("whoami", key=None, ASSAY_URL="").code == 0


def test_a_wrong_password_is_said(assay, gateway):
    gateway.refuse("POST /v1/sessions", 401, "WRONG_CREDENTIALS", "the address or the password is wrong")
    ran = assay("login", *ADA, stdin="x\n", key=None)
    assert ran.code == 3
    assert "the address or the password is wrong" in ran.err


def test_logout_closes_the_session(assay, gateway, answers):
    gateway.on("POST /v1/sessions", answers.session, 201)
    gateway.on("GET /v1/me", answers.me)
    gateway.on("POST /v1/sessions/revoke", None, 204)
    assay("login", *ADA, stdin="x\n", key=None)
    assert assay("logout", key=None).out == "signed out\n"
    assert gateway.asked("POST /v1/sessions/revoke")[0].json == {"refresh_token": "refresh-1"}
    assert assay("whoami", key=None).code == 4
    assert assay("logout", "--json", key=None).json == {"signed_out": False}


def test_nobody_signed_in_is_exit_code_4_with_what_to_do(assay):
    ran = assay("whoami", key=None)
    assert (ran.code, ran.out) == (4, "")
    assert "assay login" in ran.err


def test_a_new_organisation_is_acted_in(assay, gateway, answers):
    gateway.on("POST /v1/sessions", answers.session, 201)
    gateway.on("GET /v1/me", answers.me)
    gateway.on("POST /v1/organisations", {"id": "o2", "slug": "beta", "name": "beta", "created_at": None}, 201)
    gateway.on("POST /v1/sessions/refresh", {**answers.session, "access_token": "access-2"}, 201)
    assay("login", *ADA, stdin="x\n", key=None)
    assert assay("org", "create", "beta", key=None).code == 0
    assert gateway.asked("POST /v1/sessions/refresh")[0].json == {"refresh_token": "refresh-1", "organisation": "o2"}
    assay("whoami", key=None)
    assert gateway.asked("GET /v1/me")[-1].headers["authorization"] == "Bearer access-2"


def test_choosing_an_organisation_needs_a_sign_in(assay):
    ran = assay("org", "use", "acme", key=None)
    assert ran.code == 4


def test_a_keys_secret_is_shown_once_on_standard_output(assay, gateway):
    key = {"id": "k1", "name": "ci", "prefix": "assay_key_abcd", "scopes": ["prompts:read"], "created_at": None}
    gateway.on("POST /v1/api-keys", {"api_key": key, "secret": "assay_key_abcdefgh"}, 201)
    ran = assay("key", "create", "ci", "--scope", "prompts:read", "--expires", "90d")
    assert ran.out == "assay_key_abcdefgh\n"
    asked = gateway.asked("POST /v1/api-keys")[0].json
    assert asked["scopes"] == ["prompts:read"]
    assert asked["expires_at"].endswith("+00:00")
    assert assay("key", "create", "ci", "--scope", "a", "--expires", "soon").code == 2


def test_a_key_is_revoked(assay, gateway):
    gateway.on("DELETE /v1/api-keys/k1", None, 204)
    assert assay("key", "revoke", "k1", "--json").json == {"revoked": "k1"}


def test_status_says_who_and_whether(assay, gateway, answers):
    gateway.on("GET /healthz", {"status": "alive"})
    gateway.on("GET /readyz", {"ready": True, "problems": {}})
    gateway.on("GET /v1/me", answers.me)
    ran = assay("status", "--json")
    assert ran.code == 0
    assert ran.json["ready"] is True
    assert ran.json["me"]["email"] == "ada@example.org"


def test_a_gateway_that_is_not_ready_says_why(assay, gateway, answers):
    gateway.on("GET /healthz", {"status": "alive"})
    gateway.on("GET /readyz", {"ready": False, "problems": {"kafka": "away"}}, 503)
    gateway.on("GET /v1/me", answers.me)
    ran = assay("status")
    assert ran.code == 3
    assert "kafka" in ran.out


def test_a_gateway_that_is_not_there_is_exit_code_5(assay):
    ran = assay("status", "--json", ASSAY_URL="http://127.0.0.1:1")
    assert (ran.code, ran.out) == (5, "")
    assert json.loads(ran.err)["error"] == "Unreachable"
