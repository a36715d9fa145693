"""`entrevistador model`: a stand-in for the Messages API, on this machine only."""

import argparse
import asyncio
import json
import sys

from cli import arguments
from loadtest import model_faults, model_serve
from loadtest.model import Standin
from loadtest.model_clock import StandinClock
from loadtest.model_stream import FAULTS, Options


def add(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command and its options."""
    parser = subparsers.add_parser(
        "model",
        help="serve a stand-in for the Messages API on loopback",
        description=(
            "Serves /v1/messages (streamed and whole), its batches, /v1/models and "
            "/v1/messages/count_tokens with written answers, and beside them its own counts, "
            "faults, options and clock: docs/model.md. Point ANTHROPIC_BASE_URL at it and give "
            "any ANTHROPIC_API_KEY."
        ),
        epilog="Exit code: 0 when it was ended, 1 when the address is taken, 2 when it is not a "
        "loopback address.",
    )
    parser.add_argument("--host", default="127.0.0.1", help="a loopback address (127.0.0.1)")
    parser.add_argument(
        "--port", type=arguments.port, default=8090, help="where to listen; 0 is a free one (8090)"
    )
    parser.add_argument(
        "--piece-seconds",
        type=arguments.seconds,
        default=0.025,
        metavar="S",
        help="seconds between two pieces of an answer (0.025)",
    )
    parser.add_argument(
        "--first-piece-seconds",
        type=arguments.seconds,
        default=0.0,
        metavar="S",
        help="seconds before the first piece (0)",
    )
    parser.add_argument(
        "--slow-seconds",
        type=arguments.seconds,
        default=60.0,
        metavar="S",
        help="how long the faults slow and stall wait (60)",
    )
    parser.add_argument(
        "--fault",
        default="",
        choices=["", *FAULTS],
        metavar="FAULT",
        help="how to fail: " + ", ".join(FAULTS) + " (not at all)",
    )
    parser.add_argument(
        "--fault-every",
        type=arguments.count,
        default=1,
        metavar="N",
        help="fail every Nth request only (1)",
    )
    _add_ways(parser)
    parser.add_argument("--json", action="store_true", help="print the address as JSON")
    parser.set_defaults(run=run)


def _add_ways(parser: argparse.ArgumentParser) -> None:
    """Add chances, limits of each key, batches and the clock."""
    parser.add_argument(
        "--faults",
        type=_shares,
        default={},
        metavar="NAME=SHARE,…",
        help="fail by chance: 429=0.02,cut=0.01 (never)",
    )
    parser.add_argument(
        "--seed", type=int, default=0, metavar="N", help="which requests the chances fall on (0)"
    )
    for name in ("requests", "input-tokens", "output-tokens"):
        parser.add_argument(
            f"--{name}-per-minute",
            type=arguments.amount,
            default=0,
            metavar="N",
            help=f"refuse a key more than N {name} a minute; 0 is no limit (0)",
        )
    parser.add_argument(
        "--pieces",
        type=arguments.amount,
        default=0,
        metavar="N",
        help="make every text so long; 0 leaves it as it is (0)",
    )
    parser.add_argument(
        "--batch-seconds",
        type=arguments.seconds,
        default=2.0,
        metavar="S",
        help="how long a batch takes (2)",
    )
    parser.add_argument(
        "--speed", type=_speed, default=1.0, metavar="X", help="how fast its own clock runs (1)"
    )


def _shares(text: str) -> dict[str, float]:
    try:
        return model_faults.shares(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _speed(text: str) -> float:
    try:
        return StandinClock(float(text)).speed
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def run(args: argparse.Namespace) -> int:
    """Serve until interrupted; 2 when the address is not loopback, 1 when it is taken."""
    options = Options(
        piece_seconds=args.piece_seconds,
        first_piece_seconds=args.first_piece_seconds,
        slow_seconds=args.slow_seconds,
        fault=args.fault,
        fault_every=args.fault_every,
        faults=args.faults,
        seed=args.seed,
        requests_per_minute=args.requests_per_minute,
        input_tokens_per_minute=args.input_tokens_per_minute,
        output_tokens_per_minute=args.output_tokens_per_minute,
        pieces=args.pieces,
        batch_seconds=args.batch_seconds,
        speed=args.speed,
    )
    try:
        sock = model_serve.listen(args.host, args.port)
    except model_serve.NotLoopback as error:
        print(f"entrevistador model: {error}; it is served on this machine only", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"entrevistador model: {args.host}:{args.port}: {error.strerror}", file=sys.stderr)
        return 1
    url = model_serve.url_of(sock)
    print(json.dumps({"url": url}) if args.json else f"ANTHROPIC_BASE_URL={url}", flush=True)
    with sock:
        asyncio.run(model_serve.server(Standin(options), own_process=True).serve(sockets=[sock]))
    return 0
