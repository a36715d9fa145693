"""A WebSocket client that costs next to nothing and stamps what arrives as early as it can.

The crowd shares a core with the databases: what it spends itself must not count as the server's.
"""

import asyncio
import base64
import os
import struct
from collections.abc import Callable
from typing import Final, cast

from protocol import limits, messages
from runtime import clock

CLOSED_ABNORMALLY: Final = 1006
_TEXT, _CLOSE, _PING = 0x1, 0x8, 0x9
_SMALL, _MEDIUM = 126, 127  # markers of the longer length fields
_NO_MASK: Final = bytes(4)  # a mask of zeros is legal and leaves the payload as it is


class Refused(Exception):  # noqa: N818 - reads as a sentence where it is caught
    """The upgrade was refused; the message is the status line."""


class Wire(asyncio.Protocol):
    """One connection: `on_text(data, ns)` for every text frame, `on_close(code)` at the end."""

    def __init__(
        self,
        host: str,
        subprotocol: str,
        on_text: Callable[[bytes, int], None],
        on_close: Callable[[int], None],
    ) -> None:
        """Offer `subprotocol` beside the wire's version."""
        key = base64.b64encode(os.urandom(16)).decode()
        self._hello = (
            f"GET /ws HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n"
            f"Sec-WebSocket-Protocol: {messages.SUBPROTOCOL}, {subprotocol}\r\n\r\n"
        ).encode()
        self._on_text = on_text
        self._on_close = on_close
        self._buffer = b""
        self._code = CLOSED_ABNORMALLY
        self._transport: asyncio.Transport | None = None
        self.upgraded: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask for the upgrade."""
        self._transport = cast("asyncio.Transport", transport)
        self._transport.write(self._hello)

    def data_received(self, data: bytes) -> None:
        """Take what arrived, stamped before anything else is done with it."""
        now = clock.monotonic_ns()
        buffer = self._buffer + data if self._buffer else data
        if not self.upgraded.done():
            buffer = self._upgrade(buffer)
        self._buffer = self._frames(buffer, now) if self.upgraded.done() else buffer

    def _upgrade(self, buffer: bytes) -> bytes:
        head, end, rest = buffer.partition(b"\r\n\r\n")
        if not end:
            return buffer
        status = head.partition(b"\r\n")[0].decode("latin-1")
        if " 101 " in status:
            self.upgraded.set_result(None)
        else:
            self.upgraded.set_exception(Refused(status))
        return rest

    def _frames(self, buffer: bytes, now: int) -> bytes:
        at, size = 0, len(buffer)
        while size - at >= 2:  # noqa: PLR2004 - the shortest header
            length, header = buffer[at + 1] & 0x7F, 2
            if length == _SMALL:
                header = 4
            elif length == _MEDIUM:
                header = 10
            if size - at < header:
                break
            if length == _SMALL:
                (length,) = struct.unpack_from(">H", buffer, at + 2)
            elif length == _MEDIUM:
                (length,) = struct.unpack_from(">Q", buffer, at + 2)
            if size - at < header + length:
                break
            payload = buffer[at + header : at + header + length]
            self._take(buffer[at] & 0x0F, payload, now)
            at += header + length
        return buffer[at:]

    def _take(self, opcode: int, payload: bytes, now: int) -> None:
        if opcode == _TEXT:
            self._on_text(payload, now)
        elif opcode == _PING:
            self._send(0x8A, payload)
        elif opcode == _CLOSE:
            self._code = struct.unpack(">H", payload[:2])[0] if len(payload) > 1 else 1005
            self._send(0x88, payload[:2])
            self.cut()

    def send(self, frame: messages.ClientFrame) -> None:
        """Send a frame of the wire."""
        self._send(0x81, messages.encode(frame))

    def _send(self, first: int, payload: bytes) -> None:
        length = len(payload)
        if length < _SMALL:
            head = bytes((first, 0x80 | length))
        elif length <= limits.FRAME_BYTES_MAX:
            head = struct.pack(">BBH", first, 0x80 | _SMALL, length)
        else:
            raise ValueError("longer than a frame may be")
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(head + _NO_MASK + payload)

    def cut(self) -> None:
        """End the connection at once."""
        if self._transport is not None:
            self._transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        """Report the close code."""
        if not self.upgraded.done():
            self.upgraded.set_exception(Refused("the connection was closed"))
        elif not self.upgraded.cancelled() and self.upgraded.exception() is None:
            self._on_close(self._code)


async def connect(
    port: int,
    subprotocol: str,
    on_text: Callable[[bytes, int], None],
    on_close: Callable[[int], None],
) -> Wire:
    """Return an upgraded connection to this machine's `port`; raises Refused or OSError."""
    loop = asyncio.get_running_loop()
    _, wire = await loop.create_connection(
        lambda: Wire(f"127.0.0.1:{port}", subprotocol, on_text, on_close), "127.0.0.1", port
    )
    await wire.upgraded
    return wire
