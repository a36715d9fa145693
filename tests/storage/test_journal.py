"""The journal against a plain list: what it accepts and refuses, and what a take-over seals."""

import asyncio
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from protocol import limits
from protocol.faults import Fault
from runtime import clock
from storage import journal as journals
from storage import keys
from storage.connect import open_redis
from storage.journal import Entry, Journal, turn_entry
from storage.live import Live
from storage.redis_writer import RedisWriter
from tests.depth import examples

TENANT = clock.new_id()
DURABLE = {"appendonly": "yes", "appendfsync": "always"}


def answer(turn: int, id_: str, text: str = "palabras", **more: Any) -> Entry:
    """An entry as the keeper makes one; nothing here looks inside."""
    return turn_entry({"turn": turn, "client_msg_id": id_, "answer": text, **more})


class House:
    """A journal and the live state on one real Redis, in a loop of their own."""

    def __init__(self, url: str) -> None:
        self._runner = asyncio.Runner()
        self.run(self._open(url))

    async def _open(self, url: str) -> None:
        self.redis = open_redis(url)
        self.one = open_redis(url, connections=1)
        self.writer = RedisWriter(self.one)
        self.live = Live(self.redis, self.writer)
        self.journal = Journal(self.redis, self.writer)

    def run(self, work: Any) -> Any:
        return self._runner.run(work)

    def durable(self, **changes: str) -> None:
        for name, value in {**DURABLE, **changes}.items():
            self.run(self.redis.config_set(name, value))

    def take(self, session: UUID, fence: int, instance: str) -> Any:
        taking = self.live.take(
            session, fence, instance=instance, url="", tenant_id=TENANT, interview_id=TENANT
        )
        return self.run(taking)

    def close(self) -> None:
        self.run(self._close())
        self._runner.close()

    async def _close(self) -> None:
        await self.redis.config_set("appendfsync", self.before)
        await self.writer.close()
        await self.one.aclose()
        await self.redis.aclose()

    before = "always"


@pytest.fixture
def house(settings) -> Iterator[House]:
    """A fresh Redis that may keep a journal; as it was, afterwards."""
    made = House(settings.redis_url)
    made.before = made.run(made.redis.config_get("appendfsync"))["appendfsync"]
    made.durable()
    yield made
    made.close()


