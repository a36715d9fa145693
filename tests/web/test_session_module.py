"""The embeddable session on its own clock: heartbeat, back-off, admission."""

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.web.driving import asked, begin, freeze, open_invitation
from tests.web.fake_house import HASH, FakeHouse
from tests.web.fake_interview import FakeInterview


def module(page: Page, house: FakeHouse, expression: str) -> Any:
    """Evaluate an expression in which `m` is the session module."""
    if not page.url.startswith(house.url):
        page.goto(f"{house.url}/i/")
    path = f"/static/{HASH}/client/session.js"
    return page.evaluate(f"async () => {{ const m = await import('{path}'); return {expression} }}")


class Traffic:
    """What a page has on its way: the network knows nothing of the page's clock."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self._under_way: set[Any] = set()
        page.on("request", self._begun)
        for end in ("requestfinished", "requestfailed"):
            page.on(end, self._ended)
        page.on("websocket", self._opened)

    def _begun(self, request: Any) -> None:
        self._under_way.add(request)

    def _ended(self, request: Any) -> None:
        self._under_way.discard(request)

    def _opened(self, socket: Any) -> None:
        self._under_way.add(socket)
        for end in ("framereceived", "socketerror", "close"):  # it has come in, or it has not
            socket.on(end, lambda _: self._ended(socket))

    def settle(self) -> None:
        """Wait until nothing is under way, also behind what has just come."""
        quiet = 0
        for _ in range(1_000):
            self._page.wait_for_timeout(10)
            quiet = 0 if self._under_way else quiet + 1
            if quiet == 2:
                return
        raise AssertionError(f"still under way: {self._under_way}")


def seconds_left(page: Page) -> int:
    """What the clock on the page shows."""
    minutes, seconds = (page.locator(".time-value").text_content() or "").split(":")
    return int(minutes) * 60 + int(seconds)


def test_the_windows_grow_as_the_wire_says(page: Page, house: FakeHouse) -> None:
    """1, 2, 2 ... seconds for the first half minute, then doubling to 60."""
    early = module(page, house, "[0, 1, 2, 9].map((n) => m.retryWindow(n, 0))")
    late = module(page, house, "[1, 2, 3, 4, 5, 6, 50].map((n) => m.retryWindow(20, n))")
    assert early == [1, 2, 2, 2]
    assert late == [4, 8, 16, 32, 60, 60, 60]


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (1001, ""),
        (1006, ""),
        (4001, ""),
        (4029, ""),
        (4499, ""),
        (4500, ""),
        (4501, "bad_frame"),
        (4505, "opened_elsewhere"),
        (4506, "place_released"),
        (4510, "version_unknown"),
        (4777, "refused"),
    ],
)
def test_codes_below_4501_mean_come_back(
    page: Page, house: FakeHouse, code: int, reason: str
) -> None:
    """The table of the wire, and what an unknown code means."""
    assert module(page, house, f"m.terminalReason({code})") == reason


def test_words_are_made_storable(page: Page, house: FakeHouse) -> None:
    """No NUL, no control characters, no half of a pair; characters are counted as code points."""
    assert module(page, house, r"m.storable('a\u0000b\u0007c\r\nd\ud83d')") == "abc\nd\ufffd"
    assert module(page, house, r"m.countChars('a\ud83d\ude42')") == 2


def test_silence_is_noticed_and_repaired(
    page: Page, house: FakeHouse, interview: FakeInterview
) -> None:
    """No pong within 10 s: the page joins again and says nothing was lost."""
    page.clock.install()
    begin(page, house)
    asked(page, 1)
    interview.mute_pongs = True
    freeze(page)
    for _ in range(26):
        page.clock.run_for(1_000)
        page.wait_for_timeout(50)
        if {"type": "ping"} in interview.received:
            break
    page.clock.run_for(8_500)
    expect(page.locator(".road")).to_have_text("Conectado")
    assert len(interview.joins) == 1
    interview.door.clear()
    page.clock.run_for(1_600)
    expect(page.locator(".road")).to_have_class("road warn")
    interview.door.set()
    page.clock.run_for(2_000)
    expect(page.locator(".road")).to_have_text("Conectado")
    assert interview.joins[1]["offset"] == len(interview.frames)


def test_a_house_that_is_away_is_asked_ever_less_often(
    page: Page, house: FakeHouse, interview: FakeInterview
) -> None:
    """At most 2 s apart at first; after half a minute the waits grow, and it still comes back."""
    page.clock.install()
    traffic = Traffic(page)
    begin(page, house)
    asked(page, 1)
    ticket = house.routes["POST /invitation/ticket"]
    house.routes["POST /invitation/ticket"] = (503, {"code": "unavailable"})
    interview.refuse_upgrades = True
    before = len(house.asked("POST /invitation/ticket"))
    interview.cut()
    expect(page.locator(".road")).to_have_class("road warn")
    for _ in range(30):
        page.clock.run_for(1_000)
        traffic.settle()
    early = len(house.asked("POST /invitation/ticket")) - before
    assert early >= 10
    for _ in range(100):
        page.clock.run_for(1_000)
        traffic.settle()
    late = len(house.asked("POST /invitation/ticket")) - before - early
    assert late < early
    house.routes["POST /invitation/ticket"] = ticket
    interview.refuse_upgrades = False
    for _ in range(61):
        if page.locator(".road.good").count():
            break
        page.clock.run_for(1_000)
        traffic.settle()
    expect(page.locator(".road")).to_have_text("Conectado")


def test_an_online_event_brings_the_page_back_at_once(
    page: Page, house: FakeHouse, interview: FakeInterview
) -> None:
    """No waiting for a long back-off when the network returns."""
    page.clock.install()
    begin(page, house)
    asked(page, 1)
    ticket = house.routes["POST /invitation/ticket"]
    house.routes["POST /invitation/ticket"] = (503, {"code": "unavailable", "retry_after": 3600})
    interview.refuse_upgrades = True
    interview.cut()
    for _ in range(6):
        page.clock.run_for(1_000)
        page.wait_for_timeout(50)
    expect(page.locator(".road")).to_have_class("road warn")
    house.routes["POST /invitation/ticket"] = ticket
    interview.refuse_upgrades = False
    page.evaluate("() => dispatchEvent(new Event('online'))")
    expect(page.locator(".road")).to_have_text("Conectado")


def test_a_full_door_on_the_socket_is_waited_out(
    page: Page, house: FakeHouse, interview: FakeInterview
) -> None:
    """4029 with its retry_after: the waiting panel, then in."""
    interview.close_next = [(4029, "at_capacity retry_after=1")]
    open_invitation(page, house)
    page.get_by_label("He leído el texto").check()
    page.get_by_role("button", name="Comenzar la entrevista").click()
    expect(page.get_by_role("heading", name="Todos los lugares están ocupados")).to_be_visible()
    asked(page, 1)


def test_a_refused_resume_token_falls_back_to_a_ticket(
    page: Page, house: FakeHouse, interview: FakeInterview
) -> None:
    """The link always yields a way back in."""
    begin(page, house)
    asked(page, 1)
    interview.resume = "another"
    interview.door.clear()
    interview.cut()
    expect(page.locator(".road")).to_have_class("road warn")
    interview.door.set()
    expect(page.locator(".road")).to_have_text("Conectado")
    first, second = house.asked("POST /invitation/ticket")
    assert (first["unreachable"], second["unreachable"]) == ("", interview.url)


def test_the_time_runs_only_while_connected(
    page: Page, house: FakeHouse, interview: FakeInterview
) -> None:
    """Counted here between the server's words, and not while the line is cut."""
    page.clock.install()
    begin(page, house)
    asked(page, 1)
    freeze(page)
    before = seconds_left(page)
    page.clock.run_for(5_000)
    assert seconds_left(page) == before - 5
    interview.refuse_upgrades = True
    house.routes["POST /invitation/ticket"] = (503, {"code": "unavailable"})
    interview.cut()
    expect(page.locator(".road")).to_have_class("road warn")
    page.clock.run_for(20_000)
    assert seconds_left(page) == before - 5
