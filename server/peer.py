"""One joined socket as its session sees it: frames out, frames in at a pace, signs of life."""

import asyncio
from typing import Protocol
from uuid import UUID

import msgspec

from protocol import limits, messages
from protocol.faults import KINDS, Fault
from runtime import clock, metrics
from runtime.logs import Log
from server.connection import Connection

log = Log("server.peer")


class Gone(Exception):  # noqa: N818 - not an error: the peer went
    """The peer has closed or lost the connection."""


class Listener(Protocol):
    """The session behind a peer, once it has joined."""

    def heard_frame(self, peer: "Peer", frame: messages.ClientFrame) -> None:
        """Take a frame of the client's."""
        ...

    def peer_gone(self, peer: "Peer") -> None:
        """Hear that the peer is no more, or is not to be heard any more."""
        ...


class Peer:
    """The other end of one WebSocket: what it sends goes to its session's inbox."""

    __slots__ = (
        "_closed",
        "_connection",
        "_counted_at",
        "_first",
        "_listener",
        "_pending",
        "_tokens",
        "_waiting",
        "heard_at",
        "join",
        "session_id",
    )

    def __init__(self, session_id: UUID) -> None:
        """Speak for the socket of `session_id`, which `connect` brings."""
        self.session_id = session_id
        self.join = 0  # the number of the join, once it is one
        self.heard_at = clock.monotonic()
        self._tokens = float(limits.FRAMES_BURST)
        self._counted_at = self.heard_at
        self._connection: Connection | None = None
        self._listener: Listener | None = None
        self._closed = False
        self._waiting: list[messages.ClientFrame] | None = []  # until a session listens
        self._first: asyncio.Future[None] | None = None
        self._pending = 0  # frames in the inbox that the session has not looked at

    def connect(self, connection: Connection) -> None:
        """Speak through `connection`."""
        self._connection = connection

    # Before the session -----------------------------------------------------------------------

    async def frame(self) -> messages.ClientFrame:
        """Return the next frame while no session listens; raises Gone or a Fault of the peer's."""
        if not self._waiting:
            if self._closed:
                raise Gone
            self._resume()
            self._first = asyncio.get_running_loop().create_future()
            await self._first
            self._first = None
        if not self._waiting:
            raise Gone
        return self._waiting.pop(0)

    def listen(self, listener: Listener) -> None:
        """Hand every further frame to `listener`."""
        waiting, self._waiting = self._waiting or [], None
        self._listener = listener
        for frame in waiting:
            self._hand_over(listener, frame)
        if self._closed:
            listener.peer_gone(self)
        elif self._pending < limits.INBOX_FRAMES_MAX:
            self._resume()

    # Out --------------------------------------------------------------------------------------

    def send(self, frame: messages.ServerFrame) -> None:
        """Send a frame; a peer that does not read is closed with 4008."""
        self.send_encoded(messages.encode(frame))

    def send_encoded(self, data: bytes) -> None:
        """Send an encoded frame; a peer that does not read is closed with 4008."""
        connection = self._connection
        if not self._closed and connection is not None and not connection.send(data):
            self.close("slow_consumer")

    def fault(self, code: str, message: str, client_msg_id: str | None = None) -> None:
        """Tell the client of an expected failure, without closing."""
        kind = KINDS[code]
        self.send(messages.FaultFrame(code, message or kind.title, kind.retry, client_msg_id))

    def close(self, code: str) -> None:
        """Close with the close code of a fault, behind what was sent; the first call counts."""
        if self._closed:
            return
        close_code = KINDS[code].close or 1011
        metrics.closes.labels(str(close_code)).inc()
        if self._connection is not None:
            self._connection.close(close_code, code)
        self._end()

    # The connection's word --------------------------------------------------------------------

    def received(self, text: str | None) -> None:
        """Take a text message, at the pace allowed; None for one that is not text."""
        if self._closed:
            return
        try:
            self._keep_pace()
            self._take(_decode(text))
        except Fault as fault:
            self.failed(fault.code)

    def failed(self, code: str) -> None:
        """Close for what the peer did."""
        metrics.faults.labels(code).inc()
        log.info("socket_closed", code=code, session_id=self.session_id)
        self.close(code)

    def lost(self) -> None:
        """The connection is over."""
        metrics.sockets.dec()
        self._end()

    def _end(self) -> None:
        if self._closed:
            return
        self._closed = True
        if self._first is not None and not self._first.done():
            self._first.set_result(None)
        if self._listener is not None:
            self._listener.peer_gone(self)

    # In ---------------------------------------------------------------------------------------

    def _take(self, frame: messages.ClientFrame) -> None:
        if self._listener is not None:
            self._hand_over(self._listener, frame)
        elif self._waiting is not None:
            self._waiting.append(frame)  # bounded by the pace, and nothing more is read
            self._pause()
            if self._first is not None and not self._first.done():
                self._first.set_result(None)

    def _hand_over(self, listener: Listener, frame: messages.ClientFrame) -> None:
        self._pending += 1
        if self._pending == limits.INBOX_FRAMES_MAX:
            self._pause()
        listener.heard_frame(self, frame)

    def handled(self) -> None:
        """The session has looked at one frame: read on, where reading had stopped."""
        self._pending -= 1
        if self._pending == limits.INBOX_FRAMES_MAX - 1:
            self._resume()

    def _pause(self) -> None:
        if self._connection is not None:
            self._connection.pause_reading()

    def _resume(self) -> None:
        if self._connection is not None:
            self._connection.resume_reading()

    def _keep_pace(self) -> None:
        """Note a frame; raises Fault `rate_limited` above the pace allowed."""
        now = clock.monotonic()
        gained = (now - self._counted_at) * limits.FRAMES_PER_SECOND
        self._tokens = min(float(limits.FRAMES_BURST), self._tokens + gained)
        self.heard_at = self._counted_at = now
        if self._tokens < 1:
            raise Fault("rate_limited")
        self._tokens -= 1

    @property
    def silent_seconds(self) -> float:
        """How long nothing was heard."""
        return clock.monotonic() - self.heard_at


def _decode(text: str | None) -> messages.ClientFrame:
    if text is None:
        raise Fault("bad_frame", "binary frames are not part of this version")
    try:
        return messages.decode_client(text)
    except (msgspec.DecodeError, UnicodeError):
        raise Fault("bad_frame") from None
