"""Every route, once: what it asks of which service, and what it answers."""

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from assay.audit.v1 import audits_pb2
from assay.auth.v1 import audit_trail_pb2, sessions_pb2
from assay.prompt.v1 import prompts_pb2
from assay_common.errors import PermissionDenied
from assay_gateway.messages import to_json
from assay_protos.permissions import methods

ID = str(UUID(int=7))


@dataclass(frozen=True)
class Route:
    method: str
    path: str
    rpc: str
    asks: dict[str, Any]
    status: int = 200
    body: Any = None
    lists: str | None = None
    shows_message: bool = True
    headers: dict[str, str] = field(default_factory=dict)

    def __str__(self):
        return f"{self.method} {self.path}"


CONTENT = {"content": {"text": "Say {{ x }}"}, "commit_message": "first"}
CHAT = {"content": {"chat": {"messages": [{"role": "system", "content": "Be brief."}]}}}
RUN = {
    "prompt": "triage",
    "label": "production",
    "dataset": "messages",
    "model": "local/smollm2",
    "parameters": {"max_tokens": 8, "temperature": 0.5, "seed": 1, "stop": ["\n"]},
    "evaluators": [{"kind": "contains", "name": "has", "config": {"text": "yes"}}],
}
PAGE = {"page_size": 2, "page_token": "abc"}
UNCHANGED = {"if-match": '"7"'}
PASSWORD = "a long password"
KEY = {
    "name": "ci",
    "scopes": ["prompts:read"],
    "prompts": ["triage"],
    "repositories": ["shop"],
    "service_account_id": ID,
}
TRAIL = "actor=a&action=assay.auth&target=t&from=2026-03-01T00:00:00Z&to=2026-03-02T00:00:00Z"
FILTER = {
    "actor": "a",
    "action": "assay.auth",
    "target": "t",
    "from": "2026-03-01T00:00:00Z",
    "to": "2026-03-02T00:00:00Z",
}

