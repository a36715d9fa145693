"""A candidate who is not there: back after long, paused for long, gone for a day."""

import asyncio

import asyncpg
import pytest

from client.errors import Refused
from pipeline.sweep import LiveSide, Sweep
from protocol import limits, messages
from protocol.faults import Fault
from runtime import clock
from storage import abandoned
from storage.blobs import open_blobs
from storage.connect import open_database
from storage.live import Live
from tests.server.live_house import give_consent, live_house, make_interview
from tests.server.test_granting import asked, ticket
from tests.server.test_live import ANSWER, Wire, status_of, turns_of


async def gone_from(house) -> None:
    """Wait until the instance holds no session and no place."""
    async with asyncio.timeout(60):
        while len(house.sessions) or (await house.instance.slots.instances())[0].taken:
            await asyncio.sleep(0.05)


async def answered(wire, turn: int = 1) -> None:
    """Answer the question that is asked, and see the next one."""
    await asked(wire)
    await wire.send(messages.AnswerSubmit(f"a{turn}", turn, ANSWER))
    await wire.next(messages.AnswerAccepted)
    await asked(wire)


# Back after long --------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["memory", "crash", "parked"])
async def test_whoever_comes_back_after_long_finds_a_pause(settings, db, tenant, monkeypatch, how):
    """On the same instance, after a crash of it, or after parking: away, and on by hand."""
    monkeypatch.setattr(limits, "AWAY_PAUSE_SECONDS", 0.5)
    monkeypatch.setattr(limits, "AWAY_GRACE_SECONDS", 0.1 if how == "parked" else 60.0)
    made = await make_interview(db, tenant)
    async with live_house(settings, "one") as one, live_house(settings, "two") as two:
        async with Wire(one.url, ticket(one, made)) as wire:
            await wire.join()
            await answered(wire)
        if how == "parked":
            async with asyncio.timeout(60):
                while len(one.sessions):
                    await asyncio.sleep(0.05)
        await asyncio.sleep(0.7)
        if how == "crash":
            await one.sessions.close()
        house = one if how == "memory" else two
        async with Wire(house.url, ticket(house, made)) as wire:
            await wire.join()
            state = await wire.next(messages.SessionState)
            assert not state.paused
            assert (await wire.next(messages.SessionPaused)).reason == "away"
            await wire.send(messages.AnswerSubmit("a2", 2, ANSWER))
            assert (await wire.next(messages.FaultFrame)).code == "paused"
            await wire.send(messages.SessionResume())
            resumed = await wire.next(messages.SessionResumed)
            assert resumed.seconds_left == pytest.approx(state.seconds_left, abs=0.01)
            await wire.send(messages.AnswerSubmit("a2", 2, ANSWER))
            await wire.next(messages.AnswerAccepted)
        async with Wire(house.url, ticket(house, made)) as wire:
            await wire.join()
            assert not (await wire.next(messages.SessionState)).paused


async def test_a_reload_in_a_pause_is_told_why(settings, db, tenant, monkeypatch):
    """session.state says the reason too: a page that starts anew has seen no frame."""
    monkeypatch.setattr(limits, "AWAY_PAUSE_SECONDS", 0.5)
    made = await make_interview(db, tenant)
    async with live_house(settings) as house:
        async with Wire(house.url, ticket(house, made)) as wire:
            await wire.join()
            await asked(wire)
        await asyncio.sleep(0.7)
        async with Wire(house.url, ticket(house, made)) as wire:
            await wire.join()
            await wire.next(messages.SessionPaused)
        async with Wire(house.url, ticket(house, made)) as wire:
            await wire.join()
            state = await wire.next(messages.SessionState)
            assert (state.paused, state.paused_reason) == (True, "away")


# Paused for long --------------------------------------------------------------------------


async def test_a_long_pause_gives_its_place_back(settings, db, tenant, monkeypatch):
    """4506, nothing in memory, no slot taken; whoever comes again finds the pause and goes on."""
    monkeypatch.setattr(limits, "PAUSED_PLACE_SECONDS", 0.5)
    made = await make_interview(db, tenant)
    async with live_house(settings) as house:
        async with Wire(house.url, ticket(house, made)) as wire:
            await wire.join()
            await answered(wire)
            await wire.send(messages.SessionPause())
            await wire.next(messages.SessionPaused)
            assert await wire.closed() == 4506
            await gone_from(house)
        monkeypatch.setattr(limits, "PAUSED_PLACE_SECONDS", 900.0)
        async with Wire(house.url, ticket(house, made)) as wire:
            await wire.join()
            state = await wire.next(messages.SessionState)
            assert (state.paused, state.paused_reason) == (True, "requested")
            assert [turn.answer for turn in state.turns] == [ANSWER]
            await wire.send(messages.SessionResume())
            await wire.next(messages.SessionResumed)
            await wire.send(messages.AnswerSubmit("a2", 2, ANSWER))
            await wire.next(messages.AnswerAccepted)


