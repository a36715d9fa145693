"""The model's two stores under the real Keeper, each request held until a test lets it go on.

What a request meets: it is carried out; carried out and its answer lost; lost on the way; late,
which is carried out when nobody waits any more. Redis carries out in any order, though the
product's one connection would not: the Keeper must not depend on it.
"""

import asyncio
from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any, Final
from uuid import UUID

import msgspec
import pytest

from interview import events as ev
from interview.interviewer import Said
from interview.record import Answered, Snapshot
from protocol.faults import Fault
from runtime import clock
from server import keeping
from server.keeping import Keeper
from storage.journal import Entry
from storage.live import Taken
from tests.model import stores as model
from tests.model.stores import RIGHT, State

SESSION, TENANT = clock.new_id(), clock.new_id()
SPINS: Final = 12  # turns of the loop after which nothing moves without an answer


class Request(msgspec.Struct, eq=False):
    """Something on its way to a store, and who waits for the answer."""

    name: str
    carry_out: Callable[[], Any]
    future: "asyncio.Future[Any]"


class Stores:
    """What `Instance` gives a Keeper, over the model's functions; `s` is what both stores have."""

    def __init__(self) -> None:
        self.s = State()
        self.requests: list[Request] = []
        self.late: list[Request] = []
        self._entries: dict[str, Entry] = {}  # by the answer's name
        self._names: dict[str, str] = {}  # by the entry's mark

    async def _send(self, name: str, carry_out: Callable[[], Any]) -> Any:
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self.requests.append(Request(name, carry_out, future))
        return await future

    def befall(self, request: Request, what: str) -> None:
        """Let it be `done`, `unanswered`, `lost` or `late`; a save may find its row `locked`."""
        self.requests.remove(request)
        answer: Any = Fault("unavailable")
        if what == "locked" and request.name == "save":
            answer = "unavailable"
        elif what in ("done", "unanswered"):
            try:
                done = request.carry_out()
            except Fault as fault:
                done = fault
            answer = done if what == "done" else answer
        elif what == "late" and request.name in ("save", "append"):
            self.late.append(request)
        if request.future.done():
            return  # its owner is gone
        if isinstance(answer, Fault):
            request.future.set_exception(answer)
        else:
            request.future.set_result(answer)

    def arrive(self, request: Request) -> None:
        """Carry out what nobody waits for any more."""
        self.late.remove(request)
        try:
            request.carry_out()
        except Fault:
            return

    def empty_redis(self) -> bool:
        """Another server in its place, unless it has the only copy of an acknowledged answer."""
        if any(one in self.s.told and one not in self.s.turns for one in self.s.journal):
            return False
        self.s = self.s._replace(copy=0, journal=())
        self.late = [one for one in self.late if one.name != "append"]
        for request in [one for one in self.requests if one.name == "append"]:
            self.befall(request, "lost")
        return True

    def journal_entries(self) -> list[Entry]:
        return [self._entries[name] for name in self.s.journal]

    # PostgreSQL ---------------------------------------------------------------------------------

    async def save(self, row: dict[str, Any]) -> Any:
        def carry_out() -> str:
            self.s, outcome = model.save(self.s, row["fence"], row["client_msg_id"])
            if outcome == "fence_lost":
                raise Fault("fence_lost")
            return outcome

        return await self._send("save", carry_out)

    async def flush(self, *_: Any, entries: Sequence[Entry], fence: int) -> None:
        answers = tuple(self._names[entry.mark] for entry in entries)

        def carry_out() -> None:
            self._need(fence)
            new = [a for a in answers if model.turn_of(a) > len(self.s.turns)]
            first = len(self.s.turns) + 1
            if [model.turn_of(a) for a in new] != list(range(first, first + len(new))):
                raise Fault("unavailable", "a gap")
            self.s = model.flush(self.s, answers)

        await self._send("flush", carry_out)

    async def confirm(self, _db: Any, _tenant: UUID, _session: UUID, fence: int) -> None:
        await self._send("confirm", lambda: self._need(fence))

    def _need(self, fence: int) -> None:
        if self.s.fence != fence:
            raise Fault("fence_lost")

    # Redis --------------------------------------------------------------------------------------

    async def append(self, _session: UUID, fence: int, entry: Entry) -> Any:
        name = entry.row["client_msg_id"]
        self._entries.setdefault(name, entry)
        self._names[entry.mark] = name

        def carry_out() -> str:
            self.s, taken = model.append(self.s, fence, name, RIGHT)
            return "kept" if taken else "fence" if self.s.copy != fence else "order"

        return await self._send("append", carry_out)

    async def read(self, _session: UUID) -> Any:
        return await self._send("read", self.journal_entries)

    async def trim(self, _session: UUID, marks: Sequence[str]) -> Any:
        names = tuple(self._names[mark] for mark in marks if mark in self._names)

        def carry_out() -> int:
            self.s = model.trim(self.s, names, RIGHT)
            return len(self.s.journal)

        return await self._send("trim", carry_out)

    async def take(self, _session: UUID, fence: int, **_: Any) -> Any:
        def carry_out() -> Taken:
            if self.s.copy > fence:
                raise Fault("fence_lost")
            self.s = self.s._replace(copy=fence)
            return Taken(None, self.journal_entries())

        return await self._send("take", carry_out)


