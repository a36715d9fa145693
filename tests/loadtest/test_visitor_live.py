"""Simulated candidates against a real server process: each kind does what it is there for."""

import asyncio
from uuid import UUID

import msgspec
import pytest

from loadtest import books
from loadtest.bench import seed
from loadtest.books import Result, Sample
from loadtest.network import STEADY, Line, slow_line
from loadtest.visitor import Habits, Visitor
from runtime.settings import Settings
from storage.connect import open_database

SECONDS = 150  # each of these is over within a few; a hang is a failure
NARROW = Line(delay_seconds=0.02, jitter_seconds=0.02, bytes_per_second=48_000)


async def _live(
    served: Settings, habits: Habits, count: int, *, storm_when_inside: bool = False
) -> tuple[list[Result], list[Sample], list[UUID]]:
    """Let `count` candidates of one kind live through interviews of three questions."""
    seats = await seed.seed(served, count, minutes=20, turns_max=3)
    samples: list[Sample] = []

    async def one(visitor: Visitor) -> Result:
        return await visitor.visit()

    async def on_a_line(invitation, line: Line) -> Result:
        async with slow_line(line) as relay:
            return await one(Visitor(invitation, habits, samples.append, line=relay))

    invitations = seed.invitations(served, seats)
    async with asyncio.timeout(SECONDS):
        if habits.line is not None:
            found = await asyncio.gather(*(on_a_line(i, habits.line) for i in invitations))
        else:
            visitors = [Visitor(i, habits, samples.append) for i in invitations]
            lives = asyncio.gather(*(one(visitor) for visitor in visitors))
            while storm_when_inside and not all(visitor.inside for visitor in visitors):
                await asyncio.sleep(0.01)
            if storm_when_inside:
                for visitor in visitors:
                    visitor.storm()
            found = await lives
    return list(found), samples, [seat.interview_id for seat in seats]


async def _kept(settings: Settings, interview_id: UUID) -> list[int]:
    db = await open_database(settings.database_url, size=1)
    try:
        async with db.across() as connection:
            rows = await connection.fetch(
                "select turn from turns where interview_id = $1 order by turn", interview_id
            )
    finally:
        await db.close()
    return [row["turn"] for row in rows]


async def test_an_answer_sent_over_two_connections_at_once_is_kept_once(served: Settings):
    """And twice on one of them, and under another id: three turns, three rows."""
    habits = Habits(think_seconds=0.2, duplicates=True, second_tab_every=1)
    results, _, interviews = await _live(served, habits, 4)
    for result, interview_id in zip(results, interviews, strict=True):
        assert result.failures == []
        assert result.finished == "completed"
        assert result.turns == 3
        assert result.did[books.REPEATED] == 3
        assert result.did[books.TWO_TABS] > 0
        assert await _kept(served, interview_id) == [1, 2, 3]
    assert sum(result.did.get("closed_4505", 0) for result in results) > 0


async def test_who_stops_reading_for_a_while_goes_on_where_it_was(served: Settings):
    """Nothing is lost, whether the connection was kept or not."""
    habits = Habits(think_seconds=0.2, stop_every=1, stop_seconds=(0.5, 1.0), line=STEADY)
    results, _, _ = await _live(served, habits, 3)
    for result in results:
        assert result.failures == []
        assert result.finished == "completed"
        assert result.did[books.STOPS] > 0
        came = result.did.get(books.STOPS_SURVIVED, 0) + result.did.get(books.STOPS_CUT, 0)
        assert came > 0


async def test_a_phone_gets_through_dead_spots_and_cuts(served: Settings):
    """Every turn has both; the record has no gap."""
    habits = Habits(think_seconds=0.2, cut_share=1.0, dead_share=1.0, line=NARROW)
    results, samples, _ = await _live(served, habits, 2)
    for result in results:
        assert result.failures == []
        assert result.finished == "completed"
        assert result.did[books.DEAD_SPOTS] == 3
        assert result.did[books.CUTS] > 0
    assert books.BACK in {sample.name for sample in samples}


async def test_a_storm_cuts_everybody_and_everybody_comes_back(served: Settings):
    """All at once, with the client's own back-off; nobody's answer is lost."""
    habits = Habits(think_seconds=2.0)
    results, samples, interviews = await _live(served, habits, 12, storm_when_inside=True)
    assert sum(result.did[books.STORM_CUT] for result in results) == 12
    assert sum(result.did[books.STORM_CONNECTS] for result in results) >= 12
    assert len([sample for sample in samples if sample.name == books.BACK_STORM]) == 12
    for result, interview_id in zip(results, interviews, strict=True):
        assert result.failures == []
        assert result.finished == "completed"
        assert await _kept(served, interview_id) == [1, 2, 3]


@pytest.mark.parametrize("habits", [Habits(think_seconds=0.0)])
async def test_who_comes_too_late_is_a_failure_of_the_books(served: Settings, habits: Habits):
    """A second visit with the same invitation: the interview is over, and the books say so."""
    seats = await seed.seed(served, 1, minutes=20, turns_max=1)
    invitation = seed.invitations(served, seats)[0]
    async with asyncio.timeout(SECONDS):
        assert (await Visitor(invitation, habits, lambda _: None).visit()).failures == []
        again = await Visitor(invitation, habits, lambda _: None).visit()
    assert [failure.name for failure in again.failures] == ["refused"]
    assert msgspec.structs.asdict(again)["turns"] == 0
