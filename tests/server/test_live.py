"""The live wire over a real socket, PostgreSQL and Valkey."""

import asyncio
import contextlib

import msgspec
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from client.session import Admitted, Interview
from protocol import limits, messages
from server.inbox import Park
from storage import interviews, keys, live
from tests.server.live_house import ORIGIN, give_consent, live_house, make_interview

ANSWER = "En mi trabajo anterior implementé un tablero con SQL y reducimos el tiempo a la mitad."


async def turns_of(db, made):
    """What PostgreSQL has of an interview."""
    async with db.tenant(made.tenant_id) as c:
        return await interviews.turns(c, made.id)


async def status_of(db, made):
    """The interview's row."""
    async with db.tenant(made.tenant_id) as c:
        return await interviews.get(c, made.id)


class Wire:
    """A raw socket: every frame in the test's hands."""

    def __init__(self, url, token, origin=None, subprotocol=messages.SUBPROTOCOL):
        self._connect = connect(
            url,
            subprotocols=[subprotocol, token],
            origin=origin,
            compression=None,
            proxy=None,
            ping_interval=None,
        )

    async def __aenter__(self):
        self.socket = await self._connect.__aenter__()
        return self

    async def __aexit__(self, *error):
        await self._connect.__aexit__(*error)

    async def send(self, frame):
        await self.socket.send(messages.encode(frame).decode())

    async def next(self, kind=None):
        """The next frame, or the next of a kind."""
        async with asyncio.timeout(30):
            while True:
                frame = messages.decode_server(await self.socket.recv())
                if kind is None or isinstance(frame, kind):
                    return frame

    async def closed(self):
        """The close code, once the server has closed."""
        async with asyncio.timeout(60):
            with contextlib.suppress(ConnectionClosed):
                while True:
                    await self.socket.recv()
        return self.socket.close_code

    async def join(self, **seen):
        await self.send(messages.SessionJoin(**seen))
        return await self.next(messages.SessionJoined)


async def stands(redis, made, turn):
    """Whether the live state has the whole question of a turn, which waits for its answer."""
    state = msgspec.json.decode(await redis.hget(keys.live(made.session_id), "state"))
    current = state["current"]
    return current is not None and current["turn"] == turn and current["completed"]


def refused_with(error):
    """The HTTP status of a refused upgrade."""
    return error.value.response.status_code


async def test_a_whole_interview_is_lived_over_the_wire(settings, db, tenant):
    """Every question is streamed and every answer is in PostgreSQL when it is accepted."""
    made = await make_interview(db, tenant)
    async with live_house(settings) as house:
        interview = house.interview(made)
        accepted = 0
        pieces = {}
        async for frame in interview.frames():
            match frame:
                case messages.QuestionDelta():
                    pieces.setdefault(frame.turn, []).append(frame.text)
                case messages.QuestionCompleted():
                    assert "".join(pieces[frame.turn]) == frame.text
                    await interview.answer(frame.turn, ANSWER)
                case messages.AnswerAccepted():
                    accepted += 1
                    assert len(await turns_of(db, made)) >= accepted
        row = await status_of(db, made)
        assert row.status == "finished"
        assert row.finished_reason == "completed"
        rows = await turns_of(db, made)
        assert [turn.turn for turn in rows] == list(range(1, accepted + 1))
        assert interview.counts.gaps == 0
        async with db.tenant(tenant.id) as c:
            jobs = await c.fetchval("SELECT count(*) FROM outbox WHERE envelope LIKE '%evaluate%'")
            asks = await c.fetch("SELECT turn, ask FROM asks ORDER BY turn")
        assert jobs == 1
        assert [row["turn"] for row in asks] == list(range(1, accepted + 1))


async def test_the_door_judges_before_the_upgrade(settings, db, tenant):
    """No subprotocol, no token, a forged one, a foreign page: an HTTP status and no socket."""
    made = await make_interview(db, tenant)
    async with live_house(settings) as house:
        good = messages.TICKET_PREFIX + house.ticket(made)
        cases = [
            (good, None, "entrevistador.v9", 400),
            ("other.thing", None, messages.SUBPROTOCOL, 401),
            (good[:-3] + "abc", None, messages.SUBPROTOCOL, 401),
            ("resume.x.y", None, messages.SUBPROTOCOL, 401),
            (good, "http://evil.test", messages.SUBPROTOCOL, 403),
        ]
        for token, origin, subprotocol, status in cases:
            with pytest.raises(InvalidStatus) as error:
                async with Wire(house.url, token, origin, subprotocol):
                    pass
            assert refused_with(error) == status, token
        async with Wire(house.url, good, ORIGIN) as wire:  # none of them used the ticket up
            assert (await wire.join()).recovered is False


