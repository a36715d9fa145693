"""`make bench`: the measurements, one JSON line per figure; ONLY=name for one of them."""

import argparse
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Final

import uvloop

from loadtest.bench import buckets, commit, cores, floor, llm, session, start, stores
from loadtest.bench.figures import Figure, say, show
from loadtest.bench.house import House, services
from loadtest.bench.measure import NothingMeasured, Run
from loadtest.bench.process import NotReady
from loadtest.bench.wire import Refused
from storage.embedded import EmbeddedError

Bench = Callable[[argparse.Namespace, House], AsyncIterator[Figure]]


def _runs(args: argparse.Namespace) -> list[Run]:
    return [
        Run(
            sessions=sessions,
            seconds=args.seconds,
            interval=args.interval,
            pieces=args.pieces,
            piece_seconds=args.piece_seconds,
            ramp=args.ramp,
        )
        for sessions in args.sessions
    ]


def _session(args: argparse.Namespace, house: House) -> AsyncIterator[Figure]:
    return session.figures(
        house,
        _runs(args),
        engines=tuple(args.engines),
        profile=args.profile,
        with_floor=not args.no_floor,
    )


def _llm(args: argparse.Namespace, house: House) -> AsyncIterator[Figure]:  # noqa: ARG001 - alone
    return llm.figures(
        streams=args.streams,
        pieces=args.stream_pieces,
        piece_seconds=args.stream_piece_seconds,
        rounds=args.rounds,
        turns=args.turns,
    )


BENCHES: Final[dict[str, Bench]] = {
    "commit": lambda args, house: commit.run(house, commits=args.commits),
    "start": lambda args, house: start.figures(house, times=args.times),
    "floor": lambda args, house: floor.figures(_runs(args)),  # noqa: ARG005 - needs no services
    "session": _session,
    "llm": _llm,
    "buckets": buckets.run,
    "stores": lambda args, house: stores.figures(house),  # noqa: ARG005 - always the same turns
}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m loadtest.bench",
        description=(
            "Measures on this machine with private services: one JSON line per figure on standard "
            "output. docs/performance.md says what each means and which direction is better."
        ),
    )
    parser.add_argument("--only", nargs="+", choices=sorted(BENCHES), help="some benches (all)")
    parser.add_argument(
        "--sessions", type=_sizes, default=[200, 1000], help="sizes of the crowd (200,1000)"
    )
    parser.add_argument("--seconds", type=float, default=50.0, help="measured time (50)")
    parser.add_argument("--interval", type=float, default=25.0, help="seconds a turn (25)")
    parser.add_argument("--pieces", type=int, default=40, help="pieces a question (40)")
    parser.add_argument("--piece-seconds", type=float, default=0.02, help="between them (0.02)")
    parser.add_argument("--no-floor", action="store_true", help="without the bare transport")
    parser.add_argument("--ramp", type=float, default=40.0, help="joins a second (40)")
    parser.add_argument(
        "--engines", nargs="+", choices=session.ENGINES, default=list(session.ENGINES)
    )
    parser.add_argument("--commits", type=int, default=300, help="one-row commits (300)")
    parser.add_argument("--times", type=int, default=5, help="starts of a process (5)")
    parser.add_argument("--streams", type=int, default=100, help="streams at once (100)")
    parser.add_argument("--rounds", type=int, default=6, help="streams one after the other (6)")
    parser.add_argument("--turns", type=int, default=3, help="of each way to the model (3)")
    parser.add_argument("--stream-pieces", type=int, default=40, help="pieces of a stream (40)")
    parser.add_argument(
        "--stream-piece-seconds", type=float, default=0.025, help="between them (0.025)"
    )
    parser.add_argument("--bucket-processes", type=int, default=4, help="that share it (4)")
    parser.add_argument("--bucket-seconds", type=float, default=60.0, help="from empty (60)")
    parser.add_argument(
        "--real-time",
        action="store_true",
        help="before the machine's other processes (needs the right to; on shared machines)",
    )
    parser.add_argument("--profile", default="", help="cProfile of the server into this file")
    return parser


def _sizes(text: str) -> list[int]:
    sizes = [int(part) for part in text.split(",")]
    if not sizes or min(sizes) < 1:
        raise argparse.ArgumentTypeError("sizes are positive numbers with commas between them")
    return sizes


async def _run(args: argparse.Namespace) -> int:
    names = args.only or list(BENCHES)
    failed = 0
    async with services() as house:
        for name in names:
            try:
                async for found in BENCHES[name](args, house):
                    show(found)
            except (NothingMeasured, NotReady, Refused, OSError, ValueError) as error:
                say(f"{name}: {error}")
                failed += 1
    return 1 if failed else 0


def main(argv: Sequence[str] | None = None) -> int:
    """Run the benches and return 0 when each of them gave its figures."""
    args = _parser().parse_args(argv)
    cores.pin(0, cores.CROWD)
    if args.real_time and not cores.go_first():
        say("this user may not ask for real-time scheduling: neighbours will count")
    try:
        return uvloop.run(_run(args))
    except EmbeddedError as error:
        say(f"the services could not be started: {error}")
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
