"""`entrevistador chaos`: kill parts of a running house under a crowd, and count what was lost."""

import argparse
import asyncio
import json
import sys
import tempfile
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any, Final, TypeAlias, TypeVar

import httpx2
import msgspec

from cli import (
    arguments,
    chaos_blows,
    chaos_faults,
    chaos_model,
    chaos_outage,
    chaos_rolling,
    local,
)
from client.rest import Api
from client.session import Admitted, FetchAgain
from llm import tiers
from loadtest import chaos, faulted, model_serve
from loadtest.bench import cores, seed
from loadtest.chaos_lean import Rolled
from loadtest.model import Standin
from loadtest.model_stream import Options
from protocol.faults import Fault
from runtime import clock, logs
from runtime.lifecycle import Tasks
from server.tickets import Tickets
from storage import embedded, interviews, ledger, sessions
from storage.connect import open_database

SECONDS_A_TURN: Final = 1.0
SECONDS_A_BLOW: Final = 3.5  # so that each finds a house that has got up from the last
THINK_SECONDS: Final = 1.0  # at least
ROLLING_THINK_SECONDS, ROLLING_TURNS = 25.0, 24
RESTART_SECONDS: Final = (0.2, 0.5, 1.0)  # a supervisor that knows a kill from a crash loop
SECONDS_MAX: Final = 900.0
HEAL_SECONDS: Final = 30.0
T = TypeVar("T")
Outcome: TypeAlias = "tuple[chaos.Verdict, Rolled | None]"


