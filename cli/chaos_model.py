"""What the model drills of `entrevistador chaos` share: a house, its stand-in, and the record."""

import argparse
import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import msgspec

from cli import arguments, local
from client.rest import Api
from client.session import Admitted, FetchAgain
from loadtest import accounts, faulted, outage
from loadtest.accounts import Bill, Line
from loadtest.bench import seed
from loadtest.model import Standin
from loadtest.model_count import Account, Billed
from loadtest.model_serve import Door
from loadtest.model_stream import Options
from loadtest.outage import Kept, Turn
from runtime import clock
from runtime.lifecycle import Tasks
from server.tickets import Tickets
from storage import interviews, ledger_read, reports
from storage.connect import open_database
from storage.transaction import Database

PIECE_SECONDS: Final = 0.01
REPORT_SECONDS: Final = 240.0  # an evaluation that hangs takes 180
BOOKS_SECONDS: Final = 20.0  # what is on its way to the ledger gets there
LOOK_SECONDS: Final = 0.5
JOBS: Final = 32  # evaluations at once: those that hang hold up nobody
NO_LIMIT: Final = 10**12  # micro-dollars: budgets have drills of their own

Say = Callable[[str], None]


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the model drills."""
    parser.add_argument(
        "--outage",
        type=arguments.seconds,
        metavar="SECONDS",
        help="no kills: the model is away for so long in the middle of every interview",
    )
    parser.add_argument(
        "--how",
        choices=outage.HOW,
        default="refused",
        help="how it is away: refused connections, hung ones, or a storm of 529 or 429 (refused)",
    )
    parser.add_argument(
        "--faults",
        metavar="MODES",
        help="no kills: the model fails three calls in ten, in each of these ways in turn; all, or "
        + ", ".join(faulted.MODES),
    )


class Compared(msgspec.Struct, frozen=True):
    """Two accounts since the comparison before."""

    lines: list[Line]
    calls: list[Billed]
    bill: Bill


class Ground(msgspec.Struct):
    """A running house with a stand-in that the drill holds in its hand."""

    stack: local.Stack
    standin: Standin
    door: Door
    db: Database
    compared: set[UUID] = msgspec.field(default_factory=set)  # lines of comparisons before

    def ways(self, seats: Sequence[seed.Seat]) -> list[FetchAgain]:
        """Return each candidate's way to a ticket, as their page goes it."""
        signer = Tickets(self.stack.settings.secret)

        def way(seat: seed.Seat) -> FetchAgain:
            token = signer.invitation(seat.tenant_id, seat.interview_id, seat.invitation)

            async def fetch(waiting_token: str, unreachable: str) -> Admitted:
                async with Api(self.stack.base_url, token) as api:
                    return await api.ticket(waiting_token, unreachable)

            return fetch

        return [way(seat) for seat in seats]

    async def kept(self, seats: Sequence[seed.Seat], *, seconds: float) -> list[Kept]:
        """Return what is on record of each interview, once all are reported or time is up."""
        deadline = clock.monotonic() + seconds
        waiting = list(seats)
        while waiting:
            async with self.db.tenant(seats[0].tenant_id) as c:
                waiting = [
                    seat for seat in waiting if await reports.status(c, seat.interview_id) is None
                ]
            if clock.monotonic() > deadline:
                break
            await asyncio.sleep(LOOK_SECONDS)
        return [await self._kept(seat) for seat in seats]

    async def _kept(self, seat: seed.Seat) -> Kept:
        async with self.db.tenant(seat.tenant_id) as c:
            rows = await interviews.turns(c, seat.interview_id)
            status, reason = await reports.status(c, seat.interview_id) or "", ""
            if status:
                report = await reports.get(c, seat.interview_id)
                reason = report.evaluation.pending_reason
        turns = msgspec.convert(rows, list[Turn], from_attributes=True)
        return Kept(seat.interview_id, turns, status, reason)

    async def accounts(self, seats: Sequence[seed.Seat]) -> Compared:
        """Compare the company's new lines with the new calls, once they agree or time is up.

        Not those of these interviews alone: the sweep may ask again for the reviews of others.
        """
        deadline = clock.monotonic() + BOOKS_SECONDS
        while True:
            found = await ledger_read.of_company(self.db, seats[0].tenant_id)
            fresh = [line for line in found if line.id not in self.compared]
            lines = msgspec.convert(fresh, list[Line], from_attributes=True)
            bill = accounts.compare(lines, self.standin.account.calls)
            settled = not self.standin.open_streams and bill.agrees
            if settled or clock.monotonic() > deadline:
                self.compared.update(line.id for line in lines)
                calls, self.standin.account = list(self.standin.account.calls), Account()
                return Compared(lines, calls, bill)
            await asyncio.sleep(LOOK_SECONDS)


@contextlib.asynccontextmanager
async def ground(args: argparse.Namespace, state: Path, say: Say) -> AsyncIterator[Ground]:
    """Run a house whose model is a stand-in over loopback; everything ends with the block."""
    standin = Standin(Options(piece_seconds=PIECE_SECONDS))
    door = Door(standin)
    url = await door.open()
    try:
        async with local.stack(
            state_dir=state,
            say=say,
            port=0,
            live_port=0,
            instances=args.instances,
            anthropic_api_key="stand-in",
            anthropic_base_url=url,
            worker_threads=JOBS,
            model_day_micro_usd=NO_LIMIT,
            model_month_micro_usd=NO_LIMIT,
            **_places(args.sessions),
        ) as stack:
            db = await open_database(stack.settings.database_app_url, size=4)
            try:
                yield Ground(stack, standin, door, db)
            finally:
                await db.close()
    finally:
        await door.shut()


def _places(sessions: int) -> dict[str, Any]:
    """Room on one instance for everybody, those included who have just ended: nobody waits."""
    cap = 2 * sessions + 10
    return {
        "scale_in_sessions": 0,
        "target_sessions": sessions,
        "scale_out_sessions": cap - 2,
        "admit_sessions": cap - 1,
        "hard_cap_sessions": cap,
    }


@contextlib.asynccontextmanager
async def beside(*work: Any) -> AsyncIterator[None]:
    """Run coroutines beside a block."""
    async with Tasks("drill") as tasks:
        for one in work:
            tasks.start(one)
        yield