async def test_a_ticket_admits_once(settings, db, tenant):
    """The second use is refused before the upgrade."""
    made = await make_interview(db, tenant)
    async with live_house(settings) as house:
        token = messages.TICKET_PREFIX + house.ticket(made)
        async with Wire(house.url, token) as wire:
            await wire.join()
        with pytest.raises(InvalidStatus) as error:
            async with Wire(house.url, token):
                pass
        assert refused_with(error) == 401


async def test_without_consent_there_is_no_question(settings, db, tenant):
    """4504, nothing was begun, and it works once consent is given."""
    made = await make_interview(db, tenant, consent=False)
    async with live_house(settings) as house:
        async with Wire(house.url, messages.TICKET_PREFIX + house.ticket(made)) as wire:
            await wire.send(messages.SessionJoin())
            assert await wire.closed() == 4504
        assert (await status_of(db, made)).status == "invited"
        async with db.tenant(tenant.id) as c:
            await give_consent(c, tenant.id, made)
        async with Wire(house.url, messages.TICKET_PREFIX + house.ticket(made)) as wire:
            await wire.join()
            assert await wire.next(messages.QuestionCompleted)


async def test_a_reconnect_gets_exactly_the_missing_frames(settings, db, tenant):
    """Same epoch, an offset within the log: recovered, and the frames after it in order."""
    made = await make_interview(db, tenant)
    async with live_house(settings) as house:
        async with Wire(house.url, messages.TICKET_PREFIX + house.ticket(made)) as wire:
            joined = await wire.join()
            completed = await wire.next(messages.QuestionCompleted)
            await wire.send(messages.Ping())
            await wire.next(messages.Pong)
        token = messages.RESUME_PREFIX + joined.resume_token
        async with Wire(house.url, token) as wire:
            again = await wire.join(epoch=joined.epoch, offset=1)
            assert again.recovered
            assert again.epoch == joined.epoch
            offsets = [(await wire.next()).offset for _ in range(completed.offset - 1)]
            assert offsets == list(range(2, completed.offset + 1))


async def test_a_stranger_gets_the_state(settings, db, tenant):
    """Without epoch and offset: recovered false, then session.state with the question."""
    made = await make_interview(db, tenant)
    async with live_house(settings) as house:
        async with Wire(house.url, messages.TICKET_PREFIX + house.ticket(made)) as wire:
            await wire.join()
            completed = await wire.next(messages.QuestionCompleted)
            await wire.send(messages.AnswerSubmit("a", 1, ANSWER))
            await wire.next(messages.AnswerAccepted)
            second = await wire.next(messages.QuestionCompleted)
        async with Wire(house.url, messages.TICKET_PREFIX + house.ticket(made)) as wire:
            assert (await wire.join()).recovered is False
            state = await wire.next(messages.SessionState)
            assert [turn.answer for turn in state.turns] == [ANSWER]
            assert state.turns[0].question == completed.text
            assert state.current.text == second.text
            assert state.offset == second.offset


async def test_an_older_resume_token_is_void_once_the_newer_was_heard(settings, db, tenant):
    """A lost session.joined locks nobody out; a used one does not serve twice."""
    made = await make_interview(db, tenant)
    async with live_house(settings) as house:
        async with Wire(house.url, messages.TICKET_PREFIX + house.ticket(made)) as wire:
            first = (await wire.join()).resume_token
        async with Wire(house.url, messages.RESUME_PREFIX + first) as wire:
            second = (await wire.join()).resume_token  # but no frame follows: it may be lost
        async with Wire(house.url, messages.RESUME_PREFIX + first) as wire:
            third = (await wire.join()).resume_token
            await wire.send(messages.Ping())
            await wire.next(messages.Pong)
        for token in (first, second):
            with pytest.raises(InvalidStatus) as error:
                async with Wire(house.url, messages.RESUME_PREFIX + token):
                    pass
            assert refused_with(error) == 401
        async with Wire(house.url, messages.RESUME_PREFIX + third) as wire:
            await wire.join()


