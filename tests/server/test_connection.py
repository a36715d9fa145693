"""The upgraded connection: life signs, slow peers, floods and both ways of closing."""

import asyncio
import contextlib
import gc
import socket
from uuid import uuid4

import msgspec
import pytest
from websockets.asyncio.client import connect
from websockets.frames import Frame, Opcode

from protocol import limits, messages
from runtime import clock
from server import frames
from server.connection import CLOSE_SECONDS, Connection, Connections
from server.peer import Peer
from tests.server.live_house import live_house, make_interview


class Ear:
    """A receiver that keeps what it hears."""

    def __init__(self):
        self.texts, self.failures, self.ends = [], [], 0

    def received(self, text):
        self.texts.append(text)

    def failed(self, code):
        self.failures.append(code)

    def lost(self):
        self.ends += 1


class Listener:
    """A session that keeps what it hears."""

    def __init__(self):
        self.heard, self.gone = [], []

    def heard_frame(self, peer, frame):
        self.heard.append(frame)

    def peer_gone(self, peer):
        self.gone.append(peer)


class Pair(msgspec.Struct):
    """A connection, who hears it, and the peer's end as a plain socket."""

    connection: Connection
    connections: Connections
    ear: Ear
    far: socket.socket

    async def say(self, data: bytes) -> None:
        await asyncio.get_running_loop().sock_sendall(self.far, data)
        await asyncio.sleep(0.02)

    async def hear(self, size: int = 65_536) -> bytes:
        async with asyncio.timeout(5):
            return await asyncio.get_running_loop().sock_recv(self.far, size)


@contextlib.asynccontextmanager
async def pair(receiver=None):
    near, far = socket.socketpair()
    for end in (near, far):
        end.setblocking(False)
        end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, limits.SOCKET_SEND_BUFFER_BYTES)
    loop = asyncio.get_running_loop()
    transport, _ = await loop.connect_accepted_socket(asyncio.Protocol, near)
    ear, connections = receiver or Ear(), Connections()
    connection = Connection(transport, ear, connections, set())
    try:
        yield Pair(connection, connections, ear, far)
    finally:
        transport.abort()
        far.close()
        await asyncio.sleep(0)


def masked(opcode: int, data: bytes = b"") -> bytes:
    return Frame(Opcode(opcode), data).serialize(mask=True)


def closing(code: int, reason: str) -> bytes:
    return frames.frame(frames.CLOSE, frames.close_payload(code, reason))


async def test_a_ping_is_answered_with_its_own_words():
    """The keep-alive of the client's library works without the session."""
    async with pair() as p:
        await p.say(masked(frames.PING, b"are you there"))
        assert await p.hear() == frames.frame(frames.PONG, b"are you there")


async def test_a_flood_of_pings_is_ended():
    """Control frames cost an answer each: they have a pace, too."""
    async with pair() as p:
        await p.say(masked(frames.PING) * (limits.FRAMES_BURST + 1))
        heard = await p.hear()
        assert heard.endswith(closing(4013, "rate_limited"))
        assert p.ear.ends == 1


async def test_the_clients_close_is_answered_and_told_once():
    """The handshake of RFC 6455, begun by the client."""
    async with pair() as p:
        await p.say(masked(frames.CLOSE, frames.close_payload(1001, "bye")))
        assert await p.hear() == closing(1001, "")
        assert await p.hear() == b""
        assert (p.ear.ends, len(p.connections)) == (1, 0)


async def test_our_close_waits_for_theirs_and_hears_nothing_else():
    """What was sent before leaves first; messages behind our close are dropped."""
    async with pair() as p:
        p.connection.send(b"last words")
        p.connection.close(4001, "moving")
        p.connection.close(4004, "too late")
        await asyncio.sleep(0.02)
        assert await p.hear() == frames.frame(frames.TEXT, b"last words") + closing(4001, "moving")
        await p.say(masked(frames.TEXT, b"not heard"))
        assert p.ear.texts == []
        await p.say(masked(frames.CLOSE, frames.close_payload(4001, "")))
        assert await p.hear() == b""
        assert p.ear.ends == 1


async def test_a_peer_that_never_closes_is_cut():
    """The closing handshake has an end of its own."""
    async with pair() as p:
        p.connection.close(4001, "moving")
        p.connections.tick()
        assert len(p.connections) == 1
        p.connection.tick(clock.monotonic() + CLOSE_SECONDS + 1)
        await asyncio.sleep(0.01)
        assert (p.ear.ends, len(p.connections)) == (1, 0)


async def test_a_quiet_peer_is_pinged_and_a_dead_one_ended():
    """A link that gives no sign for long enough is no link."""
    async with pair() as p:
        now = clock.monotonic()
        p.connection.tick(now + limits.PING_SECONDS + 1)
        p.connection.tick(now + limits.PING_SECONDS + 2)
        assert await p.hear() == frames.frame(frames.PING, b"")  # once
        p.connection.tick(now + limits.PING_SECONDS + limits.PING_ANSWER_SECONDS + 1)
        assert p.ear.failures == ["silent"]


