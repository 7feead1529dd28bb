"""The client's own behaviour: what it repeats, when it renews tokens, what it makes of answers."""

from __future__ import annotations

import json
import stat
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from assay_cli.api import ATTEMPTS, Api, at
from assay_cli.credentials import Credentials, Session
from assay_cli.errors import ApiError, NotSignedIn, Unreachable, WrongUsage

URL = "https://gateway.test"


class Server:
    """Answers in turn, the last one for ever."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.requests = []

    def __call__(self, request):
        self.requests.append(request)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer(request) if callable(answer) else answer


def session(name="one", seconds=600):
    return Session("ada@example.org", f"access-{name}", expiry(seconds), f"refresh-{name}")


def expiry(seconds):
    return (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat()


def tokens(name, seconds=600):
    return {"access_token": f"access-{name}", "expires_at": expiry(seconds), "refresh_token": f"refresh-{name}"}


@pytest.fixture
def waits():
    return []


@pytest.fixture
def client(tmp_path, waits):
    def make(*answers, signed_in=None, key=None):
        environment = {"ASSAY_URL": URL} | ({"ASSAY_API_KEY": key} if key else {})
        credentials = Credentials(tmp_path / "config" / "credentials.json", environment)
        if signed_in is not None:
            credentials.remember(signed_in, URL)
        server = Server(*answers)
        api = Api(credentials, httpx.MockTransport(server), waits.append)
        return api, server

    return make


def test_a_busy_gateway_is_asked_again_after_the_time_it_names(client, waits):
    busy = httpx.Response(429, headers={"retry-after": "3"})
    api, server = client(busy, httpx.Response(503), httpx.Response(200, json={"ok": True}), key="k")
    assert api.get("/v1/me") == {"ok": True}
    assert waits == [3, 0.5]
    assert len(server.requests) == 3


def test_what_is_not_safe_to_repeat_is_not_repeated(client, waits):
    api, server = client(httpx.Response(503, headers={"retry-after": "1"}), key="k")
    with pytest.raises(ApiError):
        api.post("/v1/prompts", {"name": "a"})
    assert (len(server.requests), waits) == (1, [])


def test_patience_ends(client, waits):
    api, server = client(httpx.Response(503), key="k")
    with pytest.raises(ApiError):
        api.get("/v1/me")
    assert len(server.requests) == ATTEMPTS
    assert len(waits) == ATTEMPTS - 1


def test_nobody_waits_for_an_hour(client, waits):
    api, server = client(httpx.Response(429, headers={"retry-after": "3600"}), key="k")
    with pytest.raises(ApiError):
        api.get("/v1/me")
    assert (len(server.requests), waits) == (1, [])


def test_a_broken_connection_is_tried_again_only_where_that_is_safe(client, waits):
    api, server = client(httpx.ReadError("reset"), httpx.Response(200, json={}), key="k")
    assert api.get("/v1/me") == {}
    api, server = client(httpx.ReadError("reset"), key="k")
    with pytest.raises(Unreachable, match=r"gateway\.test does not answer"):
        api.post("/v1/prompts", {})
    assert len(server.requests) == 1


def test_an_api_key_wins_over_a_sign_in(client):
    api, server = client(httpx.Response(200, json={}), signed_in=session(), key="assay_key_x")
    api.get("/v1/me")
    assert server.requests[0].headers["authorization"] == "Bearer assay_key_x"


def test_an_old_token_is_renewed_before_it_is_used(client):
    answers = httpx.Response(201, json=tokens("two")), httpx.Response(200, json={})
    api, server = client(*answers, signed_in=session(seconds=5))
    api.get("/v1/me")
    assert json.loads(server.requests[0].content) == {"refresh_token": "refresh-one"}
    assert server.requests[1].headers["authorization"] == "Bearer access-two"
    assert api.credentials.session().refresh_token == "refresh-two"


def test_a_refused_token_is_renewed_once(client):
    answers = httpx.Response(401, json={}), httpx.Response(201, json=tokens("two")), httpx.Response(200, json={"a": 1})
    api, server = client(*answers, signed_in=session())
    assert api.get("/v1/me") == {"a": 1}
    assert [request.url.path for request in server.requests] == ["/v1/me", "/v1/sessions/refresh", "/v1/me"]


def test_tokens_that_another_process_renewed_are_taken_as_they_are(client):
    api, server = client(httpx.Response(200, json={}), signed_in=session(seconds=5))
    read = api.credentials.session

    def renewed_meanwhile():
        first = read()
        api.credentials.session = read
        api.credentials.remember(session("two"), URL)
        return first

    api.credentials.session = renewed_meanwhile
    api.get("/v1/me")
    assert [request.headers["authorization"] for request in server.requests] == ["Bearer access-two"]


def test_an_ended_session_is_forgotten(client):
    refused = httpx.Response(401, json={"title": "Refresh token reused", "detail": "this token was used already"})
    api, _ = client(refused, signed_in=session(seconds=5))
    with pytest.raises(NotSignedIn, match="used already"):
        api.get("/v1/me")
    assert api.credentials.session() is None


def test_without_credentials_nothing_is_sent(client):
    api, server = client(httpx.Response(200, json={}))
    with pytest.raises(NotSignedIn, match="assay login"):
        api.get("/v1/me")
    assert server.requests == []


def test_a_refused_api_key_is_no_reason_to_refresh(client):
    api, server = client(httpx.Response(401, json={"detail": "the key was revoked"}), signed_in=session(), key="k")
    with pytest.raises(NotSignedIn, match="ASSAY_API_KEY: the key was revoked"):
        api.get("/v1/me")
    assert len(server.requests) == 1


def test_pages_are_turned_until_there_is_enough(client):
    def page(request):
        begin = int(request.url.params.get("cursor", "0"))
        size = min(int(request.url.params["limit"]), 100)
        return httpx.Response(200, json={"items": list(range(begin, begin + size)), "next_cursor": str(begin + size)})

    api, server = client(page, key="k")
    assert api.items("/v1/runs", 250, prompt="a") == list(range(250))
    assert [request.url.params["limit"] for request in server.requests] == ["200", "150", "50"]
    assert all(request.url.params["prompt"] == "a" for request in server.requests)


def test_the_last_page_ends_a_list(client):
    api, _ = client(httpx.Response(200, json={"items": [1], "next_cursor": None}), key="k")
    assert api.items("/v1/runs") == [1]


def test_an_answer_that_is_no_problem_document_is_still_told(client):
    api, _ = client(httpx.Response(502, text="<html>bad gateway</html>", headers={"x-request-id": "r"}), key="k")
    with pytest.raises(ApiError) as caught:
        api.get("/v1/me")
    assert caught.value.title == "HTTP 502"
    assert "bad gateway" in caught.value.detail
    assert caught.value.problem["request_id"] == "r"


def test_names_are_quoted_in_paths():
    assert at("prompts", "a/b?c d") == "/v1/prompts/a%2Fb%3Fc%20d"


def test_each_gateway_has_its_own_session_in_a_file_for_the_owner_only(tmp_path):
    file = tmp_path / "config" / "credentials.json"
    Credentials(file, {}).remember(session("one"), "https://one.test/")
    Credentials(file, {}).remember(session("two"), "https://two.test")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert Credentials(file, {}).url == "https://two.test"
    first = Credentials(file, {"ASSAY_URL": "https://one.test"}).session()
    assert first is not None
    assert first.access_token == "access-one"
    assert Credentials(file, {"ASSAY_URL": "https://three.test"}).session() is None


def test_a_broken_credentials_file_is_named(tmp_path):
    file = tmp_path / "credentials.json"
    file.write_text("{")
    with pytest.raises(WrongUsage, match=r"credentials\.json"):
        _ = Credentials(file, {}).url
