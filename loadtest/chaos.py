"""Candidates who keep books while things are killed: nothing acknowledged may be lost."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

import msgspec

from client.backoff import Backoff
from client.errors import Refused
from client.session import MOVING, Admitted, FetchAgain, Interview
from protocol import messages
from runtime import clock
from runtime.lifecycle import Tasks

ANSWER: Final = "Respuesta {}/{}: implementé y medimos."
LAG_EVERY_SECONDS: Final = 0.05
KINDS: Final = ("server", "worker", "valkey", "postgres", "freeze")


class WrongPlan(Exception):  # noqa: N818 - reads as a sentence where it is raised
    """The plan of kills can't be read; the message says what is expected."""


class Blow(msgspec.Struct, frozen=True):
    """One thing that happens to the house, `at` seconds after the start."""

    at: float
    kind: str


def parse_kills(text: str) -> dict[str, int]:
    """Return how often each kind is hit, from `server:20,valkey:2`; raises WrongPlan."""
    counts = {}
    for part in filter(None, text.replace(" ", "").split(",")):
        kind, _, number = part.partition(":")
        if kind not in KINDS or not number.isdigit():
            raise WrongPlan(f"{part!r}: expected KIND:COUNT with KIND of {', '.join(KINDS)}")
        counts[kind] = int(number)
    return counts


def schedule(kills: dict[str, int], *, seconds: float, seed: int) -> list[Blow]:
    """Return the blows at random moments of the first `seconds`, the same for the same seed."""
    rng = random.Random(seed)
    blows = [
        Blow(round(rng.uniform(0.05, 1.0) * seconds, 3), kind)
        for kind, count in kills.items()
        for _ in range(count)
    ]
    return sorted(blows, key=lambda blow: blow.at)


class Book(msgspec.Struct):
    """What one candidate saw and did."""

    number: int
    acked: dict[int, str] = {}  # turn -> the answer's text
    given: dict[int, str] = {}
    reordered: int = 0
    finished: str = ""
    refused: str = ""
    resumes: list[float] = []  # seconds from a lost connection to the next joined
    moves: list[float] = []  # seconds from session.moving to the same question elsewhere
    cut: list[int] = []  # close codes that no server sends in good order
    bounced: list[str] = []  # refused joins
    refusals: int = 0  # of joins and of tickets
    queued: int = 0  # times it had to wait for a place although its interview was under way
    gaps: int = 0  # in the record's offsets


class Crowd:
    """Many candidates at once."""

    def __init__(self, *, think_seconds: float, seed: int) -> None:
        """Answer after half to one and a half of `think_seconds`."""
        self._think_seconds = think_seconds
        self._seed = seed
        self.books: list[Book] = []

    @property
    def open(self) -> int:
        """How many have not come to an end."""
        return sum(not (book.finished or book.refused) for book in self.books)

    async def live(self, tickets: Sequence[FetchAgain], *, seconds: float) -> None:
        """Live through an interview for each way to a ticket, for at most `seconds`.

        A way is asked with the proof of a place in line, empty for whoever has none.
        """
        self.books = [Book(number) for number in range(len(tickets))]
        async with Tasks("crowd") as tasks:
            lives = [
                tasks.start(self._live(book, fetch))
                for book, fetch in zip(self.books, tickets, strict=True)
            ]
            await asyncio.wait(lives, timeout=seconds)

    async def _live(self, book: Book, fetch: FetchAgain) -> None:
        rng = random.Random(f"{self._seed}/{book.number}")
        await asyncio.sleep(rng.uniform(0, self._think_seconds))
        interview = Watched(fetch, book, backoff=Backoff(rng))
        try:
            async with Tasks("thinking") as thinking:
                async for frame in interview.frames():
                    turn = asked(frame)
                    if turn is not None and turn not in book.given:
                        book.given[turn] = ANSWER.format(book.number, turn)
                        wait = rng.uniform(0.5, 1.5) * self._think_seconds
                        thinking.start(_answer(interview, turn, book.given[turn], wait))
                    note(book, frame)
        except Refused as refused:
            book.refused = refused.code
        book.refusals, book.gaps = interview.counts.refused, interview.counts.gaps


def note(book: Book, frame: messages.ServerFrame) -> None:
    """Write down what a frame tells of the record."""
    match frame:
        case messages.AnswerAccepted():
            if frame.turn in book.given:
                book.acked[frame.turn] = book.given[frame.turn]
        case messages.SessionState():
            turns = [turn.turn for turn in frame.turns]
            if turns != list(range(1, len(turns) + 1)):
                book.reordered += 1
        case messages.QuestionCompleted():
            if book.acked and frame.turn <= max(book.acked):
                book.reordered += 1
        case messages.SessionFinished():
            book.finished = frame.reason