async def test_the_same_answer_twice_is_accepted_once(settings, db, tenant):
    """The second is told duplicate; another id for the turn is told turn_answered."""
    made = await make_interview(db, tenant)
    async with live_house(settings) as house:
        async with Wire(house.url, messages.TICKET_PREFIX + house.ticket(made)) as wire:
            await wire.join()
            await wire.next(messages.QuestionCompleted)
            for _ in range(2):
                await wire.send(messages.AnswerSubmit("a", 1, ANSWER))
            assert (await wire.next(messages.AnswerAccepted)).duplicate is False
            assert (await wire.next(messages.AnswerAccepted)).duplicate is True
            await wire.send(messages.AnswerSubmit("b", 1, "otra"))
            fault = await wire.next(messages.FaultFrame)
            assert (fault.code, fault.client_msg_id) == ("turn_answered", "b")
            assert fault.temporary is False
        assert [turn.answer for turn in await turns_of(db, made)] == [ANSWER]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "answer_empty"),
        ("  \n", "answer_empty"),
        ("a\x00b", "answer_invalid"),
        ("x" * (limits.ANSWER_CHARS_MAX + 1), "answer_too_long"),
    ],
)
async def test_an_answer_that_cannot_be_kept_is_a_clear_fault(settings, db, tenant, text, code):
    """The socket stays, the fault is in Spanish and names the answer."""
    made = await make_interview(db, tenant)
    async with live_house(settings) as house:
        async with Wire(house.url, messages.TICKET_PREFIX + house.ticket(made)) as wire:
            await wire.join()
            await wire.next(messages.QuestionCompleted)
            await wire.send(messages.AnswerSubmit("a", 1, text))
            fault = await wire.next(messages.FaultFrame)
            assert (fault.code, fault.client_msg_id) == (code, "a")
            assert "respuesta" in fault.message.lower()
            await wire.send(messages.AnswerSubmit("a", 1, ANSWER))
            assert await wire.next(messages.AnswerAccepted)


@pytest.mark.parametrize(
    ("data", "code"),
    [
        ("nonsense", 4501),
        ('{"type":"nothing"}', 4501),
        (b"\x00", 4501),
        ("[" * 5000, 4501),
        ('{"type":"answer.submit","client_msg_id":1,"turn":"x","text":""}', 4501),
    ],
)
async def test_a_bad_frame_closes_with_4501(settings, db, tenant, data, code):
    """Whatever is not a frame of the wire ends the connection, before and after joining."""
    made = await make_interview(db, tenant)
    async with live_house(settings) as house:
        for joined in (False, True):
            async with Wire(house.url, messages.TICKET_PREFIX + house.ticket(made)) as wire:
                if joined:
                    await wire.join()
                await wire.socket.send(data)
                assert await wire.closed() == code


async def test_too_many_frames_close_with_4013(settings, db, tenant):
    """A burst is fine, a flood is not."""
    made = await make_interview(db, tenant)
    async with live_house(settings) as house:
        async with Wire(house.url, messages.TICKET_PREFIX + house.ticket(made)) as wire:
            await wire.join()
            with contextlib.suppress(ConnectionClosed):
                for _ in range(limits.FRAMES_BURST * 3):
                    await wire.send(messages.Ping())
            assert await wire.closed() == 4013


async def test_a_frame_above_the_limit_is_refused(settings, db, tenant):
    """1009 from the transport, and the session goes on for the next connection."""
    made = await make_interview(db, tenant)
    async with live_house(settings) as house:
        async with Wire(house.url, messages.TICKET_PREFIX + house.ticket(made)) as wire:
            await wire.join()
            await wire.socket.send("x" * (limits.FRAME_BYTES_MAX + 1))
            assert await wire.closed() == 1009
        async with Wire(house.url, messages.TICKET_PREFIX + house.ticket(made)) as wire:
            await wire.join()


async def test_a_second_tab_takes_over_and_the_first_is_told(settings, db, tenant):
    """4505 for the first, everything for the second."""
    made = await make_interview(db, tenant)
    async with live_house(settings) as house:
        async with Wire(house.url, messages.TICKET_PREFIX + house.ticket(made)) as first:
            await first.join()
            await first.next(messages.QuestionCompleted)
            async with Wire(house.url, messages.TICKET_PREFIX + house.ticket(made)) as second:
                await second.join()
                assert await first.closed() == 4505
                await second.send(messages.AnswerSubmit("a", 1, ANSWER))
                assert await second.next(messages.AnswerAccepted)


