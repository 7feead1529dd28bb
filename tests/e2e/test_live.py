"""The live feed of the whole suite, and what auth takes away."""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

WITHIN = 1.0
"""Seconds in which a revocation must have reached the gateway."""


@contextmanager
def listen(api: Any, token: str, after: str = "") -> Iterator[ClientConnection]:
    """A listener on the events of prompts, greeted."""
    url = f"{api.url.replace('http', 'ws', 1)}/ws/live?topics=prompt&after={after}"
    with connect(url, additional_headers={"authorization": f"Bearer {token}"}, proxy=None) as listener:
        assert json.loads(listener.recv(timeout=30))["type"] == "subscribed"
        yield listener


def next_event(listener: ClientConnection) -> dict[str, Any]:
    """The next message that is an event."""
    while (message := json.loads(listener.recv(timeout=30)))["type"] != "event":
        pass
    return dict(message)


def open_session(stack: Any, api: Any) -> dict[str, Any]:
    """Another session of the caller, in the caller's organisation."""
    credentials = {"email": stack.admin_email, "password": stack.admin_password}
    return dict(api.post("/v1/sessions", {**credentials, "organisation": api.organisation["id"]}))


def test_a_listener_is_cut_off_and_hears_the_rest(api):
    key = api.key("prompts:read")
    with listen(api, key) as listener:
        api.prompt("first", "One")
        told = [next_event(listener) for _ in range(2)]
    assert [each["event"]["type"].rsplit(".", 1)[1] for each in told] == ["PromptCreated", "VersionPublished"]
    api.prompt("second", "Two")
    with listen(api, key, told[0]["id"]) as listener:
        names = [next_event(listener)["event"]["data"]["name"] for _ in range(3)]
    assert names == ["first", "second", "second"]


@pytest.mark.parametrize("how", ["signed out", "closed from another session"])
def test_a_closed_session_stops_working_within_a_second(stack, api, how):
    assert statistics.median(seconds_to_close(stack, api, how) for _ in range(3)) < WITHIN


def seconds_to_close(stack: Any, api: Any, how: str) -> float:
    """How long a closed session can still be used; its listener is told, too."""
    session = open_session(stack, api)
    headers = {"authorization": f"Bearer {session['access_token']}", "x-forwarded-for": api.address}
    with httpx.Client(base_url=api.url, headers=headers) as http, listen(api, session["access_token"]) as listener:
        assert http.get("/v1/me").status_code == 200
        if how == "signed out":
            answered = http.post("/v1/sessions/revoke", json={"refresh_token": session["refresh_token"]})
        else:
            answered = api.http.delete(f"/v1/sessions/{http.get('/v1/me').json()['session_id']}")
        assert answered.status_code == 204, answered.text
        closed_at = time.monotonic()
        while (answered := http.get("/v1/me")).status_code == 200:
            assert time.monotonic() - closed_at < 30
        took = time.monotonic() - closed_at
        assert answered.json()["reason"] == "SESSION_ENDED"
        with pytest.raises(ConnectionClosed) as ended:
            while True:
                listener.recv(timeout=30)
    assert ended.value.rcvd.code == 4001
    return took
