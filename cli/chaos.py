"""`entrevistador chaos`: kill parts of a running house under a crowd, and count what was lost."""

import argparse
import asyncio
import json
import math
import os
import random
import signal
import sys
import tempfile
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Final, TypeVar

import msgspec

from cli import local
from client.rest import Api
from client.session import Admitted, FetchTicket
from loadtest import chaos, model_serve
from loadtest.bench import seed
from loadtest.model import Standin
from loadtest.model_stream import Options
from protocol.faults import Fault
from runtime import clock, logs
from runtime.lifecycle import Tasks
from server.tickets import Tickets
from storage import embedded, interviews, sessions
from storage.connect import open_database

FREEZE_SECONDS: Final = 8.0
SECONDS_A_TURN: Final = 2.0
SECONDS_MAX: Final = 900.0
HEAL_SECONDS: Final = 30.0
T = TypeVar("T")


def add(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command and its options."""
    parser = subparsers.add_parser(
        "chaos",
        help="kill parts of a running house and count what was lost",
        description=(
            "Starts a house of its own with a stand-in model and a crowd of simulated candidates, "
            "kills real processes at random moments, and holds what every candidate was told "
            "against the record. Exit 0 when nothing was lost, doubled or reordered and every "
            "interview came to its end."
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
    parser.add_argument("--turns", type=int, default=8, help="questions in each interview (8)")
    parser.add_argument("--think-seconds", type=float, default=1.0, help="before an answer (1)")
    parser.add_argument("--json", action="store_true", help="end with the verdict as JSON")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run the storm; 0 when it passed, 1 when something was lost, 2 for a wrong plan."""
    logs.set_up("error")
    try:
        kills = chaos.parse_kills(args.kill)
    except chaos.WrongPlan as error:
        print(f"entrevistador chaos: {error}", file=sys.stderr)
        return 2
    if args.sessions < 1 or args.instances < 1:
        print("entrevistador chaos: --sessions and --instances start at 1", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory(prefix="entrevistador-chaos-") as folder:
        state = Path(folder)
        state.chmod(0o755)
        try:
            verdict = asyncio.run(_storm(args, kills, state))
        finally:
            embedded.destroy(state)
    print(json.dumps(msgspec.to_builtins(verdict)) if args.json else _shown(verdict))
    return 0 if verdict.passed else 1


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


async def _storm(args: argparse.Namespace, kills: dict[str, int], state: Path) -> chaos.Verdict:
    sock = model_serve.listen("127.0.0.1", 0)
    standin = Standin(Options(piece_seconds=0.01))
    async with Tasks("model") as tasks:
        tasks.start(model_serve.server(standin, own_process=False).serve(sockets=[sock]))
        room = math.ceil(args.sessions / max(1, args.instances - 1))
        async with local.stack(
            state_dir=state,
            say=_say,
            port=0,
            live_port=0,
            instances=args.instances,
            anthropic_api_key="stand-in",
            anthropic_base_url=model_serve.url_of(sock),
            scale_in_sessions=0,
            target_sessions=room + 1,
            scale_out_sessions=room + 2,
            admit_sessions=room + 3,
            hard_cap_sessions=args.sessions + room + 4,
        ) as stack:
            return await _through(args, kills, stack, standin)


async def _through(
    args: argparse.Namespace, kills: dict[str, int], stack: local.Stack, standin: Standin
) -> chaos.Verdict:
    db = await open_database(stack.settings.database_app_url, size=4)
    try:
        seats = await seed.seed(stack.settings, args.sessions, turns_max=args.turns)
        length = args.turns * (args.think_seconds + SECONDS_A_TURN)
        blows = chaos.schedule(kills, seconds=length, seed=args.seed)
        crowd = chaos.Crowd(think_seconds=args.think_seconds, seed=args.seed)
        begun = clock.monotonic()
        async with Tasks("storm") as tasks:
            storm = tasks.start(_strike(blows, stack, args.seed))
            await crowd.live(_tickets(stack, seats), seconds=SECONDS_MAX)
            await asyncio.wait({storm}, timeout=1)
        seconds = clock.monotonic() - begun

        async def read_turns(number: int) -> list[tuple[int, str]]:
            async def once() -> list[interviews.TurnRow]:
                async with db.tenant(seats[number].tenant_id) as c:
                    return await interviews.turns(c, seats[number].interview_id)

            return [(row.turn, row.answer) for row in await _patiently(once)]

        asks = await _patiently(lambda: sessions.count_asks(db, seats[0].tenant_id))
        return await chaos.judge(
            crowd,
            read_turns,
            model_calls=standin.requests,
            distinct_asks=asks,
            blows=len(blows),
            seconds=seconds,
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


def _tickets(stack: local.Stack, seats: Sequence[seed.Seat]) -> list[FetchTicket]:
    signer = Tickets(stack.settings.secret)

    def way(seat: seed.Seat) -> FetchTicket:
        token = signer.invitation(seat.tenant_id, seat.interview_id, seat.invitation)

        async def fetch() -> Admitted:
            async with Api(stack.base_url, token) as api:
                return await api.ticket()

        return fetch

    return [way(seat) for seat in seats]


async def _strike(blows: Sequence[chaos.Blow], stack: local.Stack, seed: int) -> None:
    rng = random.Random(seed)  # noqa: S311 - the same storm again is the point
    begun, frozen = clock.monotonic(), list[asyncio.Task[None]]()
    async with Tasks("thaws") as thaws:
        for blow in blows:
            await asyncio.sleep(max(0.0, begun + blow.at - clock.monotonic()))
            pid = _victim(blow.kind, stack, rng)
            if pid is None:
                continue
            _say(f"{blow.at:7.1f} s  {blow.kind} {pid}")
            if blow.kind == "freeze":
                _signal(pid, signal.SIGSTOP)
                frozen.append(thaws.start(_thaw(pid)))
            else:
                _signal(pid, signal.SIGKILL)
        await asyncio.gather(*frozen)


async def _thaw(pid: int) -> None:
    try:
        await asyncio.sleep(FREEZE_SECONDS)
    finally:
        _signal(pid, signal.SIGCONT)


def _victim(kind: str, stack: local.Stack, rng: random.Random) -> int | None:
    if kind == "valkey":
        return embedded.Valkey(stack.settings.state_dir).alive()
    if kind == "postgres":
        return embedded.Postgres(stack.settings.state_dir).alive()
    prefix = "worker" if kind == "worker" else "interview"
    names = [name for name in stack.supervisor.names if name.startswith(prefix)]
    return stack.supervisor.pid(rng.choice(names)) if names else None


def _signal(pid: int, number: int) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return


def _shown(verdict: chaos.Verdict) -> str:
    lines = [f"{name:>20}  {value}" for name, value in msgspec.to_builtins(verdict).items()]
    return "\n".join([*lines, "passed" if verdict.passed else "FAILED"])
