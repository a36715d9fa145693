"""The waiting room of this instance: sockets that wait for a place, told where they stand.

One task looks for all of them at once; whoever is called goes in here, or is sent with a ticket to
the instance that keeps their seat.
"""

import asyncio
import contextlib

from protocol import limits, messages
from protocol.faults import Fault
from runtime import clock, metrics
from runtime.lifecycle import Tasks
from runtime.logs import Log
from server.gate import count_changes
from server.instance import Instance
from server.peer import Gone, Peer
from server.tickets import Ticket
from storage.slots import FIRST
from storage.waiting import Standing, Waiter

log = Log("server.waiting")


class InLine:
    """One socket in the room; it listens to its peer until the session does."""

    def __init__(self, ticket: Ticket) -> None:
        """Wait for whoever `ticket` admits."""
        lane = FIRST if ticket.returning else str(ticket.tenant_id)
        self.ticket = ticket
        self.waiter = Waiter(ticket.session_id, lane, ticket.since_ms)
        self.peer: Peer | None = None
        self.entered = False  # the gate has let it in
        self.gave_up = False
        self.called: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._told: tuple[int, float | None] | None = None
        self._told_at = 0.0

    def heard_frame(self, peer: Peer, frame: messages.ClientFrame) -> None:
        """Answer a ping; whoever leaves gives the place up. There is nothing else to say here."""
        peer.handled()
        if isinstance(frame, messages.Ping):
            peer.send(messages.Pong())
        elif isinstance(frame, messages.SessionLeave):
            self.gave_up = True
            self.end(called=False)

    def peer_gone(self, peer: Peer) -> None:
        """The socket is over: the place is kept for a while."""
        if peer is self.peer:
            self.end(called=False)

    def end(self, *, called: bool) -> None:
        """Let whoever waits for the call go on."""
        if not self.called.done():
            self.called.set_result(called)

    def arrived(self, since_ms: int) -> None:
        """Remember the arrival that counts, should the line forget it."""
        if since_ms != self.waiter.since_ms:
            self.waiter = Waiter(self.waiter.session_id, self.waiter.lane, since_ms)

    def news(self, standing: Standing) -> bool:
        """Tell whether the candidate should hear of this now, and note it as heard."""
        now = clock.monotonic()
        told = (standing.position, standing.eta_seconds)
        pause = (
            limits.WAITING_REFRESH_SECONDS if told == self._told else limits.WAITING_TELL_SECONDS
        )
        if self._told is not None and now - self._told_at < pause:
            return False
        self._told, self._told_at = told, now
        return True


