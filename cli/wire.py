"""`entrevistador wire`: the live wire as an AsyncAPI document, from the structs themselves."""

import argparse

import msgspec

from protocol import asyncapi


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
    parser.set_defaults(run=run)


def run(_: argparse.Namespace) -> int:
    """Print the document."""
    print(msgspec.json.format(msgspec.json.encode(asyncapi.document()), indent=2).decode())
    return 0