async def test_a_full_instance_refuses_cleanly(settings, db, tenant, monkeypatch):
    """At `admit`, without a waiting room, it is 503 and Retry-After; who is inside comes back."""
    monkeypatch.setattr(limits, "WAITING_SOCKETS_MAX", 0)
    limits_ = {
        "scale_in_sessions": 0,
        "target_sessions": 1,
        "scale_out_sessions": 2,
        "admit_sessions": 3,
        "hard_cap_sessions": 4,
    }
    async with live_house(settings, **limits_) as house:
        made = [await make_interview(db, tenant) for _ in range(5)]
        async with contextlib.AsyncExitStack() as stack:
            inside = []
            for interview in made[:3]:
                token = messages.TICKET_PREFIX + house.ticket(interview)
                wire = await stack.enter_async_context(Wire(house.url, token))
                inside.append((wire, await wire.join()))
            with pytest.raises(InvalidStatus) as error:
                async with Wire(house.url, messages.TICKET_PREFIX + house.ticket(made[3])):
                    pass
            assert refused_with(error) == 503
            assert int(error.value.response.headers["retry-after"]) >= 1
            wire, joined = inside[0]
            await wire.socket.close()
            token = messages.RESUME_PREFIX + joined.resume_token
            async with Wire(house.url, token) as again:
                assert (await again.join(epoch=joined.epoch, offset=0)).epoch == joined.epoch


async def test_another_instance_takes_over_after_a_crash(settings, db, tenant, redis):
    """The question that waited stands there again, under a higher epoch, and nothing is lost."""
    made = await make_interview(db, tenant)
    async with live_house(settings, "one") as one, live_house(settings, "two") as two:
        async with Wire(one.url, messages.TICKET_PREFIX + one.ticket(made)) as wire:
            joined = await wire.join()
            await wire.next(messages.QuestionCompleted)
            await wire.send(messages.AnswerSubmit("a", 1, ANSWER))
            waiting = await wire.next(messages.QuestionCompleted)
            while waiting.turn != 2:
                waiting = await wire.next(messages.QuestionCompleted)
            async with asyncio.timeout(30):
                while not await stands(redis, made, 2):
                    await asyncio.sleep(0.01)
            async with Wire(two.url, messages.TICKET_PREFIX + two.ticket(made)) as other:
                taken = await other.join(epoch=joined.epoch, offset=waiting.offset)
                assert taken.epoch > joined.epoch
                assert taken.recovered is False
                state = await other.next(messages.SessionState)
                assert state.current.text == waiting.text
                assert state.current.completed
                # The stale owner can write nothing: its candidate is told where the session is.
                await wire.send(messages.AnswerSubmit("stale", 2, "demasiado tarde"))
                assert await wire.closed() == 4505
                await other.send(messages.AnswerSubmit("b", 2, ANSWER))
                assert (await other.next(messages.AnswerAccepted)).turn == 2
    assert [turn.client_msg_id for turn in await turns_of(db, made)] == ["a", "b"]


async def test_an_emptied_redis_loses_nothing(settings, db, tenant, redis):
    """The session goes on, and another instance takes it over from PostgreSQL."""
    made = await make_interview(db, tenant)
    async with live_house(settings, "one") as one, live_house(settings, "two") as two:
        async with Wire(one.url, messages.TICKET_PREFIX + one.ticket(made)) as wire:
            await wire.join()
            await wire.next(messages.QuestionCompleted)
            await redis.flushdb()
            await wire.send(messages.AnswerSubmit("a", 1, ANSWER))
            assert await wire.next(messages.AnswerAccepted)
            await wire.next(messages.QuestionCompleted)
        await two.instance.slots.renew("two", [])  # as it does every two seconds
        async with Wire(two.url, messages.TICKET_PREFIX + two.ticket(made)) as wire:
            await wire.join()
            state = await wire.next(messages.SessionState)
            assert [turn.answer for turn in state.turns] == [ANSWER]


async def test_a_drain_moves_the_session(settings, db, tenant):
    """session.moving with the other's address, 4001, and the same question stands there."""
    made = await make_interview(db, tenant)
    async with live_house(settings, "one") as one, live_house(settings, "two") as two:
        async with Wire(one.url, messages.TICKET_PREFIX + one.ticket(made)) as wire:
            joined = await wire.join()
            waiting = await wire.next(messages.QuestionCompleted)
            assert await one.sessions.drain() == 0
            moving = await wire.next(messages.SessionMoving)
            assert moving.resume_url == two.url
            assert await wire.closed() == 4001
        async with Wire(moving.resume_url, messages.RESUME_PREFIX + joined.resume_token) as wire:
            await wire.join(epoch=joined.epoch, offset=waiting.offset)
            state = await wire.next(messages.SessionState)
            assert state.current.text == waiting.text
        with pytest.raises(InvalidStatus) as error:
            async with Wire(one.url, messages.TICKET_PREFIX + one.ticket(made)):
                pass
        assert refused_with(error) == 503


