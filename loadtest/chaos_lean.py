"""Candidates on lean connections, for rolling restarts under a thousand of them.

They behave as the page does: told to move, they join elsewhere at once with their resume token;
cut or refused, they fetch a ticket. Every cut, every refused join and every pause is written down.
"""

import asyncio
import random
from collections.abc import Sequence
from typing import Final
from urllib.parse import urlsplit

import msgspec

from client.backoff import Backoff
from client.errors import Refused as Away
from client.session import MOVING, Admitted, FetchAgain
from loadtest.bench.wire import Refused, Wire, connect
from loadtest.chaos import ANSWER, Book, asked, note
from protocol import limits, messages
from runtime import clock
from runtime.lifecycle import Tasks

LEAVE_SECONDS: Final = 10.0
AGAIN_SECONDS: Final = 1.0


class LeanCrowd:
    """Everybody; each lives in a task of its own and answers until the crowd is told to end."""

    def __init__(self, *, think_seconds: float, seed: int) -> None:
        """Answer after half to one and a half of `think_seconds`."""
        self.think_seconds = think_seconds
        self.ending = asyncio.Event()
        self.people: list[Lean] = []
        self.changed = asyncio.Event()
        self._lives: list[asyncio.Task[None]] = []
        self._seed = seed
        self._tasks = Tasks("lean crowd")

    @property
    def books(self) -> list[Book]:
        """What everybody saw."""
        return [one.book for one in self.people]

    async def enter(
        self, ways: Sequence[tuple[Admitted, FetchAgain]], *, per_second: float
    ) -> None:
        """Let everybody in at a pace, each with a first ticket; returns when all have joined."""
        begun = clock.monotonic()
        for number, (first, again) in enumerate(ways):
            await asyncio.sleep(max(0.0, begun + number / per_second - clock.monotonic()))
            one = Lean(self, Book(number), first, again, random.Random(f"{self._seed}/{number}"))
            self.people.append(one)
            self._lives.append(self._tasks.start(one.live()))
        for one in self.people:
            await one.inside.wait()

    def on(self, port: int) -> int:
        """How many have a connection to this port."""
        return sum(one.port == port for one in self.people)

    async def until_empty(self, port: int) -> None:
        """Return once nobody has a connection to this port."""
        while self.on(port):
            self.changed.clear()
            await self.changed.wait()

    async def end(self) -> None:
        """Let everybody end their interview, and wait until each has been told that it is over."""
        self.ending.set()
        for one in self.people:
            one.leave()
        await asyncio.wait(self._lives, timeout=LEAVE_SECONDS + len(self.people) / 50)
        await self._tasks.close()


