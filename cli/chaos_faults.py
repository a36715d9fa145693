"""`entrevistador chaos --faults`: whole interviews under each way in which a model fails."""

import argparse
import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec

from cli.chaos_model import REPORT_SECONDS, Ground, Say, ground
from loadtest import faulted
from loadtest.bench import seed
from loadtest.faulted import Faulted
from loadtest.model_stream import BATCH_FAULTS
from loadtest.witness import Witnesses
from runtime import clock

SHARE: Final = 0.3  # of the calls: five failures in a row, which open a breaker, stay rare
TURNS: Final = 4
THINK_SECONDS: Final = 1.0
ENTER_PER_SECOND: Final = 20.0
RETRY_AFTER_SECONDS: Final = 1.0  # of a 429: everybody stays away from the tier for so long
SLOW_SECONDS: Final = 15.0  # longer than the first piece may take, and than silence may last
RECOVER_SECONDS: Final = 120.0  # breakers that the mode before has opened close within this
RECOVER_LOOK_SECONDS: Final = 3.0
MODE_SECONDS: Final = 300.0  # then whoever is not at the end has failed

BATCH_REPORT_SECONDS: Final = 600.0  # evaluations that wait for others, a batch and a look at it

Tell = Callable[[Faulted], None]


class Faults(msgspec.Struct, frozen=True, kw_only=True):
    """All modes together."""

    modes: int
    failed: list[str]  # modes that did not pass
    sessions: int
    finished: int
    cut: int
    reports: int
    pending: dict[str, int]
    unreported: int
    claude_turns: int
    offline_turns: int
    failed_calls: int
    truncated_as_whole: int
    completed_calls: int
    completed_ledger_micro_usd: int
    completed_stand_in_micro_usd: int
    ledger_micro_usd: int
    stand_in_micro_usd: int
    upper_bounds: int
    seconds: float

    @property
    def passed(self) -> bool:
        """No mode failed, and there was one."""
        return bool(self.modes) and not self.failed


async def run(args: argparse.Namespace, state: Path, say: Say, tell: Tell) -> Faults:
    """Run every mode, telling each verdict as it comes, and return the summary."""
    found, begun = list[Faulted](), clock.monotonic()
    async with ground(args, state, say) as there:
        there.standin.change(
            {"slow_seconds": SLOW_SECONDS, "retry_after_seconds": RETRY_AFTER_SECONDS}
        )
        for mode in faulted.parse_modes(args.faults):
            await _recovered(there, say)
            found.append(await _mode(args, there, mode))
            tell(found[-1])
    return summed(found, clock.monotonic() - begun)


async def _recovered(there: Ground, say: Say) -> None:
    """Wait until Claude asks again: a breaker that is open would spare the next mode its calls."""
    deadline = clock.monotonic() + RECOVER_SECONDS
    while clock.monotonic() < deadline:
        seats = await seed.seed(there.stack.settings, 1, turns_max=1, reports="now")
        crowd = Witnesses(think_seconds=0.1, seed=1)
        await crowd.live(there.ways(seats), seconds=RECOVER_SECONDS)
        await there.kept(seats, seconds=REPORT_SECONDS)
        await there.accounts(seats)
        if "claude" in crowd.seen[0].told_for.values():
            return
        await asyncio.sleep(RECOVER_LOOK_SECONDS)
    say("the bank still asks: breakers of the mode before are open")


async def _mode(args: argparse.Namespace, there: Ground, mode: str) -> Faulted:
    standin, settings, batched = there.standin, there.stack.settings, mode in BATCH_FAULTS
    seats = await seed.seed(
        settings,
        args.sessions,
        turns_max=args.turns or TURNS,
        reports="wait" if batched else "now",
    )
    failed, begun = standin.faults[mode], clock.monotonic()
    standin.change({"faults": {mode: SHARE}, "seed": args.seed})
    crowd = Witnesses(
        think_seconds=args.think_seconds or THINK_SECONDS,
        seed=args.seed,
        enter_seconds=args.sessions / ENTER_PER_SECOND,
    )
    await crowd.live(there.ways(seats), seconds=MODE_SECONDS)
    seconds = BATCH_REPORT_SECONDS if batched else REPORT_SECONDS
    kept = await there.kept(seats, seconds=seconds)
    standin.change({"faults": {}})
    found = await there.accounts(seats)
    # What fails in batches only goes well elsewhere, and proves nothing there.
    passed_by = sum(call.fault == mode for call in found.calls) if batched else 0
    return faulted.judge(
        mode,
        crowd.books,
        crowd.seen,
        kept,
        lines=found.lines,
        calls=found.calls,
        bill=found.bill,
        failed_calls=standin.faults[mode] - failed - passed_by,
        seconds=clock.monotonic() - begun,
    )


def summed(found: Sequence[Faulted], seconds: float) -> Faults:
    """Sum up the verdicts of all modes."""
    pending: dict[str, int] = {}
    for one in found:
        for reason, count in one.pending.items():
            pending[reason] = pending.get(reason, 0) + count

    def total(name: str, of: Callable[[Faulted], Any] = lambda one: one) -> int:
        return sum(getattr(of(one), name) for one in found)

    def bill(one: Faulted) -> Any:
        return one.bill

    return Faults(
        modes=len(found),
        failed=[one.mode for one in found if not one.passed],
        sessions=total("sessions"),
        finished=total("finished"),
        cut=sum(sum(one.cut.values()) for one in found),
        reports=total("reports"),
        pending=pending,
        unreported=total("unreported"),
        claude_turns=total("claude_turns"),
        offline_turns=total("offline_turns"),
        failed_calls=total("failed_calls"),
        truncated_as_whole=total("truncated_as_whole"),
        completed_calls=total("completed_calls", bill),
        completed_ledger_micro_usd=total("completed_ledger_micro_usd", bill),
        completed_stand_in_micro_usd=total("completed_stand_in_micro_usd", bill),
        ledger_micro_usd=total("ledger_micro_usd"),
        stand_in_micro_usd=total("stand_in_micro_usd"),
        upper_bounds=total("upper_bounds", bill),
        seconds=round(seconds, 1),
    )
