"""Taken over in mid-question: the second attempt has a number and a row of its own."""

import asyncio

import msgspec

from protocol import messages
from tests.server.live_house import live_house, make_interview
from tests.server.test_live import Wire

SLOW = 0.05


async def asks_of(db, made) -> list[tuple[int, int, int]]:
    """Turn, number and owner of every attempt on record."""
    async with db.tenant(made.tenant_id) as c:
        rows = await c.fetch(
            "SELECT turn, ask, fence FROM asks WHERE session_id = $1 ORDER BY turn, ask",
            made.session_id,
        )
    return [tuple(row) for row in rows]


async def test_each_owner_in_mid_question_leaves_a_row(settings, db, redis, tenant):
    """Two crashes in the first question, the live state lost in one: attempts 1, 2 and 3."""
    made = await make_interview(db, tenant)
    slow = msgspec.structs.replace(settings, offline_piece_seconds=SLOW)
    async with (
        live_house(slow, "one") as one,
        live_house(slow, "two") as two,
        live_house(slow, "three") as three,
    ):
        seen = []
        for number, house in enumerate((one, two, three)):
            async with Wire(house.url, messages.TICKET_PREFIX + house.ticket(made)) as wire:
                await wire.join()
                piece = await wire.next(messages.QuestionDelta)
                seen.append((piece.turn, piece.ask))
                if house is not three:
                    await crash(house)
                    if number == 0:
                        await redis.flushdb()
                        for other in (two, three):
                            await other.instance.slots.renew(other.instance.id, [])
                    continue
                await wire.next(messages.QuestionCompleted)
        assert seen == [(1, 1), (1, 2), (1, 3)]
        assert await asks_of(db, made) == [(1, 1, 1), (1, 2, 2), (1, 3, 3)]


async def crash(house) -> None:
    """Stop every session's loop as a kill would: nothing more is written."""
    for conductor in list(house.sessions._conductors.values()):
        await conductor.shut()
    await asyncio.sleep(0)
