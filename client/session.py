"""A candidate's side of the live wire: join, resume, replay, resend, back off, move.

`Interview.frames()` yields what a page would see, across lost connections and instances; an answer
given with `answer()` is sent until it is accepted. Where every place is taken it waits: each
session.queued is yielded, and the place in line survives cuts. Nothing here knows the server's
inside.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing, suppress
from typing import Any, Final
from uuid import uuid4

import msgspec
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus
from websockets.typing import Subprotocol

from client.backoff import ALIVE_SECONDS, COME_BACK, Backoff
from client.errors import Refused
from protocol import limits, messages
from protocol.faults import KINDS
from runtime import clock
from runtime.lifecycle import Tasks

OPEN_SECONDS: Final = 10.0
RESEND_SECONDS: Final = 1.0
FRAME_BYTES_MAX: Final = 4 * 1024 * 1024  # session.state holds a whole interview's words
MOVING: Final = 4001
TICKET_USED: Final = 4003
STATE_LOST: Final = 4010
_PING: Final = messages.encode(messages.Ping()).decode()
_RECORD: Final = (
    messages.QuestionStarted,
    messages.QuestionDelta,
    messages.QuestionCompleted,
    messages.QuestionReset,
    messages.AnswerAccepted,
    messages.SessionPaused,
    messages.SessionResumed,
    messages.TimeGranted,
    messages.EngineChanged,
    messages.SessionFinished,
)


class Admitted(msgspec.Struct, frozen=True):
    """A ticket and the socket's address to use it at."""

    ticket: str
    url: str


FetchTicket = Callable[[], Awaitable[Admitted]]
FetchAgain = Callable[[str, str], Awaitable[Admitted]]
Route = Callable[[str], Awaitable[tuple[str, int]]]  # address -> host and port to connect to


class Counts(msgspec.Struct):
    """What happened to one client, for load tests and chaos."""

    connects: int = 0
    refused: int = 0
    replayed: int = 0
    reloaded: int = 0
    moved: int = 0
    resent: int = 0
    duplicates: int = 0
    gaps: int = 0
    queued: int = 0


