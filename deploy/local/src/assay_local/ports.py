"""Choosing free TCP ports, on the loopback address unless another is named, and saying who holds a taken one."""

import contextlib
import random
import socket

import psutil

from assay_local.errors import PortTaken

HOST = "127.0.0.1"
# Below the range from which Linux (32768) and macOS (49152) take the local ports of outgoing connections: a client that
# keeps calling a stopped server inside that range sooner or later connects to itself and so holds the server's port.
_CHOICE = range(20_000, 32_000)


def is_free(port: int, host: str = HOST) -> bool:
    """Whether a server could listen on the port of the address now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # As servers do: a port whose last connections are still in TIME_WAIT counts as free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
        return True


def free_port(*, avoid: set[int], host: str = HOST) -> int:
    """A port that is free now on the loopback address and on `host`, and not in `avoid`.

    Raises:
        PortTaken: a hundred tries in a row met a taken port.
    """
    for port in random.sample(_CHOICE, 100):
        if port not in avoid and is_free(port) and (host == HOST or is_free(port, host)):
            return port
    raise PortTaken(
        f"No free port found between {_CHOICE.start} and {_CHOICE.stop}; close some programs and try again."
    )


def ensure_free(port: int, *, wanted_by: str, remedy: str, host: str = HOST) -> None:
    """Check that the port can be listened on.

    Raises:
        PortTaken: it cannot; the message names the holder, where the system tells, and the remedy.
    """
    if not is_free(port, host):
        raise PortTaken(f"Port {port}, wanted by {wanted_by}, is taken{_holder(port)}. {remedy}")


def _holder(port: int) -> str:
    with contextlib.suppress(psutil.Error):
        for each in psutil.net_connections("tcp"):
            if each.status == psutil.CONN_LISTEN and each.laddr and each.laddr.port == port and each.pid:
                command = " ".join(psutil.Process(each.pid).cmdline())[:120]
                return f" by process {each.pid} ({command})"
    return ""