ROUTES = [
    Route(
        "POST",
        "/v1/sessions",
        "SignIn",
        {"email": "a@b.org", "password": "secret", "organisation": "acme", "one_time_code": "123456"},
        status=201,
        body={"email": "a@b.org", "password": "secret", "organisation": "acme", "one_time_code": "123456"},
        shows_message=False,
    ),
    Route(
        "POST",
        "/v1/sessions/refresh",
        "RefreshTokens",
        {"refresh_token": "r", "organisation": ""},
        status=201,
        body={"refresh_token": "r"},
        shows_message=False,
    ),
    Route("POST", "/v1/sessions/revoke", "SignOut", {"refresh_token": "r"}, status=204, body={"refresh_token": "r"}),
    Route("GET", "/v1/sessions?limit=2&cursor=abc", "ListSessions", PAGE, lists="sessions"),
    Route("DELETE", f"/v1/sessions/{ID}", "RevokeSessions", {"id": ID}, status=204),
    Route("DELETE", "/v1/sessions", "RevokeSessions", {"id": ""}, status=204),
    Route("GET", "/v1/me", "WhoAmI", {}),
    Route(
        "POST",
        "/v1/accounts",
        "SignUp",
        {"email": "a@b.org", "name": "Ada", "password": PASSWORD, "invitation_token": "i"},
        status=202,
        body={"email": "a@b.org", "name": "Ada", "password": PASSWORD, "invitation_token": "i"},
        shows_message=False,
    ),
    Route("POST", "/v1/accounts/verification", "VerifyEmail", {"token": "t"}, status=204, body={"token": "t"}),
    Route(
        "POST",
        "/v1/accounts/verification/resend",
        "ResendVerification",
        {"email": "a@b.org"},
        status=202,
        body={"email": "a@b.org"},
        shows_message=False,
    ),
    Route(
        "POST",
        "/v1/accounts/password-reset",
        "RequestPasswordReset",
        {"email": "a@b.org"},
        status=202,
        body={"email": "a@b.org"},
        shows_message=False,
    ),
    Route(
        "POST",
        "/v1/accounts/password-reset/confirm",
        "ResetPassword",
        {"token": "t", "new_password": PASSWORD},
        status=204,
        body={"token": "t", "new_password": PASSWORD},
    ),
    Route("GET", "/v1/me/account", "GetAccount", {}),
    Route(
        "PATCH",
        "/v1/me/account",
        "UpdateAccount",
        {"name": "Ada", "etag": "7"},
        body={"name": "Ada"},
        headers=UNCHANGED,
    ),
    Route(
        "POST",
        "/v1/me/account/deactivate",
        "DeactivateAccount",
        {"password": "p", "one_time_code": ""},
        status=204,
        body={"password": "p"},
    ),
    Route(
        "POST",
        "/v1/me/password",
        "ChangePassword",
        {"current_password": "old", "new_password": PASSWORD},
        status=204,
        body={"current_password": "old", "new_password": PASSWORD},
    ),
    Route("POST", "/v1/me/totp", "EnrolTotp", {}, status=201),
    Route("POST", "/v1/me/totp/confirm", "ConfirmTotp", {"code": "123456"}, body={"code": "123456"}),
    Route("POST", "/v1/me/totp/disable", "DisableTotp", {"code": "123456"}, status=204, body={"code": "123456"}),
    Route("POST", "/v1/me/recovery-codes", "ReplaceRecoveryCodes", {"code": "123456"}, body={"code": "123456"}),
    Route("GET", "/v1/device/WDJB-MJHT", "DescribeDevice", {"user_code": "WDJB-MJHT"}),
    Route(
        "POST",
        "/v1/device/WDJB-MJHT/approve",
        "ApproveDevice",
        {"user_code": "WDJB-MJHT", "organisation": "acme"},
        status=204,
        body={"organisation": "acme"},
    ),
    Route(
        "POST",
        "/v1/device/WDJB-MJHT/approve",
        "ApproveDevice",
        {"user_code": "WDJB-MJHT", "organisation": ""},
        status=204,
    ),
    Route("POST", "/v1/device/WDJB-MJHT/deny", "DenyDevice", {"user_code": "WDJB-MJHT"}, status=204),
    Route(
        "POST",
        "/v1/organisations",
        "CreateOrganisation",
        {"slug": "acme", "name": ""},
        status=201,
        body={"slug": "acme"},
    ),
    Route("GET", "/v1/organisations?limit=2&cursor=abc", "ListOrganisations", PAGE, lists="organisations"),
    Route("GET", f"/v1/organisations/{ID}", "GetOrganisation", {"id": ID}),
    Route(
        "PATCH",
        f"/v1/organisations/{ID}",
        "UpdateOrganisation",
        {"id": ID, "name": "Acme", "etag": "7"},
        body={"name": "Acme"},
        headers=UNCHANGED,
    ),
    Route("POST", "/v1/organisations/{own}/transfer", "TransferOwnership", {"user_id": ID}, body={"user_id": ID}),
    Route("POST", "/v1/organisations/{own}/leave", "LeaveOrganisation", {}, status=204),
    Route(
        "POST",
        "/v1/invitations",
        "CreateInvitation",
        {"email": "g@b.org", "role": "member", "teams": ["reviewers"]},
        status=201,
        body={"email": "g@b.org", "role": "member", "teams": ["reviewers"]},
    ),
    Route(
        "GET",
        "/v1/invitations?limit=2&cursor=abc&status=open",
        "ListInvitations",
        {**PAGE, "status": "open"},
        lists="invitations",
    ),
    Route("GET", "/v1/invitations", "ListInvitations", {"status": None}, lists="invitations"),
    Route("DELETE", f"/v1/invitations/{ID}", "RevokeInvitation", {"id": ID}, status=204),
    Route("POST", "/v1/invitations/describe", "DescribeInvitation", {"token": "t"}, body={"token": "t"}),
    Route("POST", "/v1/invitations/accept", "AcceptInvitation", {"token": "t"}, body={"token": "t"}),
    Route(
        "POST",
        "/v1/teams",
        "CreateTeam",
        {"slug": "reviewers", "name": "", "description": "d"},
        status=201,
        body={"slug": "reviewers", "description": "d"},
    ),
    Route("GET", "/v1/teams?limit=2&cursor=abc", "ListTeams", PAGE, lists="teams"),
    Route("GET", "/v1/teams/reviewers", "GetTeam", {"team": "reviewers"}),
    Route(
        "PATCH",
        "/v1/teams/reviewers",
        "UpdateTeam",
        {"team": "reviewers", "name": None, "description": "", "etag": "7"},
        body={"description": ""},
        headers=UNCHANGED,
    ),
    Route(
        "DELETE", "/v1/teams/reviewers", "DeleteTeam", {"team": "reviewers", "etag": "7"}, status=204, headers=UNCHANGED
    ),
    Route(
        "GET",
        "/v1/teams/reviewers/members?limit=2&cursor=abc",
        "ListTeamMembers",
        {"team": "reviewers", **PAGE},
        lists="members",
    ),
    Route("PUT", f"/v1/teams/reviewers/members/{ID}", "AddTeamMember", {"team": "reviewers", "user_id": ID}),
    Route(
        "DELETE",
        f"/v1/teams/reviewers/members/{ID}",
        "RemoveTeamMember",
        {"team": "reviewers", "user_id": ID},
        status=204,
    ),
    Route(
        "POST",
        "/v1/service-accounts",
        "CreateServiceAccount",
        {"name": "ci", "description": "", "role": "member"},
        status=201,
        body={"name": "ci", "role": "member"},
    ),
    Route("GET", "/v1/service-accounts?limit=2&cursor=abc", "ListServiceAccounts", PAGE, lists="service_accounts"),
    Route("GET", f"/v1/service-accounts/{ID}", "GetServiceAccount", {"id": ID}),
    Route(
        "PATCH",
        f"/v1/service-accounts/{ID}",
        "UpdateServiceAccount",
        {"id": ID, "name": "ci", "description": None, "role": None, "etag": "7"},
        body={"name": "ci"},
        headers=UNCHANGED,
    ),
    Route(
        "DELETE",
        f"/v1/service-accounts/{ID}",
        "DeleteServiceAccount",
        {"id": ID, "etag": "7"},
        status=204,
        headers=UNCHANGED,
    ),
    Route(
        "GET",
        f"/v1/audit-trail?limit=2&cursor=abc&{TRAIL}",
        "ListEntries",
        {**PAGE, "filter": FILTER},
        lists="entries",
    ),
    Route("GET", "/v1/audit-trail/verification", "VerifyTrail", {}),
    Route("GET", f"/v1/members/{ID}", "GetMember", {"user_id": ID}),
    Route("GET", "/v1/members?limit=2&cursor=abc", "ListMembers", PAGE, lists="members"),
    Route(
        "POST",
        "/v1/members",
        "AddMember",
        {"email": "g@b.org", "name": "Grace", "role": "admin", "password": "a long password"},
        status=201,
        body={"email": "g@b.org", "name": "Grace", "role": "admin", "password": "a long password"},
    ),
    Route(
        "PATCH",
        f"/v1/members/{ID}",
        "ChangeRole",
        {"user_id": ID, "role": "viewer", "etag": "7"},
        body={"role": "viewer"},
        headers=UNCHANGED,
    ),
    Route("DELETE", f"/v1/members/{ID}", "RemoveMember", {"user_id": ID, "etag": "7"}, status=204, headers=UNCHANGED),
    Route(
        "GET",
        f"/v1/api-keys?limit=2&cursor=abc&service_account_id={ID}",
        "ListApiKeys",
        {**PAGE, "service_account_id": ID},
        lists="api_keys",
    ),
    Route("POST", "/v1/api-keys", "CreateApiKey", KEY, status=201, body=KEY),
    Route(
        "POST",
        f"/v1/api-keys/{ID}/rotate",
        "RotateApiKey",
        {"id": ID, "overlap_seconds": 60},
        status=201,
        body={"overlap_seconds": 60},
    ),
    Route("POST", f"/v1/api-keys/{ID}/rotate", "RotateApiKey", {"id": ID, "overlap_seconds": 0}, status=201),
    Route(
        "POST",
        "/v1/api-keys",
        "CreateApiKey",
        {"name": "ci", "scopes": ["prompts:read"], "expires_at": "2027-01-01T00:00:00Z"},
        status=201,
        body={"name": "ci", "scopes": ["prompts:read"], "expires_at": "2027-01-01T01:00:00+01:00"},
    ),
    Route("DELETE", f"/v1/api-keys/{ID}", "RevokeApiKey", {"id": ID}, status=204),
    Route(
        "POST",
        "/v1/prompts",
        "CreatePrompt",
        {"name": "triage", "description": "d", "visibility": None},
        status=201,
        body={"name": "triage", "description": "d"},
    ),
    Route(
        "POST",
        "/v1/prompts",
        "CreatePrompt",
        {"name": "triage", "visibility": "private"},
        status=201,
        body={"name": "triage", "visibility": "private"},
    ),
    Route(
        "PATCH",
        "/v1/prompts/triage",
        "UpdatePrompt",
        {"prompt": "triage", "description": None, "visibility": "public", "etag": "7"},
        body={"visibility": "public"},
        headers=UNCHANGED,
    ),
    Route(
        "GET",
        "/v1/prompts?limit=2&cursor=abc&name_prefix=tri",
        "ListPrompts",
        {**PAGE, "name_prefix": "tri"},
        lists="prompts",
    ),
    Route("GET", "/v1/prompts/triage", "GetPrompt", {"prompt": "triage"}),
    Route(
        "POST",
        "/v1/prompts/triage/versions",
        "PublishVersion",
        {"prompt": "triage", "content": {"text": "Say {{ x }}", "chat": None}, "commit_message": "first"},
        status=201,
        body=CONTENT,
    ),
    Route(
        "POST",
        "/v1/prompts/triage/versions",
        "PublishVersion",
        {"content": {"text": None, "chat": {"messages": [{"role": "system", "content": "Be brief."}]}}},
        status=201,
        body=CHAT,
    ),
    Route(
        "GET",
        "/v1/prompts/triage/versions?limit=2&cursor=abc",
        "ListVersions",
        {"prompt": "triage", **PAGE},
        lists="versions",
    ),
    Route(
        "PUT",
        "/v1/prompts/triage/labels/production",
        "SetLabel",
        {"prompt": "triage", "label": "production", "version": 2, "etag": "7"},
        body={"version": 2},
        headers=UNCHANGED,
    ),
    Route(
        "DELETE",
        "/v1/prompts/triage/labels/production",
        "RemoveLabel",
        {"prompt": "triage", "label": "production", "etag": "7"},
        status=204,
        headers=UNCHANGED,
    ),
    Route(
        "GET",
        "/v1/prompts/triage/resolve",
        "ResolveVersion",
        {"prompt": "triage", "label": "", "version": 0},
    ),
    Route(
        "GET",
        "/v1/prompts/triage/resolve?label=production",
        "ResolveVersion",
        {"prompt": "triage", "label": "production", "version": 0},
    ),
    Route(
        "GET",
        "/v1/prompts/triage/resolve?version=3",
        "ResolveVersion",
        {"prompt": "triage", "label": "", "version": 3},
    ),
    Route(
        "GET",
        "/v1/prompts/triage/history?limit=2&cursor=abc",
        "ListHistory",
        {"prompt": "triage", **PAGE},
        lists="entries",
    ),
    Route("POST", "/v1/datasets", "CreateDataset", {"name": "d"}, status=201, body={"name": "d"}),
    Route(
        "POST",
        "/v1/datasets",
        "CreateDataset",
        {"name": "d", "visibility": "public"},
        status=201,
        body={"name": "d", "visibility": "public"},
    ),
    Route(
        "PATCH",
        "/v1/datasets/d",
        "UpdateDataset",
        {"dataset": "d", "description": "x", "visibility": None, "etag": "7"},
        body={"description": "x"},
        headers=UNCHANGED,
    ),
    Route("GET", "/v1/datasets?limit=2&cursor=abc", "ListDatasets", PAGE, lists="datasets"),
    Route("GET", "/v1/datasets/d", "GetDataset", {"dataset": "d"}),
    Route(
        "GET",
        "/v1/datasets/d/items?version=3&limit=2&cursor=abc",
        "ListItems",
        {"dataset": "d", "version": 3, **PAGE},
        lists="items",
    ),
    Route(
        "POST",
        "/v1/runs",
        "CreateRun",
        {
            "prompt": "triage",
            "label": "production",
            "version": 0,
            "dataset": "messages",
            "dataset_version": 0,
            "model": "local/smollm2",
            "parameters": {"max_tokens": 8, "temperature": 0.5, "seed": 1, "stop": ["\n"]},
            "evaluators": [{"name": "has", "kind": "contains", "config": {"text": "yes"}}],
        },
        status=201,
        body=RUN,
    ),
    Route(
        "GET",
        "/v1/runs?limit=2&cursor=abc&prompt=triage",
        "ListRuns",
        {**PAGE, "prompt": "triage"},
        lists="runs",
    ),
    Route("GET", f"/v1/runs/{ID}", "GetRun", {"id": ID}),
    Route("POST", f"/v1/runs/{ID}/cancel", "CancelRun", {"id": ID}),
    Route("GET", f"/v1/runs/{ID}/results?limit=2&cursor=abc", "ListResults", {"run_id": ID, **PAGE}, lists="results"),
    Route("GET", "/v1/models", "ListModels", {}, lists="models"),
    Route(
        "POST",
        "/v1/comparisons",
        "CreateComparison",
        {"baseline_run_id": "a", "candidate_run_id": "b", "primary_evaluator": ""},
        status=201,
        body={"baseline_run_id": "a", "candidate_run_id": "b"},
    ),
    Route("GET", f"/v1/comparisons/{ID}", "GetComparison", {"id": ID}),
    Route(
        "POST",
        f"/v1/comparisons/{ID}/gate",
        "DecideGate",
        {"comparison_id": ID, "label": "production", "policy": "not_worse"},
        status=201,
        body={"label": "production", "policy": "not_worse"},
    ),
    Route("GET", f"/v1/gate-decisions/{ID}", "GetGateDecision", {"id": ID}),
    Route(
        "POST", "/v1/repositories", "CreateRepository", {"name": "shop", "url": ""}, status=201, body={"name": "shop"}
    ),
    Route("GET", "/v1/repositories?limit=2&cursor=abc", "ListRepositories", PAGE, lists="repositories"),
    Route("GET", "/v1/repositories/shop", "GetRepository", {"repository": "shop"}),
    Route(
        "PATCH",
        "/v1/repositories/shop",
        "UpdateRepository",
        {"repository": "shop", "url": "https://git.example.org/shop.git", "etag": "7"},
        body={"url": "https://git.example.org/shop.git"},
        headers=UNCHANGED,
    ),
    Route(
        "POST",
        "/v1/audits",
        "StartAudit",
        {"repository": "shop", "commit": ""},
        status=201,
        body={"repository": "shop"},
    ),
    Route(
        "GET",
        "/v1/audits?limit=2&cursor=abc&repository=shop",
        "ListAudits",
        {**PAGE, "repository": "shop"},
        lists="audits",
    ),
    Route("GET", f"/v1/audits/{ID}", "GetAudit", {"id": ID}),
    Route(
        "GET",
        f"/v1/audits/{ID}/findings?kind=strict&minimum_severity=warning&limit=2&cursor=abc",
        "ListFindings",
        {"audit_id": ID, "kind": "strict", "minimum_severity": "warning", **PAGE},
        lists="findings",
    ),
    Route(
        "GET",
        "/v1/analytics/summary?from=2026-03-01T00:00:00Z&to=2026-03-02T00:00:00Z",
        "GetSummary",
        {"from": "2026-03-01T00:00:00Z", "to": "2026-03-02T00:00:00Z"},
    ),
]


