"""A crowd of candidates on lean connections, each answering once every so many seconds.

Latency is taken from the stamps in the pieces and from both moments of an answer: when it was to
be sent (its place in the schedule) and when it was sent.
"""

import asyncio
from collections.abc import Callable
from typing import Final

import msgspec

from loadtest.bench import stamps
from loadtest.bench.wire import Refused, Wire, connect
from protocol import limits, messages
from runtime import clock
from runtime.lifecycle import Tasks

ANSWER: Final = (
    "En mi último trabajo coordiné a seis personas del almacén durante la campaña de fin de año. "
    "Primero medí cuánto tardaba cada pedido, después repartí los turnos según la demanda y revisé "
    "los resultados cada viernes con el equipo; bajamos los retrasos de 14 a 3 por semana."
)
NS: Final = 1_000_000_000
JOIN_SECONDS: Final = 15.0
TRIES: Final = 5
AGAIN_SECONDS: Final = 2.0
FAULTS_SHOWN: Final = 5


class Samples(msgspec.Struct):
    """What a crowd saw, in nanoseconds; counts beside it."""

    added: list[int] = []  # a frame with pieces: from the moment it was let go to its receipt
    piece: list[int] = []  # every piece: from the engine's hand to its receipt
    accepted: list[int] = []  # an answer: from its sending to answer.accepted
    accepted_planned: list[int] = []  # the same from its place in the schedule
    first: list[int] = []  # an answer to the next question's first piece, without the engine's time
    lag: list[int] = []  # how late the crowd's own timers ran
    turns: int = 0
    frames: int = 0
    finished: int = 0
    closed: list[int] = []
    faults: list[str] = []


class Member:
    """One candidate."""

    def __init__(self, crowd: "Crowd", number: int) -> None:
        """Answer at this member's own moment of each interval."""
        self._crowd = crowd
        self._number = number
        self._wire: Wire | None = None
        self._turn = 0  # the question that waits for its answer
        self._planned = self._sent = 0
        self._begun = False
        self._awaiting_first = False
        self._due = False
        self.joined: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def enter(self, port: int, subprotocol: str) -> None:
        """Connect and join; raises Refused, OSError or TimeoutError."""
        self._wire = await connect(port, subprotocol, self._text, self._closed)
        self._wire.send(messages.SessionJoin())
        async with asyncio.timeout(JOIN_SECONDS):
            await self.joined
        self._beat()

    def _beat(self) -> None:
        """Give signs of life while the others still come; later the answers are sign enough."""
        if self._wire is not None and not self._begun:
            self._wire.send(messages.Ping())
            asyncio.get_running_loop().call_later(limits.HEARTBEAT_SECONDS, self._beat)

    def begin(self, at: float) -> None:
        """Answer first at `at` (the loop's time), then at every interval."""
        self._begun = True
        asyncio.get_running_loop().call_at(at, self._tick, at)

    def leave(self) -> None:
        """End the connection."""
        if self._wire is not None:
            self._wire.cut()

    def _tick(self, at: float) -> None:
        loop = asyncio.get_running_loop()
        late = loop.time() - at
        self._crowd.samples.lag.append(int(late * NS))
        if self._crowd.ended:
            return
        loop.call_at(at + self._crowd.interval, self._tick, at + self._crowd.interval)
        self._planned = clock.monotonic_ns() - int(late * NS)
        if self._turn:
            self._answer()
        else:
            self._due = True  # the question is late: it is answered when it is whole

    def _answer(self) -> None:
        turn, self._turn, self._due = self._turn, 0, False
        self._sent = clock.monotonic_ns()
        self._awaiting_first = True
        if self._wire is not None:
            self._wire.send(messages.AnswerSubmit(f"m{self._number}-{turn}", turn, ANSWER))

    def _text(self, data: bytes, now: int) -> None:
        frame = messages.decode_server(data)
        samples = self._crowd.samples
        match frame:
            case messages.QuestionDelta():
                self._pieces(stamps.read(frame.text), now)
            case messages.QuestionCompleted():
                self._turn = frame.turn
                self._ack(frame.offset)
                if self._due:
                    self._answer()
            case messages.AnswerAccepted():
                samples.accepted.append(now - self._sent)
                samples.accepted_planned.append(now - self._planned)
                samples.turns += 1
            case messages.SessionJoined():
                if not self.joined.done():
                    self.joined.set_result(None)
            case messages.SessionFinished():
                samples.finished += 1
            case messages.FaultFrame():
                if len(samples.faults) < FAULTS_SHOWN:
                    samples.faults.append(frame.code)

    def _ack(self, offset: int) -> None:
        """Let the server forget a question that came whole, as pages do."""
        if self._wire is not None:
            self._wire.send(messages.SessionAck(offset))

    def _pieces(self, found: stamps.Stamps, now: int) -> None:
        samples = self._crowd.samples
        samples.frames += 1
        samples.piece.extend(now - at for at in found.pieces)
        left = found.left or (found.pieces[-1] if found.pieces else 0)
        if left:
            samples.added.append(now - left)
        if self._awaiting_first and found.asked and found.pieces:
            self._awaiting_first = False
            engine = found.pieces[0] - found.asked
            samples.first.append(now - self._sent - engine)

    def _closed(self, code: int) -> None:
        self._crowd.samples.closed.append(code)
        if not self.joined.done():
            self.joined.set_exception(ConnectionError(f"closed with {code} before it joined"))


class Crowd:
    """Everybody; `samples` may be replaced by fresh ones when the measuring begins."""

    def __init__(self, *, interval: float) -> None:
        """Let each member answer once every `interval` seconds."""
        self.interval = interval
        self.samples = Samples()
        self.ended = False
        self.sent_away = self.invited = 0
        self.members: list[Member] = []

    async def gather(
        self, port: int, count: int, subprotocol: Callable[[int], str], *, per_second: float
    ) -> None:
        """Let `count` more members in, at a pace; one who is sent away comes back, as people do.

        Raises what somebody met at the last of their tries.
        """
        loop = asyncio.get_running_loop()
        begun, first = loop.time(), self.invited
        self.invited += count
        async with Tasks("crowd") as tasks:
            entering = []
            for number in range(first, first + count):
                await asyncio.sleep(max(0.0, begun + (number - first) / per_second - loop.time()))
                entering.append(tasks.start(self._enter(port, number, subprotocol)))
            await asyncio.gather(*entering)

    async def _enter(self, port: int, number: int, subprotocol: Callable[[int], str]) -> None:
        for left in reversed(range(TRIES)):
            member = Member(self, number)
            try:
                await member.enter(port, subprotocol(number))
            except (OSError, TimeoutError, Refused):
                member.leave()
                if not left:
                    raise
                self.sent_away += 1
                await asyncio.sleep(AGAIN_SECONDS)
            else:
                self.members.append(member)
                return

    def begin(self) -> None:
        """Start the schedule: the members' moments are spread evenly over the interval."""
        now = asyncio.get_running_loop().time()
        count = len(self.members)
        for number, member in enumerate(self.members):
            member.begin(now + self.interval * (number + 1) / count)

    def fresh(self) -> None:
        """Measure from now on."""
        self.samples = Samples()

    def end(self) -> None:
        """Let everybody go."""
        self.ended = True
        for member in self.members:
            member.leave()
