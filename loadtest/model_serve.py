"""Serving the stand-in: on loopback only, as a process of its own or beside a test."""

import asyncio
import ipaddress
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import uvicorn

from loadtest.model import Standin
from runtime.lifecycle import Tasks


class NotLoopback(Exception):  # noqa: N818 - reads as a sentence where it is raised
    """The stand-in answers without checking anybody: it is bound to this machine only."""


def listen(host: str, port: int) -> socket.socket:
    """Return a socket listening on loopback (0 = a free port); raises NotLoopback or OSError."""
    address = "127.0.0.1" if host == "localhost" else host
    try:
        loopback = ipaddress.ip_address(address).is_loopback
    except ValueError:
        loopback = False
    if not loopback:
        raise NotLoopback(f"{host} is not a loopback address")
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    # Named in full: asyncio turns Nagle's delay off for sockets that say that they are TCP only.
    sock = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((address, port))
        sock.listen(1024)
    except OSError:
        sock.close()
        raise
    return sock


def url_of(sock: socket.socket) -> str:
    """Return the base URL of a listening socket."""
    host, port = sock.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


class _Server(uvicorn.Server):
    """A server beside others in one process: signals are the process's own business."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def server(app: Standin, *, own_process: bool) -> uvicorn.Server:
    """Return the server for a stand-in; with `own_process` it handles the signals itself."""
    config = uvicorn.Config(
        app,
        lifespan="off",
        ws="none",
        log_config=None,
        log_level="critical",  # ordered resets are no news
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=1,
    )
    return uvicorn.Server(config) if own_process else _Server(config)


class Door:
    """A stand-in that can be taken away, and brought back to the same address."""

    def __init__(self, app: Standin) -> None:
        """Nobody listens before `open`."""
        self._app = app
        self._port = 0
        self._tasks = Tasks("standin door")
        self._running: tuple[uvicorn.Server, asyncio.Task[None]] | None = None

    async def open(self) -> str:
        """Listen, at the same port as before, and return the base URL."""
        sock = listen("127.0.0.1", self._port)
        self._port = sock.getsockname()[1]
        running = server(self._app, own_process=False)
        self._running = (running, self._tasks.start(running.serve(sockets=[sock])))
        return url_of(sock)

    async def shut(self) -> None:
        """Refuse connections from now on, and break those that there are."""
        if self._running is None:
            return
        (running, task), self._running = self._running, None
        for one in running.servers:
            one.close()
        for connection in list(running.server_state.connections):
            if connection.transport is not None:
                connection.transport.abort()
        running.should_exit = running.force_exit = True
        await asyncio.wait({task}, timeout=5)


@asynccontextmanager
async def serving(app: Standin, *, port: int = 0) -> AsyncIterator[str]:
    """Serve a stand-in inside this process and yield its base URL; for tests and benches."""
    sock = listen("127.0.0.1", port)
    running = server(app, own_process=False)
    async with Tasks("standin server") as tasks:
        task = tasks.start(running.serve(sockets=[sock]))
        try:
            yield url_of(sock)
        finally:
            running.should_exit = True
            running.force_exit = True
            await asyncio.wait({task}, timeout=5)
            sock.close()
