"""`entrevistador fleet costs`: what an interview costs, by a scenario or by the ledger."""

import argparse
import asyncio
import json
from typing import Any

from cli import budget, check, environment
from fleet import costs
from runtime.settings import Settings, WrongSetting
from storage.connect import open_database
from storage.ledger import totals

INTERVIEWS_MAX = 1_000_000


def add(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command and what it can be asked."""
    parser = subparsers.add_parser("fleet", help="what the installation costs and may")
    asked = parser.add_subparsers(dest="fleet_command", metavar="WHAT", required=True)
    one = asked.add_parser(
        "costs",
        help="what an interview costs",
        description=(
            "Prices an interview with the tiers of the settings file: at full price, with the "
            "provider's prompt cache, and with its evaluation in a batch. Without --simulate it "
            "sums the ledger of all companies."
        ),
        epilog="Exit code: 0 with figures, 1 when the database is away, 2 for a wrong option.",
    )
    one.add_argument(
        "--simulate",
        type=int,
        metavar="N",
        help="price the fixed scenario, and N interviews around it",
    )
    one.add_argument("--days", type=int, default=30, help="of the ledger (default: 30)")
    one.add_argument("--json", action="store_true", help="print the figures as JSON")
    one.set_defaults(run=run)
    budget.add(asked)
    check.add(asked)


def run(args: argparse.Namespace) -> int:
    """Print the figures."""
    if args.simulate is None:
        found = asyncio.run(ledger(environment.settings(), args.days))
        print(json.dumps(found, indent=2) if args.json else _spent(found))
        return 0
    if not 1 <= args.simulate <= INTERVIEWS_MAX:
        raise WrongSetting(f"--simulate takes 1 to {INTERVIEWS_MAX} interviews")
    simulated = costs.simulate(args.simulate)
    print(json.dumps(simulated, indent=2) if args.json else _table(simulated))
    return 0


async def ledger(settings: Settings, days: int) -> dict[str, Any]:
    """Return what the ledger says of the last days."""
    if not settings.database_fleet_url:
        raise WrongSetting("fleet costs needs DATABASE_URL or DATABASE_FLEET_URL, or --simulate N")
    db = await open_database(settings.database_fleet_url, size=1)
    try:
        rows = await totals(db, days)
    finally:
        await db.close()
    interviews = max((row["interviews"] for row in rows if row["task"] == "question"), default=0)
    micro = sum(row["micro_usd"] for row in rows)
    return {
        "days": days,
        "usd": costs.usd(micro),
        "interviews": interviews,
        "usd_per_interview": costs.usd(micro // interviews) if interviews else None,
        "targets_usd_per_interview": costs.TARGETS_USD,
        "by": [dict(row) for row in rows],
    }


def _table(found: dict[str, Any]) -> str:
    lines = [f"US$ for an interview, prices as of {found['prices_as_of']}", ""]
    lines.append(f"{'':14}{'full price':>12}{'cached':>12}{'and batched':>12}{'p95 of many':>12}")
    for name in costs.SETUPS:
        one = found[name]
        figures = (
            one["usd_per_interview_naive"], one["usd_per_interview"],
            one["usd_per_interview_batched"], one["simulated_usd_batched"]["p95"],
        )  # fmt: skip
        lines.append(f"{name:14}" + "".join(f"{figure:12.4f}" for figure in figures))
    targets = ", ".join(f"{phase} {usd:.2f}" for phase, usd in costs.TARGETS_USD.items())
    return "\n".join([*lines, "", f"targets: {targets}"])


def _spent(found: dict[str, Any]) -> str:
    lines = [f"the last {found['days']} days: US$ {found['usd']:.4f}"]
    if found["interviews"]:
        lines.append(
            f"{found['interviews']} interviews, US$ {found['usd_per_interview']:.4f} for each"
        )
    lines += [
        f"{row['task']:14}{row['tier']:10}{row['calls']:8} calls"
        f"{costs.usd(row['micro_usd']):12.4f}{row['upper_bounds']:6} at their bound"
        for row in found["by"]
    ]
    return "\n".join(lines)
