"""`entrevistador demo`: one whole journey, from a CV file to a report, shown as it happens."""

import argparse
import asyncio
import json
import sys
from pathlib import Path
from typing import Any

from cli import opening, sample
from cli.journey import Journey, Refusal
from cli.meeting import house
from client.errors import Refused
from runtime import logs
from runtime.settings import WrongSetting
from storage import embedded


def add(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command and its options."""
    parser = subparsers.add_parser(
        "demo",
        help="one whole journey: CV, match, interview, report",
        description=(
            "Takes a CV and an opening through reading, matching, a live interview with a "
            "simulated candidate who answers from the CV, and the report. Uses the stack of "
            "`entrevistador up` if it runs here, otherwise its own for as long as it takes."
        ),
    )
    parser.add_argument("--cv", type=Path, help="a PDF, DOC or DOCX file (a fictitious one)")
    parser.add_argument("--opening", type=Path, help="an opening.json (one that fits in part)")
    parser.add_argument("--locale", choices=["es", "en", "pt"], default="es")
    parser.add_argument("--state-dir", type=Path, default=Path(".state"), help="where data lives")
    parser.add_argument("--json", action="store_true", help="end with the result as one JSON line")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run the journey; 0 with a report, 2 for a file that can't be used, 1 when it broke."""
    logs.set_up("error")
    try:
        data, filename = _cv(args.cv)
        wanted = (
            opening.read(args.opening)
            if args.opening
            else opening.parse(sample.sample_opening(), "the sample")
        )
        result = asyncio.run(_demo(args, data, filename, wanted))
    except Refusal as refusal:
        print(f"entrevistador demo: {refusal}", file=sys.stderr)
        if args.json:
            print(json.dumps({"cv": refusal.cv}, ensure_ascii=False))
        return 2
    except (Refused, embedded.EmbeddedError) as error:
        print(f"entrevistador demo: {error}", file=sys.stderr)
        return 1
    if args.json:
        print(json.dumps(result, ensure_ascii=False), flush=True)
    return 0


def _cv(path: Path | None) -> tuple[bytes, str]:
    if path is None:
        return sample.sample_cv(), "cv.pdf"
    try:
        return path.read_bytes(), path.name
    except OSError as error:
        raise WrongSetting(f"{path}: {error.strerror}") from None


async def _demo(
    args: argparse.Namespace, data: bytes, filename: str, wanted: dict[str, Any]
) -> dict[str, Any]:
    def say(text: str) -> None:
        print(text, file=sys.stderr, flush=True)

    async with house(args.state_dir, say) as (base_url, token):
        journey = Journey(base_url, token, locale=args.locale, say=say)
        result = await journey.run(data, filename, wanted)
        folder = args.state_dir / "demo"
        await asyncio.to_thread(folder.mkdir, mode=0o700, parents=True, exist_ok=True)
        place = folder / "report.html"
        await asyncio.to_thread(place.write_text, result.pop("html"), "utf-8")
        await asyncio.to_thread(
            (folder / "result.json").write_text,
            json.dumps(result, ensure_ascii=False, indent=2),
            "utf-8",
        )
        say(f"\nReport: {place.absolute()}")
    return result
