"""A measured process: started on the server's core, told what to do, ended by its own id."""

import asyncio
import contextlib
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from loadtest.bench import cores
from runtime import ports

READY_SECONDS = 40.0
STOP_SECONDS = 15.0
free_port = ports.free_port


class NotReady(Exception):  # noqa: N818 - reads as a sentence where it is raised
    """The process ended, or did not say that it is ready in time."""


@asynccontextmanager
async def running(
    arguments: Sequence[str],
    *,
    port: int,
    told: bytes = b"",
    environ: dict[str, str] | None = None,
    pause: float = 0.05,
    on: Sequence[int] = cores.SERVER,
    program: Sequence[str] = (sys.executable, "-m"),
    ready_seconds: float = READY_SECONDS,
    output: int | None = None,
) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run `python -m …` while the block runs; yields once it answers on `port`.

    `program` is another one than Python's modules, `output` a file for all that it prints.
    """
    process = await asyncio.create_subprocess_exec(
        *program,
        *arguments,
        stdin=asyncio.subprocess.PIPE,
        stdout=sys.stderr.fileno() if output is None else output,  # ours is the figures'
        stderr=output,
        env=environ,
    )
    try:
        cores.pin(process.pid, on)
        if process.stdin is not None:
            process.stdin.write(told)
            process.stdin.close()
        async with asyncio.timeout(ready_seconds):
            await answers(process, port, pause=pause)
        yield process
    except TimeoutError:
        name = arguments[0] if program[-1] == "-m" else program[0]
        raise NotReady(f"{name} did not answer within {ready_seconds:g} s") from None
    finally:
        await _end(process)


async def answers(process: asyncio.subprocess.Process, port: int, *, pause: float) -> None:
    """Return as soon as a request for /health/live has any answer; raises NotReady if it ends.

    That it listens is not enough: the kernel takes connections before the program does.
    """
    while process.returncode is None:
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(pause)
            continue
        try:
            writer.write(b"GET /health/live HTTP/1.1\r\nHost: bench\r\nConnection: close\r\n\r\n")
            if await reader.read(12):
                return
        except OSError:
            await asyncio.sleep(pause)
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()
    raise NotReady(f"the process ended with exit code {process.returncode}")


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is not None:
        return
    process.send_signal(signal.SIGTERM)
    try:
        async with asyncio.timeout(STOP_SECONDS):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()
