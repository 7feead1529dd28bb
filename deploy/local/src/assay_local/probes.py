"""Asking a server on the loopback address how it is."""

import asyncio

from assay_local.ports import HOST

_TIMEOUT_SECONDS = 3


async def always() -> bool:
    """For what has no health to ask for: running is all."""
    return True


async def ask(port: int, request: bytes) -> bytes:
    """Send the request and return the first line of the answer; empty when there is no server or no answer."""
    try:
        async with asyncio.timeout(_TIMEOUT_SECONDS):
            reader, writer = await asyncio.open_connection(HOST, port)
            try:
                writer.write(request)
                return await reader.readline()
            finally:
                writer.close()
    except (OSError, TimeoutError):
        return b""


async def listens(port: int) -> bool:
    """Whether a connection is taken."""
    try:
        _, writer = await asyncio.open_connection(HOST, port)
    except OSError:
        return False
    writer.close()
    return True


async def http_ok(port: int, path: str) -> bool:
    """Whether GET of the path is answered with status 200."""
    answer = await ask(port, f"GET {path} HTTP/1.1\r\nHost: {HOST}:{port}\r\nConnection: close\r\n\r\n".encode())
    return answer.split(b" ")[1:2] == [b"200"]
