"""More candidates than places: they wait, go in one after the other, and are counted apart."""

import asyncio

import msgspec
import pytest

from loadtest import books
from loadtest.bench import seed
from loadtest.books import Sample
from loadtest.verdict import CANDIDATE, Tally
from loadtest.visitor import Habits, Visitor
from runtime.settings import Settings

SECONDS = 150  # over within a few; a hang is a failure


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """An instance that admits four."""
    return msgspec.structs.replace(
        settings,
        scale_in_sessions=1,
        target_sessions=2,
        scale_out_sessions=3,
        admit_sessions=4,
        hard_cap_sessions=5,
    )


async def test_who_finds_no_place_waits_and_gets_in(served: Settings):
    """Eight candidates and four places: everybody finishes; the wait is timed by its own name."""
    seats = await seed.seed(served, 8, minutes=20, turns_max=1)
    samples: list[Sample] = []
    tally = Tally()
    visitors = [
        Visitor(invitation, Habits(think_seconds=2.0), samples.append)
        for invitation in seed.invitations(served, seats)
    ]
    async with asyncio.timeout(SECONDS):
        for result in await asyncio.gather(*(visitor.visit() for visitor in visitors)):
            assert result.failures == []
            assert result.finished == "completed"
            tally.visited(CANDIDATE, result)
    assert tally.waited >= 1  # the more the closer together they came
    assert tally.waiting == 0
    names = [sample.name for sample in samples]
    assert names.count(books.WAITED) == tally.waited
    assert names.count(books.JOIN) == 8 - tally.waited


async def test_who_still_waits_when_the_test_ends_is_no_failure(served: Settings):
    """An outcome of its own: queued, and nothing of it lost."""
    seats = await seed.seed(served, 6, minutes=20, turns_max=1)
    visitors = [
        Visitor(invitation, Habits(think_seconds=60.0), lambda _: None)
        for invitation in seed.invitations(served, seats)
    ]
    tally = Tally()
    lives = [asyncio.ensure_future(visitor.visit()) for visitor in visitors]
    async with asyncio.timeout(SECONDS):
        while sum(visitor.result.did.get(books.QUEUED, 0) for visitor in visitors) < 2:
            await asyncio.sleep(0.05)
    for visitor in visitors:
        tally.visited(CANDIDATE, visitor.give_up())
    for life in lives:
        life.cancel()
    await asyncio.gather(*lives, return_exceptions=True)
    assert (tally.waited, tally.waiting) == (2, 2)
    assert tally.failures == {}
