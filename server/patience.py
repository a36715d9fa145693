"""What the passing of time means for a session: who is too silent, too long away, done."""

from collections.abc import Callable

from interview import events as ev
from interview.session import Session
from protocol import limits
from server.inbox import Item, Park
from server.peer import Peer


class Patience:
    """Looks at one session once a second."""

    __slots__ = ("_finished_at", "_paused_at")

    def __init__(self) -> None:
        """Begin with a session that is neither finished nor paused."""
        self._finished_at: float | None = None
        self._paused_at: float | None = None

    def look(
        self,
        session: Session,
        peer: Peer | None,
        now: float,
        *,
        idle_seconds: float,
        must_stay: Callable[[], bool],
    ) -> tuple[str, Item | None]:
        """Return the fault code to close the peer with ("" for none), and what to tell the loop.

        `must_stay` says that this memory is the session's only home: then it is not let go.
        """
        if session.finished:
            return self._finished(peer, now)
        if peer is not None:
            return self._present(session, peer, now, must_stay)
        if idle_seconds > limits.AWAY_GRACE_SECONDS and not must_stay():
            return "", Park()
        return "", None

    def _present(
        self, session: Session, peer: Peer, now: float, must_stay: Callable[[], bool]
    ) -> tuple[str, Item | None]:
        self._paused_at = (self._paused_at or now) if session.snapshot.paused else None
        if peer.silent_seconds > limits.SILENCE_SECONDS:
            return "silent", None
        if self._paused_at is not None:
            if now - self._paused_at > limits.PAUSED_PLACE_SECONDS and not must_stay():
                return "place_released", Park()  # others may have the place at once
        elif session.seconds_left(now) < 0:
            return "", ev.Ticked()
        return "", None

    def _finished(self, peer: Peer | None, now: float) -> tuple[str, Item | None]:
        """A finished interview needs no place: its page is told and the session let go."""
        if self._finished_at is None:
            self._finished_at = now
        if peer is None:
            return "", Park()
        over = now - self._finished_at > limits.FINISHED_LINGER_SECONDS
        return ("interview_over" if over else ""), None