async def test_the_client_lives_through_cuts_and_a_takeover(settings, db, tenant):
    """Cut after every question, alternating instances: the whole interview, no gap, no double."""
    made = await make_interview(db, tenant)
    async with live_house(settings, "one") as one, live_house(settings, "two") as two:
        number = 0

        async def fetch() -> Admitted:
            nonlocal number
            number += 1
            house = (one, two)[number % 2]
            return Admitted(house.ticket(made), house.url)

        interview = Interview(fetch)
        interview._backoff.next = lambda: 0.01
        answered = set()
        async for frame in interview.frames():
            turn = None
            if isinstance(frame, messages.QuestionCompleted):
                turn = frame.turn
            elif isinstance(frame, messages.SessionState) and frame.current is not None:
                turn = frame.current.turn if frame.current.completed else None
            if turn is not None and turn not in answered:
                answered.add(turn)
                await interview.answer(turn, ANSWER)
                if turn % 2:
                    interview._resume = None
                await interview.drop()
        rows = await turns_of(db, made)
        assert [row.turn for row in rows] == list(range(1, len(rows) + 1))
        assert {row.turn for row in rows} == answered
        assert interview.counts.gaps == 0
        assert interview.counts.connects > len(rows)


async def test_a_pause_stops_the_clock_and_answers_wait(settings, db, tenant):
    """paused, a clear fault for an answer, resumed with the time that was left."""
    made = await make_interview(db, tenant)
    async with live_house(settings) as house:
        async with Wire(house.url, messages.TICKET_PREFIX + house.ticket(made)) as wire:
            await wire.join()
            await wire.next(messages.QuestionCompleted)
            await wire.send(messages.SessionPause())
            assert (await wire.next(messages.SessionPaused)).reason == "requested"
            await wire.send(messages.AnswerSubmit("a", 1, ANSWER))
            assert (await wire.next(messages.FaultFrame)).code == "paused"
            await wire.send(messages.SessionResume())
            left = (await wire.next(messages.SessionResumed)).seconds_left
            assert left > made.minutes * 60 - 30
            await wire.send(messages.AnswerSubmit("a", 1, ANSWER))
            assert await wire.next(messages.AnswerAccepted)


async def test_leaving_keeps_what_was_said(settings, db, tenant):
    """session.finished(left) after it is durable; the door then says that it is over."""
    made = await make_interview(db, tenant)
    async with live_house(settings) as house:
        async with Wire(house.url, messages.TICKET_PREFIX + house.ticket(made)) as wire:
            await wire.join()
            await wire.next(messages.QuestionCompleted)
            await wire.send(messages.AnswerSubmit("a", 1, ANSWER))
            await wire.next(messages.AnswerAccepted)
            await wire.send(messages.SessionLeave())
            assert (await wire.next(messages.SessionFinished)).reason == "left"
            row = await status_of(db, made)
            assert (row.status, row.finished_reason) == ("finished", "left")
    assert len(await turns_of(db, made)) == 1


async def test_a_withdrawn_invitation_closes_with_4503(settings, db, tenant):
    """Whoever joins after the withdrawal is told so and does not come back."""
    made = await make_interview(db, tenant)
    async with live_house(settings) as house:
        token = messages.TICKET_PREFIX + house.ticket(made)
        async with db.tenant(tenant.id) as c:
            assert await interviews.withdraw(c, made.id)
        async with Wire(house.url, token) as wire:
            await wire.send(messages.SessionJoin())
            assert await wire.closed() == 4503


async def test_a_withdrawal_ends_a_running_interview(settings, db, tenant, redis):
    """The candidate's page is told 4503 within a renewal, without having written anything."""
    made = await make_interview(db, tenant)
    async with live_house(settings) as house:
        async with Wire(house.url, messages.TICKET_PREFIX + house.ticket(made)) as wire:
            await wire.join()
            await wire.next(messages.QuestionCompleted)
            async with db.tenant(tenant.id) as c:
                assert await interviews.withdraw(c, made.id)
            await live.forget(redis, [made.session_id])
            assert await wire.closed() == 4503


