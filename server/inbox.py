"""What may lie in a session's inbox beside the machine's own events."""

import msgspec

from interview.events import Event
from protocol import messages
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


Item = Event | Attach | Detach | Received | Drain | Park | Lost
