"""`entrevistador chaos --outage`: the model goes away under live interviews, and comes back."""

import argparse
import asyncio
from pathlib import Path
from typing import Final

from cli.chaos_model import REPORT_SECONDS, Ground, Say, beside, ground
from loadtest import chaos, outage
from loadtest.bench import seed
from loadtest.outage import Outage, Window
from loadtest.witness import Witnesses
from runtime import clock

BEFORE_SECONDS: Final = 40.0
AFTER_SECONDS: Final = 100.0  # once every question should be the model's again
TURNS: Final = 24
TURN_SECONDS: Final = 2.0  # of a question, beside the thinking
SHORT_EVERY: Final = 10  # of the interviews, that end in the middle of the outage
LATE_SECONDS: Final = 300.0  # then whoever is not at the end has failed


async def run(args: argparse.Namespace, state: Path, say: Say) -> Outage:
    """Run the drill and return its verdict."""
    window = Window(BEFORE_SECONDS, BEFORE_SECONDS + args.outage)
    length = window.settled + AFTER_SECONDS
    turns = args.turns or TURNS
    think = args.think_seconds or max(1.0, length / turns - TURN_SECONDS)
    short_turns = max(2, round((window.away + args.outage / 2) / (think + TURN_SECONDS)))
    short = args.sessions // SHORT_EVERY
    async with ground(args, state, say) as there:
        settings = there.stack.settings
        seats = await seed.seed(settings, args.sessions - short, turns_max=turns, reports="now")
        if short:
            seats += await seed.seed(settings, short, turns_max=short_turns, reports="now")
        say(f"{len(seats)} interviews of {turns} questions, {think:.1f} s of thinking each")
        crowd = Witnesses(think_seconds=think, seed=args.seed)
        lag, moments = list[float](), list[float]()
        begun = clock.monotonic()
        async with beside(chaos.watch_lag(lag), _away(args, there, moments, say)):
            await crowd.live(there.ways(seats), seconds=length + LATE_SECONDS)
        say("the interviews are over; waiting for reports and accounts")
        kept = await there.kept(seats, seconds=REPORT_SECONDS)
        compared = await there.accounts(seats)
    return outage.judge(
        crowd.books,
        crowd.seen,
        kept,
        how=args.how,
        window=Window(*moments),
        long_sessions=args.sessions - short,
        bill=compared.bill,
        lag=lag,
        seconds=clock.monotonic() - begun,
    )


async def _away(args: argparse.Namespace, there: Ground, moments: list[float], say: Say) -> None:
    """Take the model away and bring it back; `moments` gets when."""
    await asyncio.sleep(BEFORE_SECONDS)
    if args.how == "refused":
        await there.door.shut()
    else:
        there.standin.change({"fault": args.how, "slow_seconds": 2 * args.outage + REPORT_SECONDS})
    moments.append(clock.monotonic())
    say(f"the model is away ({args.how})")
    await asyncio.sleep(args.outage)
    moments.append(clock.monotonic())
    if args.how == "refused":
        await there.door.open()
    else:
        there.standin.change({"fault": ""})
    say("the model is back")
