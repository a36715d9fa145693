"""Ids of one process stand in the order in which they were made, whatever its clock does."""

from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol import ids
from runtime import clock

START_MS = 1_780_000_000_000
STEPS = st.lists(
    st.sampled_from([0, 0, 0, 0, 1, 2, 1_000, -1, -50, 86_400_000, -3_600_000])
    | st.integers(-9, 9),
    max_size=60,
)


@given(STEPS)
def test_later_ids_are_greater_also_in_the_same_millisecond(steps):
    """And near the clock's time: one set far back is followed, for rows lie where it says."""
    now, made = START_MS, []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(clock, "_order", clock._Order())
        for step in steps:
            now += step
            patch.setattr(clock, "wall_ms", lambda now=now: now)
            made.append((now, clock.new_id()))
    assert all(one.version == 7 for _, one in made)
    assert all(0 <= ids.unix_ms(one) - now <= clock.SET_BACK_MS for now, one in made)
    for (_, one), (now, other) in pairwise(made):
        if ids.unix_ms(one) - now < clock.SET_BACK_MS:
            assert one < other


def test_a_burst_within_one_millisecond_is_in_order(monkeypatch):
    """Far more than a counter of twelve bits holds: it goes on with the next milliseconds."""
    monkeypatch.setattr(clock, "_order", clock._Order())
    monkeypatch.setattr(clock, "wall_ms", lambda: START_MS)
    made = [clock.new_id() for _ in range(10_000)]
    assert made == sorted(set(made))
    assert len({one.int & (1 << 62) - 1 for one in made}) == len(made)  # and none can be guessed


def test_threads_share_the_order():
    """Each thread's ids rise, and no two threads are given one place."""
    with ThreadPoolExecutor(4) as pool:
        rows = list(pool.map(lambda _: [clock.new_id() for _ in range(2_000)], range(4)))
    assert all(row == sorted(row) for row in rows)
    assert len({one.int >> 64 for row in rows for one in row}) == 8_000
