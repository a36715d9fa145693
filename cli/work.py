"""`entrevistador work`: one pipeline process for some lanes."""

import argparse
import asyncio

from cli import arguments, environment
from pipeline import worker
from protocol import jobs
from runtime import logs
from runtime.lifecycle import stop_event
from runtime.settings import Settings


def add(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command and its options."""
    parser = subparsers.add_parser(
        "work",
        help="read CVs, match and evaluate: one pipeline process",
        description="Works on the jobs of some lanes until it is told to stop (SIGTERM). "
        "A process for premium and active alone keeps their promises while bulk work waits.",
        epilog="Exit code: 0 after an orderly end, 1 when a service is away, 2 for an option or a "
        "setting that can't be used.",
    )
    parser.add_argument(
        "--lanes",
        type=_lanes,
        default=jobs.LANES,
        help=f"lanes to take jobs from, separated by commas, of {', '.join(jobs.LANES)} (all)",
    )
    parser.add_argument(
        "--threads", type=arguments.count, metavar="N", help="jobs at the same time (4)"
    )
    parser.add_argument(
        "--port", type=arguments.port, help="a port for /metrics and /health (none)"
    )
    parser.set_defaults(run=run)


def _lanes(text: str) -> tuple[jobs.Lane, ...]:
    names = [name for name in text.replace(",", " ").split() if name]
    lanes = tuple(lane for lane in jobs.LANES if lane in names)
    if not names or len(lanes) != len(set(names)):
        raise argparse.ArgumentTypeError(f"lanes are {', '.join(jobs.LANES)}")
    return lanes


def run(args: argparse.Namespace) -> int:
    """Work until a signal; 0 after an orderly end."""
    settings = environment.settings(worker_threads=args.threads)
    logs.set_up(settings.log_level)
    asyncio.run(_work(settings, args.lanes, args.port))
    return 0


async def _work(settings: Settings, lanes: tuple[jobs.Lane, ...], port: int | None) -> None:
    stop = stop_event()
    await worker.run(settings, lanes, threads=settings.worker_threads, stop=stop, listen=port)