class Reach:
    """What an instance believes of PostgreSQL: away from the first failure until a test says no."""

    def __init__(self) -> None:
        self.away = False
        self.settling = asyncio.Semaphore(2)

    def lost(self) -> None:
        self.away = True


class Owner:
    """A Keeper after its take-over, and what its conductor would do with what it says."""

    def __init__(self, stores: Stores, fence: int, known: tuple[str, ...]) -> None:
        self.stores, self.fence, self.known = stores, fence, known
        self.reach = Reach()
        self.let_go = ""  # why
        self.saving: asyncio.Task[Any] | None = None
        self.answer = ""
        self.outcomes: list[str] = []
        parts: Any = SimpleNamespace(
            turns=stores, journal=stores, live=stores, reach=self.reach, db=None, id="i", url=""
        )
        answered = [Answered(said(name), name) for name in known]
        record: Any = SimpleNamespace(
            session_id=SESSION,
            tenant_id=TENANT,
            interview_id=TENANT,
            fence=fence,
            answered=answered,
        )
        self.keeper = Keeper(
            parts, record, lost=self._lost, behind=self._behind, again=lambda: None
        )

    async def _lost(self) -> None:
        self.let_go = "lost"

    async def _behind(self) -> None:
        self.let_go = "behind"

    def send(self, name: str) -> None:
        """An answer comes; one at a time, as a conductor has it."""
        self.answer = name
        saving = ev.Save(said(name), 1, "offline", name, 1.0, None)
        self.saving = asyncio.ensure_future(self.keeper.save(saving, Snapshot()))

    async def look(self) -> None:
        """Take what has come of the answer, as a conductor does."""
        if self.saving is not None and self.saving.done():
            error, saving, self.saving = self.saving.exception(), self.saving, None
            if error is not None and not isinstance(error, Fault):
                raise error
            outcome = error.code if isinstance(error, Fault) else saving.result()
            self.outcomes.append(outcome)
            if outcome in ("saved", "duplicate"):
                self.known += (self.answer,)
                self.stores.s = self.stores.s._replace(told=self.stores.s.told | {self.answer})
            elif outcome != "unavailable":
                self.let_go = outcome
        if self.let_go and self.saving is None:
            await self.keeper.shut()

    async def end(self) -> None:
        """Crash."""
        self.let_go = self.let_go or "crashed"
        if self.saving is not None:
            self.saving.cancel()
            await asyncio.gather(self.saving, return_exceptions=True)
            self.saving = None
        await self.keeper.shut()


def said(name: str) -> Said:
    return Said(model.turn_of(name), "sql", "mid", "opening", "¿?", f"respuesta {name}")


class House:
    """Both stores and the owners of one session, in a loop of their own."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._runner = asyncio.Runner()
        self.begin()

        async def flush(
            _db: Any, _tenant: UUID, _session: UUID, entries: Any, *, fence: int
        ) -> Any:
            await self.stores.flush(entries=entries, fence=fence)

        async def confirm(*args: Any) -> None:
            await self.stores.confirm(*args)

        monkeypatch.setattr(keeping.flushing, "flush", flush)
        monkeypatch.setattr(keeping.store, "confirm", confirm)

    def begin(self) -> None:
        """Both stores empty, and nobody there."""
        self.stores = Stores()
        self.owners: list[Owner] = []

    def do(self, action: Callable[[], Any]) -> None:
        """Do something in the loop, and let everybody go as far as they can."""

        async def spin() -> None:
            action()
            for _ in range(SPINS):
                await asyncio.sleep(0)
            for owner in self.owners:
                await owner.look()

        self._runner.run(spin())

    def take_over(self) -> Owner:
        """All three steps at once."""
        s = self.stores.s
        fence = s.fence + 1
        s = model.flush(s._replace(fence=fence, copy=fence), s.journal)
        self.stores.s = s._replace(told=s.told | set(s.turns))
        return self.join(fence, s.turns)

    def join(self, fence: int, known: tuple[str, ...]) -> Owner:
        """Begin to own what was taken over."""

        def make() -> None:
            self.owners.append(Owner(self.stores, fence, known))

        self.do(make)
        return self.owners[-1]

    def one(self, name: str) -> Request:
        """The request of that name; there is one."""
        found = [request for request in self.stores.requests if request.name == name]
        assert len(found) == 1, (name, [request.name for request in self.stores.requests])
        return found[0]

    def befall(self, *steps: str) -> None:
        """`save done`, `append late` and so on, one after the other."""
        for step in steps:
            name, what = step.split()
            request = self.one(name)
            self.do(lambda request=request, what=what: self.stores.befall(request, what))

    def arrive(self, name: str) -> None:
        """What nobody waits for any more comes to its store."""
        found = next(request for request in self.stores.late if request.name == name)
        self.do(lambda: self.stores.arrive(found))

    def end(self, owner: Owner) -> None:
        """It crashes; what it has sent may still arrive."""
        self._runner.run(owner.end())

    def end_all(self) -> None:
        """Nobody lives any more."""
        for owner in self.owners:
            self.end(owner)
        self.owners = []

    def close(self) -> None:
        self.end_all()
        self._runner.close()
