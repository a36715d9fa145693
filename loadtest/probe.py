"""An independent probe beside a load test: a few candidates in a process of their own.

A load tester's times are wrong when the load tester is late. What this process sees is the same
wire without the crowd's own queue; both are in the verdict. It stops by itself.
"""

import argparse
import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec
import uvloop

from loadtest.books import Sample
from loadtest.verdict import Probe, latency
from loadtest.visitor import Habits, Invitation, Visitor, read_invitations
from runtime.lifecycle import Tasks, sleep_or_stop, stop_event


async def probe(
    invitations: Sequence[Invitation], *, seconds: float, think_seconds: float, at_once: int = 0
) -> Probe:
    """Live through the invitations' interviews, `at_once` (0: all), for at most `seconds`."""
    stop = stop_event()
    seen: dict[str, list[float]] = {}
    failures: dict[str, int] = {}
    turns = 0
    left = list(invitations)

    def note(sample: Sample) -> None:
        seen.setdefault(sample.name, []).append(sample.seconds)

    async def visit(invitation: Invitation) -> None:
        nonlocal turns
        visitor = Visitor(invitation, Habits(think_seconds=think_seconds), note)
        try:
            await visitor.visit()
        finally:
            result = visitor.give_up()
            turns += result.turns
            for failure in result.failures:
                failures[failure.name] = failures.get(failure.name, 0) + 1

    async def seat() -> None:
        while left:
            await visit(left.pop(0))

    async with Tasks("probe") as tasks:
        visits = {tasks.start(seat()) for _ in range(at_once or len(left))}
        waiting = tasks.start(sleep_or_stop(seconds, stop))
        everybody = tasks.start(_all(visits))
        await asyncio.wait({waiting, everybody}, return_when=asyncio.FIRST_COMPLETED)
    return Probe(turns, failures, {what: latency(values) for what, values in seen.items()})


async def _all(visits: set[asyncio.Task[None]]) -> None:
    if visits:
        await asyncio.wait(visits)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the probe and print its figures as one JSON line; 1 when it saw nothing."""
    parser = argparse.ArgumentParser(prog="python -m loadtest.probe", description=__doc__)
    parser.add_argument("--invitations", type=Path, required=True, help="an invitations file")
    parser.add_argument("--at-once", type=int, default=0, help="of them at a time (all)")
    parser.add_argument("--seconds", type=float, default=60.0, help="at most this long (60)")
    parser.add_argument("--think-seconds", type=float, default=5.0, help="before an answer (5)")
    args = parser.parse_args(argv)
    invitations = read_invitations(args.invitations)
    found = uvloop.run(
        probe(
            invitations,
            seconds=args.seconds,
            think_seconds=args.think_seconds,
            at_once=args.at_once,
        )
    )
    print(msgspec.json.encode(found).decode(), flush=True)
    return 0 if found.turns else 1


if __name__ == "__main__":
    sys.exit(main())
