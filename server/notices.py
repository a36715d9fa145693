"""What the watchers of a tenant hear of a session: its questions, answers and end."""

from typing import Any

from interview import events as ev
from interview.session import Session
from server.instance import Instance
from storage.sessions import Record


class Notices:
    """Tells the watchers of one session's tenant; a lost notice is no lost fact."""

    def __init__(self, instance: Instance, record: Record) -> None:
        """Speak of the session of `record`."""
        self._instance = instance
        self._record = record

    def of(self, notice: ev.Notice, session: Session) -> None:
        """Tell of a question asked or a turn saved; the words come from the session."""
        if notice.kind == "turn.saved":
            said = session.answered[notice.turn - 1].said
            self._publish(
                notice.kind,
                {
                    "turn": said.turn,
                    "competency": said.competency,
                    "question": said.question,
                    "answer": said.answer,
                },
            )
        elif session.current is not None:
            self._publish(notice.kind, {"turn": notice.turn, "text": session.current.text})

    def live(self) -> None:
        """Tell that the candidate has come for the first time."""
        self._publish("interview.status", {"status": "live"})

    def finished(self, reason: str) -> None:
        """Tell that the interview has ended."""
        self._publish("interview.status", {"status": "finished", "reason": reason})

    def _publish(self, kind: str, data: dict[str, Any]) -> None:
        told = {"interview_id": self._record.interview_id, **data}
        self._instance.teller.tell(self._record.tenant_id, kind, told)
