"""A journal into PostgreSQL: in order, once, and never over what is there."""

import msgspec
import pytest

from interview.events import AskPlan, Save
from interview.interviewer import Directive, Said
from interview.record import Snapshot
from protocol.faults import Fault
from runtime import metrics
from storage import flushing, interviews, keys, sessions
from storage.journal import Journal, ask_entry, turn_entry
from storage.redis_writer import RedisWriter
from storage.turns import TurnWriter, turn_row
from tests.server.live_house import make_interview

DIRECTIVE = Directive(
    turn=1,
    competency="c",
    level="basic",
    kind="opening",
    skill="",
    asks="",
    probe=None,
    bridge=0,
    first=True,
    last=False,
)


@pytest.fixture
async def record(db, tenant):
    """A session that was taken over."""
    made = await make_interview(db, tenant)
    return await sessions.take(db, tenant.id, made.session_id, instance_id="one")


def row_of(record, turn, id_="", text="palabras"):
    said = Said(turn, "c", "basic", "opening", f"pregunta {turn}", text)
    plan = AskPlan(turn + 1, 1, DIRECTIVE)
    save = Save(said, 1, "offline", id_ or f"m{turn}", 1.0, plan)
    return turn_row(record, save, Snapshot(used_seconds=float(turn)))


def entry_of(record, turn, id_="", text="palabras"):
    return turn_entry(row_of(record, turn, id_, text))


async def flush(db, record, *entries):
    return await flushing.flush(
        db, record.tenant_id, record.session_id, entries, fence=record.fence
    )


async def kept(db, record):
    async with db.tenant(record.tenant_id) as c:
        rows = await interviews.turns(c, record.interview_id)
    return [(row.turn, row.client_msg_id, row.answer) for row in rows]


async def test_twice_is_once_and_a_part_is_no_loss(db, record):
    """The commit whose answer was lost, then the whole journal again."""
    entries = [entry_of(record, turn) for turn in (1, 2, 3)]
    assert (await flush(db, record, *entries[:2])).inserted == 2
    flushed = await flush(db, record, *entries)
    assert (flushed.inserted, flushed.turns_done) == (1, 3)
    assert (await flush(db, record, *entries)).inserted == 0
    assert await kept(db, record) == [(turn, f"m{turn}", "palabras") for turn in (1, 2, 3)]
    assert await sessions.count_asks(db, record.tenant_id) == 3
    snapshot = await sessions.look(db, record.tenant_id, record.session_id)
    assert snapshot.used_seconds == 3.0


async def test_what_postgresql_saved_itself_is_left_as_it_is(db, record):
    """Its commit was in doubt, so the journal has the answer as well: one row."""
    writer = TurnWriter(db)
    assert await writer.save(row_of(record, 1)) == "saved"
    await flush(db, record, entry_of(record, 1), entry_of(record, 2))
    assert await writer.save(row_of(record, 2)) == "duplicate"
    assert await writer.save(row_of(record, 3)) == "saved"
    await writer.close()
    assert [turn for turn, _, _ in await kept(db, record)] == [1, 2, 3]


async def test_a_fence_that_is_not_the_sessions_inserts_nothing(db, record):
    """An owner that was taken over may not flush; its journal is the newcomer's to insert."""
    newer = await sessions.take(db, record.tenant_id, record.session_id, instance_id="two")
    with pytest.raises(Fault, match="fence_lost"):
        await flush(db, record, entry_of(record, 1))
    assert await kept(db, record) == []
    confirmed = await sessions.confirm_taken(db, newer, [entry_of(record, 1)])
    assert [one.client_msg_id for one in confirmed.answered] == ["m1"]
    assert confirmed.snapshot.used_seconds == 1.0


async def test_the_third_step_sees_what_was_inserted_meanwhile(db, record):
    """Between the first step and the third somebody flushed: the answers are read again."""
    newer = await sessions.take(db, record.tenant_id, record.session_id, instance_id="two")
    assert newer.answered == []
    await flush(db, newer, entry_of(record, 1))
    confirmed = await sessions.confirm_taken(db, newer, [])
    assert [one.said.answer for one in confirmed.answered] == ["palabras"]


async def test_a_gap_is_refused_whole(db, record):
    """Turns go in without a gap, or an interview would go on without an answer."""
    with pytest.raises(Fault, match="unavailable"):
        await flush(db, record, entry_of(record, 1), entry_of(record, 3))
    assert await kept(db, record) == []


async def test_a_contradiction_overwrites_nothing_and_is_counted(db, record):
    """It must not happen; if it does, the record stands and somebody is told."""
    before = metrics.journal.labels("conflict")._value.get()
    await flush(db, record, entry_of(record, 1, "first", "una"))
    await flush(db, record, entry_of(record, 1, "second", "otra"), entry_of(record, 2))
    assert await kept(db, record) == [(1, "first", "una"), (2, "m2", "palabras")]
    assert metrics.journal.labels("conflict")._value.get() == before + 1


