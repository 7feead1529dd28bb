"""The live feed over real connections that break."""

from __future__ import annotations

import json
import logging
from itertools import islice

import pytest

from assay_client import Event, Gap, InMemory, Problem, Unreachable


def told(number, words="x"):
    data = {"id": f"e{number}", "type": "assay.prompt.v1.LabelMoved", "source": "prompt", "subject": "p1"}
    document = {**data, "time": "2026-03-01T09:30:00Z", "data": {"words": words}}
    return f"id: c{number}\ndata: {json.dumps(document, ensure_ascii=False)}\n\n"


def stream(answer, *parts):
    return answer(200, "".join(parts).encode(), {"content-type": "text/event-stream"})


def test_events_go_on_where_the_connection_broke(connect, server, answer, caplog):
    server.says(
        stream(answer, "retry: 2000\nid: c0\n\n", told(1), told(2, "a\u2028b\u0085c")),
        answer(breaks=True),
        stream(answer, ": ping\nid: c5\n\n"),
        stream(answer, told(6)),
    )
    client, waits = connect(api_key="k")
    heard = list(islice(client.events(["prompt", "audit"]), 3))
    assert [each.id for each in heard] == ["e1", "e2", "e6"]
    assert all(isinstance(each, Event) for each in heard)
    assert heard[1].data == {"words": "a\u2028b\u0085c"}
    assert (heard[2].cursor, heard[2].time.year) == ("c6", 2026)
    asked = [each.headers.get("last-event-id") for each in server.seen]
    # What broke without an answer is asked again at once by the transport; a ping moves the place as well.
    assert asked == [None, "c2", "c2", "c5"]
    assert {each.query["topics"] for each in server.seen} == {"prompt,audit"}
    assert all(waits)


def test_a_gap_is_told(connect, server, answer):
    server.says(stream(answer, 'id: c9\nevent: gap\ndata: {"detail": "read again"}\n\n'))
    client, _ = connect(api_key="k")
    assert next(iter(client.events(after="c1"))) == Gap("c9", "read again")
    assert server.seen[0].headers["last-event-id"] == "c1"


def test_a_feed_whose_token_ran_out_goes_on_with_a_new_one(connect, server, answer, session, tokens, problem):
    end = 'event: end\ndata: {"code": 4001, "reason": "the token has expired"}\n\n'
    server.says(
        stream(answer, told(1), end), problem(401, "TOKEN_EXPIRED"), answer(201, tokens("two")), stream(answer, told(2))
    )
    client, _ = connect(session=InMemory(session()))
    assert [each.id for each in islice(client.events(), 2)] == ["e1", "e2"]
    assert server.seen[-1].headers["authorization"] == "Bearer access-two"


def test_a_gateway_that_restarts_is_waited_for(connect, server, answer, problem, caplog):
    busy = [problem(503, "GOING_AWAY")] * 12
    server.says(stream(answer, told(1)), *busy, stream(answer, told(2)))
    client, waits = connect(api_key="k")
    with caplog.at_level(logging.WARNING, "assay_client"):
        assert [each.id for each in islice(client.events(), 2)] == ["e1", "e2"]
    assert len(server.seen) == 14
    assert max(waits) <= 30


def test_a_refusal_ends_it(connect, server, answer, problem):
    server.says(stream(answer, told(1)), problem(403, "FORBIDDEN"))
    client, _ = connect(api_key="k")
    events = iter(client.events())
    next(events)
    with pytest.raises(Problem, match="FORBIDDEN"):
        next(events)


def test_a_feed_that_never_began_is_not_waited_for(connect):
    client, _ = connect(api_key="k", url="http://127.0.0.1:1")
    with pytest.raises(Unreachable):
        next(iter(client.events()))


def test_a_trail_is_read_piece_by_piece(connect, server, answer, problem):
    server.says(answer(200, b'{"sequence": 1}\n{"sequence": 2}\n'), problem(403, "FORBIDDEN"))
    client, _ = connect(api_key="k")
    assert b"".join(client.audit_trail.export_audit_trail(actor="a")).count(b"\n") == 2
    assert server.seen[0].query == {"actor": "a"}
    with pytest.raises(Problem, match="FORBIDDEN"):
        list(client.audit_trail.export_audit_trail())
