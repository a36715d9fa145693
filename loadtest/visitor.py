"""A simulated candidate: lives through a whole interview on the real wire and times what it sees.

It thinks before it answers, answers each question until it is accepted, comes back when it is
cut, and keeps books: a frame out of order, a turn asked twice or an answer lost shows up here.
"""

import asyncio
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Final
from uuid import uuid4

import msgspec

from client.errors import Refused
from client.rest import Api
from client.session import Admitted, Counts, FetchAgain, FetchTicket, Interview, Route
from loadtest import books
from loadtest.books import Books, Note, Result, Sample
from loadtest.network import Line, SlowLine
from protocol import messages
from runtime import clock
from runtime.lifecycle import Tasks

ANSWERS: Final = tuple(
    " ".join(lines.split())
    for lines in (
        """En mi último puesto coordiné a seis personas durante la campaña de fin de año. Medí
        cuánto tardaba cada pedido, repartí los turnos según la demanda y bajamos los retrasos de
        14 a 3.""",
        """Primero hablé con las dos partes por separado y después juntos. Propuse un calendario
        con fechas que ambos podían cumplir; lo revisamos cada semana y salió a tiempo.""",
        """Uso SAP todos los días desde 2019: recepción, inventario cíclico y despacho. Automaticé
        el conteo semanal con una plantilla y ahorramos cuatro horas por semana.""",
        """Cometí un error al cargar un pedido doble. Avisé a mi jefa ese mismo día, llamé al
        cliente, corregí la guía y desde entonces hay una segunda revisión antes de cerrar.""",
        """No he trabajado con esa herramienta todavía, pero aprendí una parecida en tres semanas
        con un curso y la ayuda de un compañero, y luego enseñé a otras dos personas.""",
    )
)


class Invitation(msgspec.Struct, frozen=True):
    """A line of an invitations file: where to go and with which token."""

    url: str
    token: str


def read_invitations(path: Path) -> list[Invitation]:
    """Return the invitations of a file; raises OSError or msgspec.DecodeError."""
    lines = path.read_bytes().splitlines()
    return [msgspec.json.decode(line, type=Invitation) for line in lines if line.strip()]


def write_invitations(path: Path, invitations: Sequence[Invitation]) -> None:
    """Write an invitations file, one JSON line each; only its owner may read the tokens."""
    path.touch(mode=0o600)
    path.write_bytes(b"".join(msgspec.json.encode(item) + b"\n" for item in invitations))


class Habits(msgspec.Struct, frozen=True):
    """How one candidate behaves."""

    think_seconds: float = 25.0  # on average, before an answer; half to one and a half of it
    duplicates: bool = False  # sends each answer twice, and once more under another id
    second_tab_every: int = 0  # of the answers, over two connections at once
    cut_share: float = 0.0  # of the turns in which the connection breaks at a random moment
    dead_share: float = 0.0  # of the turns in which nothing comes through for a while
    stop_every: int = 0  # of the questions, not read for a while
    stop_seconds: tuple[float, float] = (5.0, 40.0)
    line: Line | None = None  # what it reaches the server through; dead spots and stops need one


TICKET_EARLY_SECONDS: Final = 1.0  # the second connection's ticket is there when the answer is due
DEAD_SECONDS: Final = (1.0, 8.0)


class Tab(Interview):
    """One page of a candidate's: it counts how its connections ended."""

    def __init__(
        self,
        fetch: FetchTicket,
        ledger: Books,
        *,
        fetch_again: FetchAgain,
        route: Route | None,
    ) -> None:
        """Count in `ledger`."""
        super().__init__(fetch, route=route, fetch_again=fetch_again)
        self._ledger = ledger
        self.reading: asyncio.Task[None] | None = None

    @property
    def joined(self) -> bool:
        """Whether it is in its session now."""
        return self._joined

    def retire(self) -> None:
        """Do not come back: another tab has taken over."""
        self._reconnect = False

    def _judge_close(self, code: int) -> None:
        self._ledger.did(f"closed_{code}")
        super()._judge_close(code)


