"""Addresses of hosts, by the system's resolver."""

import asyncio
import socket
from collections.abc import Sequence


class SystemResolver:
    """The port `Resolver`."""

    async def addresses(self, host: str, port: int) -> Sequence[str]:
        """All of them, IPv4 and IPv6, without zones; none when the host is unknown."""
        try:
            found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (socket.gaierror, UnicodeError):
            return []
        return sorted({str(address[0]).partition("%")[0] for *_, address in found})
