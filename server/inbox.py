"""A session's inbox: what may lie in it beside the machine's own events, and its bound."""

import asyncio

import msgspec

from interview.events import Event
from protocol import limits, messages
from server.peer import Peer


class Attach(msgspec.Struct):
    """A socket has joined; its client has seen `offset` of `epoch`."""

    peer: Peer
    epoch: int | None
    offset: int | None


class Detach(msgspec.Struct):
    """A socket is gone."""

    peer: Peer


class Received(msgspec.Struct):
    """A frame of the client's."""

    peer: Peer
    frame: messages.ClientFrame


class Drain(msgspec.Struct):
    """Move the session away as soon as no piece is in flight."""

    resume_url: str
    deadline: float  # monotonic; then it moves in any case


class Park(msgspec.Struct):
    """Nobody has been here for long: let the session go from memory."""


class Lost(msgspec.Struct):
    """Somebody newer owns the session."""


class Behind(msgspec.Struct):
    """There are answers that this memory does not know."""


Item = Event | Attach | Detach | Received | Drain | Park | Lost | Behind


class Inbox:
    """One reader, many writers; almost always empty, and then almost nothing.

    (An asyncio.Queue is four deques and a lock's worth of waiters: 3 KiB a session.)
    """

    __slots__ = ("_items", "_reader", "_writers")

    def __init__(self) -> None:
        """Begin empty."""
        self._items: list[Item] = []
        self._reader: asyncio.Future[None] | None = None
        self._writers: list[asyncio.Future[None]] | None = None

    @property
    def full(self) -> bool:
        """Whether `put` would wait."""
        return len(self._items) >= limits.INBOX_EVENTS_MAX

    @property
    def idle(self) -> bool:
        """Whether the reader waits and nothing is in here: an event could as well be taken now."""
        return self._reader is not None and not self._reader.done()

    async def put(self, item: Item) -> None:
        """Put something in, waiting while it is full."""
        while self.full:
            room = asyncio.get_running_loop().create_future()
            self._writers = [*(self._writers or ()), room]
            await room
        self.put_now(item)

    def put_now(self, item: Item) -> None:
        """Put something in that has a bound of its own: a socket's end, a few of its frames."""
        self._items.append(item)
        if self._reader is not None and not self._reader.done():
            self._reader.set_result(None)

    async def get(self) -> Item:
        """Take the oldest, waiting for one."""
        while not self._items:
            self._reader = asyncio.get_running_loop().create_future()
            await self._reader
            self._reader = None
        item = self._items.pop(0)
        if self._writers and not self.full:
            self._wake_writers()
        return item

    def drain(self) -> list[Item]:
        """Take everything, because nobody will read any more."""
        items, self._items = self._items, []
        self._wake_writers()
        return items

    def _wake_writers(self) -> None:
        writers, self._writers = self._writers, None
        for room in writers or ():
            if not room.done():
                room.set_result(None)
