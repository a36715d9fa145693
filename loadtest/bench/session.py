"""Live sessions on one server process with a core for itself, on real PostgreSQL and Valkey.

Every session takes a turn every 25 s; questions come in 40 pieces, one each 20 ms. Beside it in
the same run: a bare transport without storage and a plain one-row commit.
"""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Final, Literal

import msgspec

from loadtest.bench import commit, cores, floor
from loadtest.bench.figures import Figure, figure, say
from loadtest.bench.house import House
from loadtest.bench.measure import Outcome, Run, measure
from loadtest.bench.process import free_port, running
from loadtest.bench.seed import seed
from loadtest.bench.server import ROOMY, Told
from protocol import messages
from runtime.settings import to_environ
from server.tickets import Tickets

BENCH: Final = "session"
NO_LIMIT: Final = 10**15  # micro-USD: budgets are another bench's, and so are limits
Engine = Literal["offline", "claude"]
ENGINES: Final[tuple[Engine, ...]] = ("offline", "claude")
COSTS: Final = {"core_share": "cores", "cpu_per_turn": "us", "memory_per_session": "KiB"}
NAMES: Final = {"offline": "offline engine", "claude": "model stand-in over HTTP"}


async def outcome(
    house: House, engine: Engine, run: Run, *, profile: str = ""
) -> tuple[Outcome, dict[str, float]]:
    """Measure the product with one engine and one size of crowd, and commits of the same time."""
    port = free_port()
    async with AsyncExitStack() as stack:
        settings = msgspec.structs.replace(
            house.settings,
            port=port,
            instance_url=f"ws://127.0.0.1:{port}/ws",
            instance_id=f"bench-{port}",
            # The caps are the fleet's policy and not what is measured.
            target_sessions=run.sessions + 50,
            scale_out_sessions=run.sessions + 51,
            admit_sessions=run.sessions + 52,
            hard_cap_sessions=run.sessions + 53,
        )
        if engine == "claude":
            settings = msgspec.structs.replace(
                settings,
                engine="claude",
                model_session_micro_usd=NO_LIMIT,
                model_day_micro_usd=NO_LIMIT,
                model_month_micro_usd=NO_LIMIT,
                anthropic_api_key="bench",
                anthropic_base_url=await _standin(stack, run),
            )
        seats = await seed(settings, run.sessions)
        tickets = Tickets(settings.secret)
        told = Told(to_environ(settings), pieces=run.pieces, piece_seconds=run.piece_seconds)
        arguments = ["loadtest.bench.server", *(("--profile", profile) if profile else ())]
        process = await stack.enter_async_context(
            running(arguments, port=port, told=msgspec.json.encode(told))
        )

        def subprotocol(number: int) -> str:
            seat = seats[number]
            ticket = tickets.ticket(seat.tenant_id, seat.interview_id, seat.session_id)
            return messages.TICKET_PREFIX + ticket

        commits = await stack.enter_async_context(commit.beside(house))
        found = await measure(
            run,
            port=port,
            pid=process.pid,
            subprotocol=subprotocol,
            services_cpu=house.cpu_seconds,
            measuring=commits.fresh,
        )
        return found, commits.latencies()


async def _standin(stack: AsyncExitStack, run: Run) -> str:
    """Start the stand-in for the Messages API on the crowd's core; its base URL."""
    port = free_port()
    arguments = ["cli", "model", "--port", str(port), "--pieces", str(run.pieces)]
    arguments += ["--piece-seconds", str(run.piece_seconds)]
    for kind, limit in zip(("requests", "input-tokens", "output-tokens"), ROOMY, strict=True):
        arguments += [f"--{kind}-per-minute", str(limit)]  # its headers say so
    await stack.enter_async_context(running(arguments, port=port, on=cores.CROWD))
    return f"http://127.0.0.1:{port}"


def shown(
    engine: Engine, run: Run, found: Outcome, bare: Outcome | None, committed: dict[str, float]
) -> list[Figure]:
    """Return the figures of one case, each beside its floor where it has one."""
    case = f"{NAMES[engine]}, {run.sessions} sessions"
    named = "a plain websockets server"
    figures = []
    for name, value in found.latencies.items():
        floor_name, floor_value = None, None
        if name.startswith("added_") and bare is not None:
            floor_name, floor_value = named, bare.latencies[name]
        elif name.startswith(("accepted_p", "first_piece_p")):
            floor_name = "a one-row commit"
            floor_value = committed[f"commit_{name.rpartition('_')[2]}"]
        figures.append(
            figure(BENCH, case, name, value, "ms", baseline=floor_name, baseline_value=floor_value)
        )
    for name, unit in COSTS.items():
        figures.append(
            figure(
                BENCH,
                case,
                name,
                getattr(found, name),
                unit,
                baseline=named if bare else None,
                baseline_value=getattr(bare, name) if bare else None,
            )
        )
    figures += [
        figure(BENCH, case, "services_cores", found.services_cores, "cores"),
        figure(BENCH, case, "neighbours_cores", found.others_cores - found.services_cores, "cores"),
        figure(BENCH, case, "turns", found.turns, "turns"),
        figure(BENCH, case, "cpu_per_join", found.cpu_per_join, "us"),
        figure(BENCH, case, "joins_again", found.joins_again, "joins"),
    ]
    return figures


async def figures(
    house: House,
    runs: list[Run],
    *,
    engines: tuple[Engine, ...] = ENGINES,
    profile: str = "",
    with_floor: bool = True,
) -> AsyncIterator[Figure]:
    """Yield the figures of every engine at every size, with the floors of the same run."""
    for run in runs:
        bare = None
        if with_floor:
            say(f"session: {run.sessions} sessions, {run.seconds:g} s each: the floor")
            bare = await floor.outcome("websockets", run)
        for engine in engines:
            say(f"session: {run.sessions} sessions, {NAMES[engine]}")
            found, committed = await outcome(house, engine, run, profile=profile)
            for one in shown(engine, run, found, bare, committed):
                yield one
