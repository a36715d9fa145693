"""From the start of a server process to its first answered request and its first joined session."""

import asyncio
from collections.abc import AsyncIterator
from typing import Final

import msgspec

from loadtest.bench import cores
from loadtest.bench.crowd import Crowd, Member
from loadtest.bench.figures import Figure, figure, percentile
from loadtest.bench.house import House
from loadtest.bench.process import free_port, running
from loadtest.bench.seed import Seat, seed
from protocol import messages
from runtime import clock
from runtime.settings import to_environ
from server.tickets import Tickets

BENCH: Final = "start"
PAUSE: Final = 0.002


class Start(msgspec.Struct, frozen=True):
    """One start, in milliseconds: until the first answer, until the first joined session."""

    answered: float
    answered_cpu: float  # of the process' own time by then: neighbours do not count
    joined: float = 0.0


async def _hello() -> Start:
    port = free_port()
    begun = clock.monotonic()
    async with running(
        ["loadtest.bench.bare", "hello", "--port", str(port)], port=port, pause=PAUSE
    ) as process:
        return Start(_ms(begun), cores.cpu_seconds(process.pid) * 1000)


def _ms(begun: float) -> float:
    return (clock.monotonic() - begun) * 1000


async def _product(house: House, seat: Seat) -> Start:
    port = free_port()
    settings = msgspec.structs.replace(
        house.settings,
        port=port,
        instance_url=f"ws://127.0.0.1:{port}/ws",
        instance_id=f"bench-start-{port}",
    )
    ticket = Tickets(settings.secret).ticket(seat.tenant_id, seat.interview_id, seat.session_id)
    begun = clock.monotonic()
    async with running(
        ["cli", "serve", "--role", "interview"],
        port=port,
        environ=to_environ(settings),
        pause=PAUSE,
    ) as process:
        answered, spent = _ms(begun), cores.cpu_seconds(process.pid) * 1000
        member = Member(Crowd(interval=60.0), 0)
        await member.enter(port, messages.TICKET_PREFIX + ticket)
        joined = _ms(begun)
        member.leave()
        await asyncio.sleep(0.1)
    return Start(answered, spent, joined)


async def figures(house: House, *, times: int) -> AsyncIterator[Figure]:
    """Yield median and worst of `times` starts, beside the least that a server can be."""
    seats = await seed(house.settings, times)
    bare = [await _hello() for _ in range(times)]
    found = [await _product(house, seat) for seat in seats]
    for name, least in (
        ("answered", "answered"),
        ("answered_cpu", "answered_cpu"),
        ("joined", "answered"),
    ):
        for label, percent in (("p50", 50), ("max", 100)):
            yield figure(
                BENCH,
                "serve --role interview",
                f"first_{name}_{label}",
                percentile([getattr(one, name) for one in found], percent),
                "ms",
                baseline="uvicorn and Litestar saying hello",
                baseline_value=percentile([getattr(one, least) for one in bare], percent),
            )
