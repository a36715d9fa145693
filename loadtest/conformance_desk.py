"""The desk of the conformance cases: tickets and connections for one invitation's session."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Final

from client.errors import Refused
from client.rest import Api
from client.session import Admitted
from loadtest.wirecheck import Failed, Line, open_line
from protocol import messages

COME_BACK: Final = frozenset({"rate_limited", "at_capacity", "draining"})
ANSWER: Final = "Coordiné a seis personas y bajamos los retrasos de 14 a 3 por semana."


class Skipped(Exception):  # noqa: N818 - reads as a sentence where it is raised
    """The case needs something that was not given; the message tells what."""


class Desk:
    """Tickets and connections for one invitation; the others are there to take places."""

    def __init__(
        self, api: Api, others: Sequence[Api] = (), *, operator: Api | None = None
    ) -> None:
        """Fetch tickets through `api`."""
        self._api = api
        self.others = others
        self.operator = operator

    async def ticket(self) -> Admitted:
        """Return a fresh ticket; a full rate bucket is waited for."""
        while True:
            try:
                return await self._api.ticket()
            except Refused as refused:
                if refused.code not in COME_BACK or refused.retry_after is None:
                    raise Failed(f"no ticket: {refused}") from None
                await asyncio.sleep(refused.retry_after)

    @asynccontextmanager
    async def line(self) -> AsyncIterator[Line]:
        """Open a connection with a fresh ticket; it is cut at the end of the block."""
        admitted = await self.ticket()
        line = await open_line(
            admitted.url, messages.SUBPROTOCOL, messages.TICKET_PREFIX + admitted.ticket
        )
        try:
            yield line
        finally:
            await line.end()

    @asynccontextmanager
    async def back(self, joined: messages.SessionJoined) -> AsyncIterator[Line]:
        """Open a connection with a resume token."""
        line = await open_line(
            joined.resume_url, messages.SUBPROTOCOL, messages.RESUME_PREFIX + joined.resume_token
        )
        try:
            yield line
        finally:
            await line.end()

    @asynccontextmanager
    async def waiting(self) -> AsyncIterator[tuple[Line, int]]:
        """Join, and yield the connection with the turn whose whole question waits."""
        async with self.line() as line:
            await line.join()
            turn, _ = await line.question()
            yield line, turn

    async def finished(self) -> str:
        """Return the code with which a ticket is refused once the interview is over."""
        try:
            await self._api.ticket()
        except Refused as refused:
            return refused.code
        return ""


Check = Callable[[Desk], Awaitable[None]]
