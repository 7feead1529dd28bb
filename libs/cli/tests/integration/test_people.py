"""Signing in on a device, and the people, machines and deeds of an organisation."""

from __future__ import annotations

import json

import pytest

BEGUN = {
    "device_code": "secret-code", "user_code": "WDJB-MJHT", "verification_uri": "http://x/device", "interval": 0,
    "verification_uri_complete": "http://x/device?user_code=WDJB-MJHT", "expires_in": 60,
}  # fmt: skip


@pytest.fixture
def device(gateway, answers):
    gateway.on("POST /oauth/device_authorization", BEGUN)
    pending = {"error": "authorization_pending", "error_description": "wait"}
    gateway.on("POST /oauth/token", pending, 400)
    granted = {name: answers.session[name] for name in ("access_token", "token_type", "expires_in", "refresh_token")}
    gateway.on("POST /oauth/token", {**granted, "organisation_id": "o1"})
    gateway.on("GET /v1/me", answers.me)
    return gateway


def test_login_asks_for_no_password(assay, device, answers):
    ran = assay("login", key=None)
    assert ran.code == 0, ran.err
    assert "http://x/device" in ran.err
    assert "WDJB-MJHT" in ran.err
    assert "secret-code" not in ran.out + ran.err
    assert "assword" not in ran.err
    assert "ada@example.org" in ran.out
    assert b"client_name=assay+on" in device.asked("POST /oauth/device_authorization")[0].body
    assert len(device.asked("POST /oauth/token")) == 2
    assay("whoami", key=None)
    assert device.asked("GET /v1/me")[-1].headers["authorization"] == "Bearer access-1"


def test_login_by_device_is_a_document_too_and_chooses_an_organisation(assay, device, answers):
    device.on("POST /v1/sessions/refresh", {**answers.session, "access_token": "access-2"}, 201)
    ran = assay("login", "--json", "--organisation", "acme", "--no-browser", key=None)
    assert ran.json == answers.me
    assert device.asked("POST /v1/sessions/refresh")[0].json["organisation"] == "acme"
    assert device.asked("GET /v1/me")[0].headers["authorization"] == "Bearer access-2"


def test_a_refused_device_is_exit_code_4(assay, device):
    device.answers["POST", "/oauth/token"] = [(400, {"error": "access_denied", "error_description": "no"}, {})]
    ran = assay("login", key=None)
    assert ran.code == 4
    assert "refused in the browser" in ran.err


def test_a_second_factor_can_be_given(assay, gateway, answers):
    gateway.refuse("POST /v1/sessions", 401, "SECOND_FACTOR_NEEDED", "a code of your authenticator is needed")
    gateway.on("POST /v1/sessions", answers.session, 201)
    gateway.on("GET /v1/me", answers.me)
    words = ("login", "--email", "ada@example.org", "--password-stdin")
    ran = assay(*words, stdin="x\n", key=None)
    assert ran.code == 3
    assert "authenticator" in ran.err
    assert assay(*words, "--one-time-code", "123456", stdin="x\n", key=None).code == 0
    assert gateway.asked("POST /v1/sessions")[-1].json["one_time_code"] == "123456"


SESSION = {
    "id": "s1", "method": "device", "user_agent": "assay", "address": "203.0.113.7", "organisation_id": "o1",
    "created_at": "2026-03-01T09:30:00Z", "last_used_at": None, "expires_at": None, "current": True,
}  # fmt: skip


def test_sessions_are_listed_and_closed(assay, gateway):
    gateway.on("GET /v1/sessions", {"items": [SESSION], "next_cursor": None})
    gateway.on("DELETE /v1/sessions/s1", None, 204)
    gateway.on("DELETE /v1/sessions", None, 204)
    ran = assay("sessions", "list")
    assert "this one" in ran.out
    assert "203.0.113.7" in ran.out
    assert assay("sessions", "revoke", "s1", "--json").json == {"revoked": "s1"}
    assert assay("sessions", "revoke", "--others").code == 0
    assert assay("sessions", "revoke").code == 2
    assert assay("sessions", "revoke", "s1", "--others").code == 2


MEMBER = {
    "user_id": "u1", "email": "ada@example.org", "name": "Ada", "role": "admin", "joined_at": None, "etag": "1",
}  # fmt: skip


def test_members_and_invitations(assay, gateway):
    invitation = {
        "id": "i1", "email": "bo@example.org", "role": "viewer", "teams": [], "status": "open", "invited_by": "u1",
        "created_at": None, "expires_at": "2026-03-08T09:30:00Z",
    }  # fmt: skip
    gateway.on("GET /v1/members", {"items": [MEMBER], "next_cursor": None})
    gateway.on("PATCH /v1/members/u1", MEMBER)
    gateway.on("DELETE /v1/members/u1", None, 204)
    gateway.on("POST /v1/invitations", invitation, 201)
    gateway.on("GET /v1/invitations", {"items": [invitation], "next_cursor": None})
    assert "ada@example.org" in assay("members", "list").out
    assert assay("members", "role", "u1", "admin", "--json").json == MEMBER
    assert gateway.asked("PATCH /v1/members/u1")[0].json == {"role": "admin"}
    assert assay("members", "role", "u1", "king").code == 2
    assert assay("members", "remove", "u1").code == 0
    assert "bo@example.org" in assay("invitations", "create", "bo@example.org", "--role", "viewer").out
    sent = gateway.asked("POST /v1/invitations")[0]
    assert sent.json == {"email": "bo@example.org", "role": "viewer", "teams": []}
    assert sent.headers["idempotency-key"]
    assert "open" in assay("invitations", "list", "--status", "open").out
    assert gateway.asked("GET /v1/invitations")[0].query == {"status": "open", "limit": "50"}


