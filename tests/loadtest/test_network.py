"""The slow line: what goes in comes out, later, in order."""

import asyncio
import socket

import pytest

from loadtest.network import STEADY, Line, slow_line


async def test_a_line_delivers_everything_in_order_in_both_directions():
    """Delay and jitter change when bytes come, never which."""

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(1000):
            writer.write(data)
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    sent = bytes(range(256)) * 40
    async with server, slow_line(Line(0.01, 0.01, 10_000_000)) as line:
        host, through = await line.route(f"ws://127.0.0.1:{port}/ws")
        assert through != port
        assert (await line.route(f"ws://127.0.0.1:{port}/other"))[1] == through
        reader, writer = await asyncio.open_connection(host, through)
        writer.write(sent)
        async with asyncio.timeout(30):
            assert await reader.readexactly(len(sent)) == sent
        writer.close()


async def test_a_line_to_nobody_closes_the_connection():
    """Nothing listens behind it: the near side learns that."""
    async with slow_line(Line(0.0, 0.0, 1_000_000)) as line:
        host, port = await line.route("ws://127.0.0.1:9/ws")
        reader, writer = await asyncio.open_connection(host, port)
        async with asyncio.timeout(30):
            assert await reader.read() == b""
        writer.close()


async def test_nothing_is_lost_in_a_dead_spot():
    """What was sent in the meantime comes afterwards, on the same connection."""

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(await reader.readexactly(5))
        writer.close()

    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server, slow_line(STEADY) as line:
        reader, writer = await asyncio.open_connection(*await line.route(f"ws://127.0.0.1:{port}"))
        line.dead(0.3)
        writer.write(b"hello")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await reader.read(1)
        async with asyncio.timeout(30):
            assert await reader.readexactly(5) == b"hello"
        writer.close()


async def test_a_held_line_fills_the_servers_buffers_and_goes_on_where_it_was():
    """The sender stands still, unlike in front of a relay that swallows; then all of it comes."""
    whole = bytes(range(256)) * 4096  # 1 MiB
    sent = asyncio.Event()
    stuck = asyncio.Event()

    async def pour(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(1)
        writer.transport.set_write_buffer_limits(high=0)
        stuck.set()
        writer.write(whole)
        await writer.drain()
        sent.set()
        writer.close()

    server = await asyncio.start_server(pour, "127.0.0.1", 0)
    server.sockets[0].setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 32 * 1024)
    port = server.sockets[0].getsockname()[1]
    async with server, slow_line(STEADY) as line:
        reader, writer = await asyncio.open_connection(*await line.route(f"ws://127.0.0.1:{port}"))
        writer.write(b"?")
        await stuck.wait()
        line.hold()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3):
                await sent.wait()
        line.go_on()
        async with asyncio.timeout(60):
            assert await reader.readexactly(len(whole)) == whole
        writer.close()
