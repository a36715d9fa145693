"""One way to the model in a process of its own: streams at a steady pace, and what each costs.

It is told its case as JSON on standard input and answers with one line of JSON.
"""

import asyncio
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from typing import Any, Final
from uuid import UUID

import aiohttp
import msgspec
import uvloop

from interview.interviewer import Said, choose
from interview.plan import OpeningBrief, build
from llm import engines, tiers, wording
from llm.gateway import Piece, open_gateway
from llm.request import QuestionRequest
from loadtest.bench import cores
from loadtest.bench.llm_sdk import SdkEngine
from runtime import clock
from runtime.lifecycle import Stack, calm_gc
from runtime.settings import Settings
from storage.ledger import MemoryLedger

CASES: Final = ("raw aiohttp", "engine", "gateway", "sdk create(stream=True)", "sdk stream()")
ANSWER: Final = (
    "En mi último trabajo me encargué de migrar el cierre contable a SAP con tres personas. "
    "Comparé dos opciones, preparé una prueba con datos reales y redujimos tres días por mes."
)
TURNS: Final = 4  # answered before the question that is asked
MESSAGES: Final = "/v1/messages"

Asks = Callable[[], AsyncIterator[object]]


class Told(msgspec.Struct, frozen=True):
    """What is measured: `rounds` streams one after the other in each of `streams` places."""

    case: str
    url: str
    streams: int
    rounds: int
    round_seconds: float  # about what a stream takes: the places begin spread over it
    warm_up: int = 2  # rounds that do not count
    key: str = "k"
    through: int = 0  # the process that hands the streams on: what it spends is counted, too


class Measured(msgspec.Struct, frozen=True):
    """CPU of the process for one stream, and when each first piece came, in seconds."""

    cpu_seconds: float
    first: list[float]
    pieces: int
    through_cpu_seconds: float = 0.0


class _Delta(msgspec.Struct):
    text: str = ""


class _Event(msgspec.Struct):
    type: str
    delta: _Delta | None = None


def a_question() -> QuestionRequest:
    """Return the request for the fifth question of an interview."""
    opening = OpeningBrief(title="Contadora senior", must_have=["SAP", "Excel"], seniority="senior")
    plan = build(opening, None, company="Andina SAC", candidate_name="", minutes=20, locale="es-PE")
    said: list[Said] = []
    while (now := choose(plan, said, seed=11, seconds_left=plan.seconds)) is not None:
        if len(said) == TURNS:
            break
        said.append(
            Said(now.turn, now.competency, now.level, now.kind, "¿Pregunta?", ANSWER, now.skill)
        )
    if now is None:
        raise ValueError("the interview is over before it is measured")
    return QuestionRequest(
        tenant_id=UUID(int=1),
        session_id=UUID(int=2),
        interview_id=UUID(int=3),
        turn=now.turn,
        ask=1,
        plan=plan,
        said=said,
        directive=now,
        locale="es-PE",
        seed=11,
    )


def _raw(told: Told, stack: Stack) -> Asks:
    """The least that somebody would write by hand: no errors looked for, no deadline."""
    session = stack.add(aiohttp.ClientSession(), lambda it: it.close())
    call = wording.question(a_question(), *tiers.load().for_task("question"))
    body = msgspec.json.encode({**call, "stream": True})
    headers = {
        "x-api-key": told.key,
        "anthropic-version": "2023-06-01",
        "content-type": "application/json",
    }
    decode = msgspec.json.Decoder(_Event).decode

    async def asked() -> AsyncIterator[object]:
        async with session.post(told.url + MESSAGES, data=body, headers=headers) as response:
            rest = b""
            async for chunk in response.content.iter_any():
                *blocks, rest = (rest + chunk).split(b"\n\n")
                for block in blocks:
                    event = decode(block[block.index(b"data: ") + 6 :])
                    if event.delta is not None and event.delta.text:
                        yield event.delta.text

    return asked


def _engine(told: Told, stack: Stack) -> Asks:
    engine = engines.open_model(_settings(told))
    if engine is None:
        raise ValueError("there is no model to ask")
    stack.add(engine, lambda it: it.close())
    request = a_question()
    return lambda: engine.question(request)


def _gateway(told: Told, stack: Stack) -> Asks:
    gateway = stack.add(open_gateway(_settings(told), MemoryLedger()), lambda it: it.close())
    request = a_question()
    return lambda: gateway.stream(request)


def _sdk(told: Told, stack: Stack) -> Asks:
    engine = SdkEngine(
        engines.library("anthropic"),
        engines.library("httpx2"),
        tiers.load(),
        key="k",
        base_url=told.url,
        accumulate=told.case == "sdk stream()",
        bare=True,
    )
    stack.add(engine, lambda it: it.close())
    request = a_question()
    return lambda: engine.question(request)


def _settings(told: Told) -> Settings:
    return Settings(anthropic_api_key="k", anthropic_base_url=told.url)


OPEN: Final[dict[str, Callable[[Told, Stack], Asks]]] = {
    "raw aiohttp": _raw,
    "engine": _engine,
    "gateway": _gateway,
    "sdk create(stream=True)": _sdk,
    "sdk stream()": _sdk,
}


class _Sums:
    def __init__(self) -> None:
        self.first: list[float] = []
        self.pieces = 0


async def _one(asks: Asks, sums: _Sums) -> None:
    begun, first, text = clock.monotonic(), 0.0, ""
    events: Any = asks()
    async with aclosing(events):
        async for part in events:
            if isinstance(part, str | Piece):
                text += part if isinstance(part, str) else part.text
                if not first:
                    first = clock.monotonic() - begun
                    sums.first.append(first)
    sums.pieces += len(text.split())  # a piece is a word; some ways hand on several at once


async def _place(number: int, told: Told, asks: Asks, rounds: int, sums: _Sums) -> None:
    await asyncio.sleep(number * told.round_seconds / told.streams)
    for _ in range(rounds):
        await _one(asks, sums)


async def measure(told: Told) -> Measured:
    """Run the case and return what it cost, the warm-up left out."""
    async with Stack() as stack:
        asks = OPEN[told.case](told, stack)

        async def all_places(rounds: int, sums: _Sums) -> None:
            places = (_place(n, told, asks, rounds, sums) for n in range(told.streams))
            await asyncio.gather(*places)

        await all_places(told.warm_up, _Sums())
        calm_gc()
        sums, begun = _Sums(), cores.cpu_seconds(cores.OWN)
        through = cores.family_cpu_seconds(told.through)
        await all_places(told.rounds, sums)
        spent = cores.cpu_seconds(cores.OWN) - begun
        through = cores.family_cpu_seconds(told.through) - through
    number = told.streams * told.rounds
    return Measured(spent / number, sums.first, sums.pieces, through / number)


def main() -> int:
    """Measure one case."""
    told = msgspec.json.decode(sys.stdin.buffer.read(), type=Told)
    print(msgspec.json.encode(uvloop.run(measure(told))).decode(), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
