"""PostgreSQL is away: running interviews go on, and what was acknowledged is never lost."""

import asyncio

import msgspec
import pytest

from pipeline.sweep import Sweep
from protocol import limits, messages
from runtime import clock
from storage import candidates, flushing, keys, sessions
from storage.blobs import open_blobs
from storage.connect import open_database
from tests.failure.waiting import asked, begun, kept, said, say, ticket, until
from tests.server.live_house import live_house, make_interview
from tests.server.test_live import ANSWER, Wire, status_of, turns_of


async def test_an_interview_goes_on_and_is_whole_afterwards(settings, db, tenant, stores, redis):
    """Answers are accepted, questions come, a lost socket comes back; then all is in PostgreSQL."""
    made = await make_interview(db, tenant)
    async with live_house(settings) as house:
        async with Wire(house.url, ticket(house, made)) as wire:
            joined = await wire.join()
            await asked(wire, 1)
            await say(wire, 1)
            await asked(wire, 2)
            await stores.postgres_down()
            await say(wire, 2)
            last = await asked(wire, 3)
        token = messages.RESUME_PREFIX + joined.resume_token
        async with Wire(house.url, token) as wire:  # the phone was in a lift
            again = await wire.join(epoch=joined.epoch, offset=last.offset)
            assert again.recovered
            await say(wire, 3)
            await asked(wire, 4)
            assert await redis.llen(keys.journal(made.session_id)) == 2
            await stores.postgres_up()
            await until(lambda: kept(db, made, 3), "the flush")  # without a word from anybody
            await until(lambda: _trimmed(redis, made), "the trimming")
            await say(wire, 4)
    rows = await turns_of(db, made)
    assert [(row.turn, row.client_msg_id) for row in rows] == [(n, f"m{n}") for n in range(1, 5)]
    assert await sessions.count_asks(db, tenant.id) == 5  # one a question: paid calls are accounted


async def _trimmed(redis, made):
    return not await redis.exists(keys.journal(made.session_id))


async def test_the_next_owner_inserts_what_the_dead_one_had_accepted(settings, db, tenant, stores):
    """The owner dies with PostgreSQL away; whoever takes over shows every acknowledged answer."""
    made = await make_interview(db, tenant)
    async with live_house(settings, "two") as two:
        async with live_house(settings, "one") as one:
            async with begun(one, made) as wire:
                await stores.postgres_down()
                await say(wire, 1)
                waiting = await asked(wire, 2)
        await until(lambda: _refused(two, made), "a temporary refusal")
        await stores.postgres_up()
        async with Wire(two.url, ticket(two, made)) as wire:
            await wire.join()
            state = await wire.next(messages.SessionState)
            assert [turn.answer for turn in state.turns] == [ANSWER]
            assert state.current.text == waiting.text
            await say(wire, 2)
    assert [row.turn for row in await turns_of(db, made)] == [1, 2]


async def _refused(house, made):
    """A take-over needs both stores: 4004 means come back, and nothing is changed."""
    async with Wire(house.url, ticket(house, made)) as wire:
        await wire.send(messages.SessionJoin())
        return await wire.closed() == 4004


async def test_a_drain_waits_for_postgresql_and_then_seals_the_journal(
    settings, db, tenant, stores, redis, monkeypatch
):
    """The interview goes on until the deadline; the page is told, and it goes on elsewhere."""
    monkeypatch.setattr(limits, "DRAIN_SECONDS", 1.0)
    made = await make_interview(db, tenant)
    async with live_house(settings, "one") as one, live_house(settings, "two") as two:
        async with begun(one, made) as wire:
            await stores.postgres_down()
            await say(wire, 1)  # from here on it is known to be away
            await asked(wire, 2)
            draining = asyncio.ensure_future(one.sessions.drain())
            await say(wire, 2)
            fault = await wire.next(messages.FaultFrame)
            assert (fault.code, fault.temporary) == ("moving_waits", True)
            moving = await wire.next(messages.SessionMoving)
            assert (moving.resume_url, await wire.closed()) == (two.url, 4001)
            assert await draining == 0
        await one.sessions.close()  # its process ends
        assert await redis.llen(keys.journal(made.session_id)) >= 2
        assert await _refused(two, made)
        await stores.postgres_up()
        async with Wire(two.url, ticket(two, made)) as wire:
            await wire.join()
            state = await wire.next(messages.SessionState)
            assert [turn.turn for turn in state.turns] == [1, 2]
            if state.current is None or not state.current.completed:
                await asked(wire, 3)
            await say(wire, 3)
    assert [row.turn for row in await turns_of(db, made)] == [1, 2, 3]


