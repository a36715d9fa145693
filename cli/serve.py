"""`entrevistador serve`: one server process, one instance."""

import argparse
import asyncio
import sys
from typing import Any

from cli import arguments, environment
from runtime import logs
from server.serve import serve

try:
    import uvloop

    loop_factory: Any = uvloop.new_event_loop
except ImportError:  # Windows, or a platform without a wheel
    loop_factory = None


def add(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command and its options."""
    parser = subparsers.add_parser(
        "serve",
        help="run one server process",
        description=(
            "Runs one server process: the REST doors and pages (api), the live sessions "
            "(interview), or both (all). On SIGTERM its sessions move to another instance first. "
            "Its settings come from the environment (docs/operations.md)."
        ),
        epilog="Exit code: 0 after an orderly end, 1 when the address can't be had or a service "
        "is away, 2 for a setting that can't be used.",
    )
    parser.add_argument(
        "--role", choices=["api", "interview", "all"], default="all", help="what it serves (all)"
    )
    parser.add_argument("--host", default=None, help="address to listen on (127.0.0.1)")
    parser.add_argument(
        "--port", type=arguments.port, default=None, help="port to listen on (8000)"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Serve until told to stop; 1 when the address can't be had."""
    settings = environment.settings(host=args.host, port=args.port)
    logs.set_up(settings.log_level)
    try:
        with asyncio.Runner(loop_factory=loop_factory) as runner:
            runner.run(serve(settings, args.role))
    except OSError as error:
        where = f"{settings.host}:{settings.port}"
        print(f"entrevistador serve: {where}: {error.strerror or error}", file=sys.stderr)
        return 1
    return 0
