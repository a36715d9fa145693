"""The small HTTP port of a process without a web server: /metrics and /health/*."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from runtime import metrics

REQUEST_SECONDS: Final = 5.0
LINE_BYTES_MAX: Final = 4096
TEXT: Final = "text/plain; charset=utf-8"


async def serve(host: str, port: int, ready: Callable[[], Awaitable[bool]]) -> asyncio.Server:
    """Answer on `port`: /metrics, /health/live, and /health/ready as `ready` says."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(REQUEST_SECONDS):
                status, kind, body = await _page(await reader.readline(), ready)
                head = (
                    f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n"
                    "Connection: close\r\n\r\n"
                )
                writer.write(head.encode() + body)
                await writer.drain()
        except (TimeoutError, OSError, ValueError):
            pass  # a visitor who left, or speaks no HTTP
        finally:
            writer.close()

    return await asyncio.start_server(answer, host, port, limit=LINE_BYTES_MAX)


async def _page(line: bytes, ready: Callable[[], Awaitable[bool]]) -> tuple[str, str, bytes]:
    words = line.split()
    path = words[1] if len(words) > 1 and words[0] in (b"GET", b"HEAD") else b""
    if path == b"/metrics":
        return "200 OK", metrics.CONTENT_TYPE, metrics.text()
    if path == b"/health/live":
        return "200 OK", TEXT, b"ok\n"
    if path == b"/health/ready":
        if await ready():
            return "200 OK", TEXT, b"ok\n"
        return "503 Service Unavailable", TEXT, b"not ready\n"
    return "404 Not Found", TEXT, b"not found\n"
