"""One WebSocket below the session: frames, flow of writing, life signs and the closing handshake.

The handshake is uvicorn's and the judgement Litestar's (server/socket.py). Once upgraded, the
transport gets this protocol and the ASGI layer goes: a candidate who listens and writes for half
an hour costs one small object here and no task.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final, Protocol

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from protocol import limits, messages
from runtime import clock
from runtime.logs import Log
from server import frames

EXTENSION: Final = "entrevistador.upgrade"
CLOSE_SECONDS: Final = 5.0  # from our close frame to the end of waiting for theirs
SHUT: Final = (4001, "moving")
log = Log("server.connection")


class Receiver(Protocol):
    """Who hears what a connection brings."""

    def received(self, text: str | None) -> None:
        """Take a text message; None for one that is not text."""
        ...

    def failed(self, code: str) -> None:
        """Close with the code of a fault: the peer is dead or takes nothing."""
        ...

    def lost(self) -> None:
        """The peer is gone or has closed; told once."""
        ...


class Connections:
    """The connections of this process: looked after once a second, instead of a timer each."""

    def __init__(self) -> None:
        """Begin with none."""
        self._open: dict[Connection, None] = {}  # in the order of their coming

    def __len__(self) -> int:
        """How many are open."""
        return len(self._open)

    def add(self, connection: "Connection") -> None:
        """Look after one more."""
        self._open[connection] = None

    def discard(self, connection: "Connection") -> None:
        """Forget one that is over."""
        self._open.pop(connection, None)

    def tick(self, part: int = 0, parts: int = 1) -> None:
        """Look at one part of them: ping the quiet ones, end those that are stuck or dead."""
        now = clock.monotonic()
        for connection in list(self._open)[part::parts]:
            connection.tick(now)


class Connection(asyncio.Protocol):
    """An upgraded connection; every method is synchronous and never blocks."""

    __slots__ = (
        "_closed_at",
        "_connections",
        "_controls",
        "_heard_at",
        "_paused_at",
        "_pinged",
        "_reader",
        "_receiver",
        "_registry",
        "_transport",
    )

    def __init__(
        self,
        transport: asyncio.Transport,
        receiver: Receiver,
        connections: Connections,
        registry: set[Any],
    ) -> None:
        """Take over `transport`; `registry` is the server's own set of connections."""
        self._transport = transport
        self._receiver: Receiver | None = receiver
        self._connections = connections
        self._registry = registry
        self._reader = frames.FrameReader()
        self._heard_at = clock.monotonic()
        self._pinged = False
        self._controls = 0
        self._paused_at = 0.0  # since when the peer takes nothing; 0 while it does
        self._closed_at = 0.0
        transport.set_write_buffer_limits(high=limits.SOCKET_SEND_BUFFER_BYTES)
        transport.set_protocol(self)
        connections.add(self)
        registry.add(self)

    # Out ------------------------------------------------------------------------------------

    def send(self, data: bytes) -> bool:
        """Send one text frame; False when the peer has too much waiting already."""
        transport = self._transport
        if self._closed_at or transport.is_closing():
            return True  # nobody reads it: the session hears of the end by itself
        if self._paused_at:
            waiting = transport.get_write_buffer_size()
            if waiting + len(data) > limits.OUTBOX_BYTES_MAX:
                return False
        transport.write(frames.frame(frames.TEXT, data))
        return True

    def close(self, code: int, reason: str) -> None:
        """Begin the closing handshake behind what was sent; the first call counts."""
        if self._closed_at:
            return
        self._closed_at = clock.monotonic()
        if not self._transport.is_closing():
            payload = frames.close_payload(code, reason)
            self._transport.write(frames.frame(frames.CLOSE, payload))

    def pause_reading(self) -> None:
        """Let the peer wait: nothing more is read from it."""
        if not self._transport.is_closing():
            self._transport.pause_reading()

    def resume_reading(self) -> None:
        """Read again."""
        if not self._transport.is_closing():
            self._transport.resume_reading()

    def tick(self, now: float) -> None:
        """Look at the time: once a second, from the registry."""
        self._controls = 0
        if self._closed_at:
            if now - self._closed_at > CLOSE_SECONDS:
                self._transport.abort()
        elif self._paused_at and now - self._paused_at > limits.SEND_SECONDS:
            self._tell("slow_consumer")
        elif now - self._heard_at > limits.PING_SECONDS + limits.PING_ANSWER_SECONDS:
            self._tell("silent")
        elif now - self._heard_at > limits.PING_SECONDS and not self._pinged:
            self._pinged = True
            if not self._paused_at:
                self._transport.write(frames.frame(frames.PING, b""))

    def _tell(self, code: str) -> None:
        if self._receiver is not None:
            self._receiver.failed(code)

    def shutdown(self) -> None:
        """The server process ends (uvicorn's word): come back, to another instance."""
        self.close(*SHUT)
        self._transport.close()

    # asyncio's callbacks ----------------------------------------------------------------------

    def data_received(self, data: bytes) -> None:
        """Bytes from the peer."""
        if self._closed_at:
            self._await_close(data)
            return
        self._heard_at = clock.monotonic()
        self._pinged = False
        try:
            for message in self._reader.feed(data):
                self._take(message)
                if self._closed_at:
                    return
        except frames.Broken as broken:
            log.info("wire_broken", code=broken.code, error=str(broken))
            self._end(broken.code, str(broken))
        except Exception:  # noqa: BLE001 - a bug is logged with its stack, and the peer told
            log.crash("socket_crashed")
            self._end(4004, "server_error")

    def _take(self, message: frames.Message) -> None:
        opcode = message.opcode
        if opcode == frames.TEXT:
            if self._receiver is not None:
                self._receiver.received(frames.text_of(message.data))
        elif opcode == frames.BINARY:
            if self._receiver is not None:
                self._receiver.received(None)
        elif opcode == frames.CLOSE:
            code = frames.close_code(message.data)
            self._end(1000 if code == frames.NO_STATUS else code, "")
        else:
            self._controls += 1
            if self._controls > limits.FRAMES_BURST:
                self._end(4013, "rate_limited")
            elif opcode == frames.PING and not self._paused_at:
                self._transport.write(frames.frame(frames.PONG, message.data))

    def _await_close(self, data: bytes) -> None:
        """After our close frame only theirs matters; what else comes is dropped."""
        try:
            done = any(m.opcode == frames.CLOSE for m in self._reader.feed(data))
        except frames.Broken:
            done = True
        if done:
            self._transport.close()

    def _end(self, code: int, reason: str) -> None:
        """Close because of something that the peer sent; nothing more is expected from it."""
        self.close(code, reason)
        self._transport.close()
        self._part()

    def _part(self) -> None:
        receiver, self._receiver = self._receiver, None
        if receiver is not None:
            receiver.lost()

    def eof_received(self) -> None:
        """The peer writes no more: for a WebSocket that is the end."""

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's name
        """The transport is gone."""
        self._closed_at = self._closed_at or clock.monotonic()
        self._connections.discard(self)
        self._registry.discard(self)
        self._part()

    def pause_writing(self) -> None:
        """The transport's buffer is above its mark: the peer or the network is slow."""
        self._paused_at = clock.monotonic()

    def resume_writing(self) -> None:
        """It has gone down again."""
        self._paused_at = 0.0


