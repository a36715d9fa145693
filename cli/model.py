"""`entrevistador model`: a stand-in for the Messages API, on this machine only."""

import argparse
import asyncio
import json
import sys

from loadtest import model_serve
from loadtest.model import Standin
from loadtest.model_stream import FAULTS, Options


def add(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command and its options."""
    parser = subparsers.add_parser(
        "model",
        help="serve a stand-in for the Messages API on loopback",
        description=(
            "Serves /v1/messages (streamed and whole), /v1/models and /v1/messages/count_tokens "
            "with written answers, /stats with counters, and /faults to order failures. Point "
            "ANTHROPIC_BASE_URL at it and give any ANTHROPIC_API_KEY."
        ),
    )
    parser.add_argument("--host", default="127.0.0.1", help="a loopback address (127.0.0.1)")
    parser.add_argument("--port", type=int, default=8090, help="0 = a free one (8090)")
    parser.add_argument("--piece-seconds", type=float, default=0.025, help="between pieces (0.025)")
    parser.add_argument("--first-piece-seconds", type=float, default=0.0, help="before the first")
    parser.add_argument("--slow-seconds", type=float, default=60.0, help="for slow and stall (60)")
    parser.add_argument("--fault", default="", choices=["", *FAULTS], help="how to fail")
    parser.add_argument("--fault-every", type=int, default=1, help="fail every n-th request (1)")
    parser.add_argument("--requests-per-minute", type=int, default=0, help="0 = no limit (0)")
    parser.add_argument("--json", action="store_true", help="print the address as JSON")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Serve until interrupted; 2 when the address is not loopback, 1 when it is taken."""
    options = Options(
        piece_seconds=args.piece_seconds,
        first_piece_seconds=args.first_piece_seconds,
        slow_seconds=args.slow_seconds,
        fault=args.fault,
        fault_every=args.fault_every,
        requests_per_minute=args.requests_per_minute,
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
