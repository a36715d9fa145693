"""WebSocket frames (RFC 6455) of a server: bytes in, messages out; pure, no extension spoken.

Small on purpose: a live session holds one FrameReader for hours, between frames it keeps nothing.
"""

from typing import Final

import msgspec

from protocol import limits

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA
PROTOCOL_ERROR, BAD_DATA, TOO_BIG, NO_STATUS = 1002, 1007, 1009, 1005
CONTROL_BYTES_MAX: Final = 125
FRAGMENTS_MAX: Final = 1024
_KNOWN: Final = frozenset({CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG})


class Broken(Exception):  # noqa: N818 - what the peer did, not an error of ours
    """The peer broke the protocol; `code` is the close code that says how."""

    def __init__(self, code: int, why: str) -> None:
        """Close with `code`."""
        super().__init__(why)
        self.code = code


class Message(msgspec.Struct, frozen=True, gc=False):
    """One whole message, or one control frame."""

    opcode: int
    data: bytes


class FrameReader:
    """Collects a client's masked frames into messages."""

    __slots__ = ("_fragments", "_need", "_opcode", "_parts", "_rest")

    def __init__(self) -> None:
        """Begin between two frames."""
        self._rest: bytearray | None = None  # of a frame that has not come whole
        self._need = 2  # bytes that `_rest` must have before it is worth looking at again
        self._opcode = CONTINUATION  # of the message under way, when its last fragment is to come
        self._parts: bytearray | None = None
        self._fragments = 0

    def feed(self, data: bytes) -> list[Message]:
        """Return the messages that `data` completes; raises Broken."""
        if self._rest is not None:
            self._rest += data
            if len(self._rest) < self._need:
                return []
            data, self._rest = bytes(self._rest), None
        messages: list[Message] = []
        at = 0
        while True:
            size = self._frame(data, at, messages)
            if not size:
                break
            at += size
        if at < len(data):
            self._rest = bytearray(data[at:])
        return messages

    def _frame(self, data: bytes, at: int, messages: list[Message]) -> int:
        """Read one frame at `at`; returns its size, or 0 while it is not whole."""
        have = len(data) - at
        if have < 2:  # noqa: PLR2004 - the two bytes that every frame has
            self._need = 2
            return 0
        first, second = data[at], data[at + 1]
        opcode, length = first & 0x0F, second & 0x7F
        self._judge(first, second)
        start = 2
        if length >= 126:  # noqa: PLR2004 - RFC 6455, 5.2
            wide = 2 if length == 126 else 8  # noqa: PLR2004
            start += wide
            if have < start:
                self._need = start
                return 0
            length = int.from_bytes(data[at + 2 : at + start], "big")
        held = 0 if opcode & 0x8 or self._parts is None else len(self._parts)
        if held + length > limits.FRAME_BYTES_MAX:
            raise Broken(TOO_BIG, "message too big")
        end = start + 4 + length
        if have < end:
            self._need = end
            return 0
        mask = data[at + start : at + start + 4]
        payload = unmask(data[at + start + 4 : at + end], mask)
        self._take(opcode, payload, fin=bool(first & 0x80), messages=messages)
        return end

    def _judge(self, first: int, second: int) -> None:
        opcode = first & 0x0F
        if first & 0x70:
            raise Broken(PROTOCOL_ERROR, "reserved bits are set")
        if opcode not in _KNOWN:
            raise Broken(PROTOCOL_ERROR, "unknown opcode")
        if not second & 0x80:
            raise Broken(PROTOCOL_ERROR, "frame without mask")
        if opcode & 0x8:
            if not first & 0x80:
                raise Broken(PROTOCOL_ERROR, "control frame in fragments")
            if second & 0x7F > CONTROL_BYTES_MAX:
                raise Broken(PROTOCOL_ERROR, "control frame too long")
        elif (opcode == CONTINUATION) != (self._parts is not None):
            raise Broken(PROTOCOL_ERROR, "fragments out of order")

    def _take(self, opcode: int, payload: bytes, *, fin: bool, messages: list[Message]) -> None:
        if opcode & 0x8 or (fin and opcode != CONTINUATION):
            messages.append(Message(opcode, payload))
            return
        if self._parts is None:
            self._opcode, self._parts, self._fragments = opcode, bytearray(), 0
        self._parts += payload
        self._fragments += 1
        if self._fragments > FRAGMENTS_MAX:
            raise Broken(TOO_BIG, "too many fragments")
        if fin:
            messages.append(Message(self._opcode, bytes(self._parts)))
            self._parts = None


def unmask(data: bytes, mask: bytes) -> bytes:
    """Return `data` with the four bytes of `mask` taken off; the same puts them on."""
    size = len(data)
    if not size:
        return b""
    whole = (mask * (size // 4 + 1))[:size]
    number = int.from_bytes(data, "little") ^ int.from_bytes(whole, "little")
    return number.to_bytes(size, "little")


def frame(opcode: int, data: bytes) -> bytes:
    """Return one whole frame of the server's: not masked."""
    size = len(data)
    if size < 126:  # noqa: PLR2004 - RFC 6455, 5.2
        return bytes((0x80 | opcode, size)) + data
    if size < 65_536:  # noqa: PLR2004
        return bytes((0x80 | opcode, 126)) + size.to_bytes(2, "big") + data
    return bytes((0x80 | opcode, 127)) + size.to_bytes(8, "big") + data


def close_payload(code: int, reason: str) -> bytes:
    """Return the payload of a close frame; a reason too long is cut between two letters."""
    data = reason.encode()[: CONTROL_BYTES_MAX - 2]
    return code.to_bytes(2, "big") + data.decode(errors="ignore").encode()


def close_code(data: bytes) -> int:
    """Return the code of a client's close frame, NO_STATUS without one; raises Broken."""
    if not data:
        return NO_STATUS
    if len(data) == 1:
        raise Broken(PROTOCOL_ERROR, "half a close code")
    code = int.from_bytes(data[:2], "big")
    fine = 1000 <= code <= 1014 and code not in (1004, 1005, 1006)  # noqa: PLR2004 - RFC 6455, 7.4
    if not fine and not 3000 <= code < 5000:  # noqa: PLR2004
        raise Broken(PROTOCOL_ERROR, "no close code")
    text_of(data[2:])
    return code


def text_of(data: bytes) -> str:
    """Return a text message as str; raises Broken."""
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise Broken(BAD_DATA, "text is not UTF-8") from None
