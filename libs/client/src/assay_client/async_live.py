"""The live feed for programs on asyncio; see `live`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

import httpx
from httpx_sse import EventSource

from assay_client.async_transport import AsyncTransport
from assay_client.errors import AssayError
from assay_client.live import Event, Following, Gap


async def follow(transport: AsyncTransport, topics: Sequence[str], after: str | None) -> AsyncIterator[Event | Gap]:
    """Everything from now on, or from `after` on, whatever becomes of the connection."""
    following = Following(topics, after)
    while True:
        failure: Exception | None = None
        try:
            answer = await transport.send(following.call())
            try:
                async for said in EventSource(answer).aiter_sse():
                    heard = following.hear(said)
                    if heard is not None:
                        yield heard
            finally:
                await answer.aclose()
        except (AssayError, httpx.TransportError) as error:
            failure = error
        await transport.wait(following.pause_after(failure))
