"""Draining on request: who may ask, what is told, and that sessions are elsewhere afterwards."""

import asyncio
import contextlib

import msgspec
import pytest

from client.errors import Refused
from client.session import Admitted, Interview
from protocol import limits, messages
from protocol.faults import Fault
from runtime.lifecycle import Tasks
from server.rest import build, fleet
from storage.slots import Slots
from tests.server.conftest import INSTANCE, listening, serve
from tests.server.live_house import live_house, make_interview

DRAIN = f"/api/v1/fleet/instances/{INSTANCE}/drain"


async def announce(door, name: str) -> None:
    """Another instance that lives."""
    await door.slots.register(name, url=f"ws://{name}/ws", admit=70, cap=75, target=50)


async def test_an_operator_asks_and_the_mark_is_there(door, writer, redis):
    """202 with what happens; nobody new is sent there; asked again it says so."""
    await door.instance(taken=3)
    await announce(door, "other")
    slots = Slots(redis, writer)
    assert not await slots.asked_to_drain(INSTANCE)
    answer = await door.operator.post(DRAIN)
    assert answer.status_code == 202, answer.text
    body = answer.json()
    assert (body["instance_id"], body["sessions"], body["already"]) == (INSTANCE, 3, False)
    assert await slots.asked_to_drain(INSTANCE)
    assert [one.id for one in await slots.instances() if one.draining] == [INSTANCE]
    assert (await door.operator.post(DRAIN)).json()["already"] is True
    rows = await door.rows("SELECT subject_id FROM audit_log WHERE action = 'instance.drain'")
    assert [row["subject_id"] for row in rows] == [INSTANCE, INSTANCE]


async def test_who_may_not_ask(door):
    """401 without a token, 403 for a recruiter; nothing is marked."""
    await door.instance()
    await announce(door, "other")
    assert (await door.anyone.post(DRAIN)).status_code == 401
    assert (await door.recruiter.post(DRAIN)).status_code == 403
    assert not any(one.draining for one in await door.slots.instances())


async def test_an_unknown_instance_and_the_last_one(door):
    """404; 409 for the last that admits, which also a draining neighbour does not change."""
    await door.instance()
    unknown = await door.operator.post("/api/v1/fleet/instances/nobody/drain")
    assert (unknown.status_code, unknown.json()["code"]) == (404, "not_found")
    last = await door.operator.post(DRAIN)
    assert (last.status_code, last.json()["code"]) == (409, "conflict")
    await announce(door, "other")
    await door.slots.renew("other", [], draining=True)
    assert (await door.operator.post(DRAIN)).status_code == 409
    assert (await door.operator.post(DRAIN, params={"force": "true"})).status_code == 202


async def test_two_asked_at_once_leave_one(door):
    """Each is told that the other stays, or is refused: somebody admits afterwards."""
    await door.instance()
    await announce(door, "other")
    operator = door.operator
    answers = await asyncio.gather(
        operator.post(DRAIN), operator.post("/api/v1/fleet/instances/other/drain")
    )
    assert sorted(answer.status_code for answer in answers) == [202, 409]


async def test_a_later_process_of_the_same_name_is_not_asked(door):
    """The mark is for the process that lived when it was left."""
    await door.instance()
    await announce(door, "other")
    assert (await door.operator.post(DRAIN)).status_code == 202
    await door.instance()
    assert not await door.slots.asked_to_drain(INSTANCE)


async def test_the_mark_moves_the_sessions_and_the_instance_stays(settings, db, tenant):
    """Within a renewal: the same question elsewhere, the door closed, the process alive."""
    made = await make_interview(db, tenant)
    async with live_house(settings, "one") as one, live_house(settings, "two") as two:
        interview = one.interview(made)
        async with contextlib.aclosing(interview.frames()) as frames:
            question = await until(frames, messages.QuestionCompleted)
            assert await two.instance.slots.ask_drain("one", force=False) == "asked"
            await until(frames, messages.SessionMoving)
            state = await until(frames, messages.SessionState)
            assert state.current.text == question.text
        assert interview.counts.refused == 0
        assert (len(one.sessions), one.instance.gate.closed) == (0, True)
        assert not one.serving.done()
        await one.sessions.drain()  # SIGTERM afterwards finds nothing to do
        await asyncio.sleep(limits.RENEW_SECONDS)
        assert {i.id: i.draining for i in await two.instance.slots.instances()} == {
            "one": True,
            "two": False,
        }