@pytest.mark.parametrize("route", ROUTES, ids=str)
async def test_a_route_asks_its_service_and_shows_the_answer(route, client, backend, fill, org):
    path = route.path.replace("{own}", str(org))
    answered = await client.request(route.method, path, json=route.body, headers=route.headers)
    assert answered.status_code == route.status, answered.text
    assert _part_of(route.asks, to_json(backend.asked(route.rpc)[0]))
    if route.status == 204:
        assert answered.content == b""
        return
    assert answered.headers["content-type"] == "application/json"
    if route.shows_message:
        shown = _answer_of(route.rpc, fill)
        if route.lists:
            shown = {"items": shown[route.lists], "next_cursor": shown.get("next_page_token")}
        assert answered.json() == shown


ELSEWHERE = {
    "ExchangeApiKey": "admission asks it for every API key (test_authentication)",
    "GetJwks": "GET /.well-known/jwks.json (below)",
    "ResolveVersion": "the hot read (above, and test_prompt_cache)",
    "RenderVersion": "POST /v1/prompts/{prompt}/render (below)",
    "ListUsage": "GET /v1/analytics/usage (below)",
    "ListEventCounts": "GET /v1/analytics/events (below)",
    "ExportSarif": "GET /v1/audits/{audit_id}/sarif (below)",
    "ExportEntries": "GET /v1/audit-trail/export (below)",
    "ImportItems": "POST /v1/datasets/{dataset}/items (test_uploads)",
    "UploadBundle": "POST /v1/repositories/{repository}/bundles (test_uploads)",
    "ListProviders": "GET /v1/sso/providers (test_single_sign_on)",
    "BeginSignOn": "GET /v1/sso/{provider}/authorize (test_single_sign_on)",
    "CompleteSignOn": "GET /v1/sso/callback (test_single_sign_on)",
    "StartDeviceAuthorization": "POST /oauth/device_authorization (test_oauth)",
    "PollDeviceToken": "POST /oauth/token (test_oauth)",
    "BatchGetPrompts": "GraphQL's loaders (test_graphql)",
    "BatchGetVersions": "GraphQL's loaders (test_graphql)",
    "BatchGetDatasets": "GraphQL's loaders (test_graphql)",
    "BatchGetRuns": "GraphQL's loaders (test_graphql)",
    "BatchGetRepositories": "GraphQL's loaders (test_graphql)",
    "BatchGetLatestAudits": "GraphQL's loaders (test_graphql)",
}
"""RPCs that the table above does not ask, and what does."""


