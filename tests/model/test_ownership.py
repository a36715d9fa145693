"""The ownership protocol searched whole, and each way to get it wrong found at once.

Bigger bounds: `python -m tests.model --takes 2 --turns 2 --sweeps 1`, about a minute.
"""

import sys

import pytest

from tests.model.ownership import search, steps
from tests.model.stores import OWNER, RIGHT, WRONG, Bounds, State, Variant

WITHIN = [
    Bounds(takes=3, living=2, turns=1, empties=1, sweeps=1),
    Bounds(takes=2, living=2, turns=1, empties=2, sweeps=1),
    Bounds(takes=3, living=3, turns=2, empties=0, sweeps=1),
]
LEAST = {  # no shorter way into trouble: a change of the model that makes one should be looked at
    "no step 3": 7,
    "fence issued by Redis": 6,
    "unlocked turn write": 9,
    "journal without its key": 9,
    "journal in spite of doubt": 8,
    "a refusal ends the doubt": 8,
    "goes on after it was found behind": 7,
    "confirmed before registered": 12,
    "registers over another's answers": 14,
    "registers beside an append": 10,
    "trim of all that is there": 9,
    "sweep without a fence": 12,
}


@pytest.mark.parametrize("bounds", WITHIN, ids=lambda b: "-".join(map(str, b)))
def test_no_state_of_the_protocol_loses_doubles_or_reorders_an_answer(bounds: Bounds) -> None:
    """Every interleaving within the bounds; the count says that it was no empty search."""
    found = search(RIGHT, bounds)
    sys.stdout.write(f"\n{bounds}: {found.told()}\n")
    assert not found.broken, found.told()
    assert found.states > 10_000


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_protocol_is_found_out(name: str) -> None:
    """Each known mistake breaks a property, and the shortest way there is told."""
    found = search(WRONG[name], Bounds(takes=2, turns=2, empties=2, sweeps=1))
    sys.stdout.write(f"\n{name}: {found.told()}\n")
    assert found.broken
    assert len(found.trace) == LEAST[name]


def test_forgetting_who_is_refused_for_ever_hides_nothing() -> None:
    """The search leaves such owners out; with them there are more states and the same verdict."""
    bounds = Bounds(takes=2, turns=1, empties=0, sweeps=1)
    short, long = search(RIGHT, bounds), search(Variant(missing_key=True), bounds)
    assert (short.broken, long.broken) == ("", "")  # Redis is never emptied: its key is there
    assert long.states > short.states


def _go(state: State, *words: str) -> State:
    """Take the one step whose label has every word."""
    after = [to for label, to in steps(state) if all(word in label for word in words)]
    assert len(after) == 1, (words, [label for label, _ in steps(state)])
    return after[0]


@pytest.mark.parametrize("away", [False, True], ids=["postgres there", "postgres away"])
def test_an_answer_reaches_postgresql_by_either_way(away: bool) -> None:
    """The happy way and the journal's are both among what is searched."""
    state = _go(State(), "raises the fence")
    state = _go(state, "raises the copy")
    state = _go(state, "PostgreSQL confirms", "joined")
    assert state.owners[0].phase == OWNER
    if away:
        state = _go(state, "1a comes", "sent to Redis")
        state = _go(state, "journals 1a")
        assert (state.turns, state.journal, state.told) == ((), ("1a",), {"1a"})
        state = _go(state, "PostgreSQL has the journal")
        state = _go(state, "drops what was flushed")
    else:
        state = _go(state, "1a comes", "sent to PostgreSQL")
        state = _go(state, "PostgreSQL answers for 1a", "accepted")
    assert (state.turns, state.journal) == (("1a",), ())
    assert state.owners[0].known == ("1a",)
