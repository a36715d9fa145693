"""`entrevistador chaos --rolling`: restart every instance, round after round, under a crowd."""

import argparse
import asyncio
import contextlib
import math
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import httpx2
import msgspec

from cli import local
from cli.children import Child, Supervisor, child_environ
from client.session import Admitted, FetchAgain
from loadtest import chaos
from loadtest.bench import cores, seed
from loadtest.chaos_lean import LeanCrowd, Rolled
from runtime import clock
from runtime.lifecycle import Tasks
from runtime.settings import to_environ
from server.tickets import Tickets

JOINS_PER_SECOND: Final = 40.0
READY_SECONDS: Final = 30.0
STOP_SECONDS: Final = 3.0
SETTLE_SECONDS: Final = 1.0  # between two restarts
CAP_MIN: Final = 4


class Restart(msgspec.Struct, frozen=True):
    """How one instance ended, in seconds from SIGTERM."""

    sessions: int
    empty: float
    gone: float
    successor_cpu: float  # what its successor spent meanwhile
    own_cpu: float


@contextlib.asynccontextmanager
async def model(state: Path, say: Callable[[str], None]) -> AsyncIterator[str]:
    """Run the stand-in model in a process of its own; gives its address."""
    port = local.free_port(0)
    supervisor = Supervisor(state / "logs", say)
    arguments = ("model", "--port", str(port), "--piece-seconds", "0.02")
    supervisor.start(Child("model", arguments, child_environ({})))
    try:
        await _answers(f"http://127.0.0.1:{port}/stats", say)
        yield f"http://127.0.0.1:{port}"
    finally:
        await supervisor.stop(STOP_SECONDS)


async def _answers(url: str, say: Callable[[str], None]) -> None:
    deadline = clock.monotonic() + READY_SECONDS
    async with httpx2.AsyncClient(timeout=2.0, trust_env=False) as http:
        while True:
            with contextlib.suppress(httpx2.TransportError):
                if (await http.get(url)).status_code == 200:  # noqa: PLR2004 - HTTP
                    return
            if clock.monotonic() > deadline:
                say(f"{url} does not answer")
                raise TimeoutError(url)
            await asyncio.sleep(0.05)


def ladder(sessions: int, instances: int) -> dict[str, Any]:
    """The session limits: with one instance dead the others can hold everybody, and nobody more.

    Four are the fewest that the limits below a cap leave room for; one instance alone has nobody
    beside it, and its cap is the crowd.
    """
    cap = max(CAP_MIN, math.ceil(sessions / max(1, instances - 1)))
    if instances == 1:
        cap = max(CAP_MIN, sessions + 1)  # nobody returns to it: all come as new ones
    return {
        "scale_in_sessions": 0,
        "target_sessions": max(1, min(math.ceil(sessions / instances) + 1, cap - 3)),
        "scale_out_sessions": cap - 2,
        "admit_sessions": cap - 1,
        "hard_cap_sessions": cap,
    }