def test_every_rpc_is_reachable():
    offered = {path.rpartition("/")[2] for path in methods() if not path.startswith("/grpc.")}
    reached = {route.rpc for route in ROUTES}
    assert offered - reached - ELSEWHERE.keys() == set()
    assert ELSEWHERE.keys() <= offered


UNTABLED = {
    "get_jwks",
    "render_prompt",
    "list_usage",
    "list_event_counts",
    "export_sarif",
    "export_audit_trail",
    "import_items",
    "upload_bundle",
    "list_sign_on_providers",
    "begin_sign_on",
    "complete_sign_on",
    "start_device_authorization",
    "issue_token",
}


async def test_every_operation_is_in_the_table(gateway):
    document = (await gateway.http.get("/openapi.json")).json()
    tabled = {(route.method, route.path.partition("?")[0]) for route in ROUTES}
    for path, operations in document["paths"].items():
        pattern = re.compile(re.sub(r"\{\w+\}", "[^/]+", path))
        for method, operation in operations.items():
            if operation["operationId"] not in UNTABLED and path.startswith("/v1/") and "live" not in path:
                found = [at for verb, at in tabled if verb == method.upper() and pattern.fullmatch(at)]
                assert found, f"{method} {path}"


async def test_only_the_own_organisation_can_be_left_or_handed_over(client, backend):
    for path, body in ((f"/v1/organisations/{ID}/leave", None), (f"/v1/organisations/{ID}/transfer", {"user_id": ID})):
        answered = await client.post(path, json=body)
        assert (answered.status_code, answered.json()["reason"]) == (404, "ORGANISATION_NOT_FOUND")
    assert not backend.asked("LeaveOrganisation") and not backend.asked("TransferOwnership")


