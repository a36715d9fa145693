"""A browser and a stand-in house for the pages on their own."""

from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from tests.conftest import CHROMIUM_ARGS
from tests.web.fake_house import FakeHouse
from tests.web.fake_interview import FakeInterview
from tests.web.samples import INVITATION, QUESTIONS, candidate_routes
from tests.web.samples_house import house_routes


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    """One Chromium for a module's tests."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=CHROMIUM_ARGS)
        yield browser
        browser.close()


@pytest.fixture
def interview() -> Iterator[FakeInterview]:
    """A live door with three questions."""
    interview = FakeInterview(list(QUESTIONS))
    interview.start()
    yield interview
    interview.stop()


@pytest.fixture
def house(interview: FakeInterview) -> Iterator[FakeHouse]:
    """The HTTP doors around that interview."""
    house = FakeHouse(interview)
    house.routes.update(candidate_routes(house, deepcopy(INVITATION)))
    house.routes.update(house_routes(house))
    house.start()
    yield house
    house.stop()


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    """A fresh profile of a Peruvian phone."""
    context = browser.new_context(locale="es-PE", viewport={"width": 360, "height": 740})
    yield context
    context.close()


@pytest.fixture
def page(context: BrowserContext) -> Iterator[Page]:
    """A page on which any error or refused resource fails the test."""
    page = context.new_page()
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda message: _note(message, wrong))
    yield page
    assert not wrong, wrong


def _note(message: Any, wrong: list[str]) -> None:
    expected = ("Failed to load resource", "WebSocket connection to")
    if message.type == "error" and not message.text.startswith(expected):
        wrong.append(message.text)
