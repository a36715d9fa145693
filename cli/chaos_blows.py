"""The blows of `entrevistador chaos`: real processes are killed or frozen at planned moments."""

import argparse
import asyncio
import os
import random
import signal
from collections.abc import Callable, Sequence
from typing import Final

import httpx2
import psutil

from cli import local
from loadtest import chaos
from runtime import clock
from runtime.lifecycle import Tasks
from storage import embedded

FREEZE_SECONDS: Final = 8.0
UP_SECONDS: Final = 20.0  # then the next blow falls in any case


async def strike(
    blows: Sequence[chaos.Blow],
    stack: local.Stack,
    args: argparse.Namespace,
    struck: list[str],
    say: Callable[[str], None],
) -> None:
    """Strike at the planned moments; `struck` gets the kinds of what was hit."""
    rng = random.Random(args.seed)  # noqa: S311 - the same storm again is the point
    begun, frozen = clock.monotonic(), list[asyncio.Task[None]]()
    async with Tasks("thaws") as thaws:
        for blow in blows:
            await asyncio.sleep(max(0.0, begun + blow.at - clock.monotonic()))
            if blow.kind in ("server", "freeze"):
                await _all_up(stack, args.instances)
            pid = _victim(blow.kind, stack, rng)
            if pid is None:
                continue
            say(f"{clock.monotonic() - begun:7.1f} s  {blow.kind} {pid}")
            struck.append(blow.kind)
            if blow.kind == "freeze":
                _signal(pid, signal.SIGSTOP)
                frozen.append(thaws.start(_thaw(pid)))
            else:
                _signal(pid, signal.SIGKILL)
        await asyncio.gather(*frozen)


async def _all_up(stack: local.Stack, instances: int) -> None:
    """Wait until every interview server is up: the survivors of one blow can hold everybody."""
    deadline = clock.monotonic() + UP_SECONDS
    async with httpx2.AsyncClient(timeout=1.0, trust_env=False) as http:
        while clock.monotonic() < deadline:
            names = [name for name in stack.supervisor.names if name.startswith("interview")]
            if len(names) == instances and all(
                [await _lives(http, stack.supervisor.pid(name)) for name in names]
            ):
                return
            await asyncio.sleep(0.1)


async def _lives(http: httpx2.AsyncClient, pid: int | None) -> bool:
    """Whether a server process answers at the port of its command line."""
    try:
        words = psutil.Process(pid).cmdline() if pid else []
        port = words[words.index("--port") + 1]
        answer = await http.get(f"http://127.0.0.1:{port}/health/live")
    except (psutil.Error, ValueError, httpx2.TransportError):
        return False
    return answer.status_code == 200  # noqa: PLR2004 - HTTP


async def _thaw(pid: int) -> None:
    try:
        await asyncio.sleep(FREEZE_SECONDS)
    finally:
        _signal(pid, signal.SIGCONT)


def _victim(kind: str, stack: local.Stack, rng: random.Random) -> int | None:
    if kind == "valkey":
        return embedded.Valkey(stack.settings.state_dir).alive()
    if kind == "postgres":
        return embedded.Postgres(stack.settings.state_dir).alive()
    prefix = "worker" if kind == "worker" else "interview"
    names = [name for name in stack.supervisor.names if name.startswith(prefix)]
    return stack.supervisor.pid(rng.choice(names)) if names else None


def _signal(pid: int, number: int) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return