class Oracle(RuleBasedStateMachine):
    """Several owners, a fence each, one session; the oracle is a list and a number."""

    house: House

    @initialize()
    def begin(self) -> None:
        self.session = clock.new_id()
        self.fence: int | None = None  # what Redis has
        self.instance = ""
        self.owners: list[int] = []
        self.issued = 0
        self.list: list[tuple[str, int, str]] = []  # kind, turn, mark
        self.acknowledged: set[str] = set()
        self.flushed: set[str] = set()

    @rule()
    def take(self) -> None:
        """A take-over with the next fence of PostgreSQL's: sealed, and everything comes back."""
        self.issued += 1
        taken = self.house.take(self.session, self.issued, f"i{self.issued}")
        self.fence, self.instance = self.issued, f"i{self.issued}"
        self.owners.append(self.issued)
        assert [entry.mark for entry in taken.journal] == [mark for _, _, mark in self.list]

    @precondition(lambda self: self.owners)
    @rule(data=st.data())
    def take_late(self, data: st.DataObject) -> None:
        """A frozen taker wakes: it registers only where nobody newer is."""
        fence = data.draw(st.sampled_from(self.owners))
        if self.fence is not None and self.fence > fence:
            with pytest.raises(Fault, match="fence_lost"):
                self.house.take(self.session, fence, f"i{fence}")
        else:
            self.house.take(self.session, fence, f"i{fence}")
            self.fence = fence

    @precondition(lambda self: self.owners)
    @rule(
        data=st.data(),
        turn=st.integers(1, 5),
        id_=st.sampled_from("ab"),
        text=st.sampled_from(["x", "y"]),
    )
    def append(self, data: st.DataObject, turn: int, id_: str, text: str) -> None:
        """An owner, perhaps a stale one, tries to have an answer accepted."""
        fence = data.draw(st.sampled_from(self.owners))
        entry = answer(turn, f"{id_}{turn}", text)
        outcome = self.house.run(self.house.journal.append(self.session, fence, entry))
        assert outcome == self.expected(fence, "turn", turn, entry.mark)
        if outcome == "kept":
            self.list.append(("turn", turn, entry.mark))
        if outcome in journals.KEPT:
            self.acknowledged.add(entry.mark)

    @precondition(lambda self: self.owners)
    @rule(data=st.data(), turn=st.integers(1, 6), ask=st.integers(1, 2))
    def attempt(self, data: st.DataObject, turn: int, ask: int) -> None:
        """An attempt at a question, beside the answers."""
        fence = data.draw(st.sampled_from(self.owners))
        entry = Entry(f"a{turn}:{ask}", "ask", turn, b"{}")
        outcome = self.house.run(self.house.journal.append(self.session, fence, entry))
        assert outcome == self.expected(fence, "ask", turn, entry.mark)
        if outcome == "kept":
            self.list.append(("ask", turn, entry.mark))
            self.acknowledged.add(entry.mark)

    def expected(self, fence: int, kind: str, turn: int, mark: str) -> str:
        if self.fence is None:
            return "missing"
        if self.fence != fence:
            return "fence"
        turns = [number for what, number, _ in self.list if what == "turn"]
        for what, number, known in self.list:
            if known == mark:
                return "have"
            if what == kind == "turn" and number == turn:
                return "answered"
        if turns and (turn != turns[-1] + 1 if kind == "turn" else turn > turns[-1] + 1):
            return "order"
        return "kept"

    @rule(count=st.integers(0, 4))
    def flush_some(self, count: int) -> None:
        """PostgreSQL has committed the first few: those may go, and only those."""
        marks = [mark for _, _, mark in self.list[:count]]
        left = self.house.run(self.house.journal.trim(self.session, marks))
        self.flushed.update(marks)
        del self.list[:count]
        assert left == len(self.list)

    @rule(data=st.data())
    def flush_again(self, data: st.DataObject) -> None:
        """A trim that comes late or twice takes nothing that was not flushed."""
        known = sorted(self.flushed)
        marks = data.draw(st.lists(st.sampled_from(known))) if known else ["t1:none"]
        self.house.run(self.house.journal.trim(self.session, marks))
        while self.list and self.list[0][2] in marks:
            del self.list[0]

    @rule()
    def forget_live(self) -> None:
        """The live state is lost (evicted, or a hand slipped); the journal is a key of its own."""
        self.house.run(self.house.redis.delete(keys.live(self.session)))
        self.fence = None

    @invariant()
    def nothing_acknowledged_is_lost(self) -> None:
        """Every acknowledged entry is in the list or was flushed; the list is what Redis has."""
        kept = self.house.run(self.house.journal.read(self.session))
        assert [entry.mark for entry in kept] == [mark for _, _, mark in self.list]
        assert self.acknowledged <= self.flushed | {mark for _, _, mark in self.list}


def test_the_journal_is_a_fenced_list(house: House) -> None:
    """Any order of owners, answers, flushes and losses: what the oracle says, and nothing else."""
    machine = type("Machine", (Oracle,), {"house": house})
    machine.TestCase.settings = hypothesis_settings(
        max_examples=examples(25),
        stateful_step_count=30,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    machine.TestCase().runTest()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"appendonly": "no"}, "aof_off"),
        ({"appendfsync": "everysec"}, "fsync"),
        ({"no-appendfsync-on-rewrite": "yes"}, "rewrite"),
        ({"maxmemory-policy": "allkeys-lru"}, "eviction"),
    ],
)
def test_a_redis_that_may_forget_is_given_nothing(
    house: House, change: dict[str, str], reason: str
) -> None:
    """Each condition alone turns the mode off, and its reason is what an operator reads."""
    session = clock.new_id()
    house.take(session, 1, "one")
    before = house.run(house.redis.config_get(*change))
    house.durable(**change)
    try:
        assert house.run(house.journal.append(session, 1, answer(1, "a"))) == reason
        assert house.run(house.journal.check()) == reason
    finally:
        house.durable(**before)
    assert house.run(house.journal.check(again=True)) == ""
    assert house.run(house.journal.append(session, 1, answer(1, "a"))) == "kept"


