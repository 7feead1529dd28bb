"""What is sent again and when, with real connections; the same of both clients."""

from __future__ import annotations

import threading

import httpx
import pytest

from assay_client import Assay, InMemory, NotSignedIn, Problem, Unreachable


def test_a_busy_gateway_is_asked_again_after_the_time_it_names(connect, server, answer, problem):
    server.says(
        problem(429, "RATE_LIMITED", retry_after="3"), problem(503, "BUSY", retry_after="1"), answer(200, {"a": 1})
    )
    client, waits = connect(api_key="k")
    assert client.sessions.get_me() == {"a": 1}
    assert len(server.seen) == 3
    assert 3 <= waits[0] <= 3.25
    assert 1 <= waits[1] <= 1.25


def test_a_post_is_repeated_under_one_idempotency_key(connect, server, answer, problem):
    server.says(answer(breaks=True), problem(503, "BUSY", retry_after="1"), answer(201, {"id": "p1"}))
    client, _ = connect(api_key="k")
    assert client.prompts.create_prompt({"name": "triage"}) == {"id": "p1"}
    assert [each.json for each in server.seen] == [{"name": "triage"}] * 3
    keys = {each.headers["idempotency-key"] for each in server.seen}
    assert len(keys) == 1
    client.prompts.create_prompt({"name": "other"})
    assert server.seen[-1].headers["idempotency-key"] not in keys
    client.prompts.create_prompt({"name": "other"}, idempotency_key="mine")
    assert server.seen[-1].headers["idempotency-key"] == "mine"


def test_a_change_is_repeated_only_if_it_names_the_state_it_changes(connect, server, answer):
    client, _ = connect(api_key="k")
    server.says(answer(breaks=True), answer(200, {}))
    with pytest.raises(Unreachable):
        client.teams.update_team("t", {"name": "x"})
    server.says(answer(breaks=True), answer(200, {}))
    client.teams.update_team("t", {"name": "x"}, etag="7")
    assert [each.headers.get("if-match") for each in server.seen] == [None, '"7"', '"7"']


def test_patience_ends(connect, server, problem):
    server.says(problem(503, "BUSY"))
    client, waits = connect(api_key="k")
    with pytest.raises(Problem) as caught:
        client.sessions.get_me()
    assert (caught.value.status, caught.value.reason, caught.value.request_id) == (503, "BUSY", "req-1")
    assert (len(server.seen), len(waits)) == (4, 3)


def test_nobody_waits_for_an_hour(connect, server, problem):
    server.says(problem(429, "RATE_LIMITED", retry_after="3600"))
    client, waits = connect(api_key="k")
    with pytest.raises(Problem):
        client.sessions.get_me()
    assert (len(server.seen), waits) == (1, [])


def test_a_gateway_that_is_not_there_is_unreachable(connect):
    client, waits = connect(api_key="k", url="http://127.0.0.1:1")
    with pytest.raises(Unreachable):
        client.sessions.get_me()
    assert len(waits) == 3


def test_a_refusal_says_what_is_wrong_where(connect, server, answer):
    errors = [{"pointer": "/name", "detail": "is missing"}]
    server.says(answer(422, {"title": "Invalid", "detail": "no", "reason": "INVALID_REQUEST", "errors": errors}))
    client, _ = connect(api_key="k")
    with pytest.raises(Problem, match="no") as caught:
        client.prompts.create_prompt({})
    assert caught.value.errors == errors
    assert len(server.seen) == 1


def test_an_answer_that_is_no_problem_document_is_still_told(connect, server, answer):
    server.says(answer(500, b"<html>oh</html>"))
    client, _ = connect(api_key="k")
    with pytest.raises(Problem, match="oh") as caught:
        client.sessions.get_me()
    assert caught.value.request_id == "req-1"


def test_an_old_token_is_renewed_before_it_is_used(connect, server, answer, session, tokens):
    server.says(answer(201, tokens("two")), answer(200, {}))
    store = InMemory(session(seconds=5))
    client, _ = connect(session=store)
    client.sessions.get_me()
    assert [each.path for each in server.seen] == ["/v1/sessions/refresh", "/v1/me"]
    assert server.seen[0].json == {"refresh_token": "refresh-one"}
    assert "authorization" not in server.seen[0].headers
    assert server.seen[1].headers["authorization"] == "Bearer access-two"
    assert store.load().refresh_token == "refresh-two"


def test_a_token_that_was_taken_away_is_renewed_once(connect, server, answer, problem, session, tokens):
    changed = problem(401, "MEMBERSHIP_CHANGED")
    server.says(changed, answer(201, tokens("two")), answer(200, {"a": 1}))
    client, _ = connect(session=InMemory(session()))
    assert client.sessions.get_me() == {"a": 1}
    server.says(changed, answer(201, tokens("three")), changed)
    with pytest.raises(Problem, match="MEMBERSHIP_CHANGED"):
        client.sessions.get_me()
    assert [each.path for each in server.seen].count("/v1/sessions/refresh") == 2


def test_an_ended_session_is_forgotten(connect, server, problem, session):
    server.says(problem(401, "REFRESH_TOKEN_REUSED", "this token was used already"))
    store = InMemory(session(seconds=5))
    client, _ = connect(session=store)
    with pytest.raises(NotSignedIn, match="used already"):
        client.sessions.get_me()
    assert store.load() is None
    with pytest.raises(NotSignedIn):
        client.sessions.get_me()


