"""`entrevistador wire`: the live wire as an AsyncAPI document, and the client that speaks it."""

import argparse
import sys
from pathlib import Path

import msgspec

import web
from protocol import asyncapi
from server import embedding


def add(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command."""
    parser = subparsers.add_parser(
        "wire",
        help="print the live wire as an AsyncAPI 3 document",
        description=(
            "Prints the AsyncAPI 3 document of the live wire, with the JSON Schema of every frame, "
            "generated from the program's own structs."
        ),
    )
    parser.add_argument(
        "--client",
        type=Path,
        metavar="FOLDER",
        help="write the module that pages embed, and its types, there instead",
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print the document, or write the client."""
    if args.client is not None:
        return _write_client(args.client)
    print(msgspec.json.format(msgspec.json.encode(asyncapi.document()), indent=2).decode())
    return 0


def _write_client(folder: Path) -> int:
    source = Path(web.__file__).parent / "client"
    made = {
        embedding.NAME: embedding.module(source),
        embedding.TYPES_NAME: (source / embedding.TYPES_NAME).read_text(encoding="utf-8"),
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in made.items():
            (folder / name).write_text(text, encoding="utf-8")
            print(folder / name)
    except OSError as error:
        print(f"entrevistador wire: {error.filename}: {error.strerror}", file=sys.stderr)
        return 2
    return 0
