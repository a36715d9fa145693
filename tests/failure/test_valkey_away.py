"""Valkey is away, or both stores are: what PostgreSQL alone can do, and what has to wait."""

import pytest
from websockets.exceptions import InvalidStatus

from interview.events import Save
from interview.interviewer import Said
from interview.record import Snapshot
from protocol import messages
from storage import keys
from storage.journal import turn_entry
from storage.turns import turn_row
from tests.failure.waiting import asked, begun, kept, said, say, ticket, until
from tests.server.live_house import live_house, make_interview
from tests.server.test_live import ANSWER, Wire, turns_of


async def test_running_interviews_go_on_without_valkey(settings, db, tenant, stores):
    """Answers go to PostgreSQL, questions come, a lost socket comes back to where it was."""
    made = await make_interview(db, tenant)
    async with live_house(settings) as house:
        async with Wire(house.url, ticket(house, made)) as wire:
            joined = await wire.join()
            await asked(wire, 1)
            await stores.valkey_down()
            await say(wire, 1)
            last = await asked(wire, 2)
        async with Wire(house.url, messages.RESUME_PREFIX + joined.resume_token) as wire:
            again = await wire.join(epoch=joined.epoch, offset=last.offset)
            assert again.recovered
            await say(wire, 2)
            await asked(wire, 3)
            await stores.valkey_up()
            await say(wire, 3)
    assert [row.turn for row in await turns_of(db, made)] == [1, 2, 3]


async def test_a_take_over_waits_for_valkey(settings, db, tenant, stores):
    """503 with Retry-After before the upgrade; nothing changes, and later it works."""
    made = await make_interview(db, tenant)
    async with live_house(settings, "one") as one, live_house(settings, "two") as two:
        async with Wire(one.url, ticket(one, made)) as wire:
            joined = await wire.join()
            await asked(wire, 1)
            await stores.valkey_down()
            for token in (ticket(two, made), messages.RESUME_PREFIX + joined.resume_token):
                with pytest.raises(InvalidStatus) as error:
                    async with Wire(two.url, token):
                        pass
                assert error.value.response.status_code == 503
                assert int(error.value.response.headers["retry-after"]) >= 1
            await say(wire, 1)
            await asked(wire, 2)
        await stores.valkey_up()
        await until(lambda: _joins(two, made, answers=1), "the take-over")
        async with Wire(two.url, ticket(two, made)) as wire:
            await wire.join()
            state = await wire.next(messages.SessionState)
            assert state.current.turn == 2


async def _joins(house, made, *, answers):
    """Whether the door lets somebody in, who then sees every answer."""
    try:
        async with Wire(house.url, ticket(house, made)) as wire:
            await wire.join()
            assert len((await wire.next(messages.SessionState)).turns) == answers
    except InvalidStatus:
        return False
    return True


async def test_with_both_away_nothing_is_promised(settings, db, tenant, stores):
    """not_saved, and the page keeps the answer; with both back it is accepted, once."""
    made = await make_interview(db, tenant)
    async with live_house(settings) as house:
        async with begun(house, made) as wire:
            await stores.valkey_down()
            await stores.postgres_down()
            for _ in range(3):
                assert not await said(wire, 1, "a")
            await stores.valkey_up()
            await until(lambda: said(wire, 1, "a"), "the acknowledgement, in the journal")
            await asked(wire, 2)
            await stores.postgres_up()
            await until(lambda: kept(db, made, 1), "the flush")
            await say(wire, 2)
    assert [row.answer for row in await turns_of(db, made)] == [ANSWER, ANSWER]


async def test_a_journal_survives_a_power_cut_of_valkey(settings, db, tenant, stores):
    """Acknowledged with PostgreSQL away, then Valkey is killed: everything is there again."""
    made = await make_interview(db, tenant)
    async with live_house(settings, "two") as two:
        async with live_house(settings, "one") as one:
            async with begun(one, made) as wire:
                await stores.postgres_down()
                await say(wire, 1)
                await asked(wire, 2)
                await say(wire, 2)
            await one.sessions.close()  # and the owner dies with it: no memory helps
        await stores.valkey_down()
        await stores.valkey_up()
        await stores.postgres_up()
        await until(lambda: _joins(two, made, answers=2), "the take-over")
    assert [row.client_msg_id for row in await turns_of(db, made)] == ["m1", "m2"]


async def test_anothers_answers_in_a_redis_that_forgot_are_not_passed_by(
    settings, db, tenant, stores, redis
):
    """Whoever registers anew and finds them has the page load anew (4010): there they are."""
    made = await make_interview(db, tenant)
    async with live_house(settings) as house:
        async with begun(house, made) as wire:
            conductor = house.sessions.here(made.session_id)
            other = Said(1, "c", "basic", "opening", "pregunta", "de otra mano")
            row = turn_row(conductor.record, Save(other, 1, "offline", "x", 1.0, None), Snapshot())
            journal, fence = house.instance.journal, conductor.record.fence
            assert await journal.append(made.session_id, fence, turn_entry(row)) == "kept"
            await redis.hdel(keys.live(made.session_id), "fence")
            conductor.reassure()
            assert await wire.closed() == 4010
        async with Wire(house.url, ticket(house, made)) as wire:
            await wire.join()
            state = await wire.next(messages.SessionState)
            assert [turn.answer for turn in state.turns] == ["de otra mano"]
    assert [row.client_msg_id for row in await turns_of(db, made)] == ["x"]