class House:
    """The instances of a stack, by the port of each."""

    def __init__(self, stack: local.Stack, say: Callable[[str], None]) -> None:
        """Begin with the one that the stack has started."""
        self._stack = stack
        self._say = say
        self._number = 1
        self.names = {urlsplit(stack.settings.instance_url).port or 0: "interview"}

    async def add(self) -> int:
        """Start an instance and return its port once it is ready."""
        self._number += 1
        port, name = local.free_port(0), f"interview-{self._number}"
        settings = msgspec.structs.replace(
            self._stack.settings, database_url="", instance_url=f"ws://127.0.0.1:{port}/ws"
        )
        arguments = ("serve", "--role", "interview", "--port", str(port))
        self._stack.supervisor.start(Child(name, arguments, child_environ(to_environ(settings))))
        await _answers(f"http://127.0.0.1:{port}/health/ready", self._say)
        self.names[port] = name
        return port

    def cpu(self, port: int) -> float:
        """CPU seconds of an instance so far."""
        pid = self._stack.supervisor.pid(self.names[port])
        return cores.cpu_seconds(pid) if pid else 0.0

    async def replace(self, port: int, crowd: LeanCrowd) -> Restart:
        """Start a successor, end the instance at `port`, and wait until it is empty and gone."""
        successor = await self.add()
        sessions, before, own = crowd.on(port), self.cpu(successor), self.cpu(port)
        begun = clock.monotonic()
        async with Tasks("replace") as tasks:
            gone = tasks.start(self._stack.supervisor.retire(self.names[port]))
            await crowd.until_empty(port)
            empty, own = clock.monotonic() - begun, self.cpu(port) - own
            spent = self.cpu(successor) - before
            await gone
        del self.names[port]
        restart = Restart(sessions, empty, clock.monotonic() - begun, spent, own)
        self._say(
            f"port {port}: {sessions} sessions, empty after {restart.empty:.2f} s (its own CPU "
            f"{own:.2f} s, its successor's {spent:.2f} s), gone after {restart.gone:.2f} s"
        )
        return restart


async def roll(
    args: argparse.Namespace,
    stack: local.Stack,
    seats: Sequence[seed.Seat],
    fetches: Sequence[FetchAgain],
    say: Callable[[str], None],
) -> tuple[LeanCrowd, list[Restart], list[float]]:
    """Let everybody in, replace every instance `--rolling` times, and let everybody end."""
    house = House(stack, say)
    while len(house.names) < args.instances:
        await house.add()
    crowd = LeanCrowd(think_seconds=args.think_seconds, seed=args.seed)
    restarts, lag = list[Restart](), list[float]()
    async with Tasks("rolling") as tasks:
        ways = list(zip(_first_tickets(stack, seats, list(house.names)), fetches, strict=True))
        await crowd.enter(ways, per_second=JOINS_PER_SECOND)
        say(f"{len(crowd.people)} candidates are in")
        tasks.start(chaos.watch_lag(lag))
        for _ in range(args.rolling):
            for port in list(house.names):
                restarts.append(await house.replace(port, crowd))
                await asyncio.sleep(SETTLE_SECONDS)
        await crowd.end()
    return crowd, restarts, lag


def _first_tickets(
    stack: local.Stack, seats: Sequence[seed.Seat], ports: Sequence[int]
) -> list[Admitted]:
    """Tickets straight from the signer, spread over the instances: the ramp is not the test."""
    signer = Tickets(stack.settings.secret)
    return [
        Admitted(
            signer.ticket(seat.tenant_id, seat.interview_id, seat.session_id),
            f"ws://127.0.0.1:{ports[number % len(ports)]}/ws",
        )
        for number, seat in enumerate(seats)
    ]


def rolled(rounds: int, books: Sequence[chaos.Book], restarts: Sequence[Restart]) -> Rolled:
    """Sum up what everybody saw."""
    pauses = sorted(1000 * pause for book in books for pause in book.moves)
    empty = sorted(restart.empty for restart in restarts)
    return Rolled(
        rounds=rounds,
        restarts=len(restarts),
        moved=len(pauses),
        cut=dict(Counter(str(code) for book in books for code in book.cut)),
        bounced=dict(Counter(why for book in books for why in book.bounced)),
        left=sum(book.finished == "left" for book in books),
        pause_ms_p50=chaos.quantile(pauses, 0.50),
        pause_ms_p95=chaos.quantile(pauses, 0.95),
        pause_ms_max=chaos.quantile(pauses, 1.0),
        empty_seconds_p50=chaos.quantile(empty, 0.50),
        empty_seconds_p95=chaos.quantile(empty, 0.95),
        empty_seconds_max=chaos.quantile(empty, 1.0),
        gone_seconds_max=round(max(restart.gone for restart in restarts), 3),
    )
