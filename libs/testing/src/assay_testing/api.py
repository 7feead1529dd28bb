"""A caller of the gateway's HTTP API with an organisation of its own."""

from __future__ import annotations

import time
from collections.abc import Callable
from secrets import token_hex
from typing import Any
from uuid import uuid4

import httpx

PATIENCE = 60.0
"""Seconds that a condition may take to hold."""
EVERY = 0.1
"""Seconds between two looks at it."""


class Api:
    """The API as an owner of a fresh organisation sees it; `key` gives callers who may do less."""

    def __init__(self, url: str, email: str, password: str) -> None:
        self.url = url
        self._credentials = {"email": email, "password": password}
        self.address = f"2001:db8:{token_hex(2)}:{token_hex(2)}::1"
        """Where its requests come from, as a proxy would say it: tests do not use up each other's rates."""
        self.http = httpx.Client(base_url=url, timeout=30, headers={"x-forwarded-for": self.address})
        signed_in = self.post("/v1/sessions", self._credentials)
        self.http.headers["authorization"] = f"Bearer {signed_in['access_token']}"
        self.organisation = self.post("/v1/organisations", {"slug": f"test-{uuid4().hex[:12]}"})
        tokens = self.post("/v1/sessions/refresh", self._refresh(signed_in))
        self.http.headers["authorization"] = f"Bearer {tokens['access_token']}"
        self.secrets = [password, signed_in["access_token"], signed_in["refresh_token"]]
        self.secrets += [tokens["access_token"], tokens["refresh_token"]]

    def _refresh(self, session: dict[str, Any]) -> dict[str, Any]:
        return {"refresh_token": session["refresh_token"], "organisation": self.organisation["id"]}

    def get(self, path: str, **query: Any) -> Any:
        """The JSON of a successful GET; raises AssertionError with the problem otherwise."""
        return _good(self.http.get(path, params=query)).json()

    def post(self, path: str, body: Any = None, **query: Any) -> Any:
        """The JSON of a successful POST."""
        return _good(self.http.post(path, json=body, params=query)).json()

    def put(self, path: str, body: Any) -> Any:
        """The JSON of a successful PUT."""
        return _good(self.http.put(path, json=body)).json()

    def upload(self, path: str, content: bytes, media_type: str, **query: Any) -> Any:
        """The JSON of a successful upload."""
        return _good(self.http.post(path, content=content, headers={"content-type": media_type}, params=query)).json()

    def key(self, *scopes: str) -> str:
        """The secret of a new API key."""
        secret: str = self.post("/v1/api-keys", {"name": f"key-{uuid4().hex[:6]}", "scopes": list(scopes)})["secret"]
        self.secrets.append(secret)
        return secret

    def with_key(self, *scopes: str) -> httpx.Client:
        """A client that signs in with a new API key."""
        headers = {"authorization": f"Bearer {self.key(*scopes)}", "x-forwarded-for": self.address}
        return httpx.Client(base_url=self.url, timeout=30, headers=headers)

    def prompt(self, name: str, *texts: str) -> Any:
        """A prompt with a version for each text."""
        made = self.post("/v1/prompts", {"name": name})
        for text in texts:
            self.post(f"/v1/prompts/{name}/versions", {"content": {"text": text}})
        return made

    def dataset(self, name: str, lines: str) -> Any:
        """A dataset with one version, from JSONL."""
        made = self.post("/v1/datasets", {"name": name})
        self.upload(f"/v1/datasets/{name}/items", lines.encode(), "application/x-ndjson")
        return made

    def finished(self, path: str, patience: float = PATIENCE, every: float = EVERY) -> Any:
        """A run or an audit run, once it has ended."""
        return eventually(lambda: self.get(path), lambda thing: thing["finished_at"] is not None, patience, every)


def eventually(
    read: Callable[[], Any], holds: Callable[[Any], bool], patience: float = PATIENCE, every: float = EVERY
) -> Any:
    """What `read` gives once the condition holds for it; raises AssertionError with the last value otherwise."""
    give_up_at = time.monotonic() + patience
    while not holds(value := read()):
        if time.monotonic() > give_up_at:
            raise AssertionError(f"did not hold within {patience:g} s: {value}")
        time.sleep(every)
    return value


def _good(response: httpx.Response) -> httpx.Response:
    if not response.is_success:
        request = response.request
        raise AssertionError(f"{request.method} {request.url}: {response.status_code} {response.text}")
    return response