async def test_the_sweep_flushes_for_a_candidate_who_never_returns(
    settings, db, tenant, stores, redis
):
    """Its answers are in PostgreSQL all the same, whoever else's journal cannot be read."""
    made = await make_interview(db, tenant)
    async with live_house(settings) as house:
        async with begun(house, made) as wire:
            await stores.postgres_down()
            await say(wire, 1)
            await asked(wire, 2)
            await say(wire, 2)
        await house.sessions.close()  # as a crash: nothing of its memory is left to flush
    await stores.postgres_up()
    broken = [clock.new_id() for _ in range(4)]  # in front of it or behind, wherever Redis has them
    for session_id in broken:
        await redis.rpush(keys.journal(session_id), "half a line")
    stuck = await make_interview(db, tenant)  # a gap: PostgreSQL does not take it
    names = ("session_id", "fence", "ask", "directive", "question", "answer", "client_msg_id")
    row = dict.fromkeys((*names, "state", "next_ask"), "") | {"turn": 9, "tenant_id": tenant.id}
    line = b"t9:x turn 9 " + msgspec.json.encode(row)
    await redis.rpush(keys.journal(stuck.session_id), line)
    across = await open_database(settings.database_sweep_url, size=1)
    async with live_house(settings, "two") as two:
        sweep = Sweep(across, db, open_blobs(settings.storage_url), two.instance.journal)
        assert (await sweep.round())["journals"] == 2
        assert all([await redis.exists(keys.set_aside(session_id)) for session_id in broken])
        assert await redis.lrange(keys.journal(stuck.session_id), 0, -1) == [line]
        assert (await sweep.round())["journals"] == 0
    await across.close()
    assert [row.turn for row in await turns_of(db, made)] == [1, 2]
    assert not await redis.exists(keys.journal(made.session_id))


async def test_without_a_file_synced_at_every_write_nothing_is_promised(
    settings, db, tenant, stores, redis
):
    """The journal is off: not_saved, temporary; the same answer is accepted later."""
    made = await make_interview(db, tenant)
    async with live_house(settings) as house:
        async with begun(house, made) as wire:
            await redis.config_set("appendfsync", "everysec")
            house.instance.journal._checked_at = -limits.JOURNAL_CHECK_SECONDS
            await stores.postgres_down()
            await wire.send(messages.AnswerSubmit("a", 1, ANSWER))
            fault = await wire.next(messages.FaultFrame)
            assert (fault.code, fault.temporary, fault.client_msg_id) == ("not_saved", True, "a")
            assert not await redis.exists(keys.journal(made.session_id))
            await redis.config_set("appendfsync", "always")
            await stores.postgres_up()
            await until(lambda: said(wire, 1, "a"), "the acknowledgement")
    assert [row.client_msg_id for row in await turns_of(db, made)] == ["a"]


async def test_an_emptied_redis_takes_nothing_either(settings, db, tenant, stores, redis):
    """No key, no promise: nobody can tell there who owns the session. PostgreSQL can, later."""
    made = await make_interview(db, tenant)
    async with live_house(settings) as house:
        async with begun(house, made) as wire:
            await stores.postgres_down()
            await redis.flushdb()
            await wire.send(messages.AnswerSubmit("a", 1, ANSWER))
            assert (await wire.next(messages.FaultFrame)).code == "not_saved"
            await stores.postgres_up()
            await until(lambda: said(wire, 1, "a"), "the acknowledgement")
            await asked(wire, 2)
            await until(lambda: _known(house, made, redis), "the confirmation")
            await stores.postgres_down()
            await say(wire, 2)  # Redis knows the owner again, and PostgreSQL had confirmed it
            await stores.postgres_up()
            await until(lambda: kept(db, made, 2), "the flush")


async def _known(house, made, redis):
    here = house.sessions.here(made.session_id)
    return await redis.exists(keys.live(made.session_id)) and here._keeper._confirmed


async def test_the_end_waits_and_says_so(settings, db, tenant, stores):
    """The candidate leaves while PostgreSQL is away: told honestly, also after a reload."""
    made = await make_interview(db, tenant)
    async with live_house(settings) as house:
        async with Wire(house.url, ticket(house, made)) as wire:
            joined = await wire.join()
            await asked(wire, 1)
            await stores.postgres_down()
            await say(wire, 1)
            await wire.send(messages.SessionLeave())
            fault = await wire.next(messages.FaultFrame)
            assert (fault.code, fault.temporary) == ("ending_waits", True)
            assert "guardado" in fault.message
        async with Wire(house.url, messages.RESUME_PREFIX + joined.resume_token) as wire:
            await wire.join()
            assert (await wire.next(messages.FaultFrame)).code == "ending_waits"
            await stores.postgres_up()
            assert (await wire.next(messages.SessionFinished)).reason == "left"
    row = await status_of(db, made)
    assert (row.status, row.finished_reason) == ("finished", "left")
    assert [row.turn for row in await turns_of(db, made)] == [1]


async def test_a_database_that_hangs_and_wakes_up_has_each_answer_once(
    settings, db, tenant, stores, monkeypatch
):
    """The statement it was given before is carried out late, beside the journal's: one row."""
    monkeypatch.setattr(limits, "SAVE_SECONDS", 1.0)
    made = await make_interview(db, tenant)
    async with live_house(settings) as house:
        async with begun(house, made) as wire:
            stores.freeze_postgres()
            await say(wire, 1)
            await asked(wire, 2)
            await say(wire, 2)
            stores.thaw_postgres()
            await until(lambda: kept(db, made, 2), "the flush")
            await asked(wire, 3)
            await say(wire, 3)
    rows = await turns_of(db, made)
    assert [(row.turn, row.client_msg_id) for row in rows] == [(1, "m1"), (2, "m2"), (3, "m3")]


