"""A simulated candidate: lives through a whole interview on the real wire and times what it sees.

It thinks before it answers, answers each question until it is accepted, comes back when it is
cut, and keeps books: a frame out of order, a turn asked twice or an answer lost shows up here.
"""

import asyncio
import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final
from uuid import uuid4

import msgspec

from client.errors import Refused
from client.rest import Api
from client.session import Counts, Interview, Route
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
    cut_share: float = 0.0  # of the turns in which the connection breaks at a random moment


class Sample(msgspec.Struct, frozen=True):
    """One measured latency, in seconds."""

    name: str
    seconds: float


class Failure(msgspec.Struct, frozen=True):
    """Something that may not happen; `name` is from a closed list."""

    name: str
    detail: str


class Result(msgspec.Struct, kw_only=True):
    """One candidate's interview, in the end."""

    finished: str = ""
    turns: int = 0
    counts: Counts = msgspec.field(default_factory=Counts)
    failures: list[Failure] = []


# What is timed. Times by schedule count from the moment at which the answer was to be sent.
JOIN: Final = "join"
ACCEPTED: Final = "answer_accepted"
ACCEPTED_PLANNED: Final = "answer_accepted_by_schedule"
FIRST_PIECE: Final = "first_piece"
FIRST_PIECE_PLANNED: Final = "first_piece_by_schedule"
BACK: Final = "back_after_cut"
NAMES: Final = (JOIN, ACCEPTED, ACCEPTED_PLANNED, FIRST_PIECE, FIRST_PIECE_PLANNED, BACK)


class Visitor:
    """One candidate with an invitation; `visit` lives through the interview."""

    def __init__(
        self,
        invitation: Invitation,
        habits: Habits,
        note: Callable[[Sample], None],
        *,
        route: Route | None = None,
        rng: random.Random | None = None,
    ) -> None:
        """Report every measured latency through `note` as it comes; `route` leads over a line."""
        self._invitation = invitation
        self._habits = habits
        self._note = note
        self._route = route
        self._rng = rng or random.Random()
        self._books = _Books()
        self._interview: Interview | None = None
        self._cut_at: float | None = None
        self._opened_at = 0.0
        self._begun = asyncio.Event()

    @property
    def result(self) -> Result:
        """What has come of it so far."""
        return self._books.result

    async def visit(self) -> Result:
        """Consent if that is still to be done, and answer until the interview is over."""
        try:
            async with Api(self._invitation.url, self._invitation.token) as api:
                await self._consent(api)
                await self._live(api)
        except Refused as refused:
            self._books.fail("refused", refused.code)
        return self._books.result

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
        interview = Interview(api.ticket, route=self._route, fetch_again=api.ticket)
        self._interview = interview
        self._opened_at = clock.monotonic()
        async with Tasks("visitor") as tasks:
            try:
                async for frame in interview.frames():
                    self._see(frame, interview, tasks)
            finally:
                self._books.result.counts = interview.counts
        if interview.counts.gaps:
            self._books.fail("gap", str(interview.counts.gaps))

    def _see(self, frame: messages.ServerFrame, interview: Interview, tasks: Tasks) -> None:
        now = clock.monotonic()
        match frame:
            case messages.SessionJoined():
                self._joined(now)
            case messages.SessionState():
                self._state(frame, interview, tasks)
            case messages.QuestionStarted() | messages.QuestionReset():
                self._books.started(frame.turn)
            case messages.QuestionDelta():
                self._books.piece(frame.turn, frame.text, now, self._note)
                if self._rng.random() < self._habits.cut_share / 10:
                    self._cut(interview, tasks, now)
            case messages.QuestionCompleted():
                if self._books.completed(frame.turn):
                    tasks.start(self._answer(frame.turn, interview))
            case messages.AnswerAccepted():
                self._books.accepted(frame, now, self._note)
            case messages.FaultFrame():
                self._books.fault(frame)
            case messages.SessionFinished():
                self._books.finished(frame.reason)

    def _joined(self, now: float) -> None:
        if not self._begun.is_set():
            self._begun.set()
            self._note(Sample(JOIN, now - self._opened_at))
        elif self._cut_at is not None:
            self._note(Sample(BACK, now - self._cut_at))
        self._cut_at = None

    def _state(self, state: messages.SessionState, interview: Interview, tasks: Tasks) -> None:
        self._books.reloaded([turn.turn for turn in state.turns])
        current = state.current
        if current is not None and current.completed and self._books.completed(current.turn):
            tasks.start(self._answer(current.turn, interview))

    def _cut(self, interview: Interview, tasks: Tasks, now: float) -> None:
        if self._cut_at is None:
            self._cut_at = now
            tasks.start(interview.drop())

    async def _answer(self, turn: int, interview: Interview) -> None:
        think = self._habits.think_seconds * self._rng.uniform(0.5, 1.5)
        planned = clock.monotonic() + think
        await asyncio.sleep(think)
        text = self._rng.choice(ANSWERS)
        client_msg_id = uuid4().hex
        self._books.sent(turn, client_msg_id, planned, clock.monotonic())
        await interview.answer(turn, text, client_msg_id)
        if self._habits.duplicates:
            await interview.send(messages.AnswerSubmit(client_msg_id, turn, text))
            other = uuid4().hex
            self._books.rivals.add(other)
            await interview.send(messages.AnswerSubmit(other, turn, text))
        if self._rng.random() < self._habits.cut_share:
            await asyncio.sleep(self._rng.uniform(0.0, 0.05))
            self._cut_at = clock.monotonic()
            await interview.drop()