class Watched(Interview):
    """A client that measures how long it was without its session."""

    def __init__(self, fetch: FetchAgain, book: Book, *, backoff: Backoff) -> None:
        """Write into `book`."""

        async def first() -> Admitted:
            return await fetch("", "")

        super().__init__(first, backoff=backoff, fetch_again=fetch)
        self._book = book
        self._lost_at: float | None = None
        self._sent_on_at = 0.0
        self._been_in = self._in_line = False

    async def _take(self, frame: messages.ServerFrame) -> list[messages.ServerFrame]:
        if isinstance(frame, messages.SessionMoving):
            self._sent_on_at = clock.monotonic()
        if isinstance(frame, messages.SessionQueued) and self._been_in and not self._in_line:
            self._book.queued += 1
            self._in_line = True
        return await super()._take(frame)

    def _judge_close(self, code: int) -> None:
        if self._lost_at is None:
            self._lost_at = clock.monotonic()
        if code != MOVING and not self._book.finished:
            self._book.cut.append(code)
        super()._judge_close(code)

    def _judge_failure(self, error: Exception) -> None:
        self._book.bounced.append(type(error).__name__)
        super()._judge_failure(error)

    async def _welcome(self, frame: messages.SessionJoined) -> None:
        if self._lost_at is not None:
            waits = self._book.moves if self._sent_on_at else self._book.resumes
            waits.append(clock.monotonic() - (self._sent_on_at or self._lost_at))
            self._lost_at, self._sent_on_at = None, 0.0
        self._been_in, self._in_line = True, False
        await super()._welcome(frame)


def asked(frame: messages.ServerFrame) -> int | None:
    """Return the turn that waits for an answer, if the frame tells of one."""
    match frame:
        case messages.QuestionCompleted():
            return frame.turn
        case messages.SessionState():
            current = frame.current
            return current.turn if current is not None and current.completed else None
        case _:
            return None


async def _answer(interview: Interview, turn: int, text: str, wait: float) -> None:
    await asyncio.sleep(wait)
    await interview.answer(turn, text)


class Verdict(msgspec.Struct, frozen=True):
    """What the books say when they are held against the record."""

    sessions: int
    acked: int
    lost: int
    duplicated: int
    reordered: int
    finished: int
    refused: list[str]
    model_calls: int  # questions that the stand-in was asked for
    distinct_asks: int  # attempts on record, those after a take-over in mid-question included
    counted_again: int  # further calls for an attempt, and second calls beside a slow one
    blows: int
    queued: int  # returns that had to wait for a place: none while the survivors have room
    resumes: int
    resume_seconds_p50: float
    resume_seconds_p95: float
    resume_seconds_max: float
    crowd_lag_p99_ms: float
    seconds: float

    @property
    def passed(self) -> bool:
        """Nothing lost, doubled or reordered, everybody at the end, every call accounted for."""
        wrong = self.lost or self.duplicated or self.reordered or self.refused
        paid = self.model_calls <= self.distinct_asks + self.counted_again
        return not wrong and paid and self.finished == self.sessions


class Calls(msgspec.Struct, frozen=True):
    """Calls for questions: the stand-in's own count, and what the record explains them by."""

    made: int
    asks: int
    again: int


async def watch_lag(lag: list[float]) -> None:
    """Note how late this loop wakes up, in seconds: a late one measures itself."""
    while True:
        due = clock.monotonic() + LAG_EVERY_SECONDS
        await asyncio.sleep(LAG_EVERY_SECONDS)
        lag.append(max(0.0, clock.monotonic() - due))


ReadTurns = Callable[[int], Awaitable[list[tuple[int, str]]]]


async def judge(
    books: Sequence[Book],
    read_turns: ReadTurns,
    *,
    calls: "Calls",
    blows: int,
    seconds: float,
    lag: Sequence[float] = (),
) -> Verdict:
    """Hold every candidate's book against the record that `read_turns(number)` gives."""
    lost = duplicated = reordered = 0
    for book in books:
        record = await read_turns(book.number)
        turns = [turn for turn, _ in record]
        texts = [text for _, text in record]
        kept = dict(record)
        lost += sum(kept.get(turn) != text for turn, text in book.acked.items())
        duplicated += len(texts) - len(set(texts))
        reordered += book.reordered + (turns != list(range(1, len(turns) + 1)))
    resumes = sorted(wait for book in books for wait in book.resumes)
    return Verdict(
        sessions=len(books),
        acked=sum(len(book.acked) for book in books),
        lost=lost,
        duplicated=duplicated,
        reordered=reordered,
        finished=sum(bool(book.finished) for book in books),
        refused=sorted({book.refused for book in books if book.refused}),
        model_calls=calls.made,
        distinct_asks=calls.asks,
        counted_again=calls.again,
        blows=blows,
        queued=sum(book.queued for book in books),
        resumes=len(resumes),
        resume_seconds_p50=quantile(resumes, 0.50),
        resume_seconds_p95=quantile(resumes, 0.95),
        resume_seconds_max=quantile(resumes, 1.0),
        crowd_lag_p99_ms=round(quantile(sorted(lag), 0.99) * 1000, 1),
        seconds=round(seconds, 1),
    )


def quantile(ordered: Sequence[float], share: float) -> float:
    """Return the value below which `share` of the ordered ones lie; 0 of none."""
    if not ordered:
        return 0.0
    return round(ordered[min(len(ordered) - 1, int(share * len(ordered)))], 3)
