"""A second call where the first piece is late: whoever speaks first is heard, the other booked.

Off unless the settings want it. It reserves for itself, at most 2 % of the live calls, and only
while the tier is healthy.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import Any

from llm.call import Call
from protocol import limits
from protocol.faults import Fault
from runtime import metrics
from runtime.lifecycle import Tasks

Road = Callable[[Call], AsyncGenerator[Any, None]]


class Allowance:
    """How many second calls there may be: a share of the calls, saved up to one."""

    def __init__(self) -> None:
        """Begin with none."""
        self._saved = 0.0

    def earn(self) -> None:
        """Count a live call."""
        self._saved = min(1.0, self._saved + limits.HEDGE_PERCENT / 100)

    def take(self) -> bool:
        """Say whether one more is within the share."""
        if self._saved < 1.0 - 1e-9:  # fifty times 0.02 is a little less than one
            return False
        self._saved = 0.0
        return True


async def race(
    first: Call, road: Road, second: Callable[[], Call | None]
) -> AsyncGenerator[Any, None]:
    """Yield the pieces of the faster of two calls; `first.winner` says which it was."""
    runners: dict[asyncio.Task[Any], tuple[Call, AsyncGenerator[Any, None]]] = {}
    tasks = Tasks("hedge")

    def start(call: Call) -> None:
        pieces = road(call)
        runners[tasks.start(_first_of(pieces))] = (call, pieces)

    start(first)
    pieces = None
    try:
        hedged, fault = False, Fault("model_unavailable")
        while runners:
            wait = None if hedged else limits.HEDGE_SECONDS
            done, _ = await asyncio.wait(runners, timeout=wait, return_when="FIRST_COMPLETED")
            if not done and not hedged:
                hedged = True
                other = second()
                if other is not None:
                    start(other)
            for task in done:
                call, pieces = runners.pop(task)
                outcome = task.result()
                if isinstance(outcome, Fault):
                    fault, pieces = outcome, None
                    continue
                first.winner = call
                if hedged:
                    metrics.model_hedges.labels("won" if call is not first else "lost").inc()
                await _close(runners, tasks)
                async with aclosing(pieces):
                    if outcome is not None:
                        yield outcome
                    async for piece in pieces:
                        yield piece
                return
            hedged = True  # the first has failed: the ladder goes on, not the race
        raise fault
    finally:
        await _close(runners, tasks)


async def _first_of(pieces: AsyncGenerator[Any, None]) -> Any:
    """Return the first piece, None without any, or the Fault in its place."""
    try:
        return await anext(pieces, None)
    except Fault as fault:
        return fault


async def _close(
    runners: dict[asyncio.Task[Any], tuple[Call, AsyncGenerator[Any, None]]], tasks: Tasks
) -> None:
    await tasks.close()  # a cancelled call closes its way to the model and books itself
    for _, pieces in runners.values():
        await pieces.aclose()
    runners.clear()
