"""The model's stores against the real ones: the same operations, in any order, the same outcome.

tests/model/ownership.py searches the protocol over tests/model/stores.py. That is worth as much as
those few functions are true, so here they are the oracle: owners old and new do to PostgreSQL and
Valkey what they like, stale, repeated, at the same time, and both sides must agree at every step.
"""

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, Phase
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.errors import Flaky
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from interview import events as ev
from interview.interviewer import Said, choose
from interview.record import Snapshot
from runtime.settings import Settings
from storage import flushing
from storage import sessions as store
from storage.journal import KEPT, Left, turn_entry
from storage.turns import turn_row
from tests.conftest import Tenant
from tests.depth import examples
from tests.model import stores as model
from tests.model.house import PLAN, House
from tests.model.stores import RIGHT, WRONG, State, Variant

pytestmark = pytest.mark.timeout(400)  # 1,800 operations on both stores, on however busy a machine
ASKED = choose(PLAN, [], seed=1, seconds_left=PLAN.seconds)
TURNS = st.integers(1, 4)
TEXTS = st.sampled_from("ab")
WHO = st.integers(0, 2)  # nothing that is drawn hangs on what a race came to


@pytest.fixture
def house(settings: Settings, tenant: Tenant) -> Iterator[House]:
    """A house on a fresh database and an emptied Redis that may keep a journal."""
    made = House(settings, tenant)
    yield made
    made.close()


class Taker(msgspec.Struct):
    """One take-over under way: who it is, and what its steps have brought."""

    name: str
    record: store.Record
    sealed: list[Any] | None = None

    @property
    def fence(self) -> int:
        return self.record.fence


