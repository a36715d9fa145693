"""Running a server process: listen, serve, and on SIGTERM move the sessions away first."""

import asyncio
import contextlib
import gc
from collections.abc import Iterator
from typing import Final

import uvicorn

from protocol import limits
from protocol.faults import Fault
from runtime.lifecycle import Stack, Tasks, calm_gc, stop_event
from runtime.logs import Log
from runtime.settings import Settings
from server.app import Role, Server, compose
from server.connection import Handshake
from server.listen import listen

GRACE_SECONDS: Final = 2
log = Log("server.serve")


class _Uvicorn(uvicorn.Server):
    """uvicorn without its own signal handling: it would cut every socket with 1012."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def serve(settings: Settings, role: Role) -> None:
    """Serve until SIGTERM or SIGINT; every session has moved or is durable by then."""
    stop = stop_event()
    sockets = [listen(settings.host, settings.port, settings.unix_socket)]
    async with Stack() as stack:
        server = await compose(settings, role, stack)
        http = _Uvicorn(_config(server))
        calm_gc()
        tasks = stack.add(Tasks("serve"), lambda it: it.close())
        serving = tasks.start(http.serve(sockets=sockets))
        stopping = tasks.start(stop.wait())
        log.info("serving", role=role, port=settings.port, instance=_name(server))
        await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if not serving.done():
            await _drain(server)
        await server.events.close()  # else the streams that are open keep uvicorn waiting
        http.should_exit = True
        await serving
    gc.unfreeze()
    log.info("stopped", role=role)


def _config(server: Server) -> uvicorn.Config:
    return uvicorn.Config(
        server.app,
        http="httptools",
        ws=Handshake,
        ws_max_size=limits.FRAME_BYTES_MAX,
        ws_per_message_deflate=False,
        lifespan="off",
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )


async def _drain(server: Server) -> None:
    if server.sessions is None or server.instance is None:
        return
    left = await server.sessions.drain()
    server.sessions.announce_no_more()
    if left:
        log.warning("sessions_left", count=left)
    with contextlib.suppress(Fault):
        await server.instance.slots.remove(server.instance.id)


def _name(server: Server) -> str:
    return server.instance.id if server.instance else ""