async def test_the_audit_trail_is_exported_as_it_comes(client, backend):
    backend.answers["ExportEntries"] = [
        audit_trail_pb2.EntriesChunk(data=b'{"sequence":1}\n'),
        audit_trail_pb2.EntriesChunk(data=b'{"sequence":2}\n'),
    ]
    answered = await client.get(f"/v1/audit-trail/export?{TRAIL}")
    assert answered.headers["content-type"] == "application/jsonl"
    assert 'filename="audit-trail.jsonl"' in answered.headers["content-disposition"]
    assert answered.text == '{"sequence":1}\n{"sequence":2}\n'
    assert to_json(backend.asked("ExportEntries")[0]) == {"filter": FILTER}


async def test_a_refused_export_is_a_problem(client, backend):
    backend.answers["ExportEntries"] = PermissionDenied("no")
    answered = await client.get("/v1/audit-trail/export")
    assert answered.status_code == 403
    assert answered.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/me/totp", None),
        ("/v1/me/totp/confirm", {"code": "123456"}),
        ("/v1/me/recovery-codes", {"code": "123456"}),
        ("/v1/api-keys", KEY),
        (f"/v1/api-keys/{ID}/rotate", None),
        ("/v1/sessions/refresh", {"refresh_token": "r"}),
    ],
)
async def test_secrets_are_not_to_be_kept(path, body, client):
    assert (await client.post(path, json=body)).headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    ("path", "body", "pointer"),
    [
        ("/v1/teams", {"slug": "Upper"}, "/slug"),
        ("/v1/teams", {"slug": "ok", "name": "x" * 201}, "/name"),
        ("/v1/prompts", {"name": "with space"}, "/name"),
        ("/v1/prompts", {"name": "a", "visibility": "secret"}, "/visibility"),
        ("/v1/service-accounts", {"name": "a", "role": "owner"}, "/role"),
        ("/v1/accounts", {"email": "a@b.org", "name": "A", "password": "short"}, "/password"),
        ("/v1/api-keys", {"name": "a", "scopes": []}, "/scopes"),
        ("/v1/api-keys", {"name": "a", "scopes": ["prompts:read"], "prompts": ["x"] * 51}, "/prompts"),
        (f"/v1/api-keys/{ID}/rotate", {"overlap_seconds": 31 * 24 * 3600}, "/overlap_seconds"),
        ("/v1/invitations", {"email": "a@b.org", "role": "boss"}, "/role"),
        ("/v1/audits", {"repository": "shop", "commit": "main"}, "/commit"),
    ],
)
async def test_what_no_service_would_take_is_refused_at_the_door(path, body, pointer, client, backend):
    answered = await client.post(path, json=body)
    assert answered.status_code == 422
    assert [error["pointer"] for error in answered.json()["errors"]] == [pointer]
    assert {call.rpc for call in backend.calls} <= {"GetJwks"}


