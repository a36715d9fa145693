"""The bounded way out of one socket: frames in order, a limit in bytes, a deadline to send."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable

from protocol import limits
from protocol.faults import Fault

SendText = Callable[[str], Awaitable[None]]


class Outbox:
    """Frames wait here for one writer; a peer that does not read is a Fault `slow_consumer`."""

    def __init__(self, send: SendText) -> None:
        """Send through `send`, which blocks while the peer does not take what is sent."""
        self._send = send
        self._waiting: deque[bytes] = deque()
        self._bytes = 0
        self._wake: asyncio.Future[None] | None = None
        self._ended = False

    @property
    def bytes_waiting(self) -> int:
        """How much waits, in bytes."""
        return self._bytes

    def put(self, data: bytes) -> None:
        """Queue one frame; raises Fault `slow_consumer` over the limit."""
        if self._ended:
            return
        if self._bytes + len(data) > limits.OUTBOX_BYTES_MAX:
            raise Fault("slow_consumer")
        self._waiting.append(data)
        self._bytes += len(data)
        self._signal()

    def end(self) -> None:
        """Let the writer finish once everything queued has left."""
        self._ended = True
        self._signal()

    def _signal(self) -> None:
        if self._wake is not None and not self._wake.done():
            self._wake.set_result(None)

    async def write(self) -> None:
        """Send until ended; raises Fault `slow_consumer` when one frame takes too long."""
        loop = asyncio.get_running_loop()
        while True:
            while not self._waiting:
                if self._ended:
                    return
                self._wake = loop.create_future()
                await self._wake
                self._wake = None
            data = self._waiting.popleft()
            try:
                async with asyncio.timeout(limits.SEND_SECONDS):
                    await self._send(data.decode())
            except TimeoutError:
                raise Fault("slow_consumer") from None
            self._bytes -= len(data)