class Room:
    """The sockets that wait on this instance, each for one session."""

    def __init__(self, instance: Instance) -> None:
        """Be empty."""
        self._instance = instance
        self._line = instance.gate.waiting
        self._held: dict[object, InLine] = {}
        self._tasks = Tasks("waiting")
        self._watching = False

    def __len__(self) -> int:
        """How many sockets wait."""
        return len(self._held)

    def hold(self, ticket: Ticket) -> InLine:
        """Take a socket in, outside of the places; raises Fault `at_capacity` when full."""
        before = self._held.get(ticket.session_id)
        if before is None and len(self._held) >= limits.WAITING_SOCKETS_MAX:
            metrics.admissions.labels("waiting_full").inc()
            raise Fault("at_capacity", retry_after=limits.REFUSED_RETRY_SECONDS)
        if before is not None:
            self._dismiss(before, "opened_elsewhere")
        mine = self._held[ticket.session_id] = InLine(ticket)
        metrics.waiting.set(len(self._held))
        if not self._watching:
            self._watching = True
            self._tasks.start(self._watch())
        return mine

    def let_go(self, mine: InLine) -> None:
        """Forget a socket, if it is still here; its place is kept."""
        if self._held.get(mine.ticket.session_id) is mine:
            del self._held[mine.ticket.session_id]
            metrics.waiting.set(len(self._held))

    async def wait(self, mine: InLine, peer: Peer) -> None:
        """Return once there is a seat here; raises Gone when the peer is sent away or leaves."""
        mine.peer = peer
        peer.listen(mine)
        self._instance.slots.freed.set()  # look now: there may be a seat already
        if not await mine.called:
            if mine.gave_up:
                await self._give_up(mine, peer)
            raise Gone
        ticket = mine.ticket
        await self._instance.gate.enter(ticket.session_id, returning=ticket.returning)
        mine.entered = True

    async def _give_up(self, mine: InLine, peer: Peer) -> None:
        """Let the place go at once; it would be kept for a while otherwise."""
        self.let_go(mine)  # first: a look would stand it in line again
        peer.close("place_released")
        metrics.admissions.labels("left_line").inc()
        try:
            await self._line.leave(mine.ticket.session_id)
        except Fault as fault:
            log.warning("place_not_given_up", code=fault.code)  # nobody keeps it alive any more

    def drain(self) -> None:
        """Send everybody to another instance's room; their places are kept."""
        for mine in list(self._held.values()):
            self._dismiss(mine, "moving")

    async def close(self) -> None:
        """Stop looking."""
        await self._tasks.close()

    # Looking ----------------------------------------------------------------------------------

    async def look(self) -> None:
        """Say who waits here, and act on what is said of them; raises Fault `unavailable`."""
        if self._held:
            await self._look()

    async def _watch(self) -> None:
        """Look while somebody waits, and once more when nobody does."""
        freed, empty = self._instance.slots.freed, False
        while self._held or not empty:
            empty = not self._held
            freed.clear()
            try:
                await self._look()
            except Fault as fault:
                log.warning("line_not_seen", code=fault.code)
            if self._held:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(freed.wait(), limits.WAITING_LOOK_SECONDS)
        self._watching = False

    async def _look(self) -> None:
        waiters = [mine.waiter for mine in self._held.values()]
        answer = await self._line.look(self._instance.id, waiters)
        count_changes(answer)
        for standing in answer.standings:
            mine = self._held.get(standing.session_id)
            if mine is None:
                continue
            if standing.state == "waiting":
                mine.arrived(standing.since_ms)
            if mine.peer is not None:
                self._say(mine, mine.peer, standing, answer.now_ms)

    def _say(self, mine: InLine, peer: Peer, standing: Standing, now_ms: int) -> None:
        if standing.state == "called":
            metrics.admissions.labels("admitted").inc()
            metrics.waited_seconds.observe(max(0, now_ms - standing.since_ms) / 1000)
            self._call(mine, peer, standing)
        elif standing.state == "elsewhere":
            self._dismiss(mine, "opened_elsewhere")
        elif peer.silent_seconds > limits.SILENCE_SECONDS:
            self._dismiss(mine, "silent")
        elif standing.state == "waiting" and mine.news(standing):
            token = self._instance.tickets.place(standing.session_id, standing.since_ms)
            peer.send(messages.SessionQueued(standing.position, standing.eta_seconds, token))

    def _call(self, mine: InLine, peer: Peer, standing: Standing) -> None:
        if standing.instance_id == self._instance.id:
            self.let_go(mine)
            mine.end(called=True)
            return
        ticket = mine.ticket
        fresh = self._instance.tickets.ticket(
            ticket.tenant_id,
            ticket.interview_id,
            ticket.session_id,
            instance_id=standing.instance_id,
            returning=ticket.returning,
        )
        deadline = limits.SEAT_SECONDS * 1000
        peer.send(messages.SessionMoving(deadline, standing.url, fresh))
        self._dismiss(mine, "moving")

    def _dismiss(self, mine: InLine, code: str) -> None:
        """Close a socket and forget it."""
        self.let_go(mine)
        if mine.peer is not None:
            mine.peer.close(code)
        mine.end(called=False)
