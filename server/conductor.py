"""One session's loop on this instance: one inbox, one place where its state changes.

The loop hands each event to the pure machine (interview.session) and carries out its effects in
order. Streaming a question and closing run beside it and report back through the same inbox.
"""

import asyncio
from collections.abc import Callable

from interview import events as ev
from interview.session import Session
from protocol import limits, messages
from protocol.faults import Fault
from runtime import clock, metrics
from runtime.lifecycle import Tasks
from runtime.logs import Log, bind
from server.asking import Asker
from server.granting import Grants
from server.inbox import Attach, Behind, Detach, Drain, Inbox, Item, Lost, Park, Received
from server.instance import Instance
from server.keeping import RETRY_SECONDS, Keeper
from server.notices import Notices
from server.patience import Patience
from server.peer import Peer
from storage import sessions as store

log = Log("server.conductor")


class Conductor:
    """Owns one session while it is on this instance."""

    def __init__(
        self,
        instance: Instance,
        record: store.Record,
        session: Session,
        on_end: Callable[["Conductor"], None],
    ) -> None:
        """Conduct `session`, whose record was taken over under `record.fence`."""
        self._on_end = on_end
        self.record = record
        self.session = session
        self.ended = asyncio.Event()
        self.away_since = clock.monotonic()
        self.peer: Peer | None = None
        self._instance = instance
        self._inbox = Inbox()
        self._tasks = Tasks(f"session {record.session_id}")
        self._keeper = Keeper(
            instance, record, lost=self._lost, behind=self._behind, again=self._checkpoint
        )
        self._asker = Asker(instance, record, self, self._keeper)
        self._notices = Notices(instance, record)
        self.grants = Grants(instance, record, self._tasks, self.post)
        self._closing: asyncio.Task[None] | None = None
        self._drain: Drain | None = None
        self._patience = Patience()

    def start(self) -> None:
        """Begin the loop."""
        self._tasks.start(self._run())
        if self.record.fence == 1 and not self.record.finished:
            self._notices.live()

    async def post(self, item: Item) -> None:
        """Put something into the inbox; waits while it is full, does nothing once ended."""
        if not self.ended.is_set() and not self._taken_at_once(item):
            await self._inbox.put(item)

    def post_soon(self, item: Item) -> None:
        """Put something into the inbox from a place that can't wait; a full inbox drops it."""
        if self.ended.is_set() or self._taken_at_once(item):
            return
        if not self._inbox.full:
            self._inbox.put_now(item)

    def _taken_at_once(self, item: Item) -> bool:
        """Send a piece on while the loop rests: the same order, without waking a task for each."""
        if not isinstance(item, ev.PieceArrived) or not self._inbox.idle:
            return False
        for effect in self.session.receive(item, clock.monotonic()):
            if isinstance(effect, ev.Send) and self.peer is not None:
                self.peer.send_encoded(effect.data)
        return True

    def heard_frame(self, peer: Peer, frame: messages.ClientFrame) -> None:
        """Take a frame of a joined socket's; the peer bounds how many wait."""
        if not self.ended.is_set():
            self._inbox.put_now(Received(peer, frame))

    def peer_gone(self, peer: Peer) -> None:
        """Hear that a joined socket is over."""
        if not self.ended.is_set():
            self._inbox.put_now(Detach(peer))

    def move(self, drain: Drain) -> None:
        """Hear where to move; said once, so it needs no room in the inbox."""
        if not self.ended.is_set():
            self._inbox.put_now(drain)

    @property
    def full(self) -> bool:
        """Whether the inbox takes no more for now."""
        return self._inbox.full

    @property
    def idle_seconds(self) -> float:
        """How long no socket has been here; 0 while there is one."""
        return 0.0 if self.peer is not None else clock.monotonic() - self.away_since

    def tick(self) -> None:
        """Look at the time: once a second, from the registry."""
        if self.ended.is_set():
            return
        now, peer = clock.monotonic(), self.peer
        code, item = self._patience.look(
            self.session, peer, now, idle_seconds=self.idle_seconds, must_stay=self._must_stay
        )
        if peer is not None and not self.session.finished:
            self.grants.nears_end(self.session.seconds_left(now))
        if peer is not None and code:
            peer.close(code)
        if item is not None:
            self.post_soon(item)
        self._keeper.tick()
        if self._drain is not None:
            self.post_soon(self._drain)  # the deadline has passed, or PostgreSQL is back

    def _must_stay(self) -> bool:
        """With PostgreSQL away nobody else could take the session: its memory is its only home."""
        return self._instance.reach.away or self._keeper.holds

    async def _run(self) -> None:
        bind(session_id=self.record.session_id, epoch=self.record.fence)
        try:
            while not self.ended.is_set():
                await self._take(await self._inbox.get())
        except Exception:  # noqa: BLE001 - a bug is logged with its stack, and the peer told
            log.crash("session_crashed")
            if self.peer is not None:
                self.peer.close("server_error")
        finally:
            self.ended.set()
            self._asker.stop()
            self._send_back()
            self._on_end(self)

    def _send_back(self) -> None:
        """Whoever came while the session was leaving is told to come again, not left waiting."""
        for item in self._inbox.drain():
            if isinstance(item, Attach):
                item.peer.close("moving")

    async def _take(self, item: Item) -> None:
        match item:
            case Attach():
                await self._attach(item)
            case Detach():
                if item.peer is self.peer:
                    self.peer, self.away_since = None, clock.monotonic()
                    await self._part_from(item.peer)
            case Received():
                if item.peer is self.peer:
                    await self._frame(item.peer, item.frame)
                item.peer.handled()
            case Drain():
                self._drain = item
            case Park():
                if self.peer is None and not self.session.asking:
                    await self._let_go()
            case Lost():
                await self._lose()
            case Behind():
                self._start_over()
            case _:
                await self._receive(item)
        if self._drain is not None and self._may_move(self._drain):
            await self._move(self._drain)

    async def _part_from(self, peer: Peer) -> None:
        await self._receive(ev.Left(peer.silent_seconds, clock.wall_ms() / 1000))

    async def _receive(self, event: ev.Event) -> None:
        effects = self.session.receive(event, clock.monotonic())
        while effects:
            effect = effects.pop(0)
            effects[:0] = await self._carry_out(effect)

    # Sockets ------------------------------------------------------------------------------

    async def _attach(self, item: Attach) -> None:
        if self._drain is not None:
            item.peer.close("moving")
            return
        if self.peer is not None and self.peer is not item.peer:
            self.peer.close("opened_elsewhere")
        self.peer = item.peer
        self.session.snapshot.joins += 1
        item.peer.join = self.session.snapshot.joins
        await self._receive(ev.Joined(item.epoch, item.offset, clock.wall_ms() / 1000))
        self.grants.joined()

    async def _frame(self, peer: Peer, frame: messages.ClientFrame) -> None:
        # The client has the new resume token: from now on the older ones are void.
        self.session.snapshot.joins_confirmed = peer.join
        match frame:
            case messages.AnswerSubmit():
                code = messages.answer_fault(frame)
                if code:
                    metrics.answers.labels(code).inc()
                    self._say_fault(code, frame.client_msg_id)
                else:
                    await self._receive(
                        ev.AnswerReceived(frame.client_msg_id, frame.turn, frame.text)
                    )
            case messages.SessionPause():
                await self._receive(ev.PauseAsked())
            case messages.SessionResume():
                await self._receive(ev.ResumeAsked())
            case messages.SessionLeave():
                await self._receive(ev.LeaveAsked())
            case messages.SessionAck():
                await self._receive(ev.Acked(frame.offset))
            case messages.Ping():
                peer.send(messages.Pong())
            case messages.SessionJoin():
                self._say_fault("already_joined")

    def _say_fault(self, code: str, client_msg_id: str | None = None) -> None:
        metrics.faults.labels(code).inc()
        if self.peer is not None:
            text = self._instance.say(code, self.record.locale)
            self.peer.fault(code, text, client_msg_id)

    # Effects ------------------------------------------------------------------------------

    async def _carry_out(self, effect: ev.Effect) -> list[ev.Effect]:
        match effect:
            case ev.Send():
                if self.peer is not None:
                    self.peer.send_encoded(effect.data)
            case ev.Tell():
                if isinstance(effect.frame, messages.FaultFrame):
                    self._say_fault(effect.frame.code, effect.frame.client_msg_id)
                elif self.peer is not None:
                    self.peer.send(effect.frame)
            case ev.Welcome():
                self._welcome(recovered=effect.recovered)
            case ev.Save():
                return await self._save(effect)
            case ev.Ask():
                self._asker.begin(effect, self.session.said, self._engine())
            case ev.CancelAsk():
                self._asker.stop()
            case ev.Checkpoint():
                self._checkpoint(durable=effect.durable)
            case ev.Close():
                if self._closing is not None:
                    self._say_fault("ending_waits")  # to a page that has come back meanwhile
                else:
                    self._asker.stop()
                    self._closing = self._tasks.start(self._close(effect.reason))
            case ev.Notice():
                self._notices.of(effect, self.session)
        return []

    def _welcome(self, *, recovered: bool) -> None:
        record, peer = self.record, self.peer
        if peer is None:
            return
        metrics.joins.labels("replayed" if recovered else "reloaded").inc()
        peer.send(
            messages.SessionJoined(
                session_id=record.session_id,
                epoch=record.fence,
                recovered=recovered,
                resume_token=self._instance.tickets.resume(
                    record.tenant_id, record.session_id, peer.join
                ),
                resume_url=self._instance.url,
                heartbeat_seconds=limits.HEARTBEAT_SECONDS,
                engine=self._engine(),
            )
        )

    def _engine(self) -> str:
        """The engine that the candidate believes asks."""
        return self.session.snapshot.engine or self._instance.gateway.engine_name

    async def _save(self, save: ev.Save) -> list[ev.Effect]:
        begun = clock.monotonic()
        snapshot = self.session.saved_snapshot(begun)
        snapshot.current = None  # the answer takes the question's place
        try:
            outcome = await self._keeper.save(save, snapshot)
        except Fault:
            await self._lose()
            return []
        metrics.save_seconds.observe(clock.monotonic() - begun)
        metrics.answers.labels(outcome).inc()
        event = ev.AnswerSaved(save.client_msg_id, save.said.turn, outcome)
        effects = self.session.receive(event, clock.monotonic())
        if outcome in ("turn_answered", "wrong_turn"):
            self._start_over()  # PostgreSQL knows more than this memory does
        return effects

    def _start_over(self) -> None:
        """Let the session go: whoever takes it next reads it anew."""
        log.warning("session_behind", turn=len(self.session.answered))
        if self.peer is not None:
            self.peer.close("state_lost")
        self.ended.set()

    def _checkpoint(self, *, durable: bool = False) -> None:
        session = self.session
        snapshot = session.saved_snapshot(clock.monotonic())
        status = "finished" if session.finished else "active"
        self._keeper.checkpoint(snapshot, turns_done=len(session.answered), status=status)
        if durable:
            self._tasks.start(self._keeper.checkpoint_durably(snapshot))

    def reassure(self) -> None:
        """Ask the stores whose session it is: Redis knows nothing of it, or of somebody newer."""
        if not self.ended.is_set():
            self._keeper.reassure()

    async def _lost(self) -> None:
        await self.post(Lost())

    async def _behind(self) -> None:
        await self.post(Behind())

    # Ending -------------------------------------------------------------------------------

    async def _close(self, reason: str) -> None:
        """End durably, trying until the store takes it; only then is the candidate told so."""
        tries = 0
        while True:
            snapshot = self.session.saved_snapshot(clock.monotonic())
            try:
                await self._keeper.close(snapshot, reason)
            except Fault as fault:
                if fault.code == "fence_lost":
                    await self._lost()
                    return
                if not tries:
                    self._say_fault("ending_waits")
                await asyncio.sleep(RETRY_SECONDS[min(tries, len(RETRY_SECONDS) - 1)])
                tries += 1
            else:
                break
        metrics.finished.labels(reason).inc()
        await self.post(ev.Closed(reason))
        self._notices.finished(reason)

    async def _lose(self) -> None:
        """Somebody newer owns the session, or it was withdrawn: stop, and say which."""
        record = self.record
        code = await store.why_lost(self._instance.db, record.tenant_id, record.interview_id)
        log.info("session_lost", fence=record.fence, code=code)
        self._asker.stop()
        if self.peer is not None:
            self.peer.close(code)
        self.ended.set()

    async def _let_go(self) -> None:
        self._checkpoint()
        await self._keeper.checkpoint_durably(self.session.saved_snapshot(clock.monotonic()))
        self.ended.set()  # from here on nothing is added to the journal either

    # Moving -------------------------------------------------------------------------------

    def _may_move(self, drain: Drain) -> bool:
        """With PostgreSQL away nobody else could go on with it: then it stays while it may."""
        waits = self.session.asking or self._must_stay()
        return not waits or clock.monotonic() > drain.deadline

    async def _move(self, drain: Drain) -> None:
        if self.ended.is_set():
            return
        self._asker.stop()
        if self.peer is not None:
            await self._part_from(self.peer)  # whoever never comes back was here until now
        await self._let_go()  # first: whoever takes it over reads what is written here
        metrics.drained.inc()
        if self.peer is not None:
            if self._must_stay():
                self._say_fault("moving_waits")
            left = int(limits.DRAIN_SECONDS * 1000)
            self.peer.send(messages.SessionMoving(deadline_ms=left, resume_url=drain.resume_url))
            self.peer.close("moving")

    async def shut(self) -> None:
        """Cancel whatever runs, after the loop has ended or because the process ends."""
        self.ended.set()
        await self._asker.close()
        await self._tasks.close()
        await self._keeper.shut()
