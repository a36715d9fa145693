"""Time that the company grants reaches an interview that is going on, wherever it is."""

import asyncio

import pytest

from interview import session as machine
from protocol import limits, messages
from storage import interviews
from tests.server.live_house import live_house, make_interview
from tests.server.test_live import ANSWER, Wire, status_of


@pytest.fixture
def soon(monkeypatch):
    """Marks are looked at without the seconds between."""
    monkeypatch.setattr(limits, "RENEW_SECONDS", 0.05)
    monkeypatch.setattr(limits, "RENEW_PARTS", 1)


@pytest.fixture
def short(monkeypatch):
    """A few seconds of interview and a grace of three; questions are asked to the end."""
    monkeypatch.setattr(limits, "CLOSING_SECONDS_LEFT", -1_000)
    monkeypatch.setattr(machine, "TIME_UP_GRACE_SECONDS", 3.0)


async def with_seconds(db, tenant, seconds: float):
    """An interview planned for so many seconds."""
    made = await make_interview(db, tenant)
    async with db.tenant(tenant.id) as c:
        await c.execute(
            "UPDATE interviews SET plan = plan || jsonb_build_object('seconds', $2::float) "
            "WHERE id = $1",
            made.id,
            seconds,
        )
    return made


async def grant(db, made, minutes: int) -> None:
    """What the grant writes; its word to the owner is lost."""
    async with db.tenant(made.tenant_id) as c:
        assert await interviews.record_extra_minutes(c, made.id, minutes)


def ticket(house, made) -> str:
    """The subprotocol that lets the candidate in."""
    return messages.TICKET_PREFIX + house.ticket(made)


async def asked(wire) -> messages.QuestionCompleted:
    """The next whole question."""
    return await wire.next(messages.QuestionCompleted)


async def test_a_grant_over_rest_reaches_the_running_interview(settings, db, door, soon):
    """From another process: time.granted, the clock with the new total, and the same replayed."""
    invited = await door.interview()
    guest = await door.consent(invited)
    await guest.post("/api/v1/invitation/requests", json={"kind": "extra_time", "note": ""})
    path = f"/api/v1/interviews/{invited['id']}"
    request = (await door.recruiter.get(path)).json()["requests"][0]["id"]
    async with db.tenant(door.tenant.id) as c:
        made = await interviews.get(c, invited["id"])
    async with live_house(settings) as house, Wire(house.url, ticket(house, made)) as wire:
        joined = await wire.join()
        before = await asked(wire)
        answer = await door.recruiter.post(
            f"{path}/requests/{request}", json={"status": "granted", "extra_minutes": 10}
        )
        assert answer.status_code == 200, answer.text
        granted = await wire.next(messages.TimeGranted)
        assert granted.offset == before.offset + 1
        assert (granted.minutes, granted.minutes_total) == (10, made.minutes + 10)
        assert before.seconds_left + 590 < granted.seconds_left <= before.seconds_left + 600
        resume = messages.RESUME_PREFIX + joined.resume_token
        async with Wire(house.url, resume) as again:
            assert (await again.join(epoch=joined.epoch, offset=before.offset)).recovered
            assert await again.next(messages.TimeGranted) == granted


@pytest.mark.parametrize("late", [False, True])
async def test_nobody_is_cut_while_time_was_granted(settings, db, tenant, short, late):
    """The mark is lost: PostgreSQL is asked when little is left, and once more when none is."""
    made = await with_seconds(db, tenant, 3)
    async with live_house(settings) as house, Wire(house.url, ticket(house, made)) as wire:
        await wire.join()
        await asked(wire)
        if late:  # after the first look; the second one comes with the end
            grants = house.sessions.here(made.session_id).grants
            while grants._stage == 0 or grants._asking:
                await asyncio.sleep(0.01)
        await grant(db, made, 10)
        granted = await wire.next(messages.TimeGranted)
        assert granted.seconds_left > 500
        await wire.send(messages.AnswerSubmit("a", 1, ANSWER))
        assert (await asked(wire)).turn == 2


async def test_without_a_grant_the_time_is_over(settings, db, tenant, short):
    """The looks give nothing away."""
    made = await with_seconds(db, tenant, 2)
    async with live_house(settings) as house, Wire(house.url, ticket(house, made)) as wire:
        await wire.join()
        await asked(wire)
        assert (await wire.next(messages.SessionFinished)).reason == "time_up"
        await grant(db, made, 10)
        async with Wire(house.url, ticket(house, made)) as again:
            await again.join()
            assert (await again.next(messages.SessionFinished)).reason == "time_up"
    assert (await status_of(db, made)).finished_reason == "time_up"


async def test_a_join_finds_what_no_mark_told(settings, db, tenant):
    """The session is still in memory; the candidate comes back to it."""
    made = await make_interview(db, tenant)
    async with live_house(settings) as house:
        async with Wire(house.url, ticket(house, made)) as wire:
            await wire.join()
            await asked(wire)
        await grant(db, made, 10)
        async with Wire(house.url, ticket(house, made)) as wire:
            await wire.join()
            assert (await wire.next(messages.TimeGranted)).minutes_total == made.minutes + 10
        assert house.sessions.here(made.session_id).record.fence == 1


async def test_a_grant_to_a_parked_interview_is_there_at_the_return(
    settings, db, tenant, monkeypatch
):
    """Nobody holds it: the next take-over reads the plan anew."""
    monkeypatch.setattr(limits, "AWAY_GRACE_SECONDS", 0.1)
    made = await make_interview(db, tenant)
    async with live_house(settings) as house:
        async with Wire(house.url, ticket(house, made)) as wire:
            await wire.join()
            await asked(wire)
        async with asyncio.timeout(60):
            while len(house.sessions):
                await asyncio.sleep(0.05)
        await grant(db, made, 10)
        async with Wire(house.url, ticket(house, made)) as wire:
            await wire.join()
            state = await wire.next(messages.SessionState)
            assert state.seconds_left > made.minutes * 60 + 500
