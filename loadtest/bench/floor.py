"""Bare transports under the same crowd: the floor that the product's figures stand on."""

from collections.abc import AsyncIterator
from typing import Final

from loadtest.bench.bare import Kind
from loadtest.bench.figures import Figure, figure
from loadtest.bench.measure import Outcome, Run, measure
from loadtest.bench.process import free_port, running
from protocol import messages

BENCH: Final = "floor"
TRANSPORTS: Final[tuple[Kind, ...]] = ("websockets", "litestar")


async def outcome(kind: Kind, run: Run) -> Outcome:
    """Measure one bare transport on the server's core."""
    port = free_port()
    arguments = [
        "loadtest.bench.bare", kind, "--port", str(port), "--pieces", str(run.pieces),
        "--piece-seconds", str(run.piece_seconds),
    ]  # fmt: skip
    async with running(arguments, port=port) as process:
        return await measure(
            run,
            port=port,
            pid=process.pid,
            subprotocol=lambda number: f"{messages.TICKET_PREFIX}bare{number}",
        )


def shown(kind: Kind, run: Run, found: Outcome) -> list[Figure]:
    """Return the figures of a bare transport."""
    case = f"{kind}, {run.sessions} sessions"
    figures = [
        figure(BENCH, case, name, value, "ms")
        for name, value in found.latencies.items()
        if name.startswith(("added", "crowd"))
    ]
    figures += [
        figure(BENCH, case, "core_share", found.core_share, "cores"),
        figure(BENCH, case, "cpu_per_turn", found.cpu_per_turn, "us"),
        figure(BENCH, case, "memory_per_session", found.memory_per_session, "KiB"),
    ]
    return figures


async def figures(runs: list[Run]) -> AsyncIterator[Figure]:
    """Yield the figures of every bare transport at every size."""
    for run in runs:
        for kind in TRANSPORTS:
            for found in shown(kind, run, await outcome(kind, run)):
                yield found
