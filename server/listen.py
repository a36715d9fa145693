"""The listening socket: small send buffers, and dead peers noticed by the kernel."""

import contextlib
import socket
from pathlib import Path

from protocol import limits

BACKLOG = 2048


def listen(host: str, port: int, unix_socket: str = "") -> socket.socket:
    """Return a bound socket; accepted connections inherit its options. Raises OSError."""
    if unix_socket:
        bound = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        with contextlib.suppress(FileNotFoundError):
            Path(unix_socket).unlink()
        bound.bind(unix_socket)
    else:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        bound = socket.socket(family, socket.SOCK_STREAM)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, limits.SOCKET_SEND_BUFFER_BYTES)
        if hasattr(socket, "TCP_USER_TIMEOUT"):
            bound.setsockopt(
                socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, limits.TCP_USER_TIMEOUT_MS
            )
        bound.bind((host, port))
    bound.listen(BACKLOG)
    bound.setblocking(False)
    return bound
