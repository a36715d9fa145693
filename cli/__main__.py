"""The console script: `entrevistador COMMAND`, each command in a module of its own."""

import argparse
import importlib
import sys
from collections.abc import Sequence
from typing import Final

from cli import parent
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
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code: 0 done, 1 failed, 2 a person's mistake."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    if parent.OPTION in arguments:  # how a supervisor starts its children; not for people
        arguments.remove(parent.OPTION)
        parent.follow()
    parser = argparse.ArgumentParser(
        prog="entrevistador",
        description="An interview server: live interviews, CVs read out of band, honest reports.",
    )
    subparsers = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    asked = arguments[0] if arguments and arguments[0] in COMMANDS else None
    for name in COMMANDS if asked is None else (asked,):
        importlib.import_module(f"cli.{name}").add(subparsers)
    args = parser.parse_args(arguments)
    try:
        return int(args.run(args))
    except (WrongSetting, Fault) as error:
        print(f"entrevistador {args.command}: {error}", file=sys.stderr)
        return 2 if isinstance(error, WrongSetting) else 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