class _Handed:
    """Stands where uvicorn's handshake had its transport: that is somebody else's by now."""

    def is_closing(self) -> bool:
        return True

    def close(self) -> None:
        """Leave the connection alone."""


Upgrade = Callable[[Receiver, Connections], "Awaitable[Connection | None]"]


class Handshake(WebSocketsSansIOProtocol):
    """uvicorn's WebSocket up to the upgrade; the application may then take the connection."""

    def connection_made(self, transport: Any) -> None:
        """Begin; the transport's protocol is still the one that has read the request."""
        super().connection_made(transport)
        self._http = transport.get_protocol()

    def handle_connect(self, event: Any) -> None:
        """Offer the application the upgrade, in its scope."""
        super().handle_connect(event)
        if self.handshake_initiated and not self.handshake_complete:
            self.scope["extensions"][EXTENSION] = {"upgrade": self.upgrade}

    def start_keepalive(self) -> None:
        """Ping nobody from here: Connections does."""

    async def upgrade(self, receiver: Receiver, connections: Connections) -> Connection | None:
        """Answer 101 and hand the transport to a Connection; None when the peer went meanwhile."""
        if self.disconnected or self.transport.is_closing():
            return None
        # Nothing in here waits: no byte can arrive between the answer and the handing over.
        await self.send(
            {
                "type": "websocket.accept",
                "subprotocol": messages.SUBPROTOCOL,
                "headers": [],
            }
        )
        transport, self.transport = self.transport, _Handed()  # type: ignore[assignment]
        self.connections.discard(self)
        self._fall_apart()
        return Connection(transport, receiver, connections, self.connections)

    def _fall_apart(self) -> None:
        """Let go of what refers to itself: a handshake is freed at its end, not some day by gc."""
        self.scope["extensions"].pop(EXTENSION)
        self.conn.parser.close()
        self._http.parser = None
