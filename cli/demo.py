"""`entrevistador demo`: one whole journey, from a CV file to a report, shown as it happens."""

import argparse
import asyncio
import contextlib
import json
import signal
import sys
from pathlib import Path
from typing import Any, Final

import httpx2

from cli import cv, environment, meeting, opening, sample
from cli.journey import Journey, Refusal
from cli.telling import Teller
from cli.visit import Visit
from cli.words import DEFAULT, Words
from client.errors import Refused
from client.rest import Api
from protocol.faults import Fault
from protocol.refusals import LOCALES
from runtime import logs
from runtime.settings import WrongSetting
from storage import embedded

CUT: Final = 130  # as a shell counts Ctrl-C
SAMPLE_FILE: Final = "cv.pdf"


def add(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command and its options."""
    parser = subparsers.add_parser(
        "demo",
        help="one whole journey: CV, match, interview, report",
        description=(
            "Takes a CV and an opening through reading, matching, a live interview with a "
            "simulated candidate who answers from the CV, and the report. Uses the stack of "
            "`entrevistador up` if it runs on the same state folder, otherwise one of its own for "
            "as long as it takes. Its opening is closed at the end; its candidate stays until the "
            "next demo."
        ),
        epilog=(
            "Progress goes to standard error, the JSON to standard output. Exit code: 0 with a "
            "report, 2 for a file or an option that can't be used, 1 when it broke, 130 when it "
            "was interrupted."
        ),
    )
    parser.add_argument(
        "--cv", type=Path, metavar="FILE", help="a PDF, DOCX or DOC (a fictitious one)"
    )
    parser.add_argument(
        "--opening",
        type=Path,
        metavar="FILE",
        help="an opening as JSON: title, category, location, description, must_have[], "
        "nice_to_have[], seniority, language; only the title is needed (one that fits in part)",
    )
    parser.add_argument(
        "--locale",
        choices=LOCALES,
        default=DEFAULT,
        help=f"the language of the interview and of what is shown ({DEFAULT})",
    )
    meeting.add_state(parser)
    parser.add_argument("--json", action="store_true", help="end with the result as one JSON line")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run the journey; 0 with a report, 2 for a file that can't be used, 1 when it broke."""
    logs.set_up("error")
    words = Words(args.locale)
    data = _read(args.cv, words) if args.cv else sample.sample_cv()
    filename = args.cv.name if args.cv else SAMPLE_FILE
    wanted = _read(args.opening, words) if args.opening else sample.sample_opening()
    checked = opening.parse(wanted, str(args.opening), words)
    state_dir = environment.state_dir(args.state_dir)
    try:
        with meeting.alone(state_dir, meeting.DEMO_LOCK) as first:
            if not first:
                return _failed(words("busy", state=state_dir))
            result = asyncio.run(_demo(state_dir, words, data, filename, checked))
    except Refusal as refusal:
        print(f"entrevistador demo: {refusal}", file=sys.stderr)
        if args.json:
            print(json.dumps({"cv": refusal.cv}, ensure_ascii=False))
        return 2
    except meeting.Busy:
        return _failed(words("starting", state=state_dir))
    except Refused as error:
        return _failed(words("broke", why=str(error).removeprefix(f"{error.code}: ")))
    except Fault as fault:
        return _failed(words("broke", why=fault.detail or fault.kind.title))
    except httpx2.TransportError as error:
        return _failed(words("away", what=type(error).__name__))
    except embedded.EmbeddedError as error:
        return _failed(str(error))
    except (KeyboardInterrupt, asyncio.CancelledError):
        print(f"\n{words('cut')}", file=sys.stderr)
        return CUT
    if args.json:
        print(json.dumps(result, ensure_ascii=False), flush=True)
    return 0


def _failed(why: str) -> int:
    print(f"entrevistador demo: {why}", file=sys.stderr)
    return 1


def _read(path: Path, words: Words) -> bytes:
    try:
        return cv.load(path)
    except OSError as problem:
        raise WrongSetting(f"{path}: {cv.unreadable(path, problem, words)}") from None


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


async def _demo(
    state_dir: Path, words: Words, data: bytes, filename: str, wanted: dict[str, Any]
) -> dict[str, Any]:
    task = asyncio.current_task()
    assert task is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    async with (
        meeting.house(state_dir, words, _say) as (base_url, token),
        Api(base_url, token, locale=words.locale) as api,
    ):
        visit = Visit(state_dir, api)
        whole = False
        try:
            journey = Journey(base_url, api, visit, Teller(words, _say))
            result = await journey.run(data, filename, wanted)
            whole = True
        finally:
            await visit.end(whole=whole)
    place = await asyncio.to_thread(_keep, visit.folder, result)
    _say("\n" + words("place", place=place))
    return result


def _keep(folder: Path, result: dict[str, Any]) -> Path:
    """Write the report and the result; they hold a person's words, so they are the owner's."""
    place = folder / "report.html"
    for file, text in (
        (place, result.pop("html")),
        (folder / "result.json", json.dumps(result, ensure_ascii=False, indent=2)),
    ):
        file.write_text(text, "utf-8")
        with contextlib.suppress(OSError):
            file.chmod(0o600)
    return place.absolute()
