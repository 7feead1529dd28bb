"""Entity tags: what a change may name, and what an answer carries."""

import json

import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from assay_gateway.entrypoints.http.etags import IfMatchInvalid, asked_tag, tagged


@pytest.mark.parametrize(
    ("header", "tag"),
    [("", ""), ("*", ""), (' "7" ', "7"), ('W/"7"', "7"), ('"7.0123456789abcdef"', "7"), ('"a-b/c"', "a-b/c")],
)
def test_a_change_names_the_services_tag(header, tag):
    assert asked_tag(header) == tag


@pytest.mark.parametrize("header", ["7", '""', '"."', '".abc"', '"7', '"7", "8"', '"a b"', 'w/"7"', '"ä"'])
def test_what_is_not_one_tag_is_refused_rather_than_ignored(header):
    with pytest.raises(IfMatchInvalid):
        asked_tag(header)


def request(method="GET", **headers):
    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return Request({"type": "http", "method": method, "path": "/", "headers": raw})


def test_the_header_is_the_tag_and_a_digest_of_the_answer():
    first = tagged(request(), JSONResponse({"etag": "7", "members": 1})).headers["etag"]
    second = tagged(request(), JSONResponse({"etag": "7", "members": 2})).headers["etag"]
    assert first != second
    assert asked_tag(first) == asked_tag(second) == "7"


def test_a_reader_that_has_it_is_told_so():
    answer = {"etag": "7", "name": "x"}
    etag = tagged(request(), JSONResponse(answer)).headers["etag"]
    for asked in (etag, f"W/{etag}", f'"other", {etag}', "*"):
        again = tagged(request(if_none_match=asked), JSONResponse(answer, headers={"cache-control": "private"}))
        assert (again.status_code, again.body) == (304, b"")
        assert again.headers["etag"] == etag
        assert again.headers["cache-control"] == "private"
        assert "content-type" not in again.headers
    assert tagged(request(if_none_match='"7"'), JSONResponse(answer)).status_code == 200


def test_a_change_is_always_answered_in_full():
    assert tagged(request("PATCH", if_none_match="*"), JSONResponse({"etag": "7"})).status_code == 200


@pytest.mark.parametrize(
    "response",
    [
        JSONResponse({"etag": "7"}, 404),
        JSONResponse({"etag": None}),
        JSONResponse({"etag": "a b"}),
        Response(None, 204),
    ],
)
def test_what_has_no_tag_gets_none(response):
    before = json.dumps(dict(response.headers))
    assert json.dumps(dict(tagged(request(), response).headers)) == before