async def test_a_pong_is_a_sign_of_life():
    """Who answers is not pinged again at once."""
    async with pair() as p:
        begun = clock.monotonic()
        p.connection.tick(begun + limits.PING_SECONDS + 1)
        await p.hear()
        await p.say(masked(frames.PONG))
        p.connection.tick(begun + limits.PING_SECONDS)
        assert p.ear.failures == []
        p.connection.tick(clock.monotonic() + limits.PING_SECONDS + 1)
        assert await p.hear() == frames.frame(frames.PING, b"")


async def test_a_peer_that_does_not_read_has_a_bound():
    """What waits for it stays under the limit, and it does not wait for ever."""
    async with pair() as p:
        frame, taken = b"x" * 4_000, 0
        while p.connection.send(frame):
            taken += len(frame)
            await asyncio.sleep(0)
            assert taken < 2_000_000
        assert p.connection._transport.get_write_buffer_size() <= limits.OUTBOX_BYTES_MAX
        p.connection.tick(clock.monotonic() + limits.SEND_SECONDS + 1)
        assert p.ear.failures == ["slow_consumer"]


async def test_a_peer_that_reads_again_is_slow_no_more():
    """A pause of the network is not the end."""
    async with pair() as p:
        while not p.connection._paused_at:
            p.connection.send(b"x" * 4_000)
            await asyncio.sleep(0)
        while p.connection._paused_at:
            await p.hear()
        p.connection.tick(clock.monotonic() + limits.SEND_SECONDS + 1)
        assert p.ear.failures == []


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"\x81\x02hi", 1002),
        (masked(frames.TEXT, b"\xff"), 1007),
        (b"\x81\xff" + (1 << 40).to_bytes(8, "big"), 1009),
    ],
    ids=["not-masked", "not-text", "too-big"],
)
async def test_a_broken_frame_closes_with_its_code(data, code):
    """A client's author sees what was wrong."""
    async with pair() as p:
        await p.say(data)
        heard = await p.hear()
        assert heard[0] == 0x80 | frames.CLOSE
        assert int.from_bytes(heard[2:4], "big") == code
        assert p.ear.ends == 1


async def test_an_end_without_a_word_is_told_once():
    """A cut link is told like a closed one."""
    async with pair() as p:
        p.far.close()
        await asyncio.sleep(0.05)
        assert (p.ear.ends, len(p.connections)) == (1, 0)


async def test_frames_before_the_session_listens_wait_for_it():
    """A client that sends its answer right behind its join loses nothing."""
    peer, session = Peer(uuid4()), Listener()
    async with pair(peer) as p:
        peer.connect(p.connection)
        sent = [messages.SessionJoin(), messages.Ping(), messages.SessionAck(3)]
        await p.say(b"".join(masked(frames.TEXT, messages.encode(frame)) for frame in sent))
        assert await peer.frame() == sent[0]
        peer.listen(session)
        assert session.heard == sent[1:]
        await p.say(masked(frames.TEXT, messages.encode(messages.Ping())))
        assert session.heard == [*sent[1:], messages.Ping()]
        assert session.gone == []
    assert session.gone == [peer]


async def test_a_session_that_does_not_look_is_not_flooded():
    """Its peer's connection is not read while too many frames wait."""
    peer, session = Peer(uuid4()), Listener()
    async with pair(peer) as p:
        peer.connect(p.connection)
        peer.listen(session)
        for _ in range(limits.INBOX_FRAMES_MAX + 4):
            await p.say(masked(frames.TEXT, messages.encode(messages.Ping())))
        assert len(session.heard) == limits.INBOX_FRAMES_MAX
        for _ in range(limits.INBOX_FRAMES_MAX):
            peer.handled()
        await asyncio.sleep(0.02)
        assert len(session.heard) == limits.INBOX_FRAMES_MAX + 4


async def test_a_handshake_leaves_nothing_for_the_collector(settings, db, tenant):
    """It is 10 KiB of cycles: with a collector that rarely runs they would stay for hours."""
    made = [await make_interview(db, tenant) for _ in range(2)]
    async with live_house(settings) as house:
        await _join(house, made[0])  # what is made once is made
        gc.collect()
        gc.set_debug(gc.DEBUG_SAVEALL)
        try:
            await _join(house, made[1])
            gc.collect()
            left = {type(thing).__name__ for thing in gc.garbage}
        finally:
            gc.set_debug(0)
            gc.garbage.clear()
    assert not left & {"Handshake", "HttpToolsProtocol", "ServerProtocol", "Headers", "Connection"}


async def _join(house, made):
    """Join as a bare client of the library, and go."""
    protocols = [messages.SUBPROTOCOL, messages.TICKET_PREFIX + house.ticket(made)]
    async with connect(house.url, subprotocols=protocols, compression=None) as wire:
        await wire.send(messages.encode(messages.SessionJoin()).decode())
        async with asyncio.timeout(10):
            joined = messages.decode_server(await wire.recv())
        conductor = house.sessions.here(made.session_id)
    assert isinstance(joined, messages.SessionJoined)
    async with asyncio.timeout(30):
        while conductor.peer is not None:
            await asyncio.sleep(0.01)
    await asyncio.sleep(0.1)