async def test_an_attempt_alone_is_accounted_once(db, record):
    """A question begun again while PostgreSQL was away."""
    entry = ask_entry(record.tenant_id, record.session_id, record.fence, AskPlan(1, 2, DIRECTIVE))
    for _ in range(2):
        await flush(db, record, entry)
    assert await sessions.count_asks(db, record.tenant_id) == 1


# The sweep ------------------------------------------------------------------------------------


@pytest.fixture
async def journal(redis, record):
    """What the owner accepted while PostgreSQL was away lies in Redis, under the owner's fence."""
    entry = entry_of(record, 1)
    line = b" ".join([entry.mark.encode(), b"turn", b"1", msgspec.json.encode(entry.row)])
    await redis.hset(keys.live(record.session_id), "fence", record.fence)
    await redis.rpush(keys.journal(record.session_id), line)
    return Journal(redis, RedisWriter(redis))


async def test_the_sweep_inserts_under_the_fence_that_redis_had(db, redis, record, journal):
    """Nobody has come since: what was promised is kept, and the journal forgets it."""
    assert await flushing.flush_left(db, journal, record.session_id) == 1
    assert [turn for turn, _, _ in await kept(db, record)] == [1]
    assert not await redis.exists(keys.journal(record.session_id))


@pytest.mark.parametrize("copy", ["older", "none"])
async def test_the_sweep_leaves_a_journal_to_whoever_takes_over(db, redis, record, journal, copy):
    """The newcomer has read the record: nothing goes in behind its back, and nothing is dropped."""
    newer = await sessions.take(db, record.tenant_id, record.session_id, instance_id="two")
    if copy == "none":
        await redis.delete(keys.live(record.session_id))
    assert await flushing.flush_left(db, journal, record.session_id) == 0
    assert await kept(db, record) == []
    left = await journal.left(record.session_id)
    assert (left.fence, len(left.entries)) == (0 if copy == "none" else record.fence, 1)
    confirmed = await sessions.confirm_taken(db, newer, left.entries)
    assert [one.client_msg_id for one in confirmed.answered] == ["m1"]


async def test_what_a_withdrawal_found_in_the_journal_is_kept(db, redis, record, journal):
    """It raises the fence, and nobody takes over any more: the sweep is the only one to insert."""
    async with db.tenant(record.tenant_id) as c:
        assert await interviews.withdraw(c, record.interview_id)
    assert await flushing.flush_left(db, journal, record.session_id) == 1
    assert [turn for turn, _, _ in await kept(db, record)] == [1]
    with pytest.raises(Fault, match="fence_lost"):  # an owner's flush needs its fence all the same
        await flush(db, record, entry_of(record, 1))


async def test_what_nobody_can_read_is_set_aside_and_nothing_else_waits(db, record, redis):
    """What lies before it is inserted, it and what lies behind it is kept for a person."""
    journal, session_id = Journal(redis, RedisWriter(redis)), record.session_id
    await redis.hset(keys.live(session_id), "fence", record.fence)
    good = [entry_of(record, turn) for turn in (1, 2, 3)]
    lines = [f"{e.mark} {e.kind} {e.turn} ".encode() + e.body for e in good]
    lines[1] = lines[1][:-7]  # half of a line
    await redis.rpush(keys.journal(session_id), *lines)
    before = metrics.journal.labels("set_aside")._value.get()
    assert await flushing.flush_left(db, journal, session_id) == 1
    assert await kept(db, record) == [(1, "m1", "palabras")]
    assert await redis.lrange(keys.set_aside(session_id), 0, -1) == lines[1:]
    assert not await redis.exists(keys.journal(session_id))
    assert metrics.journal.labels("set_aside")._value.get() == before + 2
    assert await journal.held(limit=9) == []
    taken = await sessions.take(db, record.tenant_id, session_id, instance_id="two")
    assert len(taken.answered) == 1  # its candidate is not locked out any more


@pytest.mark.parametrize(
    "line",
    [b"", b"t1:x", b"t1:x turn one {}", b"t1:x what 1 {}", b"t1:x turn 1 {}", b"t1:x turn 1 5"],
)
async def test_whatever_lies_there_is_no_trap(db, record, redis, line):
    """Other people's lines, a row without what is needed: set aside like half a line."""
    journal = Journal(redis, RedisWriter(redis))
    await redis.rpush(keys.journal(record.session_id), line)
    assert await flushing.flush_left(db, journal, record.session_id) == 0
    assert await redis.lrange(keys.set_aside(record.session_id), 0, -1) == [line]


async def test_a_take_over_in_between_leaves_the_unreadable_where_it_is(db, record, redis):
    """What lies before it was not inserted: it stays in front, for the next round."""
    journal = Journal(redis, RedisWriter(redis))
    await redis.hset(keys.live(record.session_id), "fence", record.fence)
    entry = entry_of(record, 1)
    line = f"{entry.mark} {entry.kind} {entry.turn} ".encode() + entry.body
    await redis.rpush(keys.journal(record.session_id), line, b"half")
    await sessions.take(db, record.tenant_id, record.session_id, instance_id="two")
    assert await flushing.flush_left(db, journal, record.session_id) == 0
    assert await redis.lrange(keys.journal(record.session_id), 0, -1) == [line, b"half"]
