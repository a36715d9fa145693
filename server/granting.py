"""Time that the company grants while the interview runs: PostgreSQL is asked when a sign says so.

A sign is the mark that the grant leaves in the live state, a join, or that the time comes to its
end. None of them is believed by itself, and no session asks at a pace of its own.
"""

from collections.abc import Awaitable, Callable

from interview.events import Lengthened
from protocol import limits
from protocol.faults import Fault
from runtime.lifecycle import Tasks
from server.instance import Instance
from storage import interviews
from storage.sessions import Record


class Grants:
    """What is known of one session's time, beside its machine."""

    def __init__(
        self,
        instance: Instance,
        record: Record,
        tasks: Tasks,
        tell: Callable[[Lengthened], Awaitable[None]],
    ) -> None:
        """Begin with the plan of a record that was just read; `tell` hears of more time."""
        self._instance = instance
        self._record = record
        self._tasks = tasks
        self._tell = tell
        self._known = record.plan.seconds
        self._marked = self._known  # the newest mark that PostgreSQL was asked about
        self._stage = 0  # of the end: asked when little time is left, and when none is
        self._fresh = True
        self._asking = False

    def marked(self, seconds: float) -> None:
        """Hear what the live state has: the plan's seconds after the latest grant."""
        if seconds > self._marked:
            self._ask(seconds)

    def joined(self) -> None:
        """Hear of a join; the first one follows the take-over that has read the plan."""
        if not self._fresh:
            self._ask(self._marked)
        self._fresh = False

    def nears_end(self, seconds_left: float) -> None:
        """Hear how much time is left, once a second: nobody is cut while time was granted."""
        stage = (seconds_left < limits.GRANT_LOOK_SECONDS) + (seconds_left < 0)
        if stage > self._stage and self._ask(self._marked):
            self._stage = stage

    def _ask(self, mark: float) -> bool:
        if self._asking or self._instance.reach.away:
            return False
        self._asking = True
        self._tasks.start(self._read(mark))
        return True

    async def _read(self, mark: float) -> None:
        record = self._record
        try:
            async with self._instance.db.tenant(record.tenant_id) as connection:
                seconds, minutes = await interviews.planned_time(connection, record.interview_id)
        except Fault:
            self._stage = 0  # asked again, as soon as PostgreSQL is there
            return
        finally:
            self._asking = False
        self._marked = max(self._marked, mark)
        if seconds > self._known:
            self._known, self._stage = seconds, 0
            await self._tell(Lengthened(seconds, minutes))
