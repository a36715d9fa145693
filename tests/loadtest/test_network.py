"""The slow line: what goes in comes out, later, in order."""

import asyncio

from loadtest.network import Line, slow_line


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
        async with asyncio.timeout(10):
            assert await reader.readexactly(len(sent)) == sent
        writer.close()


async def test_a_line_to_nobody_closes_the_connection():
    """Nothing listens behind it: the near side learns that."""
    async with slow_line(Line(0.0, 0.0, 1_000_000)) as line:
        host, port = await line.route("ws://127.0.0.1:9/ws")
        reader, writer = await asyncio.open_connection(host, port)
        async with asyncio.timeout(10):
            assert await reader.read() == b""
        writer.close()