class Lean:
    """One candidate."""

    def __init__(
        self, crowd: LeanCrowd, book: Book, first: Admitted, again: FetchAgain, rng: random.Random
    ) -> None:
        """Join with `first`, later with resume tokens or a ticket from `again`."""
        self.book = book
        self.port = 0  # of the connection there is
        self.inside = asyncio.Event()
        self._crowd = crowd
        self._first: Admitted | None = first
        self._again = again
        self._rng = rng
        self._backoff = Backoff(rng)
        self._resume: tuple[str, str] | None = None
        self._unreachable = ""
        self._epoch: int | None = None
        self._offset: int | None = None
        self._wire: Wire | None = None
        self._joined = False
        self._moved_at = 0.0  # when session.moving came
        self._closed: asyncio.Future[int] | None = None
        self._answer: messages.AnswerSubmit | None = None
        self._timer: asyncio.TimerHandle | None = None

    async def live(self) -> None:
        """Come back until the interview is over."""
        try:
            while not self.book.finished:
                if not await self._connection():
                    await asyncio.sleep(self._backoff.next())
        except Away as refused:
            self.book.refused = refused.code

    async def _connection(self) -> bool:
        """Live through one connection; returns whether the next one is to be made at once."""
        loop = asyncio.get_running_loop()
        token, url = await self._way()
        self._closed = loop.create_future()
        port = urlsplit(url).port or 80
        try:
            self._wire = await connect(port, token, self._text, self._over)
        except (OSError, Refused) as error:
            self.book.bounced.append(str(error))
            at_once, self._resume, self._unreachable = self._resume is not None, None, url
            return at_once
        self.port = port
        self._wire.send(messages.SessionJoin(epoch=self._epoch, offset=self._offset))
        code = await self._closed
        self.port, self._joined = 0, False
        self._crowd.changed.set()
        if self.book.finished:
            return True
        if code != MOVING:
            self.book.cut.append(code)
        return bool(self._moved_at)

    async def _way(self) -> tuple[str, str]:
        if self._resume is not None:
            return messages.RESUME_PREFIX + self._resume[0], self._resume[1]
        admitted, self._first = self._first, None
        while admitted is None:
            try:
                admitted = await self._again("", self._unreachable)
            except Away as refused:
                if refused.retry_after is None:
                    raise
                await asyncio.sleep(refused.retry_after)
        return messages.TICKET_PREFIX + admitted.ticket, admitted.url

    def _over(self, code: int) -> None:
        if self._closed is not None and not self._closed.done():
            self._closed.set_result(code)

    # Frames -----------------------------------------------------------------------------------

    def _text(self, data: bytes, _: int) -> None:
        frame = messages.decode_server(data)
        match frame:
            case messages.SessionJoined():
                self._welcome(frame)
            case messages.SessionState():
                self._offset = frame.offset
                self._usable()
            case messages.SessionMoving():
                self._moved_at = clock.monotonic()
                if self._resume is not None:
                    self._resume = (self._resume[0], frame.resume_url)
            case messages.FaultFrame():
                if frame.temporary and self._answer is not None:
                    asyncio.get_running_loop().call_later(AGAIN_SECONDS, self._send)
            case messages.AnswerAccepted():
                self._answer = None
        offset = getattr(frame, "offset", None)
        if isinstance(offset, int):
            self._offset = offset
        if isinstance(frame, messages.QuestionCompleted) and self._wire is not None:
            self._wire.send(messages.SessionAck(frame.offset))
        note(self.book, frame)
        if self.book.finished and self._wire is not None:
            self._wire.cut()
        turn = asked(frame)
        if turn is not None and turn not in self.book.given:
            self._think(turn)

    def _welcome(self, frame: messages.SessionJoined) -> None:
        self._joined = True
        self._resume = (frame.resume_token, frame.resume_url)
        self._epoch = frame.epoch
        if not frame.recovered:
            self._offset = 0
        elif self._moved_at:
            self._usable()
        self.inside.set()
        if self._answer is not None:
            self._send()
        elif self._wire is not None:
            self._wire.send(messages.Ping())
        if self._crowd.ending.is_set():
            self.leave()

    def _usable(self) -> None:
        """The same question stands there again."""
        if self._moved_at:
            self.book.moves.append(clock.monotonic() - self._moved_at)
            self._moved_at = 0.0

    def _think(self, turn: int) -> None:
        self.book.given[turn] = ANSWER.format(self.book.number, turn)
        wait = self._rng.uniform(0.5, 1.5) * self._crowd.think_seconds
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(wait, self._give, turn)

    def _give(self, turn: int) -> None:
        if self._crowd.ending.is_set():
            return
        text = self.book.given[turn]
        self._answer = messages.AnswerSubmit(f"m{self.book.number}-{turn}", turn, text)
        self._send()

    def _send(self) -> None:
        if self._answer is not None and self._wire is not None and self._joined:
            self._wire.send(self._answer)

    def leave(self) -> None:
        """End the interview, as the page's button does."""
        if self._wire is not None and self._joined and not self.book.finished:
            self._wire.send(messages.SessionLeave())


class Rolled(msgspec.Struct, frozen=True):
    """What a rolling restart came to, beside the verdict of the books."""

    rounds: int
    restarts: int
    moved: int
    cut: dict[str, int]  # close codes other than 4001 while the interview went on
    bounced: dict[str, int]  # refused joins
    left: int  # interviews that the crowd ended itself when the rounds were over
    pause_ms_p50: float
    pause_ms_p95: float
    pause_ms_max: float
    empty_seconds_p50: float
    empty_seconds_p95: float
    empty_seconds_max: float
    gone_seconds_max: float  # from SIGTERM to the end of the process

    @property
    def passed(self) -> bool:
        """Nobody cut, nobody refused, pauses and drains within what is promised."""
        quick = self.pause_ms_p95 <= PAUSE_MS and self.empty_seconds_max <= EMPTY_SECONDS
        return quick and not self.cut and not self.bounced


PAUSE_MS: Final = 1_000.0
EMPTY_SECONDS: Final = limits.DRAIN_SECONDS + 2.0