async def test_nobody_reads_another_tenants_session(settings, db, tenant):
    """A ticket that names a foreign tenant finds nothing, wherever it was signed."""
    made = await make_interview(db, tenant)
    async with live_house(settings) as house:
        from runtime import clock

        forged = house.instance.tickets.ticket(clock.new_id(), made.id, made.session_id)
        async with Wire(house.url, messages.TICKET_PREFIX + forged) as wire:
            await wire.send(messages.SessionJoin())
            assert await wire.closed() == 4507


async def test_the_place_of_who_comes_back_is_not_given_back(settings, db, tenant):
    """A socket has claimed its place anew when the old memory of its session is cleared away."""
    made = await make_interview(db, tenant)
    async with live_house(settings) as house:
        async with Wire(house.url, messages.TICKET_PREFIX + house.ticket(made)) as wire:
            await wire.join()
            await house.instance.gate.enter(made.session_id, returning=True)  # on the way in again
        conductor = house.sessions.here(made.session_id)
        while not conductor.ended.is_set():  # not before the question is whole, the socket gone
            await conductor.post(Park())
            await asyncio.sleep(0.05)
        await asyncio.sleep(0.2)
        assert [one.taken for one in await house.instance.slots.instances()] == [1]
        house.instance.gate.arrived(made.session_id)
        assert not house.instance.gate.coming


async def test_an_emptied_redis_hears_of_who_is_on_the_way_in(settings, db, tenant, redis):
    """Between the claim at the door and the take-over a place is known to nobody else."""
    made = await make_interview(db, tenant)
    async with live_house(settings) as house:
        await house.instance.gate.enter(made.session_id, returning=False)
        await redis.flushdb()
        taken: list[int] = []
        async with asyncio.timeout(10):
            while not taken:  # until the instance has made itself known again
                await asyncio.sleep(0.1)
                taken = [one.taken for one in await house.instance.slots.instances()]
        assert taken == [1]


async def test_who_could_not_reach_an_instance_is_sent_to_another(settings, db, tenant):
    """Even where their session lives and holds a place; to the same one where there is no other."""
    made = await make_interview(db, tenant)
    async with live_house(settings, "one") as one, live_house(settings, "two") as two:
        gate, session_id = one.instance.gate, made.session_id
        await gate.enter(session_id, returning=True)
        ask = {"returning": True, "prefer": "one"}
        assert (await gate.reserve(session_id, tenant.id, **ask)).url == one.url
        seat = await gate.reserve(session_id, tenant.id, **ask, unreachable=one.url)
        assert seat.url == two.url
        await two.instance.slots.remove("two")
        seat = await gate.reserve(session_id, tenant.id, **ask, unreachable=one.url)
        assert seat.url == one.url
        gate.arrived(session_id)


async def test_who_tries_again_keeps_the_seat_of_the_first_try(settings, db, tenant):
    """Two seats for one person would be a place too few where there are just enough."""
    made = await make_interview(db, tenant)
    async with live_house(settings, "one") as one, live_house(settings, "two") as two:
        gate = one.instance.gate
        seat = await gate.reserve(made.session_id, tenant.id, returning=False, prefer="two")
        assert seat.url == two.url
        again = await gate.reserve(made.session_id, tenant.id, returning=True, prefer="one")
        assert again.url == two.url
        found = await one.instance.slots.instances(of=made.session_id)
        assert {i.id: i.holds for i in found} == {"one": False, "two": True}


async def test_after_a_standstill_nobody_who_went_elsewhere_holds_a_place(settings, db, tenant):
    """What was in its memory, and a seat of somebody who found a place elsewhere meanwhile."""
    made, seat = [await make_interview(db, tenant) for _ in range(2)]
    async with live_house(settings, "one") as one, live_house(settings, "two") as two:
        slots = one.instance.slots
        async with Wire(one.url, messages.TICKET_PREFIX + one.ticket(made)) as old:
            await old.join()
            await slots.claim("one", seat.session_id, returning=False, seconds=30)
            one.sessions.announce_no_more()  # it stands still
            async with (
                Wire(two.url, messages.TICKET_PREFIX + two.ticket(made)) as new,
                Wire(two.url, messages.TICKET_PREFIX + two.ticket(seat)) as other,
            ):
                await new.join()
                await other.join()
                assert len(await slots.places("one")) == 2
                await slots._redis.hset(keys.instance("one"), "until_ms", 1)  # its lease is over
                await one.sessions._renew_places([])
                async with asyncio.timeout(5):
                    while await slots.places("one"):
                        await asyncio.sleep(0.01)
                assert len(await slots.places("two")) == 2
            assert await old.closed() == 4505
