"""The pure rules of the protocol: recovery against an oracle, faults, ids and jobs."""

from datetime import UTC, datetime
from uuid import uuid4

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol import ids, jobs, limits
from protocol.faults import KINDS, Fault
from protocol.recovery import replay_from


@given(
    sent=st.integers(0, 40),
    kept=st.integers(0, 40),
    epoch=st.integers(1, 3),
    client_epoch=st.none() | st.integers(1, 3),
    client_offset=st.none() | st.integers(-2, 45),
)
def test_recovery_is_what_a_brute_force_comparison_says(
    sent, kept, epoch, client_epoch, client_offset
):
    """Replay exactly when the client's frames and the kept ones join into the whole record."""
    record = list(range(1, sent + 1))
    log = record[max(0, sent - kept) :]
    first = log[0] if log else sent + 1
    start = replay_from(
        client_epoch=client_epoch, client_offset=client_offset, epoch=epoch, first=first, top=sent
    )
    has = None
    if client_epoch == epoch and client_offset is not None and 0 <= client_offset <= sent:
        has = record[:client_offset]
    joined = None if has is None else has + [offset for offset in log if offset > len(has)]
    if joined == record:
        assert start == len(has) + 1
    else:
        assert start is None


@given(st.integers(0, 2**48 - 1), st.binary(min_size=10, max_size=10))
def test_an_id_carries_its_time(unix_ms, entropy):
    """Version 7, variant 1, and the milliseconds come back."""
    made = ids.make(unix_ms, entropy)
    assert (made.version, made.variant) == (7, "specified in RFC 4122")
    assert ids.unix_ms(made) == unix_ms
    if unix_ms < 253_402_300_800_000:
        assert ids.created_at(made).timestamp() == pytest.approx(unix_ms / 1000, abs=1e-6)


@given(st.integers(0, 2**47), st.integers(1, 10**6), st.binary(min_size=10, max_size=10))
def test_later_ids_sort_after_earlier_ones(unix_ms, later, entropy):
    """Time-ordered, so that a page of rows is a range of ids."""
    assert ids.make(unix_ms, b"\xff" * 10) < ids.make(unix_ms + later, entropy)


def test_the_time_of_an_id_is_exact_to_the_millisecond():
    """The partition key must be the same wherever it is computed."""
    for milliseconds in (0, 1, 999, 123):
        unix_ms = 1_780_000_000_000 + milliseconds
        expected = datetime.fromtimestamp(1_780_000_000, UTC).replace(
            microsecond=milliseconds * 1000
        )
        assert ids.created_at(ids.make(unix_ms, b"0123456789")) == expected


@pytest.mark.parametrize("kind", KINDS.values(), ids=lambda kind: kind.code)
def test_a_close_code_says_whether_to_come_back(kind):
    """4000-4500 come back, 4501-4999 do not; and `retry` agrees where a session is meant."""
    if kind.close is None:
        return
    assert 4000 <= kind.close <= 4999
    comes_back = kind.close <= 4500
    assert comes_back == kind.retry or kind.close == 4010, kind


def test_an_unknown_fault_is_a_bug():
    """Raising with a code that no table has is a KeyError, not a message."""
    with pytest.raises(KeyError):
        Fault("no_such_code")


@pytest.mark.parametrize(
    "job",
    [
        jobs.CvStage(uuid4(), uuid4(), "parse"),
        jobs.OpeningVector(uuid4(), uuid4()),
        jobs.Evaluate(uuid4(), uuid4()),
    ],
)
def test_an_envelope_comes_back_as_it_was(job):
    """Every job through the outbox's text, in every lane."""
    for lane in jobs.LANES:
        envelope = jobs.Envelope(job=job, lane=lane, request_id="r")
        assert jobs.decode(jobs.encode(envelope)) == envelope
    with pytest.raises(msgspec.DecodeError):
        jobs.decode("{}")


def test_the_limits_hold_each_other():
    """The relations that the deployment leans on (SPEC live-3)."""
    ladder = (
        limits.SCALE_IN_SESSIONS,
        limits.TARGET_SESSIONS,
        limits.SCALE_OUT_SESSIONS,
        limits.ADMIT_SESSIONS,
        limits.HARD_CAP_SESSIONS,
    )
    assert ladder == (20, 50, 60, 70, 75)
    assert list(ladder) == sorted(set(ladder))