def _part_of(asked, request):
    assert {name: request[name] for name in asked} == asked
    return True


def _answer_of(rpc, fill):
    method = next(method for path, method in methods().items() if path.endswith(f"/{rpc}"))
    return to_json(fill(method.output_type))


async def test_a_session_is_shown_with_its_times(client, backend):
    body = {"email": "a@b.org", "password": "x"}
    answered = await client.post("/v1/sessions", json=body)
    session = answered.json()
    assert answered.headers["cache-control"] == "no-store"
    assert session == {
        "access_token": "a access_token",
        "token_type": "Bearer",
        "expires_in": 0,
        "expires_at": "2026-03-01T09:30:00Z",
        "organisation_id": ID,
        "refresh_token": "a refresh_token",
        "refresh_expires_at": "2026-03-01T09:30:00Z",
    }


async def test_a_session_without_an_organisation_says_null(client, backend, fill):
    backend.answers["SignIn"] = sessions_pb2.Tokens(access=sessions_pb2.AccessToken(access_token="t"))
    answered = await client.post("/v1/sessions", json={"email": "a@b.org", "password": "x"})
    assert answered.json()["organisation_id"] is None


async def test_usage_is_listed_by_the_hour_or_day(client, backend):
    answered = await client.get("/v1/analytics/usage", params={"granularity": "day"})
    assert answered.status_code == 200
    assert answered.json()["items"][0]["start"] == "2026-03-01T09:30:00Z"
    assert to_json(backend.asked("ListUsage")[0]) == {"from": None, "to": None, "granularity": "day"}