async def test_another_answer_is_not_kept_while_one_is_in_doubt(settings, db, tenant, stores):
    """PostgreSQL may have the first one: it is asked before anything else is promised."""
    made = await make_interview(db, tenant)
    async with live_house(settings) as house:
        async with begun(house, made) as wire:
            keeper = house.sessions.here(made.session_id)._keeper
            keeper._confirmed = False  # so that the journal takes nothing for a moment
            await stores.postgres_down()
            await wire.send(messages.AnswerSubmit("first", 1, ANSWER))
            assert (await wire.next(messages.FaultFrame)).code == "not_saved"
            keeper._confirmed = True
            await wire.send(messages.AnswerSubmit("second", 1, "otra"))
            fault = await wire.next(messages.FaultFrame)
            assert (fault.code, fault.client_msg_id) == ("not_saved", "second")
            await say(wire, 1, "first")  # the same one again is no contradiction
            await stores.postgres_up()
            await until(lambda: kept(db, made, 1), "the flush")
    assert [row.client_msg_id for row in await turns_of(db, made)] == ["first"]


async def test_what_waits_goes_in_before_anything_newer(settings, db, tenant, stores, monkeypatch):
    """The next answer meets a PostgreSQL that is back: the journal's first, then this one."""
    made = await make_interview(db, tenant)
    async with live_house(settings) as house:
        async with begun(house, made) as wire:
            keeper = house.sessions.here(made.session_id)._keeper
            monkeypatch.setattr(keeper, "tick", lambda: None)  # nobody flushes in the background
            house.instance.reach.away = True  # this process alone cannot reach PostgreSQL
            await say(wire, 1)
            await asked(wire, 2)
            await say(wire, 2)
            await asked(wire, 3)
            assert await turns_of(db, made) == []
            house.instance.reach.away = False
            await say(wire, 3)
            assert [row.turn for row in await turns_of(db, made)] == [1, 2, 3]


async def test_what_could_not_be_trimmed_is_in_nobodys_way(settings, db, tenant, stores, redis):
    """Valkey stood still between the flush and the trimming; the next outage finds a leftover."""
    made = await make_interview(db, tenant)
    async with live_house(settings) as house:
        async with begun(house, made) as wire:
            await stores.postgres_down()
            await say(wire, 1)
            await asked(wire, 2)
            left = await redis.lrange(keys.journal(made.session_id), 0, -1)
            await stores.postgres_up()
            await until(lambda: _trimmed(redis, made), "the trimming")
            await say(wire, 2)
            await asked(wire, 3)
            await redis.rpush(keys.journal(made.session_id), *left)
            await stores.postgres_down()
            await say(wire, 3)
            await asked(wire, 4)
            await say(wire, 4)
            await stores.postgres_up()
            await until(lambda: kept(db, made, 4), "the flush")
            await until(lambda: _trimmed(redis, made), "the trimming")
    assert [row.turn for row in await turns_of(db, made)] == [1, 2, 3, 4]


async def test_an_erased_persons_words_leave_the_journal_too(settings, db, tenant, stores, redis):
    """What the sweep finds of somebody who was erased meanwhile is thrown away, not inserted."""
    made = await make_interview(db, tenant)
    async with live_house(settings) as house:
        async with begun(house, made) as wire:
            house.instance.reach.away = True  # this process alone cannot reach PostgreSQL
            await say(wire, 1, text="mi nombre es Ana")
            async with db.tenant(tenant.id) as c:
                await candidates.erase(c, made.candidate_id)
            assert await flushing.flush_left(db, house.instance.journal, made.session_id) == 0
            assert not await redis.exists(keys.journal(made.session_id))
    assert await turns_of(db, made) == []


@pytest.mark.parametrize("way", ["answer", "close"])
async def test_a_withdrawal_in_between_keeps_the_answer(settings, db, tenant, stores, redis, way):
    """What was acknowledged is kept; the candidate is told that the invitation was withdrawn."""
    from storage import interviews, live

    made = await make_interview(db, tenant)
    async with live_house(settings) as house:
        async with begun(house, made) as wire:
            house.instance.reach.away = True  # this process alone cannot reach PostgreSQL
            await say(wire, 1)
            async with db.tenant(tenant.id) as c:
                assert await interviews.withdraw(c, made.id)
            await live.forget(redis, [made.session_id])
            house.instance.reach.away = False
            if way == "answer":
                await wire.send(messages.AnswerSubmit("m2", 2, ANSWER))
            assert await wire.closed() == 4503
        across = await open_database(settings.database_sweep_url, size=1)
        sweep = Sweep(across, db, open_blobs(settings.storage_url), house.instance.journal)
        assert (await sweep.round())["journals"] == 1
        await across.close()
    assert [row.client_msg_id for row in await turns_of(db, made)] == ["m1"]