def test_a_refresh_whose_answer_is_lost_is_not_repeated(connect, server, answer, session):
    # The token works once: a second time would close the session.
    server.says(answer(breaks=True))
    client, _ = connect(session=InMemory(session(seconds=5)))
    with pytest.raises(Unreachable):
        client.sessions.get_me()
    assert len(server.seen) == 1


def test_a_refused_api_key_is_no_reason_to_refresh(connect, server, problem):
    server.says(problem(401, "KEY_REVOKED"))
    client, _ = connect(api_key="k")
    with pytest.raises(Problem, match="KEY_REVOKED"):
        client.sessions.get_me()
    assert len(server.seen) == 1


def test_pages_are_turned_until_there_is_enough(connect, server, answer):
    def page(request):
        begin, size = int(request.query.get("cursor", "0")), min(int(request.query["limit"]), 100)
        items = list(range(begin, begin + size))
        return answer(200, {"items": items, "next_cursor": str(begin + size) if begin + size < 400 else None})

    server.says(page)
    client, _ = connect(api_key="k")
    assert list(client.runs.iterate_runs(prompt="a", limit=250)) == list(range(250))
    assert [each.query["limit"] for each in server.seen] == ["200", "150", "50"]
    assert all(each.query["prompt"] == "a" for each in server.seen)
    assert list(client.runs.iterate_runs()) == list(range(400))


def test_a_file_goes_up_in_pieces_and_is_not_sent_twice(connect, server, answer, problem):
    server.says(answer(201, {"digest": "d"}))
    client, _ = connect(api_key="k")
    pieces = (b"one", b"two")
    assert client.repositories.upload_bundle("a/b c", iter(pieces), "application/x-git-bundle") == {"digest": "d"}
    assert (server.seen[0].body, server.seen[0].path) == (b"onetwo", "/v1/repositories/a%2Fb%20c/bundles")
    assert server.seen[0].headers["content-type"] == "application/x-git-bundle"
    server.says(problem(503, "BUSY", retry_after="1"))
    with pytest.raises(Problem):
        client.repositories.upload_bundle("r", iter(pieces), "application/x-git-bundle")
    assert len(server.seen) == 2


def test_a_person_signs_in_and_out(connect, server, answer, tokens):
    client, _ = connect()
    with pytest.raises(NotSignedIn):
        client.sessions.get_me()
    server.says(answer(201, tokens("one")), answer(200, {}), answer(204))
    client.sign_in("ada@example.org", "words", one_time_code="123456")
    client.sessions.get_me()
    assert client.sign_out() is True
    assert client.sign_out() is False
    first, second, third = server.seen
    assert first.json == {"email": "ada@example.org", "password": "words", "one_time_code": "123456"}
    assert second.headers["authorization"] == "Bearer access-one"
    assert third.json == {"refresh_token": "refresh-one"}


def oauth(answer, error, status=400):
    return answer(status, {"error": error, "error_description": error})


BEGUN = {
    "device_code": "secret", "user_code": "WDJB-MJHT", "verification_uri": "http://x/device", "interval": 5,
    "verification_uri_complete": "http://x/device?user_code=WDJB-MJHT", "expires_in": 600,
}  # fmt: skip


def test_a_device_waits_until_it_is_approved(connect, server, answer, tokens):
    client, waits = connect()
    granted = {name: value for name, value in tokens("one").items() if name != "expires_at"}
    server.says(
        answer(200, BEGUN), oauth(answer, "authorization_pending"), oauth(answer, "slow_down"), answer(200, granted),
        answer(200, {"a": 1}),
    )  # fmt: skip
    device = client.begin_device_sign_in("assay on laptop")
    assert (device.user_code, device.verification_uri_complete) == ("WDJB-MJHT", BEGUN["verification_uri_complete"])
    assert "secret" not in repr(device)
    client.finish_device_sign_in(device)
    assert waits == [5, 5, 10]
    assert client.sessions.get_me() == {"a": 1}
    assert server.seen[-1].headers["authorization"] == "Bearer access-one"
    assert b"device_code=secret" in server.seen[1].body


@pytest.mark.parametrize(
    ("error", "words"), [("access_denied", "refused"), ("expired_token", "in time")], ids=["refused", "too late"]
)
def test_a_device_that_is_not_approved_is_told_why(connect, server, answer, error, words):
    client, _ = connect()
    server.says(answer(200, BEGUN), oauth(answer, error))
    with pytest.raises(NotSignedIn, match=words):
        client.finish_device_sign_in(client.begin_device_sign_in("assay"))


def test_many_threads_renew_a_session_once(server, answer, session, tokens):
    def respond(request):
        if request.path == "/v1/sessions/refresh":
            return answer(201, tokens("two"))
        return answer(200, {})

    server.says(respond)
    with Assay(server.url, session=InMemory(session(seconds=5))) as client:
        threads = [threading.Thread(target=client.sessions.get_me) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert [each.path for each in server.seen].count("/v1/sessions/refresh") == 1


def test_who_the_caller_is_can_be_named_without_a_secret(session):
    with Assay(api_key="assay_secret") as client:
        assert "assay_secret" not in client.transport.identity.scope()
    assert "access" not in repr(session())


def test_options_reach_httpx():
    with Assay("https://gateway.test", api_key="k", transport=httpx.MockTransport(lambda _: httpx.Response(204))) as it:
        it.prompts.remove_label("p", "production")