async def test_a_client_does_not_come_back_by_itself_for_the_place(
    settings, db, tenant, monkeypatch
):
    """The Python client ends with the code; nothing takes the place again."""
    monkeypatch.setattr(limits, "PAUSED_PLACE_SECONDS", 0.5)
    made = await make_interview(db, tenant)
    async with live_house(settings) as house:
        interview = house.interview(made)

        async def pausing():
            async for frame in interview.frames():
                if isinstance(frame, messages.QuestionCompleted):
                    await interview.pause()

        with pytest.raises(Refused) as refused:
            await pausing()
        assert refused.value.code == "closed_4506"
        assert interview.counts.connects == 1
        await gone_from(house)


async def test_who_answers_keeps_the_place(settings, db, tenant, monkeypatch):
    """Only a pause counts, and one that ended does not."""
    monkeypatch.setattr(limits, "PAUSED_PLACE_SECONDS", 24.0)
    real, passed = clock.monotonic, 0.0
    monkeypatch.setattr(clock, "monotonic", lambda: real() + passed)
    made = await make_interview(db, tenant)
    async with live_house(settings) as house:
        async with Wire(house.url, ticket(house, made)) as wire:
            await wire.join()
            await asked(wire)
            patience = house.sessions.here(made.session_id)._patience

            async def seen(paused: bool) -> None:
                """Wait until a tick has seen it."""
                async with asyncio.timeout(60):
                    while (patience._paused_at is not None) is not paused:
                        await asyncio.sleep(0.02)

            for _ in range(2):
                await wire.send(messages.SessionPause())
                await wire.next(messages.SessionPaused)
                await seen(True)
                passed += 15.0
                await wire.send(messages.SessionResume())
                await wire.next(messages.SessionResumed)
                await seen(False)
            await wire.send(messages.AnswerSubmit("a", 1, ANSWER))
            assert (await wire.next(messages.AnswerAccepted)).turn == 1
            assert wire.socket.close_code is None


# Gone for a day ---------------------------------------------------------------------------


class OnceAway(Live):
    """A Redis that is away the first time that a session is taken."""

    away = True

    async def take(self, *args, **more):
        if self.away:
            self.away = False
            raise Fault("unavailable", "Redis: away")
        return await super().take(*args, **more)


async def a_day_passes(settings) -> None:
    """Every session was last written to more than a day ago."""
    owner = await asyncpg.connect(settings.database_url)
    await owner.execute("UPDATE interview_sessions SET updated_at = now() - interval '25 hours'")
    await owner.close()


async def one_round(settings, house, live: Live | None = None) -> int:
    """Sweep once, with the sweep's own role; returns how many were closed."""
    instance = house.instance
    across = await open_database(settings.database_sweep_url, size=1)
    side = LiveSide(live or instance.live, instance.teller)
    sweep = Sweep(across, instance.db, open_blobs(settings.storage_url), instance.journal, side)
    done = await sweep.round()
    await across.close()
    return done["abandoned"]


async def evaluations(db, made) -> int:
    """How many times the interview's evaluation was handed over."""
    async with db.tenant(made.tenant_id) as c:
        return await c.fetchval("SELECT count(*) FROM outbox WHERE envelope LIKE '%evaluate%'")


async def fence_of(db, made) -> int:
    """The session's fence in PostgreSQL."""
    async with db.tenant(made.tenant_id) as c:
        return await c.fetchval(
            "SELECT fence FROM interview_sessions WHERE id = $1", made.session_id
        )