class _Books:
    """What one candidate has seen, and whether it adds up."""

    def __init__(self) -> None:
        self.result = Result()
        self.rivals: set[str] = set()  # ids under which an answered turn was sent again
        self._sent: dict[str, tuple[int, float, float]] = {}  # id -> turn, planned, sent
        self._answers: dict[int, str] = {}  # turn -> the id that answers it
        self._accepted: set[int] = set()
        self._answering: set[int] = set()
        self._first_awaited: tuple[float, float] | None = None

    def fail(self, name: str, detail: str) -> None:
        """Note what may not happen."""
        self.result.failures.append(Failure(name, detail))

    def started(self, turn: int) -> None:
        """A question begins: never one that has been answered."""
        if turn in self._accepted:
            self.fail("asked_again", f"turn {turn}")

    def piece(self, turn: int, text: str, now: float, note: Callable[[Sample], None]) -> None:
        """A piece arrives; the first after an answer is timed."""
        del text
        if turn in self._accepted:
            self.fail("asked_again", f"turn {turn}")
        if self._first_awaited is not None:
            planned, sent = self._first_awaited
            self._first_awaited = None
            note(Sample(FIRST_PIECE, now - sent))
            note(Sample(FIRST_PIECE_PLANNED, now - planned))

    def completed(self, turn: int) -> bool:
        """Tell whether the whole question of `turn` is to be answered now."""
        if turn in self._answering:
            return False
        if turn != len(self._accepted) + 1:
            self.fail("out_of_order", f"turn {turn} after {len(self._accepted)} answers")
        self._answering.add(turn)
        return True

    def sent(self, turn: int, client_msg_id: str, planned: float, now: float) -> None:
        """An answer leaves."""
        self._sent[client_msg_id] = (turn, planned, now)
        self._answers[turn] = client_msg_id

    def accepted(
        self, frame: messages.AnswerAccepted, now: float, note: Callable[[Sample], None]
    ) -> None:
        """The server has an answer; the second word about the same one has to say so."""
        if frame.client_msg_id in self.rivals:
            self.fail("doubled", f"turn {frame.turn} was accepted under two ids")
            return
        found = self._sent.get(frame.client_msg_id)
        if found is None or found[0] != frame.turn:
            self.fail("unknown_answer", f"turn {frame.turn}")
            return
        if frame.turn in self._accepted:
            return
        self._accepted.add(frame.turn)
        self.result.turns += 1
        _, planned, sent = found
        self._first_awaited = (planned, sent)
        note(Sample(ACCEPTED, now - sent))
        note(Sample(ACCEPTED_PLANNED, now - planned))

    def reloaded(self, turns: Sequence[int]) -> None:
        """The state from the record: every accepted answer has to be in it, once and in order."""
        if list(turns) != list(range(1, len(turns) + 1)):
            self.fail("reordered", str(list(turns)))
        lost = self._accepted - set(turns)
        if lost:
            self.fail("lost", f"turns {sorted(lost)}")
        self._accepted.update(turns)
        self._answering.update(turns)
        self.result.turns = len(self._accepted)

    def fault(self, frame: messages.FaultFrame) -> None:
        """A fault: expected for a turn sent again under another id, temporary ones pass."""
        expected = frame.client_msg_id in self.rivals
        if not frame.temporary and not expected:
            self.fail("fault", frame.code)

    def finished(self, reason: str) -> None:
        """The end: every answer sent has to be accepted by then."""
        self.result.finished = reason
        missing = self._answers.keys() - self._accepted
        if missing:
            self.fail("lost", f"turns {sorted(missing)} were never accepted")
