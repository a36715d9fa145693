"""A TCP relay between a browser and a server that a test can cut: a network that breaks."""

import asyncio
import contextlib
import socket
import threading


class Relay:
    """Listens on a port of its own and passes bytes on to `port` until it is cut."""

    def __init__(self) -> None:
        self._listener = socket.socket()
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._listener.bind(("127.0.0.1", 0))
        self._listener.listen()
        self.port = self._listener.getsockname()[1]
        self.target = 0
        self.passed = 0  # bytes towards the browser
        self.stop_behind = (
            b""  # with the first bytes that have this, the line towards it stands still
        )
        self._refusing = False
        self._pairs: set[asyncio.StreamWriter] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._run(self._listen())

    def _run(self, work):
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(30)

    async def _listen(self) -> None:
        self._goes_on = asyncio.Event()
        self._goes_on.set()
        self._server = await asyncio.start_server(self._serve, sock=self._listener)

    async def _serve(self, reader, writer) -> None:
        if self._refusing:
            writer.transport.abort()
            return
        there_reader, there = await asyncio.open_connection("127.0.0.1", self.target)
        self._pairs |= {writer, there}
        await asyncio.gather(
            self._pass(reader, there, count=False), self._pass(there_reader, writer, count=True)
        )
        self._pairs -= {writer, there}

    async def _pass(self, reader, writer, *, count: bool) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(65536):
                if count:
                    data = self._up_to_the_stop(data)
                    self.passed += len(data)
                writer.write(data)
                await writer.drain()
                if count:
                    await self._goes_on.wait()
        writer.close()

    def _up_to_the_stop(self, data: bytes) -> bytes:
        """What may pass; the rest is lost with the connection, which is cut next."""
        mark = self.stop_behind
        if not mark or mark not in data:
            return data
        self.stop_behind = b""
        self._goes_on.clear()
        second = data.find(mark, data.find(mark) + 1)
        return data if second < 0 else data[:second]

    def cut(self) -> None:
        """Break every connection and refuse new ones."""
        self._refusing = True
        self._run(self._abort())

    async def _abort(self) -> None:
        for writer in list(self._pairs):
            writer.transport.abort()
        self._goes_on.set()

    def mend(self) -> None:
        """Let connections through again."""
        self._refusing = False

    def close(self) -> None:
        self.cut()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._listener.close()
