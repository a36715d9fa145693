"""Two candidates too many, in real browsers and the whole product: in line, then in."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import redis
from playwright.sync_api import Browser, Page, expect, sync_playwright

from loadtest.invite import invite
from protocol import limits
from runtime import clock
from storage import embedded, keys
from storage.embedded import home
from tests.browser.test_journey import PHONE, begin, new_page
from tests.cli.stack import Up, up
from tests.conftest import CHROMIUM_ARGS
from tests.web.driving import asked, check_fits

LADDER = {"SCALE_IN": 0, "TARGET": 1, "SCALE_OUT": 2, "ADMIT": 3, "HARD_CAP": 4}


@pytest.fixture(scope="module")
def stack() -> Iterator[Up]:
    with up(
        **{f"ENTREVISTADOR_{name}_SESSIONS": str(most) for name, most in LADDER.items()}
    ) as stack:
        yield stack


@pytest.fixture(scope="module")
def links(stack: Up) -> list[str]:
    """Three candidates' links, made before the browser has this thread's loop."""
    made = asyncio.run(invite(stack.base_url, stack.token("recruiter"), 3))
    return [f"{stack.base_url}/i/#{one.token}" for one in made]


@pytest.fixture(scope="module")
def browser(chromium: str, links: list[str]) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=CHROMIUM_ARGS)
        yield browser
        browser.close()


@contextmanager
def one_place_left(stack: Up) -> Iterator[None]:
    """All but one of the places are held by sessions that nobody sees."""
    place = home.locate(stack.state)
    assert place is not None
    sessions = [str(clock.new_id()) for _ in range(LADDER["ADMIT"] - 1)]
    stop = threading.Event()
    with redis.Redis.from_url(embedded.Valkey(stack.state).url(place)) as client:
        (instance,) = client.zrange(keys.instances(), 0, -1)

        def hold() -> None:
            ends = clock.wall_ms() + int(limits.SLOT_LEASE_SECONDS * 1000)
            client.zadd(keys.slots(instance.decode()), dict.fromkeys(sessions, ends))

        def keep_holding() -> None:
            while not stop.wait(limits.RENEW_SECONDS):
                hold()

        hold()
        keeper = threading.Thread(target=keep_holding)
        keeper.start()
        try:
            yield
        finally:
            stop.set()
            keeper.join()


def wait_in_line(page: Page, link: str, position: int) -> None:
    """Consent, start, and find oneself in line."""
    page.goto(link)
    page.get_by_label("He leído el texto").check()
    page.get_by_role("button", name="Comenzar la entrevista").click()
    in_line(page, position)


def in_line(page: Page, position: int) -> None:
    expect(page.locator(".waiting .big")).to_have_text(f"Su lugar en la fila: {position}")


@pytest.mark.timeout(180)
def test_two_wait_for_the_one_place_and_go_in_by_turns(
    stack: Up, browser: Browser, links: list[str]
) -> None:
    """A reload keeps the place; each goes in by itself when the one before has ended."""
    with one_place_left(stack):
        they_go_in_by_turns(browser, links)


def they_go_in_by_turns(browser: Browser, links: list[str]) -> None:
    first, second, third = new_page(browser), new_page(browser, PHONE), new_page(browser)
    begin(first, links[0])
    asked(first, 1)
    wait_in_line(second, links[1], 1)
    wait_in_line(third, links[2], 2)
    check_fits(second)
    second.reload()
    in_line(second, 1)
    in_line(third, 2)
    for inside, waiting, later in ((first, second, third), (second, third, None)):
        inside.get_by_role("button", name="Terminar").click()
        inside.get_by_role("button", name="Sí, terminar").click()
        expect(inside.get_by_role("heading", name="Gracias por su tiempo")).to_be_visible()
        asked(waiting, 1)
        if later is not None:
            in_line(later, 1)