async def test_event_counts_are_listed(client, backend):
    since = datetime(2026, 3, 1, tzinfo=UTC).isoformat()
    answered = await client.get("/v1/analytics/events", params={"from": since})
    assert answered.json() == {"items": [{"type": "a type", "count": 7}]}
    assert to_json(backend.asked("ListEventCounts")[0])["from"] == "2026-03-01T00:00:00Z"


async def test_rendering_gives_the_messages(client, backend):
    body = {"label": "production", "variables": {"x": "y", "deep": {"n": [1, 2.5, None, True]}}}
    answered = await client.post("/v1/prompts/triage/render", json=body)
    assert answered.status_code == 422  # The filled answer names a missing variable.
    answer = prompts_pb2.RenderVersionResponse(
        version=prompts_pb2.Version(number=2, content=prompts_pb2.Content(text="{{ x }}")),
        renderings=[prompts_pb2.Rendering(messages=[prompts_pb2.ChatMessage(role="user", content="y")])],
    )
    backend.answers["RenderVersion"] = answer
    answered = await client.post("/v1/prompts/triage/render", json=body)
    assert answered.status_code == 200
    assert answered.json()["messages"] == [{"role": "user", "content": "y"}]
    assert answered.json()["version"]["number"] == 2
    asked = to_json(backend.asked("RenderVersion")[-1])
    assert asked == {"prompt": "triage", "label": "production", "version": 0, "variables": [body["variables"]]}