class Visitor:
    """One candidate with an invitation; `visit` lives through the interview."""

    def __init__(
        self,
        invitation: Invitation,
        habits: Habits,
        note: Note,
        *,
        line: SlowLine | None = None,
        rng: random.Random | None = None,
    ) -> None:
        """Report every measured latency through `note` as it comes; `line` leads to the server."""
        self._invitation = invitation
        self._habits = habits
        self._note = note
        self._line = line
        self._rng = rng or random.Random()
        self._books = Books()
        self._tasks = Tasks("visitor")
        self._tabs: list[Tab] = []  # the last one is the candidate's
        self._cut_at: float | None = None
        self._storm_at: float | None = None
        self._before_storm = Counts()
        self._stopped = False  # it stopped reading, and nothing is known yet of what came of it
        self._opened_at = 0.0

    @property
    def result(self) -> Result:
        """What has come of it so far."""
        self._books.result.counts = self._counts()
        return self._books.result

    @property
    def inside(self) -> bool:
        """Whether it is in its interview now."""
        return bool(self._tabs) and self._tabs[-1].joined

    def _counts(self) -> Counts:
        whole = Counts()
        for tab in list(self._tabs):
            for name in whole.__struct_fields__:
                setattr(whole, name, getattr(whole, name) + getattr(tab.counts, name))
        return whole

    async def visit(self) -> Result:
        """Consent if that is still to be done, and answer until the interview is over."""
        try:
            async with Api(self._invitation.url, self._invitation.token) as api, self._tasks:
                await self._consent(api)
                await self._live(api)
        except Refused as refused:
            self._books.fail("refused", refused.code)
        return self.result

    async def _consent(self, api: Api) -> None:
        found = await api.get("/invitation")
        consent = found["consent"]
        if consent["given"]:
            return
        await api.post(
            "/invitation/consent",
            {
                "version": consent["version"],
                "sha256": consent["sha256"],
                "given": True,
                "locale": found["locale"],
            },
        )

    async def _live(self, api: Api) -> None:
        self._opened_at = clock.monotonic()
        tab: Tab | None = self._open(api, api.ticket)
        while tab is not None and tab.reading is not None:
            await asyncio.wait({tab.reading})
            tab = self._tabs[-1] if self._tabs[-1] is not tab else None
        gaps = self._counts().gaps
        if gaps:
            self._books.fail("gap", str(gaps))

    # Its pages ------------------------------------------------------------------------------

    def _open(self, api: Api, fetch: FetchTicket) -> Tab:
        """Open a page, which reads from now on; it is the candidate's."""
        route = self._line.route if self._line is not None else None
        tab = Tab(fetch, self._books, fetch_again=api.ticket, route=route)
        self._tabs.append(tab)
        tab.reading = self._tasks.start(self._read(api, tab))
        return tab

    async def _read(self, api: Api, tab: Tab) -> None:
        try:
            async for frame in tab.frames():
                self._see(frame, api, tab)
        except Refused as refused:
            replaced = tab is not self._tabs[-1]  # 4505, or refused as it comes back too late
            if not replaced and not self._books.result.finished:
                self._books.fail("refused", refused.code)

    def _see(self, frame: messages.ServerFrame, api: Api, tab: Tab) -> None:
        now = clock.monotonic()
        match frame:
            case messages.SessionQueued():
                self._queued()
            case messages.SessionJoined():
                self._joined(now)
            case messages.SessionState():
                self._state(frame, api)
            case messages.QuestionStarted():
                self._books.started(frame.turn)
                if _every(self._habits.stop_every, frame.turn):
                    self._tasks.start(self._stop_reading())
            case messages.QuestionReset():
                self._books.started(frame.turn)
            case messages.QuestionDelta():
                self._books.piece(frame.turn, frame.text, now, self._note)
                if self._rng.random() < self._habits.cut_share / 10:
                    self._cut(tab)
            case messages.QuestionCompleted():
                if self._books.completed(frame.turn):
                    self._tasks.start(self._answer(frame.turn, api))
            case messages.AnswerAccepted():
                self._books.accepted(frame, now, self._note)
                self._stop_survived()
            case messages.FaultFrame():
                self._books.fault(frame)
            case messages.SessionFinished():
                self._books.finished(frame.reason)

    def _queued(self) -> None:
        if not self._books.result.joined and not self._books.result.did.get(books.QUEUED):
            self._books.did(books.QUEUED)

    def _joined(self, now: float) -> None:
        result = self._books.result
        if not result.joined:
            result.joined = True
            name = books.WAITED if result.did.get(books.QUEUED) else books.JOIN
            self._note(Sample(name, now - self._opened_at))
        elif self._storm_at is not None:
            self._note(Sample(books.BACK_STORM, now - self._storm_at))
            counts, before = self._counts(), self._before_storm
            self._books.did(books.STORM_CONNECTS, counts.connects - before.connects)
            self._books.did(books.STORM_REFUSED, counts.refused - before.refused)
        elif self._cut_at is not None:
            self._note(Sample(books.BACK, now - self._cut_at))
        if self._stopped:
            self._stopped = False
            self._books.did(books.STOPS_CUT)
        self._storm_at = self._cut_at = None

    def _state(self, state: messages.SessionState, api: Api) -> None:
        self._books.reloaded([turn.turn for turn in state.turns])
        current = state.current
        if current is not None and current.completed and self._books.completed(current.turn):
            self._tasks.start(self._answer(current.turn, api))

    # What happens to it ---------------------------------------------------------------------

    def storm(self) -> None:
        """Lose the connection with everybody else's; it comes back by itself."""
        if not self._tabs or self._books.result.finished:
            return
        tab = self._tabs[-1]
        for each in self._tabs:
            self._tasks.start(each.drop())
        if not tab.joined:
            if self._books.result.did.get(books.QUEUED) and not self._books.result.joined:
                self._books.did(books.STORM_WAITING)
            return  # it was on its way back from a cut of its own, or waits
        self._books.did(books.STORM_CUT)
        self._storm_at, self._before_storm = clock.monotonic(), self._counts()

    def give_up(self) -> Result:
        """End here: whoever is not back from the storm, or waits for long, is a failure."""
        if not self._books.result.finished:
            if self._storm_at is not None:
                self._books.fail("not_back", "the storm's connection never came back")
            if self.inside:
                self._books.given_up(clock.monotonic())
        return self.result

    def _cut(self, tab: Tab) -> None:
        if self._cut_at is None and self._storm_at is None:
            self._cut_at = clock.monotonic()
            self._books.did(books.CUTS)
            self._tasks.start(tab.drop())

    async def _stop_reading(self) -> None:
        """Take nothing from the server for a while, as a page of a computer asleep does."""
        if self._line is None or self._stopped:
            return
        self._stopped = True
        self._books.did(books.STOPS)
        self._line.hold()
        await asyncio.sleep(self._rng.uniform(*self._habits.stop_seconds))
        self._line.go_on()

    def _stop_survived(self) -> None:
        if self._stopped and self._line is not None and not self._line.held:
            self._stopped = False
            self._books.did(books.STOPS_SURVIVED)

    # What it says ---------------------------------------------------------------------------

    async def _answer(self, turn: int, api: Api) -> None:
        think = self._habits.think_seconds * self._rng.uniform(0.5, 1.5)
        planned = clock.monotonic() + think
        if self._line is not None and self._rng.random() < self._habits.dead_share:
            self._books.did(books.DEAD_SPOTS)
            self._line.dead(self._rng.uniform(*DEAD_SECONDS))
        admitted = None
        if _every(self._habits.second_tab_every, turn):
            await asyncio.sleep(max(0.0, think - TICKET_EARLY_SECONDS))
            admitted = await _ticket(api)
        await asyncio.sleep(max(0.0, planned - clock.monotonic()))
        text, client_msg_id = self._rng.choice(ANSWERS), uuid4().hex
        tab = self._tabs[-1]
        self._books.sent(turn, client_msg_id, planned, clock.monotonic())
        if admitted is not None and tab.joined:
            self._books.did(books.TWO_TABS)
            tab.retire()  # it still says its answer; two tabs that come back would fight
            second = self._open(api, _first(admitted, api))
            await second.answer(turn, text, client_msg_id)
        await tab.answer(turn, text, client_msg_id)
        if self._habits.duplicates:
            self._books.did(books.REPEATED)
            await tab.send(messages.AnswerSubmit(client_msg_id, turn, text))
            other = uuid4().hex
            self._books.rivals.add(other)
            await tab.send(messages.AnswerSubmit(other, turn, text))
        if self._rng.random() < self._habits.cut_share:
            await asyncio.sleep(self._rng.uniform(0.0, 0.05))
            self._cut(tab)


def _every(turns: int, turn: int) -> bool:
    """Whether what happens in every so many turns does in this one; the first is one of them."""
    return turns > 0 and turn % turns == 1 % turns


async def _ticket(api: Api) -> Admitted | None:
    try:
        return await api.ticket()
    except Refused:
        return None  # no second connection this time


def _first(admitted: Admitted, api: Api) -> FetchTicket:
    """Return a way to tickets whose first one is at hand."""
    at_hand = [admitted]

    async def fetch() -> Admitted:
        return at_hand.pop() if at_hand else await api.ticket()

    return fetch
