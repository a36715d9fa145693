"""Pieces that are shown together go together: from the bank, from a connection, off one wheel."""

import asyncio

import pytest

from interview import bank, evidence
from llm.offline import Pace
from llm.wire_line import Broken, Line
from protocol import limits
from runtime import clock
from runtime.wheel import Wheel

WORDS = [f"{number} " for number in range(30)]
HEAD = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"


class _Transport:
    def __init__(self) -> None:
        self.aborted = False

    def write(self, data: bytes) -> None:
        pass

    def abort(self) -> None:
        self.aborted = True


async def _parts(pace: Pace) -> list[str]:
    parts = []
    while part := await pace.next():
        parts.append(part)
    return parts


async def test_pieces_of_one_window_come_as_one_part_and_nothing_is_lost() -> None:
    """The first alone, at once; then two windows' worth in two or three parts."""
    seconds = limits.COALESCE_SECONDS * 2 / (len(WORDS) - 1)
    parts = await _parts(Pace(WORDS, seconds, Wheel()))
    assert "".join(parts) == "".join(WORDS)
    assert parts[0] == WORDS[0]
    assert 2 <= len(parts) <= 4


async def test_without_a_pace_each_piece_comes_by_itself() -> None:
    """As many parts as pieces; of nothing, none."""
    assert await _parts(Pace(WORDS, 0.0, Wheel())) == WORDS
    assert await _parts(Pace([], 0.02, Wheel())) == []


async def test_the_wheel_calls_nobody_before_the_moment_and_keeps_their_order() -> None:
    """Those of one moment in the order in which they came, a later one later."""
    wheel, called = Wheel(), []
    now = clock.monotonic()
    for name, wait in (("b", 0.03), ("a", 0.01), ("c", 0.03)):
        moment = now + wait
        wheel.at(moment, lambda it=name, due=moment: called.append((it, clock.monotonic() >= due)))
    await wheel.until(now + 0.05)
    assert called == [("a", True), ("b", True), ("c", True)]


async def test_one_who_has_left_the_wheel_disturbs_nobody() -> None:
    """A cancelled waiter is passed over."""
    wheel, moment = Wheel(), clock.monotonic() + 0.01
    task = asyncio.ensure_future(wheel.until(moment))
    await asyncio.sleep(0)
    task.cancel()
    await wheel.until(moment)
    assert task.cancelled()


async def _asked() -> Line:
    line = Line(Wheel())
    line.connection_made(_Transport())
    asking = asyncio.ensure_future(line.ask(b"GET / HTTP/1.1\r\n\r\n"))
    await asyncio.sleep(0)
    line.data_received(HEAD)
    await asking
    return line


async def test_what_comes_before_it_is_ripe_is_read_as_one() -> None:
    """Nobody is woken for each part; without a moment every part is read as it comes."""
    line = await _asked()
    reading = asyncio.ensure_future(line.read(clock.monotonic() + 0.02))
    await asyncio.sleep(0)
    line.data_received(b"2\r\nab\r\n")
    await asyncio.sleep(0)
    assert not reading.done()
    line.data_received(b"2\r\ncd\r\n")
    assert await reading == b"abcd"
    line.data_received(b"2\r\nef\r\n")
    assert await line.read() == b"ef"


@pytest.mark.parametrize("ending", ["whole", "lost"])
async def test_an_end_is_never_waited_for(ending: str) -> None:
    """However far the moment is: what was there is read at once, and then that it is over."""
    line = await _asked()
    reading = asyncio.ensure_future(line.read(clock.monotonic() + 3600))
    await asyncio.sleep(0)
    line.data_received(b"2\r\nab\r\n")
    if ending == "whole":
        line.data_received(b"0\r\n\r\n")
    else:
        line.connection_lost(None)
    assert await reading == b"ab"
    if ending == "whole":
        assert await line.read(clock.monotonic() + 3600) == b""
    else:
        with pytest.raises(Broken):
            await line.read(clock.monotonic() + 3600)


def test_a_hint_is_a_key_of_the_coverage() -> None:
    """The quick look and the whole one agree, whatever is denied or imagined."""
    item = bank.load("es-PE").item("problem_solving", "mid")
    answers = {
        "No logré nada, ni comparé opciones.": set(),
        "Investigué la causa y bajamos los retrasos de 14 a 3.": {"root_cause", "measured_result"},
    }
    for answer, ids in answers.items():
        assert evidence.hinted(answer, item.evidence) == ids
        assert set(evidence.coverage(answer, item.evidence)) == ids
