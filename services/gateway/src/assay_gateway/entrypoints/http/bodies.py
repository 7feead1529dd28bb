"""What a request brings along: its kind, its size, and how long it may take to arrive."""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import Callable
from typing import Final

from fastapi.params import Form
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import Message

MAX_JSON_BYTES: Final = 1024 * 1024
"""Largest JSON body; routes that take files have their own limits."""

_JSON: Final = re.compile(r"application/(.+\+)?json")
_FORM: Final = re.compile(r"application/x-www-form-urlencoded|multipart/form-data")


def media_type_of(request: Request) -> str:
    """The media type of the body without its parameters, in lower case; empty when none is given."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def kind_check(route: APIRoute) -> Callable[[Request], None]:
    """What ensures that a body is of the kind that a route takes: JSON, a form, or whatever there is."""
    if route.body_field is None:
        return lambda _request: None
    return _ensure_form if isinstance(route.body_field.field_info, Form) else _ensure_json


def _ensure_json(request: Request) -> None:
    if _has_body(request) and not _JSON.fullmatch(media_type_of(request)):
        raise HTTPException(415, "the body must be application/json")


def _ensure_form(request: Request) -> None:
    if _has_body(request) and not _FORM.fullmatch(media_type_of(request)):
        raise HTTPException(415, "the body must be application/x-www-form-urlencoded")


def _has_body(request: Request) -> bool:
    """An absent body is left to validation."""
    return request.headers.get("content-length", "0") != "0" or "transfer-encoding" in request.headers


class Body:
    """The body of a request on its way in: counted, timed and hashed as it passes.

    Reading raises HTTPException: 413 once it is longer than `max_bytes`, at once when it is announced as longer; 408
    when nothing comes for `idle_seconds`, or when it is not whole `whole_seconds` after the first reading.
    """

    def __init__(self, request: Request, *, max_bytes: int, idle_seconds: float, whole_seconds: float) -> None:
        if int(request.headers.get("content-length", "0")) > max_bytes:
            raise HTTPException(413)
        self.request = Request(request.scope, self._receive)
        """The request, to be read from here on."""
        self._source = request
        self._left = max_bytes
        self._idle_seconds = idle_seconds
        self._whole_seconds = whole_seconds
        self._due_at: float | None = None
        self._is_whole = False
        # What is asked depends on these too.
        self._hash = hashlib.sha256(media_type_of(request).encode() + b"\0" + request.scope["query_string"] + b"\0")

    def digest(self) -> bytes | None:
        """SHA-256 over query, media type and body; None until all of the body was read."""
        return self._hash.digest() if self._is_whole else None

    async def read_to_its_end(self) -> bytes:
        """The digest, after throwing away what was not read yet."""
        while not self._is_whole:
            if (await self._receive())["type"] == "http.disconnect":
                break
        return self._hash.digest()

    async def _receive(self) -> Message:
        loop = asyncio.get_running_loop()
        if self._due_at is None:
            self._due_at = loop.time() + self._whole_seconds
        try:
            async with asyncio.timeout_at(min(self._due_at, loop.time() + self._idle_seconds)) as limit:
                if self._is_whole:
                    limit.reschedule(None)  # A wait for the client to go away.
                message = await self._source.receive()
        except TimeoutError:
            raise HTTPException(408, "the body did not arrive in time") from None
        if message["type"] == "http.request":
            part: bytes = message.get("body", b"")
            self._left -= len(part)
            if self._left < 0:
                raise HTTPException(413)
            self._hash.update(part)
            self._is_whole = not message.get("more_body", False)
        return message