def test_teams_and_service_accounts(assay, gateway):
    team = {
        "id": "t1", "slug": "reviewers", "name": "Reviewers", "description": "", "member_count": 1, "created_at": None,
        "etag": "1",
    }  # fmt: skip
    account = {"id": "a1", "name": "ci", "description": "", "role": "viewer", "created_by": "u1", "created_at": None}
    gateway.on("POST /v1/teams", team, 201)
    gateway.on("GET /v1/teams/reviewers", team)
    gateway.on("GET /v1/teams/reviewers/members", {"items": [MEMBER], "next_cursor": None})
    gateway.on("PUT /v1/teams/reviewers/members/u1", MEMBER)
    gateway.on("POST /v1/service-accounts", {**account, "etag": "1"}, 201)
    assert assay("teams", "create", "reviewers", "--json").json == team
    assert assay("teams", "show", "reviewers", "--json").json == {**team, "members": [MEMBER]}
    assert "ada@example.org" in assay("teams", "add", "reviewers", "u1").out
    assert "a1" in assay("service-accounts", "create", "ci", "--role", "viewer").out


def test_a_key_is_limited_and_rotated(assay, gateway):
    made = {"api_key": {"id": "k2", "name": "ci"}, "secret": "assay_key_new"}
    gateway.on("POST /v1/api-keys", made, 201)
    gateway.on("POST /v1/api-keys/k1/rotate", made, 201)
    assay("key", "create", "ci", "--scope", "prompts:read", "--prompt", "triage", "--service-account", "a1")
    sent = gateway.asked("POST /v1/api-keys")[0].json
    assert (sent["prompts"], sent["service_account_id"]) == (["triage"], "a1")
    assert assay("key", "rotate", "k1", "--overlap", "1h").out == "assay_key_new\n"
    assert gateway.asked("POST /v1/api-keys/k1/rotate")[0].json == {"overlap_seconds": 3600}


def test_the_audit_trail_is_listed_exported_and_verified(assay, gateway, tmp_path):
    entry = {
        "sequence": 7, "id": "e1", "occurred_at": "2026-03-01T09:30:00Z", "actor": "u1", "actor_kind": "user",
        "action": "ApiKeyCreated", "target_kind": "api_key", "target": "k1", "address": "203.0.113.7",
        "request_id": "r", "data": {}, "hash": "ab",
    }  # fmt: skip
    lines = (json.dumps(entry) + "\n").encode() * 3
    verified = {"intact": True, "entries": 7, "first_broken": 0, "problem": "", "head_hash": "ab"}
    gateway.on("GET /v1/audit-trail", {"items": [entry], "next_cursor": None})
    gateway.on("GET /v1/audit-trail/export", lines)
    gateway.on("GET /v1/audit-trail/verification", verified)
    gateway.on(
        "GET /v1/audit-trail/verification", {**verified, "intact": False, "first_broken": 3, "problem": "changed"}
    )
    assert "ApiKeyCreated" in assay("audit-trail", "list", "--from", "2026-03-01T00:00:00Z").out
    assert gateway.seen[0].query == {"from": "2026-03-01T00:00:00Z", "limit": "50"}
    assert assay("audit-trail", "export").out == lines.decode()
    file = tmp_path / "trail.jsonl"
    assert assay("audit-trail", "export", "--output", str(file), "--json").json == {"file": str(file), "entries": 3}
    assert file.read_bytes() == lines
    assert assay("audit-trail", "verify").code == 0
    broken = assay("audit-trail", "verify")
    assert (broken.code, "changed" in broken.out) == (1, True)


def test_events_are_watched(assay, gateway):
    words = {"id": "e1", "type": "assay.prompt.v1.LabelMoved", "source": "prompt", "subject": "p1"}
    document = json.dumps({**words, "time": "2026-03-01T09:30:00Z", "data": {"label": "production"}})
    gateway.on("GET /v1/live", f"id: c1\ndata: {document}\n\n".encode(), content_type="text/event-stream")
    ran = assay("watch", "--topic", "prompt", "--count", "1")
    assert ran.code == 0, ran.err
    assert "LabelMoved label=production" in ran.out
    line = assay("watch", "--after", "c0", "--count", "1", "--json").json
    assert (line["kind"], line["cursor"], line["data"]) == ("event", "c1", {"label": "production"})
    first, second = gateway.asked("GET /v1/live")
    assert first.query == {"topics": "prompt"}
    assert second.headers["last-event-id"] == "c0"


def test_a_prompt_is_printed_while_the_gateway_is_away(assay, gateway, answers):
    gateway.on("GET /v1/prompts/triage/resolve", answers.version, etag='"v2"')
    assert assay("prompt", "get", "triage", "--label", "production").err == ""
    ran = assay("prompt", "get", "triage", "--label", "production", ASSAY_URL=gateway.url)
    assert gateway.seen[-1].headers["if-none-match"] == '"v2"'
    gateway.refuse("GET /v1/prompts/triage/resolve", 503, "UNAVAILABLE", "away")
    gateway.answers["GET", "/v1/prompts/triage/resolve"].pop(0)
    ran = assay("prompt", "get", "triage", "--label", "production")
    assert (ran.code, ran.out) == (0, "Say [b]one[/b] of {{ words }}\n")
    assert "does not answer: this is version 2" in ran.err
    for_programs = assay("prompt", "get", "triage", "--label", "production", "--json")
    assert for_programs.json == answers.version
    warning = json.loads(for_programs.err)
    assert warning["version"] == 2
    assert assay("prompt", "get", "triage", "--label", "staging").code == 3
