"""What every group of synchronous operations is built on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from typing import Any

from assay_client.call import Call
from assay_client.transport import Transport

PAGE = 200
"""The largest page that the gateway gives."""


class Resource:
    """A group of operations."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def _json(self, call: Call) -> Any:
        return self._transport.send(call).json()

    def _bytes(self, call: Call) -> bytes:
        return self._transport.send(call).content

    def _pieces(self, call: Call) -> Iterator[bytes]:
        with closing(self._transport.send(replace(call, stream=True))) as answer:
            yield from answer.iter_bytes()

    def _nothing(self, call: Call) -> None:
        self._transport.send(call)

    def _items(self, call: Call, limit: int | None) -> Iterator[Any]:
        cursor: str | None = None
        left = limit
        while left is None or left > 0:
            page = self._json(page_of(call, left, cursor))
            yield from page["items"]
            cursor = page["next_cursor"]
            left = left and left - len(page["items"])
            if cursor is None:
                return


def page_of(call: Call, left: int | None, cursor: str | None) -> Call:
    """The call for the next page of a list of which `left` items are wanted (None = all)."""
    size = PAGE if left is None else min(PAGE, left)
    return replace(call, query={**call.query, "limit": size, "cursor": cursor})
