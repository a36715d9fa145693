"""Numbers of attempts: never one that is on record, and the bank when there were too many."""

import pytest

from interview.attempts import Attempts
from protocol import limits


@pytest.mark.parametrize(
    ("asked", "wanted", "numbers"),
    [(0, [1, 2, 3], [1, 2, 3]), (2, [1, 2], [3, 4]), (2, [7, 8], [7, 8]), (1, [1, 1], [2, 3])],
)
def test_no_number_is_used_twice(asked, wanted, numbers):
    """Whatever this owner would have called them, they follow what is on record."""
    attempts = Attempts(4, asked)
    assert [attempts.plan(4, ask, None).ask for ask in wanted] == numbers


def test_other_turns_begin_at_one():
    """What is on record belongs to the turn at which the session was taken over."""
    attempts = Attempts(4, 3)
    assert attempts.plan(5, 1, None).ask == 1
    assert attempts.plan(4, 1, None).ask == 4


def test_after_too_many_the_bank_asks():
    """Also where the earlier attempts were those of owners that died."""
    attempts = Attempts(1, limits.ASKS_PER_TURN_MAX - 1)
    assert [attempts.plan(1, 1, None).bank_only for _ in range(2)] == [False, True]
