"""When a client comes back."""

import itertools
import random

from client.backoff import COME_BACK, Backoff
from protocol.faults import KINDS


def test_windows_are_one_then_two_seconds_for_half_a_minute_then_double_to_sixty():
    """The windows are the wire's: 1, 2, 2 ... s, doubling after 30 s, at most 60 s."""
    backoff = Backoff(random.Random(1))
    windows = []
    for _ in range(25):
        windows.append(backoff.window())
        backoff.next()
    assert windows[0] == 1.0
    early = [w for i, w in enumerate(windows) if sum(windows[:i]) < 30]
    assert early == [1.0] + [2.0] * (len(early) - 1)
    late = windows[len(early) :]
    assert late[0] == 4.0
    assert all(b in (min(60.0, a * 2), 60.0) for a, b in itertools.pairwise(late))
    assert late[-1] == 60.0


def test_a_wait_is_anywhere_in_its_window():
    """Full jitter: from nothing to the whole window, so that a crowd spreads."""
    waits = []
    for seed in range(300):
        backoff = Backoff(random.Random(seed))
        backoff.next()
        waits.append(backoff.next())
    assert 0 <= min(waits) < 0.2
    assert 1.8 < max(waits) <= 2.0


def test_a_reset_begins_with_the_first_window():
    """After a connection that lived the first wait is short again."""
    backoff = Backoff(random.Random(2))
    for _ in range(20):
        backoff.next()
    backoff.reset()
    assert backoff.window() == 1.0


def test_codes_below_4500_bring_a_client_back_and_the_others_do_not():
    """The list agrees with the table of faults: 4000-4499 come back, 4500-4999 do not."""
    for kind in KINDS.values():
        if kind.close is not None and kind.close >= 4000:
            assert (kind.close in COME_BACK) == (kind.close < 4500), kind.code
