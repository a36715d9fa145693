"""`entrevistador conformance URL` tells whether a server speaks the wire as it is written."""

import argparse
import asyncio
import sys
from pathlib import Path
from typing import Final

import httpx2
import msgspec

from client.errors import Refused
from loadtest import conformance
from loadtest.conformance import Outcome
from loadtest.invite import invite
from loadtest.visitor import Invitation, read_invitations

REACH_SECONDS: Final = 5.0


def add(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command and its options."""
    parser = subparsers.add_parser(
        "conformance",
        help="check a server against the wire",
        description=(
            "Runs the wire's conformance cases against a live server, on one interview, which is "
            "over afterwards. The cases of the waiting room take places with the further "
            "invitations of a file until somebody has to wait."
        ),
        epilog="Exit code: 0 when no case failed, 1 when one did, 2 when it could not begin.",
    )
    parser.add_argument(
        "url", metavar="URL", help="the server's REST doors, such as http://127.0.0.1:8000"
    )
    given = parser.add_mutually_exclusive_group(required=True)
    given.add_argument(
        "--invitation", metavar="TOKEN", help="the token of a candidate's link (after the #)"
    )
    given.add_argument(
        "--invitations", type=Path, metavar="FILE", help="a file of `entrevistador invitations`"
    )
    given.add_argument(
        "--recruiter-token",
        metavar="TOKEN",
        help="make an opening and an interview with this token first",
    )
    parser.add_argument(
        "--operator-token",
        default="",
        metavar="TOKEN",
        help="drain an instance with it, to see its session handed over",
    )
    parser.add_argument("--only", default="", metavar="CASE", help="one case, by name (all)")
    parser.add_argument(
        "--slow", action="store_true", help="the cases that wait up to 15 s as well"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object for each case")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run the suite and tell each case's result."""
    names = {case.__name__ for case in conformance.CASES}
    if args.only and args.only not in names:
        print(f"no case {args.only!r}; there are: {', '.join(sorted(names))}", file=sys.stderr)
        return 2
    try:
        outcomes = asyncio.run(_run(args))
    except (Refused, OSError, ValueError) as error:
        told = f"{error.filename}: {error.strerror}" if isinstance(error, OSError) else error
        print(f"entrevistador conformance: {told}", file=sys.stderr)
        return 2
    failed = sum(1 for outcome in outcomes if outcome.result == "fail")
    passed = sum(1 for outcome in outcomes if outcome.result == "pass")
    if not args.json:
        print(f"{passed} passed, {failed} failed, {len(outcomes) - passed - failed} skipped")
    return 1 if failed or not passed else 0


async def _run(args: argparse.Namespace) -> list[Outcome]:
    tell = _as_json if args.json else _as_text
    invitation, *others = await _invitations(args)
    return await conformance.run(
        invitation,
        slow=args.slow,
        only=args.only,
        others=others,
        operator_token=args.operator_token,
        tell=tell,
    )


async def _answers(url: str) -> None:
    """Raise Refused unless something speaks HTTP there: what does not is not judged."""
    try:
        async with httpx2.AsyncClient(timeout=REACH_SECONDS, trust_env=False) as http:
            await http.get(f"{url}/health/live")
    except (httpx2.TransportError, httpx2.InvalidURL) as error:
        raise Refused("unreachable", f"{url} ({type(error).__name__})") from error


async def _invitations(args: argparse.Namespace) -> list[Invitation]:
    url = args.url.rstrip("/")
    await _answers(url)
    if args.recruiter_token:
        return await invite(url, args.recruiter_token, 1)
    if args.invitations:
        return [Invitation(url, one.token) for one in read_invitations(args.invitations)]
    return [Invitation(url, args.invitation)]


def _as_json(outcome: Outcome) -> None:
    print(msgspec.json.encode(outcome).decode(), flush=True)


def _as_text(outcome: Outcome) -> None:
    detail = f": {outcome.detail}" if outcome.detail else ""
    print(f"{outcome.result:4} {outcome.name:24} {outcome.about}{detail}", flush=True)
