"""`entrevistador invitations`: interviews in bulk for a load test, straight into the database."""

import argparse
import asyncio
import json
import sys
from pathlib import Path

import msgspec

from cli import arguments, environment, meeting
from loadtest.bench import seed
from loadtest.visitor import write_invitations
from runtime import logs
from runtime.settings import Settings, WrongSetting


def add(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command and its options."""
    parser = subparsers.add_parser(
        "invitations",
        help="make interviews for a load test",
        description=(
            "Inserts interviews of a fictitious company, consent included, into the database of "
            "DATABASE_URL (its owner) or of the local stack, and writes their links' tokens into "
            "a file that loadtest/locustfile.py, loadtest.probe and conformance read. Never use "
            "it on a database with real people's data."
        ),
        epilog="Exit code: 0 when the file is written, 1 when it can't be, 2 for an option or a "
        "setting that can't be used.",
    )
    parser.add_argument(
        "--count", type=arguments.count, metavar="N", required=True, help="how many interviews"
    )
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="the file to write")
    parser.add_argument(
        "--url",
        default=None,
        metavar="URL",
        help="the server that candidates go to (the public address)",
    )
    parser.add_argument(
        "--minutes",
        metavar="N",
        type=arguments.count,
        default=20,
        help="an interview's length (20)",
    )
    parser.add_argument(
        "--turns",
        metavar="N",
        type=arguments.amount,
        default=0,
        help="questions at most (0: as the plan says)",
    )
    meeting.add_state(parser)
    parser.add_argument("--json", action="store_true", help="print what was made as JSON")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Make them; 1 when the file can't be written."""
    logs.set_up("warning")
    settings = environment.settings(state_dir=args.state_dir, public_url=args.url)
    if not settings.database_url:
        raise WrongSetting("DATABASE_URL is missing: only the database's owner founds a company")
    if args.url is None:  # where the local stack is, if it runs
        found = asyncio.run(meeting.running(settings.state_dir))
        if found is not None:
            settings = msgspec.structs.replace(settings, public_url=found[0])
    asyncio.run(_make(settings, args))
    told = {"interviews": args.count, "file": str(args.out), "url": settings.public_url}
    print(json.dumps(told) if args.json else f"{args.count} invitations in {args.out}")
    return 0


async def _make(settings: Settings, args: argparse.Namespace) -> None:
    seats = await seed.seed(settings, args.count, minutes=args.minutes, turns_max=args.turns)
    try:
        write_invitations(args.out, seed.invitations(settings, seats))
    except OSError as error:
        print(f"entrevistador invitations: {args.out}: {error.strerror}", file=sys.stderr)
        raise SystemExit(1) from None