class Interview:
    """One candidate's session; use it as an async context manager and iterate `frames()`."""

    def __init__(
        self,
        fetch_ticket: FetchTicket,
        *,
        backoff: Backoff | None = None,
        reconnect: bool = True,
        route: Route | None = None,
        fetch_again: FetchAgain | None = None,
    ) -> None:
        """Fetch tickets with `fetch_ticket`; `reconnect=False` ends at the first lost socket.

        `route` tells where to connect for an address, when it is not where the address says.
        `fetch_again` fetches a ticket with the proof of a place in line (a waiting token, for
        whoever was cut off while they waited) and the address that could not be reached.
        """
        self._fetch_ticket = fetch_ticket
        self._fetch_again = fetch_again
        self._backoff = backoff or Backoff()
        self._reconnect = reconnect
        self._route = route
        self._socket: ClientConnection | None = None
        self._resume: tuple[str, str] | None = None  # token, url
        self._pending: dict[str, messages.AnswerSubmit] = {}
        self._joined = self._closed = self._sent_on = False
        self._moved_to: Admitted | None = None  # a seat at another instance, out of the line
        self.waiting_token = ""  # proves the place in line while it waits
        self._tried, self._unreachable = "", ""
        self._heard_at = 0.0
        self._gap_at: int | None = None
        self._acked = 0
        self.epoch: int | None = None
        self.offset: int | None = None
        self.counts = Counts()

    # What a candidate does ------------------------------------------------------------------

    async def answer(self, turn: int, text: str, client_msg_id: str | None = None) -> str:
        """Send an answer, and again after every reconnect until it is accepted; its id."""
        frame = messages.AnswerSubmit(client_msg_id or uuid4().hex, turn, text)
        self._pending[frame.client_msg_id] = frame
        await self.send(frame)
        return frame.client_msg_id

    async def pause(self) -> None:
        """Ask for a break."""
        await self.send(messages.SessionPause())

    async def resume(self) -> None:
        """Go on after a break."""
        await self.send(messages.SessionResume())

    async def leave(self) -> None:
        """End the interview here; in the waiting room, give the place up and end the frames."""
        if self.waiting_token and not self._joined and self._socket is not None:
            self._reconnect, self._closed, self.waiting_token = False, True, ""
            with suppress(ConnectionClosed):
                await self._socket.send(messages.encode(messages.SessionLeave()).decode())
            return
        await self.send(messages.SessionLeave())

    async def send(self, frame: messages.ClientFrame) -> None:
        """Send a frame now, if the session is joined; only answers are sent again by themselves."""
        socket = self._socket
        if socket is None or not self._joined:
            return  # an answer leaves after the next join; the rest is asked for again
        try:
            await socket.send(messages.encode(frame).decode())
        except ConnectionClosed:
            return

    async def drop(self) -> None:
        """Cut the connection as a broken network would; frames() comes back by itself."""
        if self._socket is not None:
            self._socket.transport.abort()

    async def close(self) -> None:
        """Close the socket for good."""
        self._reconnect, self._closed = False, True
        if self._socket is not None:
            await self._socket.close(1000)

    # What a candidate sees --------------------------------------------------------------------

    async def frames(self) -> AsyncIterator[messages.ServerFrame]:
        """Yield every frame once, in order, across reconnects, until the session is over.

        Raises Refused when the server says that coming back is of no use.
        """
        while True:
            opened: float | None = None
            try:
                async with await self._open() as socket:
                    opened = clock.monotonic()
                    self._socket = socket
                    async with aclosing(self._live(socket)) as frames:
                        async for frame in frames:
                            yield frame
                            if isinstance(frame, messages.SessionFinished):
                                return
                code = socket.close_code
            except ConnectionClosed as closed:
                code = closed.rcvd.code if closed.rcvd else None
            except (OSError, InvalidHandshake) as error:
                self._judge_failure(error)
                code = 1006
            finally:
                self._socket, self._joined = None, False
            if self._closed:
                return
            if opened is not None and clock.monotonic() - opened >= ALIVE_SECONDS:
                self._backoff.reset()
            self._judge_close(code or 1006)
            if not self._reconnect:
                return
            if not self._sent_on:  # a server that sends somebody on expects them elsewhere at once
                await asyncio.sleep(self._backoff.next())
            self._sent_on = False

    async def _open(self) -> ClientConnection:
        if self._resume is not None:
            token, url = self._resume
            self._tried = url
            subprotocol = messages.RESUME_PREFIX + token
        else:
            admitted, self._moved_to = self._moved_to or await self._admitted(), None
            subprotocol, url = messages.TICKET_PREFIX + admitted.ticket, admitted.url
            self._tried = url
        self.counts.connects += 1
        elsewhere: dict[str, Any] = {}
        if self._route is not None:
            elsewhere["host"], elsewhere["port"] = await self._route(url)
        return await connect(
            url,
            subprotocols=[Subprotocol(messages.SUBPROTOCOL), Subprotocol(subprotocol)],
            open_timeout=OPEN_SECONDS,
            ping_interval=None,
            max_size=FRAME_BYTES_MAX,
            compression=None,
            proxy=None,
            **elsewhere,
        )

    async def _admitted(self) -> Admitted:
        while True:
            try:
                if self._fetch_again is not None and (self.waiting_token or self._unreachable):
                    return await self._fetch_again(self.waiting_token, self._unreachable)
                return await self._fetch_ticket()
            except Refused as refused:
                again = refused.retry_after is not None or _passing(refused.code)
                if not again or not self._reconnect:
                    raise
                self.counts.refused += 1
                await asyncio.sleep(max(refused.retry_after or 0.0, self._backoff.next()))

    def _judge_close(self, code: int) -> None:
        if code == MOVING:
            self.counts.moved += 1
            self._backoff.reset()
            return
        if code not in COME_BACK:
            raise Refused(f"closed_{code}")
        if code in (TICKET_USED, STATE_LOST):
            self._resume = None
        if code == STATE_LOST:
            self.epoch = self.offset = None

    def _judge_failure(self, error: Exception) -> None:
        if isinstance(error, InvalidStatus):
            self.counts.refused += 1
            code = _refusal(error)
            final = code in KINDS and not KINDS[code].retry
            if not self._reconnect or (final and self._resume is None):
                raise Refused(code)
        # A resume token that a server refuses, or an address that is gone: a ticket finds the way,
        # elsewhere if it can, and the first time at once.
        self._unreachable, self._sent_on = self._tried, self._resume is not None
        self._resume = None

    # One connection ---------------------------------------------------------------------------

    async def _live(self, socket: ClientConnection) -> AsyncGenerator[messages.ServerFrame, None]:
        join = messages.SessionJoin(epoch=self.epoch, offset=self.offset)
        await socket.send(messages.encode(join).decode())
        async with Tasks("client") as tasks:
            tasks.start(self._ping(socket))
            async for data in socket:
                self._heard_at = clock.monotonic()
                frame = messages.decode_server(data)
                if isinstance(frame, messages.FaultFrame) and frame.temporary:
                    tasks.start(self._resend(frame.client_msg_id))
                for news in await self._take(frame):
                    yield news

    async def _resend(self, client_msg_id: str | None) -> None:
        await asyncio.sleep(RESEND_SECONDS)
        pending = self._pending.get(client_msg_id or "")
        if pending is not None:
            self.counts.resent += 1
            await self.send(pending)

    async def _ping(self, socket: ClientConnection) -> None:
        """Show a sign of life now and then; a server that gives none back is left for a new try."""
        while True:
            await asyncio.sleep(limits.HEARTBEAT_SECONDS)
            asked = clock.monotonic()
            with suppress(ConnectionClosed):
                await socket.send(_PING)  # also while it waits for a place
            await asyncio.sleep(limits.PONG_SECONDS)
            if self._heard_at < asked:
                socket.transport.abort()
                return

    async def _take(self, frame: messages.ServerFrame) -> list[messages.ServerFrame]:
        """Apply a frame; returns it when it is news to the candidate."""
        match frame:
            case messages.SessionJoined():
                await self._welcome(frame)
            case messages.SessionState():
                self.offset = self._acked = frame.offset
            case messages.SessionQueued():
                self.counts.queued += not self.waiting_token
                self.waiting_token = frame.waiting_token
            case messages.SessionMoving():
                self._sent_on = True
                if frame.ticket:
                    self._moved_to = Admitted(frame.ticket, frame.resume_url)
                elif self._resume is not None:
                    self._resume = (self._resume[0], frame.resume_url)
            case messages.AnswerAccepted():
                self._pending.pop(frame.client_msg_id, None)
            case messages.FaultFrame():
                self._drop_refused(frame)
        if isinstance(frame, _RECORD):
            return await self._follow(frame)
        return [frame]

    async def _follow(self, frame: messages.RecordFrame) -> list[messages.ServerFrame]:
        """A frame of the record is news once; after a gap the missing frames are asked for."""
        known = self.offset or 0
        if frame.offset <= known:
            self.counts.duplicates += 1
            return []
        if frame.offset != known + 1:
            self.counts.gaps += 1
            if self._gap_at == known:  # the replay has the gap too: the whole state, then
                self.epoch = self.offset = None
            self._gap_at = known
            if self._socket is not None:
                self._socket.transport.abort()
            return []
        self.offset = frame.offset
        whole = isinstance(frame, messages.QuestionCompleted)  # its pieces are never wanted again
        if whole or frame.offset - self._acked >= limits.ACK_FRAMES:
            self._acked = frame.offset
            await self.send(messages.SessionAck(frame.offset))  # the server may forget these
        return [frame]

    def _drop_refused(self, frame: messages.FaultFrame) -> None:
        """An answer refused for good is not sent again."""
        if frame.client_msg_id and not frame.temporary:
            self._pending.pop(frame.client_msg_id, None)

    async def _welcome(self, frame: messages.SessionJoined) -> None:
        if frame.recovered:
            self.counts.replayed += 1
        elif self.epoch is not None:
            self.counts.reloaded += 1
        if not frame.recovered:
            self.offset = self._acked = 0
        self.epoch = frame.epoch
        self._resume = (frame.resume_token, frame.resume_url)
        self._joined, self.waiting_token, self._unreachable = True, "", ""
        for pending in list(self._pending.values()):
            self.counts.resent += 1
            await self.send(pending)
        if not self._pending:
            await self.send(messages.Ping())  # voids the older resume tokens


def _passing(code: str) -> bool:
    """Whether a fault is one of those that pass: a store that is away, a server in trouble."""
    return code in KINDS and KINDS[code].retry


def _refusal(error: InvalidStatus) -> str:
    """Return the fault code of a refused upgrade: from its problem document, or its status."""
    status = error.response.status_code
    try:
        problem = msgspec.json.decode(error.response.body or b"")
    except msgspec.DecodeError:
        problem = None
    if isinstance(problem, dict) and isinstance(problem.get("code"), str):
        return str(problem["code"])
    return {401: "unauthorized", 403: "forbidden", 410: "interview_over"}.get(
        status, f"http_{status}"
    )
