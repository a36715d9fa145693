"""A tiny server of the wire for the client's tests: each connection follows a script."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from http import HTTPStatus
from uuid import UUID

import msgspec
from websockets.asyncio.server import ServerConnection, serve
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from client.session import Admitted
from protocol import messages
from protocol.faults import KINDS

SESSION = UUID(int=7)
Script = Callable[["Line"], Awaitable[None]]


class Line:
    """One connection as its script sees it."""

    def __init__(self, house: "FakeWire", socket: ServerConnection, token: str) -> None:
        self.house, self.socket, self.token = house, socket, token
        self.join = messages.SessionJoin()

    async def send(self, *frames: messages.ServerFrame) -> None:
        for frame in frames:
            await self.socket.send(messages.encode(frame).decode())

    async def receive(self) -> messages.ClientFrame:
        return messages.decode_client(await self.socket.recv())

    async def answer(self) -> messages.AnswerSubmit:
        """The next answer, whatever else comes before it."""
        while True:
            frame = await self.receive()
            if isinstance(frame, messages.AnswerSubmit):
                return frame

    async def joined(
        self, *, epoch: int = 1, recovered: bool = False, resume: str = "", resume_url: str = ""
    ) -> None:
        """Take the join and say session.joined."""
        join = await self.receive()
        assert isinstance(join, messages.SessionJoin)
        self.join = join
        await self.send(
            messages.SessionJoined(
                session_id=SESSION,
                epoch=epoch,
                recovered=recovered,
                resume_token=resume or f"r{len(self.house.tokens)}",
                resume_url=resume_url or self.house.url,
                heartbeat_seconds=25.0,
                engine="offline",
            )
        )

    async def state(self, *, offset: int = 0) -> None:
        await self.send(
            messages.SessionState(
                turns=[], current=None, turns_max=3, seconds_left=60.0, paused=False, offset=offset
            )
        )

    async def question(self, turn: int, offset: int) -> None:
        """Ask a question in four frames, the first with `offset`."""
        await self.send(
            messages.QuestionStarted(offset, turn, 1),
            messages.QuestionDelta(offset + 1, turn, 1, "¿Qué "),
            messages.QuestionDelta(offset + 2, turn, 1, "hace?"),
            messages.QuestionCompleted(offset + 3, turn, 1, "¿Qué hace?", "teamwork", 50.0),
        )

    async def accept(self, answer: messages.AnswerSubmit, offset: int) -> None:
        await self.send(
            messages.AnswerAccepted(offset, answer.client_msg_id, answer.turn, duplicate=False)
        )

    async def close(self, code: int) -> None:
        await self.socket.close(code)

    async def cut(self) -> None:
        """End without a close frame, as a broken network does."""
        self.socket.transport.abort()
        await self.socket.wait_closed()


class FakeWire:
    """Scripts for the connections in order; a fault code instead of one refuses the upgrade."""

    def __init__(self, *scripts: Script | str) -> None:
        self.scripts = list(scripts)
        self.tokens: list[str] = []
        self.tickets = 0
        self.url = ""
        self.lines: list[Line] = []
        self.errors: list[BaseException] = []

    async def ticket(self) -> Admitted:
        self.tickets += 1
        return Admitted(ticket=f"t{self.tickets}", url=self.url)

    def _refuse(self, connection: ServerConnection, request: Request) -> Response | None:
        offered = request.headers["Sec-WebSocket-Protocol"].split(", ")
        self.tokens.append(offered[1])
        script = self.scripts[0]
        if not isinstance(script, str):
            return None
        self.scripts.pop(0)
        kind = KINDS[script]
        body = msgspec.json.encode({"status": kind.status, "code": kind.code})
        headers = Headers({"Content-Length": str(len(body))})
        return Response(kind.status, HTTPStatus(kind.status).phrase, headers, body)

    async def _serve(self, socket: ServerConnection) -> None:
        script = self.scripts.pop(0)
        assert not isinstance(script, str)
        line = Line(self, socket, self.tokens[-1])
        self.lines.append(line)
        try:
            await script(line)
        except ConnectionClosed:
            pass
        except BaseException as error:
            self.errors.append(error)
            raise

    @asynccontextmanager
    async def running(self) -> AsyncIterator["FakeWire"]:
        """Serve while the block runs; a script that failed fails the test."""
        async with serve(
            self._serve,
            "127.0.0.1",
            0,
            subprotocols=[messages.SUBPROTOCOL],
            process_request=self._refuse,
            close_timeout=1,
        ) as server:
            port = next(iter(server.sockets)).getsockname()[1]
            self.url = f"ws://127.0.0.1:{port}/ws"
            with contextlib.suppress(asyncio.CancelledError):
                yield self
        assert not self.errors, self.errors
