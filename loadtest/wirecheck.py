"""One connection under inspection: what a conformance check says and hears, frame by frame."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, Final, TypeVar

import msgspec
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Origin, Subprotocol

from protocol import messages

WAIT_SECONDS: Final = 15.0  # for a frame; a question may come at a human pace
QUIET_SECONDS: Final = 0.5  # nothing is expected to come within this
STATE_BYTES_MAX: Final = 4 * 1024 * 1024
F = TypeVar("F")


class Failed(Exception):  # noqa: N818 - reads as a sentence where it is raised
    """The server did something else than the wire says; the message tells what."""


def expect(condition: object, what: str) -> None:
    """Raise Failed with `what` unless the condition holds."""
    if not condition:
        raise Failed(what)


class Line:
    """A connection of the wire; `frames` holds everything heard so far."""

    def __init__(self, socket: ClientConnection) -> None:
        """Speak over an open socket."""
        self.socket = socket
        self.frames: list[messages.ServerFrame] = []

    @property
    def joined(self) -> messages.SessionJoined:
        """The session.joined of this connection."""
        return self._of(messages.SessionJoined)

    def _of(self, kind: type[F]) -> F:
        for frame in self.frames:
            if isinstance(frame, kind):
                return frame
        raise Failed(f"no {kind.__name__} came")

    @property
    def top(self) -> int:
        """The newest offset heard."""
        return max((f.offset for f in self.frames if hasattr(f, "offset")), default=0)

    async def say(self, frame: messages.ClientFrame) -> None:
        """Send a frame."""
        await self.socket.send(messages.encode(frame).decode())

    async def raw(self, data: str | bytes) -> None:
        """Send anything; a server that has closed meanwhile is heard later."""
        try:
            await self.socket.send(data)
        except ConnectionClosed:
            return

    async def hear(self) -> messages.ServerFrame:
        """Return the next frame; Failed when none comes, or it is not of the wire."""
        try:
            async with asyncio.timeout(WAIT_SECONDS):
                data = await self.socket.recv()
        except TimeoutError:
            raise Failed(f"nothing came for {WAIT_SECONDS:g} s") from None
        except ConnectionClosed as closed:
            code = closed.rcvd.code if closed.rcvd else 1006
            raise Failed(f"the server closed with {code}") from None
        expect(isinstance(data, str), "a binary frame came")
        try:
            frame = messages.decode_server(data)
        except msgspec.DecodeError as error:
            raise Failed(f"not a frame of the wire: {error}") from None
        self.frames.append(frame)
        return frame

    async def until(self, kind: type[F], when: Callable[[F], bool] = lambda _: True) -> F:
        """Return the next frame of a kind that fits, hearing what comes before it."""
        while True:
            frame = await self.hear()
            if isinstance(frame, kind) and when(frame):
                return frame

    async def join(
        self, epoch: int | None = None, offset: int | None = None
    ) -> messages.SessionJoined:
        """Join and return what the server says to it."""
        await self.say(messages.SessionJoin(epoch=epoch, offset=offset))
        frame = await self.hear()
        if not isinstance(frame, messages.SessionJoined):
            raise Failed(f"session.join was answered by {type(frame).__name__}")
        return frame

    async def question(self) -> tuple[int, str]:
        """Return (turn, text) of the question that waits, hearing it to its end."""
        state = await self.until(messages.SessionState)
        if state.current is not None and state.current.completed:
            return state.current.turn, state.current.text
        whole = await self.until(messages.QuestionCompleted)
        return whole.turn, whole.text

    async def closed(self, *codes: int) -> int:
        """Wait for the close and return its code; Failed when it is another."""
        try:
            async with asyncio.timeout(WAIT_SECONDS):
                while True:
                    await self.socket.recv()
        except TimeoutError:
            raise Failed(f"still open after {WAIT_SECONDS:g} s, expected {codes}") from None
        except ConnectionClosed as closed:
            code = closed.rcvd.code if closed.rcvd else 1006
        expect(code in codes, f"closed with {code}, expected {' or '.join(map(str, codes))}")
        return code

    async def quiet(self) -> None:
        """Failed when anything but a pong comes within a moment."""
        try:
            async with asyncio.timeout(QUIET_SECONDS):
                while True:
                    frame = messages.decode_server(await self.socket.recv())
                    expect(isinstance(frame, messages.Pong), f"{type(frame).__name__} came")
        except TimeoutError:
            return

    async def end(self) -> None:
        """Leave without a word."""
        self.socket.transport.abort()
        await self.socket.wait_closed()


async def open_line(url: str, *offered: str, origin: str | None = None) -> Line:
    """Return an upgraded connection that offered these subprotocols; Failed when refused."""
    try:
        return Line(await _connect(url, offered, origin))
    except InvalidStatus as error:
        raise Failed(f"the upgrade was refused with {error.response.status_code}") from None


async def refusal(
    url: str, offered: Sequence[str], *, origin: str | None = None
) -> tuple[int, dict[str, Any]]:
    """Return (status, problem document) of a refused upgrade; Failed when it is accepted."""
    try:
        socket = await _connect(url, offered, origin)
    except InvalidStatus as error:
        body = error.response.body or b""
        try:
            problem = msgspec.json.decode(body)
        except msgspec.DecodeError:
            problem = {}
        return error.response.status_code, problem if isinstance(problem, dict) else {}
    await socket.close()
    raise Failed("the upgrade was accepted")


async def _connect(url: str, offered: Sequence[str], origin: str | None) -> ClientConnection:
    return await connect(
        url,
        subprotocols=[Subprotocol(item) for item in offered],
        origin=Origin(origin) if origin else None,
        open_timeout=WAIT_SECONDS,
        ping_interval=None,
        max_size=STATE_BYTES_MAX,
        compression=None,
        proxy=None,
    )