async def test_missing_variables_are_named(client, backend):
    backend.answers["RenderVersion"] = prompts_pb2.RenderVersionResponse(
        renderings=[prompts_pb2.Rendering(missing_variables=["a", "b/c"])]
    )
    answered = await client.post("/v1/prompts/triage/render", json={"variables": {}})
    assert answered.status_code == 422
    problem = answered.json()
    assert problem["reason"] == "MISSING_VARIABLES"
    assert problem["missing_variables"] == ["a", "b/c"]
    assert [error["pointer"] for error in problem["errors"]] == ["/variables/a", "/variables/b~1c"]


async def test_the_last_page_has_no_cursor(client, backend):
    backend.answers["ListPrompts"] = prompts_pb2.ListPromptsResponse()
    assert (await client.get("/v1/prompts")).json() == {"items": [], "next_cursor": None}
    assert backend.asked("ListPrompts")[0].page_size == 50


async def test_sarif_is_streamed(client, backend):
    backend.answers["ExportSarif"] = [
        audits_pb2.SarifChunk(chunk=b'{"version":'),
        audits_pb2.SarifChunk(chunk=b'"2.1.0"}'),
    ]
    answered = await client.get(f"/v1/audits/{ID}/sarif")
    assert answered.headers["content-type"] == "application/sarif+json"
    assert answered.json() == {"version": "2.1.0"}


async def test_the_keys_are_public(gateway, issuer):
    answered = await gateway.http.get("/.well-known/jwks.json")
    assert answered.status_code == 200
    assert answered.text == issuer.jwks()


async def test_a_name_with_odd_characters_arrives_as_it_is(client, backend):
    await client.get("/v1/prompts/a%20b%C3%A9.c")
    assert backend.asked("GetPrompt")[0].prompt == "a bé.c"
