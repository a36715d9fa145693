"""`entrevistador fleet budget COMPANY`: what it may spend on models; look, set, give back."""

import argparse
import asyncio
import json
from uuid import UUID

import msgspec

from cli import environment
from protocol.faults import Fault
from runtime.settings import Settings, WrongSetting
from storage import allowance, audit, budgets, tenants
from storage.allowance import Allowance
from storage.budgets import Policy
from storage.connect import open_database, open_redis

MICRO = 1_000_000
ACCOUNTS = ("session", "day", "month")


def add(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command and its options."""
    one = subparsers.add_parser(
        "budget",
        help="what a company may spend on models",
        description=(
            "Shows a company's limits, what it has spent this day and month (UTC), and the "
            "thresholds that were crossed. With a limit it sets it, and leaves the others as they "
            "are; calls that begin from now on go by it."
        ),
        epilog="Exit code: 0 with figures, 1 when a store is away, 2 for a company or a limit that "
        "can't be.",
    )
    one.add_argument("company", metavar="COMPANY", help="its slug")
    for account in ACCOUNTS:
        one.add_argument(
            f"--{account}", type=usd, metavar="USD", help=f"the limit of a {account}, 0 for none"
        )
    one.add_argument("--default", action="store_true", help="the installation's limits again")
    one.add_argument("--json", action="store_true", help="print the figures as JSON")
    one.set_defaults(run=run)


def usd(text: str) -> int:
    """Return dollars as micro-dollars."""
    whole, _, part = text.strip().partition(".")
    digits = (whole or "0") + part.ljust(6, "0")
    if not (digits.isascii() and digits.isdigit()) or len(part) > 6 or len(whole) > 9:  # noqa: PLR2004
        raise argparse.ArgumentTypeError(f"{text!r}: dollars, such as 25 or 0.50")
    return int(digits)


def run(args: argparse.Namespace) -> int:
    """Look or change, and print."""
    wanted = {name: getattr(args, name) for name in ACCOUNTS if getattr(args, name) is not None}
    if args.default and wanted:
        raise WrongSetting("--default takes no limit beside it")
    settings = environment.settings()
    found = asyncio.run(_do(settings, args.company, wanted, default=args.default))
    if args.json:
        print(json.dumps(msgspec.to_builtins(found), indent=2))
    else:
        print(_table(args.company, found))
    return 0


async def _do(settings: Settings, slug: str, wanted: dict[str, int], *, default: bool) -> Allowance:
    tenant_id = await _company(settings, slug)
    usual = Policy(
        settings.model_session_micro_usd,
        settings.model_day_micro_usd,
        settings.model_month_micro_usd,
    )
    db = await open_database(settings.database_app_url, size=1)
    try:
        if wanted or default:
            async with db.tenant(tenant_id) as c:
                now = (await budgets.limits_of(c, tenant_id, usual)).policy
                asked = {**msgspec.structs.asdict(now), **wanted}
                to = None if default else _policy(asked)
                before = await allowance.change(c, tenant_id, to, usual)
                await audit.note(
                    c, tenant_id, "system:cli", "budget.changed", "tenant", tenant_id,
                    {"before": before.policy if before.own else None, "after": to},
                )  # fmt: skip
            async with db.tenant(tenant_id) as c:
                limits = await budgets.limits_of(c, tenant_id, usual)
            redis = open_redis(settings.redis_url, connections=1)
            try:
                await allowance.tell(redis, tenant_id, limits)
            finally:
                await redis.aclose()
        async with db.tenant(tenant_id) as c:
            return await allowance.look(c, tenant_id, usual)
    finally:
        await db.close()


def _policy(asked: dict[str, int]) -> Policy:
    try:
        return allowance.policy(**asked)
    except Fault as fault:
        raise WrongSetting(fault.detail) from None


async def _company(settings: Settings, slug: str) -> UUID:
    db = await open_database(settings.database_fleet_url, size=1)
    try:
        async with db.across() as c:
            found = await tenants.id_of(c, slug)
    finally:
        await db.close()
    if found is None:
        raise WrongSetting(f"there is no company {slug!r}")
    return found


def _table(slug: str, found: Allowance) -> str:
    def dollars(micro: int) -> str:
        return f"{micro / MICRO:12.4f}"

    def limit(micro: int) -> str:
        return dollars(micro) if micro else f"{'none':>12}"

    whose = "its own limits" if found.own else "the installation's limits"
    lines = [f"{slug}: US$, {whose}", f"{'':10}{'limit':>12}{'spent':>12}"]
    lines.append(f"{'session':10}{limit(found.session_limit_micro_usd)}")
    day, month = found.day_spent_micro_usd, found.month_spent_micro_usd
    lines.append(f"{'day':10}{limit(found.day_limit_micro_usd)}{dollars(day)}")
    lines.append(f"{'month':10}{limit(found.month_limit_micro_usd)}{dollars(month)}")
    for one in found.alerts:
        sent = "told" if one.sent_at else "not told"
        lines.append(
            f"{one.created_at:%Y-%m-%d %H:%M}  {one.percent:3} % of the {one.account}'s "
            f"{one.limit_micro_usd / MICRO:.4f} ({one.period}), {sent}"
        )
    return "\n".join(lines)