async def test_an_interview_that_nobody_came_back_to_is_closed(settings, db, tenant):
    """With what was said: abandoned, evaluated once; the candidate reads it at the door."""
    made = await make_interview(db, tenant)
    async with live_house(settings) as house:
        async with Wire(house.url, ticket(house, made)) as wire:
            await wire.join()
            await answered(wire)
        await house.sessions.close()
        assert await one_round(settings, house) == 0  # too early
        await a_day_passes(settings)
        assert await one_round(settings, house) == 1
        assert await one_round(settings, house) == 0
        row = await status_of(db, made)
        assert (row.status, row.finished_reason) == ("finished", "abandoned")
        assert row.finished_at is not None
        assert await evaluations(db, made) == 1
        async with live_house(settings, "two") as two:
            async with Wire(two.url, ticket(two, made)) as wire:
                await wire.join()
                assert len((await wire.next(messages.SessionState)).turns) == 1
                assert (await wire.next(messages.SessionFinished)).reason == "abandoned"


async def test_without_an_answer_no_report_is_owed(settings, db, tenant):
    """Expired, nothing handed over, and no later round asks for a report."""
    made = await make_interview(db, tenant)
    async with live_house(settings) as house:
        async with Wire(house.url, ticket(house, made)) as wire:
            await wire.join()
            await asked(wire)
        await house.sessions.close()
        await a_day_passes(settings)
        assert await one_round(settings, house) == 1
        row = await status_of(db, made)
        assert (row.status, row.finished_reason) == ("expired", "expired")
        owner = await asyncpg.connect(settings.database_url)
        await owner.execute("UPDATE interviews SET finished_at = now() - interval '1 hour'")
        await owner.close()
        assert await one_round(settings, house) == 0
        assert await evaluations(db, made) == 0


async def test_an_owner_that_still_lives_can_write_nothing_any_more(settings, db, tenant):
    """The fence is up in both stores before the end is written."""
    made = await make_interview(db, tenant)
    async with live_house(settings) as house:
        async with Wire(house.url, ticket(house, made)) as wire:
            await wire.join()
            await answered(wire)
            await a_day_passes(settings)
            assert await one_round(settings, house) == 1
            await wire.send(messages.AnswerSubmit("a2", 2, ANSWER))
            assert await wire.closed() == 4505
    assert len(await turns_of(db, made)) == 1
    assert (await status_of(db, made)).finished_reason == "abandoned"


async def test_whoever_comes_back_in_that_moment_wins(settings, db, tenant):
    """Found by the look, taken over by the candidate: the sweep changes nothing."""
    made = await make_interview(db, tenant)
    async with live_house(settings) as house:
        async with Wire(house.url, ticket(house, made)) as wire:
            await wire.join()
            await answered(wire)
            fence = await fence_of(db, made)
            with pytest.raises(Fault) as fault:
                await abandoned.close(
                    house.instance.db, house.instance.live, made.tenant_id, made.session_id
                )
            assert fault.value.code == "fence_lost"
            assert await fence_of(db, made) == fence
            await wire.send(messages.AnswerSubmit("a2", 2, ANSWER))
            await wire.next(messages.AnswerAccepted)


async def test_a_close_that_broke_in_the_middle_is_done_in_the_next_round(settings, db, tenant):
    """Redis goes away after the fence was raised: nothing is lost, and a day is not begun anew."""
    made = await make_interview(db, tenant)
    async with live_house(settings) as house:
        async with Wire(house.url, ticket(house, made)) as wire:
            await wire.join()
            await answered(wire)
        await house.sessions.close()
        await a_day_passes(settings)
        away = OnceAway(house.instance.redis, house.instance.live._writer)
        assert await one_round(settings, house, away) == 0
        assert (await status_of(db, made)).status == "live"
        assert await one_round(settings, house, away) == 1
    assert (await status_of(db, made)).finished_reason == "abandoned"


async def test_consent_that_was_taken_back_leaves_it_to_the_company(settings, db, tenant):
    """No program evaluates what somebody does not agree to any more."""
    made = await make_interview(db, tenant)
    async with live_house(settings) as house:
        async with Wire(house.url, ticket(house, made)) as wire:
            await wire.join()
            await answered(wire)
        await house.sessions.close()
        async with db.tenant(tenant.id) as c:
            await give_consent(c, tenant.id, made, given=False)
        await a_day_passes(settings)
        assert await one_round(settings, house) == 0
    assert (await status_of(db, made)).status == "live"
    assert await evaluations(db, made) == 0


def test_the_pages_promise_what_the_limits_keep():
    """The texts name a day; who knows another number changes them too."""
    assert limits.AWAY_CLOSE_SECONDS == 24 * 3600
