"""Asking a server how it is."""

import asyncio

from assay_local.ports import HOST

_TIMEOUT_SECONDS = 3


async def always() -> bool:
    """For what has no health to ask for: running is all."""
    return True


async def ask(port: int, request: bytes, host: str = HOST, *, lines: int = 1) -> bytes:
    """Send the request and return the last of so many lines of answer; empty when there is no server or no answer."""
    try:
        async with asyncio.timeout(_TIMEOUT_SECONDS):
            reader, writer = await asyncio.open_connection(host, port)
            try:
                writer.write(request)
                return [await reader.readline() for _ in range(lines)][-1]
            finally:
                writer.close()
    except (OSError, TimeoutError):
        return b""


async def listens(port: int, host: str = HOST) -> bool:
    """Whether a connection is taken."""
    try:
        _, writer = await asyncio.open_connection(host, port)
    except OSError:
        return False
    writer.close()
    return True


async def http_ok(port: int, path: str, host: str = HOST) -> bool:
    """Whether GET of the path is answered with status 200."""
    request = f"GET {path} HTTP/1.1\r\nHost: {host}:{port}\r\nConnection: close\r\n\r\n"
    answer = await ask(port, request.encode(), host)
    return answer.split(b" ")[1:2] == [b"200"]
