"""Bare transports that speak the same frames: what a session costs when it does nothing else.

No storage, no session, no tokens: an answer is accepted at once and the next question follows in
the frames that the product would send (the first piece alone, later ones in pairs).
"""

import argparse
import asyncio
import contextlib
import sys
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, Literal
from uuid import UUID

import uvicorn
import uvloop
from litestar import Litestar, WebSocket, get, websocket
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from loadtest.bench import stamps
from protocol import limits, messages
from runtime.lifecycle import Tasks, calm_gc, stop_event

Kind = Literal["websockets", "litestar", "hello"]
KINDS: Final = ("websockets", "litestar", "hello")
PIECES_A_FRAME: Final = 2
TEXT: Final = "una pieza "
Send = Callable[[str], Awaitable[None]]


class Session:
    """One connection's frames."""

    def __init__(self, send: Send, *, pieces: int, piece_seconds: float) -> None:
        """Send questions of `pieces` pieces through `send`."""
        self._send = send
        self._pieces = pieces
        self._piece_seconds = piece_seconds
        self._offset = 0
        self._turn = 0

    def _next(self) -> int:
        self._offset += 1
        return self._offset

    async def _tell(self, frame: messages.ServerFrame) -> None:
        with contextlib.suppress(ConnectionClosed, RuntimeError):  # the peer has gone
            await self._send(messages.encode(frame).decode())

    async def take(self, text: str, tasks: Tasks) -> None:
        """Answer one frame of the client's."""
        match messages.decode_client(text):
            case messages.SessionJoin():
                await self._tell(
                    messages.SessionJoined(UUID(int=1), 1, False, "r", "", 25.0, "bare")
                )
                tasks.start(self._ask())
            case messages.AnswerSubmit(client_msg_id, turn):
                await self._tell(
                    messages.AnswerAccepted(self._next(), client_msg_id, turn, duplicate=False)
                )
                tasks.start(self._ask())
            case messages.Ping():
                await self._tell(messages.Pong())

    async def _ask(self) -> None:
        loop = asyncio.get_running_loop()
        self._turn += 1
        await self._tell(messages.QuestionStarted(self._next(), self._turn, 1))
        asked = stamps.stamp(stamps.ASKED)
        begun, given, whole = loop.time(), 0, ""
        while given < self._pieces:
            size = 1 if not given else min(PIECES_A_FRAME, self._pieces - given)
            due = begun + (given + size - 1) * self._piece_seconds
            if given and due > loop.time():
                await asyncio.sleep(due - loop.time())
            given += size
            piece = f"{asked}{stamps.stamp(stamps.PIECE)}{TEXT * size}"
            asked = ""
            whole += piece
            frame = messages.QuestionDelta(
                self._next(), self._turn, 1, piece + stamps.stamp(stamps.LEFT)
            )
            await self._tell(frame)
        await self._tell(
            messages.QuestionCompleted(self._next(), self._turn, 1, whole, "teamwork", 60.0)
        )


async def _websockets(args: argparse.Namespace, stop: asyncio.Event) -> None:
    async def live(socket: ServerConnection) -> None:
        session = Session(socket.send, pieces=args.pieces, piece_seconds=args.piece_seconds)
        async with Tasks("bare") as tasks:
            try:
                async for text in socket:
                    await session.take(str(text), tasks)
            except ConnectionClosed:
                return

    async with serve(
        live,
        "127.0.0.1",
        args.port,
        subprotocols=[messages.SUBPROTOCOL],  # type: ignore[list-item]
        compression=None,
        ping_interval=20,
        max_size=limits.FRAME_BYTES_MAX,
    ):
        calm_gc()
        await stop.wait()


def _litestar(args: argparse.Namespace) -> Litestar:
    @websocket("/ws")
    async def live(socket: WebSocket) -> None:  # type: ignore[type-arg]
        await socket.accept(subprotocols=messages.SUBPROTOCOL)

        async def send(text: str) -> None:
            await socket.send({"type": "websocket.send", "bytes": None, "text": text})

        session = Session(send, pieces=args.pieces, piece_seconds=args.piece_seconds)
        async with Tasks("bare") as tasks:
            while True:
                event: dict[str, Any] = dict(await socket.receive())
                if event["type"] == "websocket.disconnect":
                    return
                await session.take(event["text"], tasks)

    return Litestar([live], openapi_config=None, logging_config=None)


@get("/health/live", sync_to_thread=False)
def hello() -> str:
    """Say something: the least that a server can be."""
    return "hello"


async def _uvicorn(app: Litestar, port: int, stop: asyncio.Event) -> None:
    config = uvicorn.Config(
        app,
        host="127.0.0.1",
        port=port,
        http="httptools",
        ws="websockets-sansio",
        ws_per_message_deflate=False,
        lifespan="off",
        access_log=False,
        log_level="error",
        timeout_graceful_shutdown=1,
    )
    server = uvicorn.Server(config)
    calm_gc()
    async with Tasks("bare server") as tasks:
        serving = tasks.start(server.serve())
        await stop.wait()
        server.should_exit = True
        await asyncio.wait({serving}, timeout=3)


async def _serve(args: argparse.Namespace) -> None:
    stop = stop_event()
    if args.kind == "websockets":
        await _websockets(args, stop)
    elif args.kind == "litestar":
        await _uvicorn(_litestar(args), args.port, stop)
    else:
        await _uvicorn(Litestar([hello], openapi_config=None), args.port, stop)


def main(argv: Sequence[str] | None = None) -> int:
    """Serve one kind of bare transport until SIGTERM."""
    parser = argparse.ArgumentParser(prog="python -m loadtest.bench.bare", description=__doc__)
    parser.add_argument("kind", choices=KINDS)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--pieces", type=int, default=40)
    parser.add_argument("--piece-seconds", type=float, default=0.02)
    uvloop.run(_serve(parser.parse_args(argv)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
