"""Frames of the live wire, beside the WebSocket library that clients use."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.frames import Frame, Opcode

from protocol import limits
from server import frames

TEXTS = st.text(max_size=300).map(str.encode)


def _masked(opcode: int, data: bytes, *, fin: bool = True) -> bytes:
    return Frame(Opcode(opcode), data, fin).serialize(mask=True)


def _in_pieces(data: bytes, cuts: list[int]) -> list[bytes]:
    places = sorted({min(cut, len(data)) for cut in cuts} | {0, len(data)})
    return [data[a:b] for a, b in itertools.pairwise(places)]


@given(
    texts=st.lists(st.tuples(TEXTS, st.integers(1, 4)), max_size=5),
    cuts=st.lists(st.integers(0, 3000), max_size=12),
)
def test_messages_come_whole_however_they_are_cut(texts, cuts):
    """Fragments of the sender and pieces of the network make no difference."""
    stream, wanted = b"", []
    for data, parts in texts:
        size = len(data) // parts + 1
        pieces = [data[i : i + size] for i in range(0, max(1, len(data)), size)] or [b""]
        for number, piece in enumerate(pieces):
            opcode = frames.TEXT if number == 0 else frames.CONTINUATION
            stream += _masked(opcode, piece, fin=number == len(pieces) - 1)
            stream += _masked(frames.PING, b"between")
        wanted.append(data)
    reader = frames.FrameReader()
    got = [m for piece in _in_pieces(stream, cuts) for m in reader.feed(piece)]
    assert [m.data for m in got if m.opcode == frames.TEXT] == wanted
    assert all(m.data == b"between" for m in got if m.opcode == frames.PING)


@given(data=st.binary(max_size=2_000), cuts=st.lists(st.integers(0, 2_000), max_size=6))
def test_any_bytes_are_messages_or_broken(data, cuts):
    """Nothing but Broken comes out, with a close code that may be sent."""
    reader, code, messages = frames.FrameReader(), 0, []
    try:
        for piece in _in_pieces(data, cuts):
            messages += reader.feed(piece)
    except frames.Broken as broken:
        code = broken.code
    assert code in (0, frames.PROTOCOL_ERROR, frames.TOO_BIG)
    assert all(len(message.data) <= len(data) for message in messages)


@given(data=st.binary(max_size=300), mask=st.binary(min_size=4, max_size=4))
def test_unmasking_twice_changes_nothing(data, mask):
    """A mask is its own opposite, and changes each byte by its own place's."""
    masked = frames.unmask(data, mask)
    assert frames.unmask(masked, mask) == data
    assert masked == bytes(byte ^ mask[i % 4] for i, byte in enumerate(data))


@pytest.mark.parametrize("size", [0, 1, 125, 126, 65_535, 65_536, 70_000])
def test_the_servers_frames_are_read_by_the_library(size):
    """Each of the three lengths of a frame is what RFC 6455 says."""
    data = b"x" * size
    assert frames.frame(frames.TEXT, data) == Frame(Opcode.TEXT, data).serialize(mask=False)


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"\x81\x05hello", 1002),  # not masked
        (b"\xc1\x80\0\0\0\0", 1002),  # a reserved bit
        (b"\x83\x80\0\0\0\0", 1002),  # an unknown opcode
        (b"\x8b\x80\0\0\0\0", 1002),  # an unknown control frame
        (b"\x09\x80\0\0\0\0", 1002),  # a ping in fragments
        (b"\x89\xfe\x00\x7e", 1002),  # a ping too long
        (b"\x80\x80\0\0\0\0", 1002),  # a continuation of nothing
        (b"\x01\x80\0\0\0\0\x81\x80\0\0\0\0", 1002),  # a message inside another
        (b"\x81\xff" + (1 << 20).to_bytes(8, "big"), 1009),
        (b"\x81\xff" + b"\xff" * 8, 1009),
    ],
)
def test_what_breaks_the_protocol_is_named(data, code):
    """The peer learns by the close code what it did."""
    with pytest.raises(frames.Broken) as broken:
        frames.FrameReader().feed(data)
    assert broken.value.code == code


def test_a_message_in_too_many_fragments_is_refused():
    """Empty fragments have no bytes to count, so they are counted themselves."""
    reader = frames.FrameReader()
    reader.feed(_masked(frames.TEXT, b"", fin=False))
    many = _masked(frames.CONTINUATION, b"", fin=False) * frames.FRAGMENTS_MAX
    with pytest.raises(frames.Broken):
        reader.feed(many)


def test_fragments_together_stay_under_the_limit():
    """A message is bounded, not only its frames."""
    reader = frames.FrameReader()
    half = b"x" * (limits.FRAME_BYTES_MAX // 2 + 1)
    reader.feed(_masked(frames.TEXT, half, fin=False))
    with pytest.raises(frames.Broken) as broken:
        reader.feed(_masked(frames.CONTINUATION, half))
    assert broken.value.code == frames.TOO_BIG


@pytest.mark.parametrize(
    ("data", "code"),
    [(b"", 1005), (b"\x03\xe8", 1000), (b"\x03\xe8bye", 1000), (b"\x0f\xa1", 4001)],
)
def test_close_codes_are_read(data, code):
    """A close frame without a code is one, too."""
    assert frames.close_code(data) == code


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"\x03", 1002),
        (b"\x03\xed", 1002),  # 1005 is never sent
        (b"\x00\x01", 1002),
        (b"\x13\x88", 1002),  # 5000
        (b"\x03\xe8\xff", 1007),
    ],
)
def test_close_codes_that_may_not_be_sent_are_broken(data, code):
    """The codes that RFC 6455 keeps for itself are no codes of a peer's."""
    with pytest.raises(frames.Broken) as broken:
        frames.close_code(data)
    assert broken.value.code == code


@given(reason=st.text(max_size=200))
def test_a_long_reason_is_cut_between_letters(reason):
    """A close frame is a control frame: 125 bytes, and still UTF-8."""
    payload = frames.close_payload(4001, reason)
    assert len(payload) <= frames.CONTROL_BYTES_MAX
    assert reason.startswith(payload[2:].decode())
