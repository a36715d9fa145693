"""One question at a time: record the attempt, stream it, report back through the inbox."""

import asyncio
import contextlib
from typing import Final, Protocol

from interview import events as ev
from interview.interviewer import Said
from llm.gateway import EngineChanged, Piece, QuestionDone, QuestionRequest
from protocol import limits
from protocol.faults import Fault
from runtime import clock, metrics
from runtime.lifecycle import Tasks
from runtime.logs import Log
from server.inbox import Item, Lost
from server.instance import Instance
from server.keeping import Keeper
from storage import sessions as store

EARLY_SECONDS: Final = 0.005  # what was collected on its way here does not wait again
log = Log("server.asking")


class Inbox(Protocol):
    """Where the pieces go."""

    @property
    def full(self) -> bool:
        """Whether it takes no more for now."""
        ...

    async def post(self, item: Item) -> None:
        """Put something in, waiting while it is full."""
        ...

    def post_soon(self, item: Item) -> None:
        """Put something in without waiting."""
        ...


class Asker:
    """Runs the attempt under way for one session; a new one ends the old one."""

    def __init__(
        self, instance: Instance, record: store.Record, inbox: Inbox, keeper: Keeper
    ) -> None:
        """Ask through the instance's gateway, have attempts kept, and report to `inbox`."""
        self._keeper = keeper
        self._instance = instance
        self._record = record
        self._inbox = inbox
        self._tasks = Tasks(f"asker {record.session_id}")
        self._task: asyncio.Task[None] | None = None

    def begin(self, ask: ev.Ask, said: list[Said], engine_told: str) -> None:
        """Start the attempt; `engine_told` is the engine that the candidate believes asks."""
        self.stop()
        self._task = self._tasks.start(self._ask(ask, said, engine_told))

    def stop(self) -> None:
        """Stop the attempt under way, which closes the way to the model at once."""
        if self._task is not None:
            self._task.cancel()
            self._task = None

    async def close(self) -> None:
        """Stop and wait until it has stopped."""
        await self._tasks.close()

    async def _ask(self, ask: ev.Ask, said: list[Said], engine_told: str) -> None:
        plan = ask.plan
        try:
            if not ask.recorded:
                await self._keeper.begin_ask(plan)
            async with asyncio.timeout(limits.QUESTION_SECONDS):
                await self._stream(plan, said, engine_told)
        except TimeoutError:
            await self._inbox.post(ev.AskFailed(plan.turn, plan.ask, "model_unavailable"))
        except Fault as fault:
            if fault.code == "fence_lost":
                await self._inbox.post(Lost())
            else:
                await self._inbox.post(ev.AskFailed(plan.turn, plan.ask, fault.code))
        except Exception:  # noqa: BLE001 - a bug is logged with its stack, and the peer told
            log.crash("ask_crashed", turn=plan.turn, ask=plan.ask)
            await asyncio.sleep(1)  # a bug that fails at once must not spin
            await self._inbox.post(ev.AskFailed(plan.turn, plan.ask, "server_error"))

    async def _stream(self, plan: ev.AskPlan, said: list[Said], engine_told: str) -> None:
        record, gateway = self._record, self._instance.gateway
        request = QuestionRequest(
            tenant_id=record.tenant_id,
            session_id=record.session_id,
            interview_id=record.interview_id,
            turn=plan.turn,
            ask=plan.ask,
            plan=record.plan,
            said=said,
            directive=plan.directive,
            locale=record.locale,
            seed=record.seed,
            bank_only=plan.bank_only,
            engine_told=engine_told,
            fence=record.fence,
        )
        pieces = _Coalescer(self._inbox, plan)
        begun = clock.monotonic()
        waiting = True
        engine = gateway.engine_name
        # Closing the stream closes the way to the model: a candidate who left costs no more.
        async with contextlib.aclosing(gateway.stream(request)) as stream:
            async for item in stream:
                match item:
                    case Piece():
                        if waiting:
                            waiting = False
                            metrics.first_piece_seconds.labels(engine).observe(
                                clock.monotonic() - begun
                            )
                        if not pieces.add(item.text):
                            await pieces.flush()
                    case EngineChanged():
                        engine = item.engine
                        await self._inbox.post(
                            ev.EngineSwitched(plan.turn, plan.ask, item.engine, item.reason)
                        )
                    case QuestionDone():
                        await pieces.flush()
                        await self._inbox.post(
                            ev.AskCompleted(plan.turn, plan.ask, item.text, item.engine)
                        )


class _Coalescer:
    """The first piece leaves at once; later ones at most every COALESCE_SECONDS, together."""

    def __init__(self, inbox: Inbox, plan: ev.AskPlan) -> None:
        self._inbox = inbox
        self._plan = plan
        self._text = ""
        self._sent_at = 0.0
        self._timer: asyncio.TimerHandle | None = None

    def add(self, text: str) -> bool:
        """Take a piece; False when it is due and the inbox is full."""
        self._text += text
        wait = self._sent_at + limits.COALESCE_SECONDS - clock.monotonic()
        if wait <= EARLY_SECONDS:
            return self._flush_now()
        if self._timer is None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(wait, self._flush_soon)
        return True

    def _take(self) -> ev.PieceArrived | None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if not self._text:
            return None
        piece = ev.PieceArrived(self._plan.turn, self._plan.ask, self._text)
        self._text, self._sent_at = "", clock.monotonic()
        return piece

    def _flush_soon(self) -> None:
        self._timer = None
        self._flush_now()  # or the text stays and leaves with the next piece, or at the end

    def _flush_now(self) -> bool:
        if self._inbox.full:
            return False
        piece = self._take()
        if piece is not None:
            self._inbox.post_soon(piece)
        return True

    async def flush(self) -> None:
        piece = self._take()
        if piece is not None:
            await self._inbox.post(piece)
