"""A relay that ends TLS: before a server which cannot itself."""

import asyncio
import contextlib
import ssl
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from assay_local.ports import HOST
from assay_local.tls import Tls


class Identity:
    """Who a relay says that it is; another certificate holds for connections from then on."""

    def __init__(self, issued: Tls) -> None:
        self.context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self.change(issued)

    def change(self, issued: Tls) -> None:
        """Be somebody else; who is connected already stays so."""
        self.context.load_cert_chain(issued.certificate, issued.key)


@asynccontextmanager
async def tls_in_front_of(port: int, identity: Identity) -> AsyncIterator[int]:
    """The port of a relay that ends TLS and passes everything on to the server on `port`."""

    async def copied(source: StreamReader, target: StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while chunk := await source.read(65536):
                target.write(chunk)
                await target.drain()
        target.close()

    async def relayed(reader: StreamReader, writer: StreamWriter) -> None:
        onwards_reader, onwards_writer = await asyncio.open_connection(HOST, port)
        await asyncio.gather(copied(reader, onwards_writer), copied(onwards_reader, writer))

    server = await asyncio.start_server(relayed, HOST, 0, ssl=identity.context)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
