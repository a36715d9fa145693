"""`entrevistador migrate`: bring the database up to date."""

import argparse
import asyncio
import json

from cli import environment
from runtime.settings import WrongSetting
from storage.migrate import migrate


def add(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command and its options."""
    parser = subparsers.add_parser(
        "migrate",
        help="bring the database up to date",
        description=(
            "Applies the migrations that are missing, under a lock: many processes may run this at "
            "once. DATABASE_URL must be able to create roles and tables."
        ),
        epilog="Exit code: 0 when the database is up to date, 1 when that did not work out, 2 for "
        "a setting that can't be used.",
    )
    parser.add_argument("--json", action="store_true", help="print what was applied as JSON")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Migrate and say what was applied."""
    settings = environment.settings()
    if not settings.database_url:
        raise WrongSetting("migrate needs DATABASE_URL (the owner's, not the application's)")
    applied = asyncio.run(migrate(settings.database_url, settings.secret))
    if args.json:
        print(json.dumps({"applied": applied}))
    else:
        print("\n".join(f"applied {name}" for name in applied) or "the database is up to date")
    return 0