class Both(RuleBasedStateMachine):
    """Three instances that never give up, and the model beside them."""

    house: House
    variant: Variant

    @initialize()
    def begin(self) -> None:
        self.s = State()
        self.interview = self.house.run(self.house.interview())
        self.session = self.interview.session_id
        self.takers: list[Taker] = []
        self.finished = False
        self.left = ""  # the state in Redis
        self.read: Left | None = None  # by the sweep
        self.spent: set[str] = set()  # marks of what PostgreSQL is known to have
        self.accepted: set[str] = set()  # what PostgreSQL has ever said that it has
        self.step_1()

    def owner(self, who: int) -> Taker:
        """The newest three, frozen for however long."""
        return self.takers[-1 - who % min(3, len(self.takers))]

    # Taking over --------------------------------------------------------------------------------

    def _take(self) -> Any:
        name = f"i{len(self.takers)}"
        return store.take(self.house.db, self.house.tenant, self.session, instance_id=name)

    def _taken(self, record: store.Record) -> None:
        assert bool(record.finished) == self.finished
        if not self.finished:
            self.s = self.s._replace(fence=self.s.fence + 1)
        assert record.fence == self.s.fence
        assert tuple(item.client_msg_id for item in record.answered) == self.s.turns
        if not self.finished:
            self.takers.append(Taker(f"i{len(self.takers)}", record))

    @rule()
    def step_1(self) -> None:
        [record] = self.house.attempt(self._take())
        self._taken(record)

    @rule(who=WHO)
    def step_2(self, who: int) -> None:
        """Also a second time, late, and after Redis was emptied: then it is the registering."""
        taker = self.owner(who)
        [taken] = self.house.attempt(
            self.house.live.take(
                self.session,
                taker.fence,
                instance=taker.name,
                url="",
                tenant_id=self.house.tenant,
                interview_id=self.interview.id,
            )
        )
        if self.s.copy > taker.fence:
            assert taken == "fence_lost"
            return
        newest = self.s.copy == taker.fence - 1 and self.left
        assert (taken.snapshot.engine if taken.snapshot else "") == (newest or "")
        assert tuple(entry.row["client_msg_id"] for entry in taken.journal) == self.s.journal
        taker.sealed = taken.journal
        self.s = self.s._replace(copy=taker.fence)

    @rule(who=WHO)
    def step_3(self, who: int) -> None:
        taker = self.owner(who)
        if taker.sealed is None:
            return
        [record] = self.house.attempt(
            store.confirm_taken(self.house.db, taker.record, taker.sealed or [])
        )
        self._flushed(taker.sealed or [], taker.fence, record)
        if isinstance(record, store.Record) and not self.finished:
            assert tuple(item.client_msg_id for item in record.answered) == self.s.turns

    # Answers ------------------------------------------------------------------------------------

    def _row(self, taker: Taker, turn: int, text: str) -> dict[str, Any]:
        name = f"{turn}{text}"
        said = Said(turn, "sql", "mid", "opening", f"¿{turn}?", f"respuesta {name}")
        asked = ev.AskPlan(turn + 1, 1, ASKED)
        saving = ev.Save(said, 1, "offline", name, 1.0, asked)
        return turn_row(taker.record, saving, Snapshot())

    def _save(self, s: State, taker: Taker, answer: str) -> tuple[State, str]:
        after, outcome = model.save(s, taker.fence, answer)
        if self.finished and outcome != "duplicate":
            return s, "fence_lost"
        return after, outcome

    @rule(who=WHO, turn=TURNS, text=TEXTS)
    def save(self, who: int, turn: int, text: str) -> None:
        taker = self.owner(who)
        [outcome] = self.house.attempt(self.house.turns.save(self._row(taker, turn, text)))
        self.s, expected = self._save(self.s, taker, f"{turn}{text}")
        assert outcome == expected
        if outcome in ("saved", "duplicate"):
            self.accepted.add(f"{turn}{text}")

    @rule(who=WHO)
    def save_next(self, who: int) -> None:
        """The turn that is due, so that interviews get somewhere."""
        self.save(who, len(self.s.turns) + 1, "a")

    @rule(who=WHO, other=WHO, texts=st.tuples(TEXTS, TEXTS))
    def save_twice_at_once(self, who: int, other: int, texts: tuple[str, str]) -> None:
        """Two owners, or two tabs of one: as if one had come after the other."""
        pair, turn = (self.owner(who), self.owner(other)), len(self.s.turns) + 1
        real = self.house.attempt(
            *(
                self.house.turns.save(self._row(taker, turn, text))
                for taker, text in zip(pair, texts, strict=True)
            )
        )
        possible = []
        for order in ((0, 1), (1, 0)):
            s, outcomes = self.s, ["", ""]
            for one in order:
                s, outcomes[one] = self._save(s, pair[one], f"{turn}{texts[one]}")
            possible.append((outcomes, s))
        assert real in [outcomes for outcomes, _ in possible]
        self.s = next(s for outcomes, s in possible if outcomes == real)

    @rule(who=WHO, text=TEXTS)
    def take_and_save_at_once(self, who: int, text: str) -> None:
        """A stale answer is in the record that the newcomer reads, or it is refused."""
        taker, turn = self.owner(who), len(self.s.turns) + 1
        saving = self.house.turns.save(self._row(taker, turn, text))
        record, outcome = self.house.attempt(self._take(), saving)
        before, expected = self._save(self.s, taker, f"{turn}{text}")
        if outcome != expected or len(record.answered) == len(self.s.turns):
            assert outcome == (expected if self.finished or expected != "saved" else "fence_lost")
        else:
            self.s = before
        self._taken(record)

    # The journal --------------------------------------------------------------------------------

    @rule(who=WHO, turn=TURNS, text=TEXTS)
    def append(self, who: int, turn: int, text: str) -> None:
        taker = self.owner(who)
        entry = turn_entry(self._row(taker, turn, text))
        [outcome] = self.house.attempt(self.house.journal.append(self.session, taker.fence, entry))
        self.s, taken = model.append(self.s, taker.fence, f"{turn}{text}", self.variant)
        assert (outcome in KEPT) == taken, outcome

    @rule(who=WHO, text=TEXTS)
    def append_next(self, who: int, text: str) -> None:
        """The turn that is due where the record and the journal end."""
        last = model.turn_of(self.s.journal[-1]) if self.s.journal else len(self.s.turns)
        self.append(who, last + 1, text)

    def _flushed(self, entries: list[Any], fence: int, outcome: Any) -> None:
        """Compare a flush: under the fence, without a gap, or not at all."""
        answers = tuple(entry.row["client_msg_id"] for entry in entries)
        if fence != self.s.fence:
            assert outcome == "fence_lost"
            return
        new = [model.turn_of(a) for a in answers if model.turn_of(a) > len(self.s.turns)]
        first = len(self.s.turns) + 1
        if new != list(range(first, first + len(new))):
            assert outcome == "unavailable"
            return
        assert outcome not in ("fence_lost", "unavailable")
        self.s = model.flush(self.s, answers)
        self.spent |= {entry.mark for entry in entries}

    @rule(who=WHO)
    def flush(self, who: int) -> None:
        """An owner, perhaps an old one, flushes what Redis holds."""
        taker = self.owner(who)
        entries = self.house.run(self.house.journal.read(self.session))
        [outcome] = self.house.attempt(
            flushing.flush(
                self.house.db, self.house.tenant, self.session, entries, fence=taker.fence
            )
        )
        self._flushed(entries, taker.fence, outcome)

    @rule()
    def sweep_reads(self) -> None:
        self.read = self.house.run(self.house.journal.left(self.session))
        assert self.read is not None
        assert self.read.fence == self.s.copy

    @rule()
    def sweep_flushes(self) -> None:
        """Under the fence that it read; one that is over may be flushed by anybody."""
        if self.read is None or not self.read.entries:
            return
        [outcome] = self.house.attempt(
            flushing.flush(
                self.house.db,
                self.house.tenant,
                self.session,
                self.read.entries,
                fence=self.read.fence,
                over=True,
            )
        )
        fence = self.s.fence if self.finished else self.read.fence
        self._flushed(self.read.entries, fence, outcome)

    @rule()
    def trim(self) -> None:
        """Once or often, late or at once: only what PostgreSQL has is gone."""
        entries = self.house.run(self.house.journal.read(self.session))
        spent = tuple(e.row["client_msg_id"] for e in entries if e.mark in self.spent)
        self.house.run(self.house.journal.trim(self.session, sorted(self.spent)))
        self.s = model.trim(self.s, spent, self.variant)

    # State, the end, and an empty Redis ---------------------------------------------------------

    @rule(who=WHO, word=st.integers(0, 99))
    def keep(self, who: int, word: int) -> None:
        taker = self.owner(who)

        async def keep() -> int:
            snapshot = Snapshot(engine=f"e{word}")
            return await self.house.live.keep(
                self.session, taker.fence, snapshot, turns_done=0, status="active"
            )

        [kept] = self.house.attempt(keep())
        assert bool(kept) == (self.s.copy == taker.fence)
        if kept:
            self.left = f"e{word}"

    @rule(who=WHO)
    def checkpoint(self, who: int) -> None:
        taker = self.owner(who)
        [outcome] = self.house.attempt(
            store.checkpoint(
                self.house.db, self.house.tenant, self.session, taker.fence, Snapshot()
            )
        )
        assert outcome == (None if taker.fence == self.s.fence else "fence_lost")

    @rule(who=WHO)
    def close_interview(self, who: int) -> None:
        taker = self.owner(who)
        if len(self.s.turns) < 2:
            return
        [outcome] = self.house.attempt(
            store.close(self.house.db, taker.record, Snapshot(), "completed")
        )
        assert outcome == (None if taker.fence == self.s.fence else "fence_lost")
        self.finished = self.finished or outcome is None

    @rule()
    def empty_redis(self) -> None:
        self.house.run(self.house.redis.flushdb())
        self.s = self.s._replace(copy=0, journal=())
        self.left = ""

    @invariant()
    def both_agree(self) -> None:
        s = self.s
        expected = (s.fence, s.turns, s.copy, s.journal, self.finished)
        assert self.house.run(self.house.see(self.session)) == expected
        assert self.accepted <= set(s.turns), "an acknowledged answer is gone"


def run(house: House, variant: Variant, **changes: Any) -> None:
    """Drive both sides, the model's as `variant` has it."""
    machine = type("Machine", (Both,), {"house": house, "variant": variant})
    machine.TestCase.settings = hypothesis_settings(
        **{"max_examples": examples(25), "stateful_step_count": 30, **changes},
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    machine.TestCase().runTest()


def test_the_real_stores_do_what_the_model_says(house: House) -> None:
    """Any order of takes, writes, flushes, sweeps and losses: outcomes and contents agree."""
    run(house, RIGHT)


def test_another_model_than_theirs_is_noticed(house: House) -> None:
    """The comparison can fail: stores that did as a wrong variant says would be found out."""
    with pytest.raises((AssertionError, Flaky)):
        run(house, WRONG["journal without its key"], max_examples=300, phases=[Phase.generate])
