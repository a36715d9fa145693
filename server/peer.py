"""One joined socket as its session sees it: an outbox, a way to close it, signs of life."""

import asyncio

from protocol import limits, messages
from protocol.faults import KINDS, Fault
from runtime import clock
from server.outbox import Outbox, SendText


class Peer:
    """The other end of one WebSocket; closing is asked for here and done by the socket's task."""

    def __init__(self, send: SendText) -> None:
        """Send frames through `send`."""
        self.outbox = Outbox(send)
        self.join = 0  # the number of the join, once it is one
        self.heard_at = clock.monotonic()
        self._tokens = float(limits.FRAMES_BURST)
        self._counted_at = self.heard_at
        self._closing: asyncio.Future[tuple[int, str]] = asyncio.get_running_loop().create_future()

    def send(self, frame: messages.ServerFrame) -> None:
        """Queue a frame; a peer that does not read is closed with 4008."""
        self.send_encoded(messages.encode(frame))

    def send_encoded(self, data: bytes) -> None:
        """Queue an encoded frame; a peer that does not read is closed with 4008."""
        try:
            self.outbox.put(data)
        except Fault as fault:
            self.close(fault.code)

    def fault(self, code: str, message: str, client_msg_id: str | None = None) -> None:
        """Tell the client of an expected failure, without closing."""
        kind = KINDS[code]
        self.send(messages.FaultFrame(code, message or kind.title, kind.retry, client_msg_id))

    def close(self, code: str) -> None:
        """Close with the close code of a fault; what is queued leaves first, if it can."""
        kind = KINDS[code]
        self.close_with(kind.close or 1011, code)

    def close_with(self, close_code: int, reason: str) -> None:
        """Close with a code of the WebSocket protocol; the first call counts."""
        if not self._closing.done():
            self._closing.set_result((close_code, reason))
        self.outbox.end()

    @property
    def closing(self) -> "asyncio.Future[tuple[int, str]]":
        """Done once somebody wants this socket closed."""
        return self._closing

    def heard(self) -> None:
        """Note a frame from the client; raises Fault `rate_limited` above the pace allowed."""
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
