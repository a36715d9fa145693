"""The real Keeper over the model's stores: what it says was saved is in the record, once.

tests/model/ownership.py searches the protocol; here the program that follows it is driven the same
way: requests are lost, late or unanswered, rows are locked, Redis is emptied, others take over.
"""

import random
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from server.keeping import Keeper
from tests.depth import examples
from tests.model import stores as model
from tests.model.ownership import broken
from tests.model.stores import RIGHT
from tests.model.wire import House, Owner

FATES = ["done", "done", "lost", "late", "unanswered", "locked", "waits"]
BESIDE = ["goes_on", "goes_on", "arrives", "crash", "empties", "take", "take", "sweep"]
RULES = {"_other_in_doubt": False}  # rules of the Keeper, with the answer of one that forgot it
Step = tuple[str, dict[str, Any]]
TURNS_MAX = 2
TAKES_MAX = 4


@pytest.fixture
def house(monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    """A house with nobody in it."""
    made = House(monkeypatch)
    yield made
    made.close()


def send(house: House, owner: Owner, name: str) -> None:
    house.do(lambda: owner.send(name))


def rest(house: House, what: str) -> None:
    """The same befalls everything that is on its way, and what follows from it."""
    while house.stores.requests:
        house.do(lambda: house.stores.befall(house.stores.requests[0], what))


def whole(house: House) -> None:
    """No property of the model's is broken, now and after somebody has taken over."""
    assert not broken(house.stores.s._replace(owners=())), house.stores.s
    house.take_over()
    assert not broken(house.stores.s._replace(owners=())), house.stores.s


# Doubt --------------------------------------------------------------------------------------


def test_who_settles_a_doubt_sends_nothing_else_with_the_same_breath(house: House) -> None:
    """1a turns out to be kept, PostgreSQL goes away: 1b must not get into the journal."""
    owner = house.take_over()
    send(house, owner, "1a")
    house.befall("save late", "append lost")  # nobody knows
    assert owner.outcomes == ["unavailable"]
    owner.reach.away = False
    send(house, owner, "1b")
    house.befall("save done")
    if house.stores.requests:  # 1b after it
        house.befall("save lost")
    rest(house, "done")
    assert "saved" not in owner.outcomes
    assert owner.let_go
    whole(house)


def test_a_locked_row_says_nothing_of_an_earlier_sending(house: House) -> None:
    """1a is still on its way, then refused for now: 1b must not get into the journal."""
    owner = house.take_over()
    send(house, owner, "1a")
    house.befall("save late", "append lost")
    owner.reach.away = False
    send(house, owner, "1a")
    house.befall("save locked")
    send(house, owner, "1b")
    house.befall("save lost")
    rest(house, "done")
    assert owner.outcomes == ["unavailable"] * 3
    house.arrive("save")
    whole(house)


def test_a_refusal_leaves_no_doubt_where_there_was_none(house: House) -> None:
    """A row that was locked has nothing of it: another text may be kept."""
    owner = house.take_over()
    send(house, owner, "1a")
    house.befall("save locked")
    send(house, owner, "1b")
    house.befall("save lost", "append done")
    assert owner.outcomes == ["unavailable", "saved"]
    whole(house)


# Registering anew ---------------------------------------------------------------------------


def emptied(house: House, owner: Owner) -> None:
    """Redis loses everything, and an owner notices."""
    house.do(house.stores.empty_redis)
    house.do(owner.keeper.reassure)


def test_who_finds_anothers_answers_lets_the_session_go(house: House) -> None:
    """They were accepted behind its back: the page is loaded anew, and nothing is sent first."""
    old = house.take_over()
    send(house, old, "1a")
    house.befall("save late")  # and the append of the same waits
    house.befall("append done")
    assert old.outcomes == ["saved"]
    newer = house.join(1, ())  # as if it had been read before: it knows of no answer
    house.do(newer.keeper.reassure)
    house.befall("take done")
    assert newer.let_go == "behind"
    send(house, newer, "1b")
    assert newer.outcomes[-1:] == ["unavailable"]
    assert not house.stores.requests
    whole(house)


@pytest.mark.parametrize("how", ["in doubt", "accepted", "read"])
def test_ones_own_answers_are_nobody_elses(house: House, how: str) -> None:
    """What the journal still has of the record, and what is in doubt, is no reason to go."""
    owner = house.take_over()
    send(house, owner, "1a")
    house.befall("save lost", "append unanswered" if how == "in doubt" else "append done")
    if how == "read":
        owner = house.join(1, ("1a",))
    assert house.stores.s.journal == ("1a",)
    owner.reach.away = False
    house.do(owner.keeper.reassure)
    rest(house, "done")
    assert owner.keeper._confirmed
    assert not owner.let_go
    whole(house)


def test_what_it_holds_goes_to_postgresql_before_it_registers(house: House) -> None:
    """Its memory may be the only one that has it: the one that was emptied by hand has not."""
    owner = house.take_over()
    send(house, owner, "1a")
    house.befall("save lost", "append done")
    house.stores.s = house.stores.s._replace(copy=0, journal=())  # nothing excludes a FLUSHALL
    owner.reach.away = False
    house.do(owner.keeper.reassure)
    house.befall("flush done", "trim done", "take done", "confirm done")
    assert house.stores.s.turns == ("1a",)


def test_nobody_registers_while_an_answer_is_on_its_way_to_the_journal(house: House) -> None:
    """An append from before would arrive under a fence that nobody has confirmed."""
    owner = house.take_over()
    owner.reach.away = True
    send(house, owner, "1a")
    house.one("append")
    owner.reach.away = False
    house.do(owner.keeper.reassure)
    assert [request.name for request in house.stores.requests] == ["append"]
    house.befall("append lost", "take done", "confirm done")
    assert owner.outcomes == ["unavailable"]


def test_an_answer_that_waited_for_a_trim_looks_again(house: House) -> None:
    """Between the look and the command somebody asked whose the session is: nothing is queued."""
    owner = house.take_over()
    send(house, owner, "1a")
    house.befall("save lost", "append done")
    owner.reach.away = False
    send(house, owner, "2a")
    house.befall("flush done", "trim lost", "save lost")  # now 1a has to be trimmed first
    assert house.one("trim")
    house.stores.s = house.stores.s._replace(fence=2)  # step 1 of somebody's take-over
    assert house.stores.empty_redis()
    owner.reach.away = False
    house.do(owner.keeper.reassure)
    rest(house, "done")
    assert owner.outcomes == ["saved", "unavailable"]
    assert house.stores.s.journal == ()
    assert owner.let_go == "lost"
    whole(house)


def test_a_save_does_not_wait_for_an_absent_redis(house: House) -> None:
    """Registering hangs; an answer is in PostgreSQL meanwhile."""
    owner = house.take_over()
    house.do(owner.keeper.reassure)
    house.one("take")
    send(house, owner, "1a")
    house.befall("save done")
    assert owner.outcomes == ["saved"]


# Anything, in any order ---------------------------------------------------------------------


class Taker(msgspec.Struct):
    """A take-over under way."""

    fence: int
    sealed: tuple[str, ...] | None = None


class Walk:
    """Owners that are real Keepers; the take-overs and the sweep are the model's."""

    def __init__(self, house: House) -> None:
        """Begin with one owner."""
        self.house = house
        self.taker: Taker | None = None
        self.swept: tuple[int, tuple[str, ...]] | None = None
        house.begin()
        house.take_over()

    @property
    def stores(self) -> Any:
        return self.house.stores

    def owner(self, who: int, fit: Any = lambda _: True) -> Owner | None:
        """One of those who live."""
        living = [one for one in self.house.owners if not one.let_go and fit(one)]
        return living[who % len(living)] if living else None

    # Owners

    def answer(self, who: int, text: str, there: bool, fates: tuple[str, ...]) -> None:
        """An answer comes, and what it leads to meets these fates; then it may wait."""
        owner = self.owner(who, lambda one: one.saving is None and len(one.known) < TURNS_MAX)
        if owner is None:
            return
        owner.reach.away = owner.reach.away and not there
        send(self.house, owner, f"{len(owner.known) + 1}{text}")
        self.meet(fates)

    def meet(self, fates: tuple[str, ...]) -> None:
        for fate in fates:
            if fate == "waits" or not self.stores.requests:
                return
            self.house.do(lambda fate=fate: self.stores.befall(self.stores.requests[-1], fate))

    def tick(self, who: int, fates: tuple[str, ...]) -> None:
        """PostgreSQL is back for one instance, which sees the copy of the fence as well."""
        owner = self.owner(who)
        if owner is not None:
            owner.reach.away = False
            other = self.stores.s.copy != owner.fence
            self.house.do(owner.keeper.reassure if other else owner.keeper.tick)
            self.meet(fates)

    # The rest of the world

    def beside(self, what: str, which: int, fate: str) -> None:
        s, stores, house = self.stores.s, self.stores, self.house
        if what == "goes_on" and stores.requests and fate != "waits":
            request = stores.requests[which % len(stores.requests)]
            house.do(lambda: stores.befall(request, fate))
        elif what == "arrives" and stores.late:
            request = stores.late[which % len(stores.late)]
            house.do(lambda: stores.arrive(request))
        elif what == "crash" and len(house.owners) > 1:
            house.end(house.owners[which % len(house.owners)])
        elif what == "empties" and (s.copy or s.journal):
            house.do(stores.empty_redis)
        elif what == "take":
            self.take()
        elif what == "sweep" and self.swept is None:
            self.swept = (s.copy, s.journal)
        elif what == "sweep" and self.swept is not None:
            (copy, read), self.swept = self.swept, None
            if copy == s.fence:
                stores.s = model.trim(model.flush(s, read), read, RIGHT)

    def take(self) -> None:
        """The next step of a take-over; anything may come between two."""
        s, taker = self.stores.s, self.taker
        if taker is None:
            if s.fence < TAKES_MAX:
                self.stores.s = s._replace(fence=s.fence + 1)
                self.taker = Taker(s.fence + 1)
        elif taker.sealed is None and s.copy < taker.fence:
            taker.sealed = s.journal
            self.stores.s = s._replace(copy=taker.fence)
        else:
            self.taker = None
            if taker.sealed is not None and s.fence == taker.fence:
                s = model.flush(s, taker.sealed)
                self.stores.s = s._replace(told=s.told | set(s.turns))
                self.house.join(taker.fence, s.turns)

    def check(self) -> None:
        """Nothing acknowledged is lost."""
        assert not broken(self.stores.s._replace(owners=())), self.stores.s

    def end(self) -> None:
        """Whoever comes last finds all that was acknowledged, and can go on."""
        self.house.end_all()
        told = self.stores.s.told
        owner = self.house.take_over()
        turns = self.stores.s.turns
        assert told <= set(turns)
        assert [model.turn_of(one) for one in turns] == list(range(1, len(turns) + 1))
        send(self.house, owner, f"{len(turns) + 1}a")
        while self.stores.requests:
            self.house.do(lambda: self.stores.befall(self.stores.requests[0], "done"))
        assert owner.outcomes == ["saved"]
        self.house.end_all()


def steps(seed: int) -> list[Step]:
    """Twenty steps of anything: a third of them answers."""
    dice = random.Random(seed)

    def fates() -> tuple[str, ...]:
        return tuple(dice.choice(FATES) for _ in range(4))

    def step() -> Step:
        who, which = dice.randrange(3), dice.randrange(6)
        match dice.randrange(3):
            case 0:
                text, there = dice.choice("ab"), dice.random() < 0.5
                return "answer", {"who": who, "text": text, "there": there, "fates": fates()}
            case 1:
                return "tick", {"who": who, "fates": fates()}
            case _:
                what, fate = dice.choice(BESIDE), dice.choice(FATES)
                return "beside", {"what": what, "which": which, "fate": fate}

    return [step() for _ in range(20)]


def fault(house: House, way: list[Step]) -> str:
    """Go this way; return what was broken on it, "" for nothing."""
    walk = Walk(house)
    try:
        for name, given in way:
            getattr(walk, name)(**given)
            walk.check()
        walk.end()
    except AssertionError as error:
        house.end_all()
        return str(error) or "broken"
    return ""


def first_fault(house: House, walks: int) -> list[Step]:
    """Return the first way on which something breaks, without what it does not need."""
    found: list[Step] = next((way for way in map(steps, range(walks)) if fault(house, way)), [])
    for number in reversed(range(len(found))):
        without = found[:number] + found[number + 1 :]
        found = without if fault(house, without) else found
    return found


def test_what_a_keeper_says_was_saved_is_in_the_record(house: House) -> None:
    """Once, in order, and in its own words, whatever befalls the stores."""
    way = first_fault(house, examples(1_000))
    assert not way, (way, fault(house, way))


@pytest.mark.parametrize("rule", RULES)
def test_a_keeper_that_forgets_a_rule_is_found_out(
    house: House, monkeypatch: pytest.MonkeyPatch, rule: str
) -> None:
    """The walks can fail: without one of its rules they do."""
    monkeypatch.setattr(Keeper, rule, lambda *_: RULES[rule])
    assert first_fault(house, 1_000)