def test_the_file_is_looked_at_in_the_moment_of_writing(house: House) -> None:
    """The cached word of a moment ago does not count when the file has been closed since."""
    session = clock.new_id()
    house.take(session, 1, "one")
    assert house.run(house.journal.check(again=True)) == ""
    house.run(house.redis.config_set("appendonly", "no"))
    try:
        assert house.run(house.journal.append(session, 1, answer(1, "a"))) == "aof_off"
    finally:
        house.durable()


def test_another_server_is_looked_at_before_it_is_believed(house: House) -> None:
    """After a failover or a restart the run id differs: the settings are read again first."""
    session = clock.new_id()
    house.take(session, 1, "one")
    assert house.run(house.journal.check(again=True)) == ""
    house.journal._run_id = "0" * 40
    assert house.run(house.journal.append(session, 1, answer(1, "a"))) == "kept"
    assert house.journal._run_id != "0" * 40


def test_a_journal_is_bounded(house: House) -> None:
    """By its bytes and by its entries; what is refused is not acknowledged."""
    session = clock.new_id()
    house.take(session, 1, "one")
    big = "x" * (limits.JOURNAL_BYTES_MAX // 2)
    assert house.run(house.journal.append(session, 1, answer(1, "a", big))) == "kept"
    assert house.run(house.journal.append(session, 1, answer(2, "b", big))) == "full"
    assert house.run(house.journal.append(session, 1, answer(2, "b"))) == "kept"
    for ask in range(limits.JOURNAL_ENTRIES_MAX - 2):
        entry = Entry(f"a3:{ask}", "ask", 3, b"{}")
        assert house.run(house.journal.append(session, 1, entry)) == "kept"
    assert house.run(house.journal.append(session, 1, answer(3, "c"))) == "full"


def test_the_sweep_finds_every_journal_and_no_other_key(house: House) -> None:
    """However many keys lie around it."""
    sessions = {clock.new_id() for _ in range(30)}
    for session in sessions:
        house.take(session, 1, "one")
        house.run(house.journal.append(session, 1, answer(1, "a")))
    house.run(house.redis.mset({f"journal:of-somebody-else-{n}": "x" for n in range(50)}))
    assert set(house.run(house.journal.held(limit=1000))) == sessions
    assert len(house.run(house.journal.held(limit=7))) == 7


def test_a_journal_does_not_expire_and_is_forgotten_with_its_candidate(house: House) -> None:
    """An acknowledged answer has no lifetime; an erased person's words go at once."""
    session = clock.new_id()
    house.take(session, 1, "one")
    house.run(house.journal.append(session, 1, answer(1, "a")))
    assert house.run(house.redis.ttl(keys.journal(session))) == -1
    house.run(journals.forget(house.redis, [session]))
    assert house.run(house.journal.read(session)) == []


def test_an_entry_that_cannot_be_read_is_not_dropped(house: House) -> None:
    """A take-over that met one would go on without an answer: it waits, and somebody is told."""
    session = clock.new_id()
    house.run(house.redis.rpush(keys.journal(session), b"t1:x turn 1 {broken"))
    with pytest.raises(Fault) as error:
        house.take(session, 1, "one")
    assert error.value.code == "unavailable"
    assert house.run(house.redis.llen(keys.journal(session))) == 1