async def test_whoever_finds_no_place_below_the_cap_goes_to_another(settings, db, tenant):
    """Places are claimed before anybody is told: two with one place each take one each."""
    made = [await make_interview(db, tenant) for _ in range(2)]
    async with (
        live_house(settings, "one") as one,
        live_house(settings, "two") as two,
        live_house(settings, "three") as three,
        Tasks("people") as tasks,
    ):
        for other in (two, three):
            slots, name = other.instance.slots, other.instance.id
            await slots.register(name, url=other.url, admit=1, cap=1, target=1)
        people = [one.interview(each) for each in made]
        inside: list[Interview] = []
        moved = [tasks.start(through_a_move(person, inside)) for person in people]
        async with asyncio.timeout(60):
            while len(inside) < 2:
                await asyncio.sleep(0.01)
            assert await one.sessions.drain() == 0
            await asyncio.gather(*moved)
        assert (len(two.sessions), len(three.sessions)) == (1, 1)
        assert [person.counts.refused for person in people] == [0, 0]


async def through_a_move(person: Interview, inside: list[Interview]) -> None:
    """Live until the interview stands at another instance."""
    async with contextlib.aclosing(person.frames()) as frames:
        await until(frames, messages.QuestionCompleted)
        inside.append(person)
        await until(frames, messages.SessionMoving)
        await until(frames, messages.SessionState)


async def until(frames, kind):
    """The next frame of a kind."""
    async with asyncio.timeout(30):
        async for frame in frames:
            if isinstance(frame, kind):
                return frame
    raise AssertionError(f"no {kind.__name__}")


@pytest.mark.parametrize("role", ["operator", "recruiter"])
async def test_the_instances_own_port(door, role):
    """POST /drain there: the same for an operator, at once; 403 for anybody else."""
    await door.instance()
    await announce(door, "other")
    looked = asyncio.Event()

    async def look() -> None:
        looked.set()

    house = door.house
    bound, url = listening()
    app = build(house, live=[fleet.own_door(INSTANCE, look)], with_api=False)
    server, task = await serve(app, bound)
    try:
        client = door.operator if role == "operator" else door.recruiter
        answer = await client.post(f"{url}/drain")
        assert answer.status_code == (202 if role == "operator" else 403)
        assert looked.is_set() == (role == "operator")
        if role == "operator":
            assert msgspec.json.decode(answer.content)["begins_seconds"] == 0
    finally:
        server.should_exit = True
        await task
        bound.close()


@pytest.mark.parametrize("frees", ["before the deadline", "after it"])
async def test_without_room_elsewhere_nobody_is_sent_away_before_the_deadline(
    settings, db, tenant, monkeypatch, frees
):
    """The interview goes on here; then it waits first in line, and goes on where it stood."""
    monkeypatch.setattr(limits, "DRAIN_SECONDS", 60.0 if frees == "before the deadline" else 0.5)
    made, other = [await make_interview(db, tenant) for _ in range(2)]
    async with (
        live_house(settings, "one") as one,
        live_house(settings, "two") as two,
        Tasks("people") as tasks,
    ):
        slots = two.instance.slots
        await slots.register("two", url=two.url, admit=1, cap=1, target=1)
        assert (await slots.claim("two", other.session_id, returning=True, seconds=60)).held
        person = Interview(fetch_through(two, made), fetch_again=fetch_through(two, made))
        person._backoff.next = lambda: 0.05
        person._moved_to = Admitted(one.ticket(made), one.url)
        async with contextlib.aclosing(person.frames()) as frames:
            question = await until(frames, messages.QuestionCompleted)
            drained = tasks.start(one.sessions.drain())
            while not one.instance.draining.is_set():
                await asyncio.sleep(0)
            await person.answer(1, "sigo aquí", "m1")
            await until(frames, messages.AnswerAccepted)
            if frees == "after it":
                moving = await until(frames, messages.SessionMoving)
                assert (moving.resume_url, await drained) == (two.url, 0)
                assert (await until(frames, messages.SessionQueued)).position == 1
            assert len(one.sessions) == (0 if frees == "after it" else 1)
            await slots.release("two", other.session_id)
            state = await until(frames, messages.SessionState)
            assert [(turn.question, turn.answer) for turn in state.turns] == [
                (question.text, "sigo aquí")
            ]
        assert await drained == 0
        assert (len(one.sessions), len(two.sessions)) == (0, 1)


def fetch_through(house, made):
    """A way to tickets as REST has it: a seat, or a place in line."""

    async def fetch(waiting_token: str = "", _: str = "") -> Admitted:
        tickets = house.instance.tickets
        since = tickets.arrival(waiting_token, made.session_id) if waiting_token else 0
        try:
            seat = await house.instance.gate.reserve(
                made.session_id, made.tenant_id, returning=True, since_ms=since
            )
        except Fault as fault:
            raise Refused(fault.code, retry_after=0.05) from fault
        ticket = tickets.ticket(
            made.tenant_id,
            made.id,
            made.session_id,
            instance_id=seat.instance_id,
            returning=True,
            since_ms=seat.standing.since_ms if seat.standing else 0,
        )
        return Admitted(ticket, seat.url)

    return fetch
