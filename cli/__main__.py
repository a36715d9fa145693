"""The console script: `entrevistador COMMAND`, each command in a module of its own."""

import argparse
import importlib
import importlib.metadata
import sys
from collections.abc import Sequence
from typing import Final

from cli import parent
from cli.arguments import Parser
from protocol.faults import Fault
from runtime.settings import WrongSetting

# A command's module is loaded when it is asked for: a server must not wait for the demo's imports.
COMMANDS: Final = (
    "up",
    "demo",
    "cv",
    "serve",
    "work",
    "relay",
    "migrate",
    "model",
    "conformance",
    "invitations",
    "chaos",
    "wire",
    "fleet",
)


class _Version(argparse.Action):
    """Prints what the package's metadata says, and looks for it only when it is asked."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        print(f"entrevistador {importlib.metadata.version('entrevistador')}")
        parser.exit(0)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code: 0 done, 1 failed, 2 a person's mistake."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    if parent.OPTION in arguments:  # how a supervisor starts its children; not for people
        arguments.remove(parent.OPTION)
        parent.follow()
    parser = Parser(
        prog="entrevistador",
        description="An interview server: live interviews, CVs read out of band, honest reports.",
        epilog="`entrevistador COMMAND --help` tells a command's options. Exit code: 0 done; 1 it "
        "did not work out; 2 an option, a file or a setting that can't be used, said in one line; "
        "130 interrupted.",
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="print the version and exit")
    subparsers = parser.add_subparsers(
        dest="command", metavar="COMMAND", title="commands", required=True
    )
    asked = arguments[0] if arguments and arguments[0] in COMMANDS else None
    for name in COMMANDS if asked is None else (asked,):
        importlib.import_module(f"cli.{name}").add(subparsers)
    args, unknown = parser.parse_known_args(arguments)
    if unknown:
        wrong = f"unknown: {' '.join(unknown)} (see entrevistador {args.command} --help)"
        print(f"entrevistador {args.command}: {wrong}", file=sys.stderr)
        return 2
    try:
        return int(args.run(args))
    except WrongSetting as error:
        print(f"entrevistador {args.command}: {error}", file=sys.stderr)
        return 2
    except Fault as fault:
        told = f"{fault.kind.title} ({fault.detail or fault.code})"
        print(f"entrevistador {args.command}: {told}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
