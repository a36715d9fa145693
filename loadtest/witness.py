"""Candidates who write down which engine they were told of, and when each question began to come.

Beside the books of `loadtest.chaos`: for drills in which the model goes away or fails.
"""

import asyncio
import random
from collections.abc import Sequence
from typing import Final

import msgspec

from client.backoff import Backoff
from client.errors import Refused
from client.session import FetchAgain, Interview
from loadtest import chaos
from protocol import messages
from runtime import clock
from runtime.lifecycle import Tasks

ANSWER: Final = (
    "Respuesta {}/{}. En mi último trabajo coordiné a seis personas y medí cuánto tardaba cada "
    "pedido. Bajamos los retrasos de 14 a 3 en dos meses. Aprendí a pedir ayuda antes."
)


class Asked(msgspec.Struct):
    """One attempt at a question, as it looks from outside."""

    turn: int
    ask: int
    at: float
    engine: str = ""  # that the candidate was told of when the first piece came
    first: float = 0.0  # when that was


class Change(msgspec.Struct, frozen=True):
    """An engine.changed: `shown` tells whether pieces of the same attempt stood there already."""

    at: float
    turn: int
    engine: str
    reason: str
    shown: bool
    shown_before: bool  # pieces of this turn, of whatever attempt


class Witness:
    """What one candidate saw of the questions."""

    def __init__(self) -> None:
        """Nothing yet."""
        self.told = ""
        self.asks: list[Asked] = []
        self.changes: list[Change] = []
        self.completed: dict[int, str] = {}  # turn -> the question as it was said to be whole
        self.told_for: dict[int, str] = {}  # turn -> the engine told of by then
        self.torn = 0  # pieces that, joined, were not what was said to be whole
        self._shown = ""
        self._turn_shown = False

    def hear(self, frame: messages.ServerFrame, now: float) -> None:
        """Take a frame that came at `now`."""
        match frame:
            case messages.SessionJoined():
                self.told = frame.engine
            case messages.SessionState():
                self._drawn(frame.current, now)
            case messages.QuestionStarted() | messages.QuestionReset():
                started = isinstance(frame, messages.QuestionStarted)
                self._turn_shown = False if started else self._turn_shown
                self._shown = ""
                self.asks.append(Asked(frame.turn, frame.ask, now))
            case messages.QuestionDelta():
                self._piece(frame, now)
            case messages.EngineChanged():
                turn = self.asks[-1].turn if self.asks else 0
                self.changes.append(
                    Change(
                        now, turn, frame.engine, frame.reason, bool(self._shown), self._turn_shown
                    )
                )
                self.told = frame.engine
            case messages.QuestionCompleted():
                self.torn += self._shown != frame.text
                self._whole(frame.turn, frame.text)

    def _piece(self, frame: messages.QuestionDelta, now: float) -> None:
        self._shown += frame.text
        self._turn_shown = True
        if self.asks and not self.asks[-1].first:
            self.asks[-1].first, self.asks[-1].engine = now, self.told

    def _drawn(self, current: messages.CurrentState | None, now: float) -> None:
        """A page drawn anew: what stands there was not timed."""
        self._shown = current.text if current is not None else ""
        self._turn_shown = bool(self._shown)
        if current is not None:
            self.asks.append(Asked(current.turn, current.ask, now, self.told, now))
            if current.completed:
                self._whole(current.turn, current.text)

    def _whole(self, turn: int, text: str) -> None:
        self.completed[turn], self.told_for[turn] = text, self.told


class _Page(chaos.Watched):
    """A client whose connections are cut only once it has been inside: before, it is bounced."""

    inside = False

    async def _welcome(self, frame: messages.SessionJoined) -> None:
        self.inside = True
        await super()._welcome(frame)

    def _judge_close(self, code: int) -> None:
        super()._judge_close(code)
        if not self.inside and code in self._book.cut:
            self._book.cut.remove(code)
            self._book.bounced.append(str(code))


class Witnesses:
    """Many of them at once, each with a book."""

    def __init__(self, *, think_seconds: float, seed: int, enter_seconds: float = 0.0) -> None:
        """Answer after half to one and a half of `think_seconds`; all enter within some."""
        self._think_seconds = think_seconds
        self._enter_seconds = enter_seconds or think_seconds
        self._seed = seed
        self.books: list[chaos.Book] = []
        self.seen: list[Witness] = []

    async def live(self, ways: Sequence[FetchAgain], *, seconds: float) -> None:
        """Live through an interview for each way to a ticket, for at most `seconds`."""
        self.books = [chaos.Book(number) for number in range(len(ways))]
        self.seen = [Witness() for _ in ways]
        async with Tasks("witnesses") as tasks:
            lives = [
                tasks.start(self._live(book, seen, way))
                for book, seen, way in zip(self.books, self.seen, ways, strict=True)
            ]
            await asyncio.wait(lives, timeout=seconds)

    async def _live(self, book: chaos.Book, seen: Witness, way: FetchAgain) -> None:
        rng = random.Random(f"{self._seed}/{book.number}")
        await asyncio.sleep(rng.uniform(0, self._enter_seconds))
        interview = _Page(way, book, backoff=Backoff(rng))
        try:
            async with Tasks("thinking") as thinking:
                async for frame in interview.frames():
                    seen.hear(frame, clock.monotonic())
                    turn = chaos.asked(frame)
                    if turn is not None and turn not in book.given:
                        book.given[turn] = ANSWER.format(book.number, turn)
                        wait = rng.uniform(0.5, 1.5) * self._think_seconds
                        thinking.start(_answer(interview, turn, book.given[turn], wait))
                    chaos.note(book, frame)
        except Refused as refused:
            book.refused = refused.code


async def _answer(interview: Interview, turn: int, text: str, wait: float) -> None:
    await asyncio.sleep(wait)
    await interview.answer(turn, text)
