import json

import grpc
import pytest

from assay_common.errors import NotFound, Violation
from assay_common.logs import bound_request_id
from assay_common.rpc.errors import RemoteError
from assay_gateway.entrypoints.http.error_handlers import problem_of
from assay_gateway.entrypoints.http.problems import HTTP_STATUS, from_http, from_status, pointer


class VersionNotFound(NotFound):
    pass


@pytest.mark.parametrize(("status", "http"), list(HTTP_STATUS.items()))
def test_a_status_with_a_reason_keeps_its_words(status, http):
    problem = from_status(RemoteError(status, "SOME_RULE", "some words", {"name": "x"}, ()))
    assert (problem.status, problem.reason, problem.detail, problem.extra) == (
        http,
        "SOME_RULE",
        "some words",
        {"name": "x"},
    )


@pytest.mark.parametrize("status", [code for code in grpc.StatusCode if code not in HTTP_STATUS])
def test_every_other_status_is_our_mistake_and_tells_nothing(status):
    problem = from_status(RemoteError(status, status.name, "connect to 10.0.0.1: secret", {"host": "10.0.0.1"}, ()))
    assert (problem.status, problem.reason, problem.detail, problem.extra) == (500, "INTERNAL", "internal error", {})


@pytest.mark.parametrize("status", list(HTTP_STATUS))
def test_words_that_no_service_of_ours_wrote_are_not_repeated(status):
    problem = from_status(RemoteError(status, status.name, "ipv4:10.0.0.1:50051: connection refused", {}, ()))
    assert "10.0.0.1" not in problem.detail
    assert problem.reason == status.name


def test_the_document():
    with bound_request_id("r-1"):
        error = RemoteError(
            grpc.StatusCode.INVALID_ARGUMENT,
            "BAD_CHAT",
            "the chat is wrong",
            {"status": "must not be overwritten", "name": "x"},
            (Violation("content.chat.messages[1].role", "unknown role"), Violation("page_token", "is no cursor")),
        )
        response = from_status(error).response("/v1/prompts/x/versions")
    assert response.media_type == "application/problem+json"
    assert json.loads(response.body) == {
        "type": "https://assay.dev/problems/bad-chat",
        "title": "Bad chat",
        "status": 422,
        "detail": "the chat is wrong",
        "instance": "/v1/prompts/x/versions",
        "request_id": "r-1",
        "reason": "BAD_CHAT",
        "errors": [
            {"pointer": "/content/chat/messages/1/role", "detail": "unknown role"},
            {"pointer": "/cursor", "detail": "is no cursor"},
        ],
        "name": "x",
    }


def test_an_error_of_this_program_is_told_by_the_same_table():
    problem = problem_of(VersionNotFound("there is no version 7", version="7"))
    assert (problem.status, problem.reason, problem.extra) == (404, "VERSION_NOT_FOUND", {"version": "7"})


@pytest.mark.parametrize(
    ("reason", "challenge"),
    [
        ("TOKEN_MISSING", 'Bearer realm="assay"'),
        ("TOKEN_EXPIRED", 'Bearer realm="assay", error="invalid_token"'),
    ],
)
def test_401_challenges(reason, challenge):
    response = from_status(RemoteError(grpc.StatusCode.UNAUTHENTICATED, reason, "no", {}, ())).response("/")
    assert response.headers["www-authenticate"] == challenge


@pytest.mark.parametrize("status", [grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.RESOURCE_EXHAUSTED])
def test_what_may_work_later_says_when(status):
    assert from_status(RemoteError(status, status.name, "", {}, ())).response("/").headers["retry-after"] == "1"


def test_a_service_says_itself_when():
    refused = RemoteError(grpc.StatusCode.RESOURCE_EXHAUSTED, "TOO_MANY_ATTEMPTS", "wait", {"retry_after": "64"}, ())
    assert from_status(refused).response("/").headers["retry-after"] == "64"


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (404, "NOT_FOUND"),
        (405, "METHOD_NOT_ALLOWED"),
        (413, "PAYLOAD_TOO_LARGE"),
        (415, "UNSUPPORTED_MEDIA_TYPE"),
    ],
)
def test_problems_of_http_itself(status, reason):
    assert from_http(status).reason == reason


@pytest.mark.parametrize(
    ("path", "expected"),
    [("", ""), ("name", "/name"), ("a[0].b", "/a/0/b"), ("page_size", "/limit"), ("odd/name~", "/odd~1name~0")],
)
def test_pointers(path, expected):
    assert pointer(path) == expected