def add(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command and its options."""
    parser = subparsers.add_parser(
        "chaos",
        help="kill parts of a running house and count what was lost",
        description=(
            "Starts a house of its own with a stand-in model and a crowd of simulated candidates, "
            "kills real processes at random moments, and holds what every candidate was told "
            "against the record. Exit 0 when nothing was lost, doubled or reordered and every "
            "interview came to its end. --rolling, --outage and --faults are drills of their own: "
            "docs/loadtest.md."
        ),
    )
    parser.add_argument("--sessions", type=int, default=50, help="candidates at once (50)")
    parser.add_argument("--instances", type=int, default=2, help="interview servers (2)")
    parser.add_argument(
        "--kill",
        default="server:3,valkey:1,postgres:1,worker:1",
        help="what to hit how often: server, worker, valkey, postgres, freeze",
    )
    parser.add_argument("--seed", type=int, default=1, help="the same moments again (1)")
    parser.add_argument(
        "--rolling",
        type=arguments.count,
        metavar="N",
        help="no kills: restart every instance N times, one after another, by SIGTERM",
    )
    chaos_model.add_options(parser)
    parser.add_argument(
        "--turns",
        type=int,
        help="questions in each interview (8; 24 with --rolling or --outage, 4 with --faults)",
    )
    parser.add_argument(
        "--think-seconds",
        type=float,
        help="before an answer (1, more for many blows or an outage; 25 with --rolling)",
    )
    parser.add_argument(
        "--real-time",
        action="store_true",
        help="run before the machine's other work, where that is allowed: for figures",
    )
    parser.add_argument("--json", action="store_true", help="end with the verdict as JSON")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run the storm; 0 when it passed, 1 when something was lost, 2 for a wrong plan."""
    logs.set_up("error")
    drill = args.outage is not None or bool(args.faults)
    try:
        kills = {} if args.rolling or drill else chaos.parse_kills(args.kill)
        faulted.parse_modes(args.faults or "all")
    except (chaos.WrongPlan, faulted.WrongModes) as error:
        print(f"entrevistador chaos: {error}", file=sys.stderr)
        return 2
    if args.sessions < 1 or args.instances < 1:
        print("entrevistador chaos: --sessions and --instances start at 1", file=sys.stderr)
        return 2
    if not drill:
        _complete(args, sum(kills.values()))
    if args.real_time and not cores.go_first():
        print("entrevistador chaos: --real-time is not allowed here", file=sys.stderr)
    with tempfile.TemporaryDirectory(prefix="entrevistador-chaos-") as folder:
        state = Path(folder)
        state.chmod(0o755)
        try:
            told, passed = asyncio.run(_run(args, kills, state))
        finally:
            embedded.destroy(state)
    print(json.dumps(told) if args.json else _shown(told, passed=passed))
    return 0 if passed else 1


async def _run(
    args: argparse.Namespace, kills: dict[str, int], state: Path
) -> tuple[dict[str, Any], bool]:
    """Run the drill that was asked for; what it says, and whether it passed."""
    if args.outage is not None:
        away = await chaos_outage.run(args, state, _say)
        return msgspec.to_builtins(away), away.passed
    if args.faults:
        tell = _tell_json if args.json else _tell
        faults = await chaos_faults.run(args, state, _say, tell)
        return msgspec.to_builtins(faults), faults.passed
    work = _roll(args, state) if args.rolling else _storm(args, kills, state)
    verdict, rolled = await work
    told = msgspec.to_builtins(verdict) | (msgspec.to_builtins(rolled) if rolled else {})
    return told, verdict.passed and (rolled is None or rolled.passed)


def _tell_json(mode: faulted.Faulted) -> None:
    print(json.dumps(msgspec.to_builtins(mode)), flush=True)


def _tell(mode: faulted.Faulted) -> None:
    bill, word = mode.bill, "passed" if mode.passed else "FAILED"
    print(
        f"{mode.mode:>12}  {word}  {mode.finished}/{mode.sessions} at the end, {mode.reports} "
        f"reports, {sum(mode.pending.values())} reviews, {mode.claude_turns} questions by Claude, "
        f"{mode.offline_turns} by the bank, {mode.failed_calls} calls failed, "
        f"{bill.completed_ledger_micro_usd} = {bill.completed_stand_in_micro_usd} micro-dollars",
        flush=True,
    )


def _complete(args: argparse.Namespace, blows: int) -> None:
    """Fill in what was left out: long enough that every blow finds the house standing."""
    if args.turns is None:
        args.turns = ROLLING_TURNS if args.rolling else 8
    if args.think_seconds is None:
        spread = blows * SECONDS_A_BLOW / args.turns - SECONDS_A_TURN
        least = ROLLING_THINK_SECONDS if args.rolling else THINK_SECONDS
        args.think_seconds = max(least, spread)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


async def _storm(args: argparse.Namespace, kills: dict[str, int], state: Path) -> Outcome:
    sock = model_serve.listen("127.0.0.1", 0)
    standin = Standin(Options(piece_seconds=0.01))
    async with Tasks("model") as tasks:
        tasks.start(model_serve.server(standin, own_process=False).serve(sockets=[sock]))
        async with _house(args, state, model_serve.url_of(sock), args.instances) as stack:
            stack.supervisor.waits = RESTART_SECONDS
            seats = await seed.seed(stack.settings, args.sessions, turns_max=args.turns)
            length = args.turns * (args.think_seconds + SECONDS_A_TURN)
            blows = chaos.schedule(kills, seconds=length, seed=args.seed)
            crowd = chaos.Crowd(think_seconds=args.think_seconds, seed=args.seed)
            begun, lag, struck = clock.monotonic(), list[float](), list[str]()
            async with Tasks("storm") as storm:
                storm.start(chaos.watch_lag(lag))
                storm.start(chaos_blows.strike(blows, stack, args, struck, _say))
                await crowd.live(_tickets(stack, seats), seconds=SECONDS_MAX)
            seconds = clock.monotonic() - begun
            made = _question_calls(standin.account.counts())
            return await _judge(crowd.books, stack, seats, made, len(struck), seconds, lag), None


async def _roll(args: argparse.Namespace, state: Path) -> Outcome:
    async with (
        chaos_rolling.model(state, _say) as model_url,
        _house(args, state, model_url, 1) as stack,
        httpx2.AsyncClient(base_url=model_url, timeout=30, trust_env=False) as http,
    ):
        seats = await seed.seed(stack.settings, args.sessions, turns_max=args.turns)
        begun = clock.monotonic()
        fetches = _tickets(stack, seats)
        crowd, restarts, lag = await chaos_rolling.roll(args, stack, seats, fetches, _say)
        seconds = clock.monotonic() - begun
        made = _question_calls((await http.get("/counts")).json())
        verdict = await _judge(crowd.books, stack, seats, made, len(restarts), seconds, lag)
        return verdict, chaos_rolling.rolled(args.rolling, crowd.books, restarts)


def _house(
    args: argparse.Namespace, state: Path, model_url: str, instances: int
) -> AbstractAsyncContextManager[local.Stack]:
    return local.stack(
        state_dir=state,
        say=_say,
        port=0,
        live_port=0,
        instances=instances,
        anthropic_api_key="stand-in",
        anthropic_base_url=model_url,
        **chaos_rolling.ladder(args.sessions, args.instances),
    )


def _question_calls(counts: dict[str, Any]) -> int:
    """How many streams the tier that asks questions was billed for; other work does not stream."""
    model = tiers.load().for_task("question")[0].model
    return sum(sums["streamed"] for sums in counts["models"].get(model, {}).values())


async def _judge(
    books: Sequence[chaos.Book],
    stack: local.Stack,
    seats: Sequence[seed.Seat],
    made: int,
    blows: int,
    seconds: float,
    lag: Sequence[float],
) -> chaos.Verdict:
    db = await open_database(stack.settings.database_app_url, size=4)
    tenant_id = seats[0].tenant_id

    async def read_turns(number: int) -> list[tuple[int, str]]:
        async def once() -> list[interviews.TurnRow]:
            async with db.tenant(tenant_id) as c:
                return await interviews.turns(c, seats[number].interview_id)

        return [(row.turn, row.answer) for row in await _patiently(once)]

    try:
        return await chaos.judge(
            books,
            read_turns,
            calls=chaos.Calls(
                made=made,
                asks=await _patiently(lambda: sessions.count_asks(db, tenant_id)),
                again=await _patiently(lambda: ledger.count_again(db, tenant_id)),
            ),
            blows=blows,
            seconds=seconds,
            lag=lag,
        )
    finally:
        await db.close()


async def _patiently(read: Callable[[], Awaitable[T]]) -> T:
    """Read the record once the last blow has healed: PostgreSQL may still be coming back."""
    deadline = clock.monotonic() + HEAL_SECONDS
    while True:
        try:
            return await read()
        except Fault:
            if clock.monotonic() > deadline:
                raise
        await asyncio.sleep(0.2)


def _tickets(stack: local.Stack, seats: Sequence[seed.Seat]) -> list[FetchAgain]:
    signer = Tickets(stack.settings.secret)

    def way(seat: seed.Seat) -> FetchAgain:
        token = signer.invitation(seat.tenant_id, seat.interview_id, seat.invitation)

        async def fetch(waiting_token: str, unreachable: str) -> Admitted:
            async with Api(stack.base_url, token) as api:
                return await api.ticket(waiting_token, unreachable)

        return fetch

    return [way(seat) for seat in seats]


def _shown(told: dict[str, Any], *, passed: bool) -> str:
    lines = [f"{name:>20}  {value}" for name, value in told.items()]
    return "\n".join([*lines, "passed" if passed else "FAILED"])
