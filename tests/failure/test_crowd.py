"""A crowd in the middle of it: stores go and come back, and every promise is kept."""

import asyncio
import random

from protocol import messages
from storage import flushing, sessions
from tests.server.live_house import live_house, make_interview
from tests.server.test_live import status_of, turns_of

CANDIDATES = 24
TURNS = 6


class Candidate:
    """Answers a few questions with words of their own, leaves, and remembers what was promised."""

    def __init__(self, number, interview, made):
        self.number, self.interview, self.made = number, interview, made
        self.promised = {}
        self.random = random.Random(number)

    async def live(self):
        interview, sent = self.interview, {}
        interview._backoff.next = lambda: 0.3
        async for frame in interview.frames():
            turn = None
            match frame:
                case messages.AnswerAccepted():
                    self.promised[frame.turn] = sent[frame.turn]
                    if frame.turn == TURNS:
                        await interview.leave()
                case messages.QuestionCompleted():
                    turn = frame.turn
                case messages.SessionState() if frame.current and frame.current.completed:
                    turn = frame.current.turn
                    if turn > TURNS:
                        await interview.leave()
                case messages.SessionState() if len(frame.turns) >= TURNS:
                    await interview.leave()
            if turn is not None and turn <= TURNS and turn not in sent:
                await asyncio.sleep(self.random.uniform(0.2, 1.2))
                sent[turn] = f"candidata {self.number}, respuesta {turn}"
                await interview.answer(turn, sent[turn])
                if self.random.random() < 0.2:
                    await interview.drop()


async def break_things(stores):
    """Five outages, some of both stores at once."""
    for number in range(3):
        await asyncio.sleep(0.7)
        await stores.postgres_down()
        await asyncio.sleep(1.0)
        if number == 1:
            await stores.valkey_down()
            await asyncio.sleep(0.5)
            await stores.valkey_up()
        await stores.postgres_up()
    await stores.valkey_down()
    await asyncio.sleep(0.5)
    await stores.valkey_up()


async def test_a_crowd_lives_through_outages_and_every_promise_is_kept(
    settings, db, tenant, stores, redis
):
    """What a page was told is accepted is in PostgreSQL: the same words, once, in order."""
    made = [await make_interview(db, tenant) for _ in range(CANDIDATES)]
    async with live_house(settings, "one") as one, live_house(settings, "two") as two:
        crowd = [
            Candidate(n, (one, two)[n % 2].interview(interview), interview)
            for n, interview in enumerate(made)
        ]
        async with asyncio.timeout(150):
            await asyncio.gather(break_things(stores), *(one.live() for one in crowd))
        for candidate in crowd:
            rows = await turns_of(db, candidate.made)
            assert [row.turn for row in rows] == list(range(1, TURNS + 1))
            kept = {row.turn: row.answer for row in rows}
            assert {turn: kept[turn] for turn in candidate.promised} == candidate.promised
            assert (await status_of(db, candidate.made)).finished_reason == "left"
        assert sum(len(candidate.promised) for candidate in crowd) > CANDIDATES * (TURNS - 1)
        assert await sessions.count_asks(db, tenant.id) >= CANDIDATES * TURNS
        journal = one.instance.journal
        for session_id in await journal.held(limit=1000):  # what no owner could trim any more
            assert await flushing.flush_left(db, journal, session_id) == 0  # is in PostgreSQL
        assert await journal.held(limit=1000) == []
