"""What the tests do with a page: open it, answer, look whether it is sound."""

from collections.abc import Callable
from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.web.fake_house import FakeHouse
from tests.web.samples import LINK

PERSON = "header.payload.signature-0123456789"
expect.set_options(timeout=20_000)  # what is expected comes at once; a busy machine takes longer


def until(page: Page, happened: Callable[[], object]) -> None:
    """Wait for something outside of the page, which goes on meanwhile."""
    for _ in range(1_000):
        if happened():
            return
        page.wait_for_timeout(20)
    raise AssertionError("it did not happen")


def open_invitation(page: Page, house: FakeHouse) -> None:
    """Open the candidate's link."""
    page.goto(f"{house.url}/i/#{LINK}")
    expect(page.get_by_role("heading", level=1)).to_be_visible()


def begin(page: Page, house: FakeHouse) -> None:
    """Open the link, consent and start."""
    open_invitation(page, house)
    page.get_by_label("He leído el texto").check()
    page.get_by_role("button", name="Comenzar la entrevista").click()
    expect(page.get_by_label("Su respuesta")).to_be_visible()


def asked(page: Page, turn: int) -> None:
    """Wait until the question of `turn` stands there in full."""
    expect(page.locator("h1")).to_contain_text(f"Pregunta {turn}", timeout=15_000)
    full = page.locator(".question-text:not(.streaming):not(.coming)")
    expect(full).to_be_visible(timeout=15_000)


def freeze(page: Page) -> None:
    """Let the page's clock run only when the test says so (after page.clock.install)."""
    page.clock.pause_at(page.evaluate("() => Date.now()") / 1000 + 1)


def answer(page: Page, text: str) -> None:
    """Type and send."""
    page.get_by_label("Su respuesta").fill(text)
    page.get_by_role("button", name="Enviar respuesta").click()


def open_recruiter(page: Page, house: FakeHouse, route: str = "") -> None:
    """Open the recruiter's page, at a route."""
    page.goto(f"{house.url}/recruiter/#token={PERSON}")
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    if route:
        page.goto(f"{house.url}/recruiter/#/{route}")
        expect(page.locator(".back")).to_be_visible()


def check_axe(page: Page) -> None:
    """Fail with axe's own words when the page has an accessibility problem."""
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        results = Axe().run(page)
        assert results.violations_count == 0, f"{scheme}: {results.generate_report()}"
    page.emulate_media(color_scheme="light")


def check_fits(page: Page) -> None:
    """Fail when the page is wider than its window."""
    widths: Any = page.evaluate(
        "() => [document.documentElement.scrollWidth, document.documentElement.clientWidth]"
    )
    assert widths[0] <= widths[1], f"content is {widths[0]} px wide in a window of {widths[1]} px"


def check_targets(page: Page) -> None:
    """Fail when something to touch is lower than 44 px."""
    small: Any = page.evaluate(
        """() => [...document.querySelectorAll("button, select, textarea, summary, .check, nav a,"
            + "input:not([type=checkbox]):not([type=radio]):not([type=file])")]
            .filter((node) => node.checkVisibility() && node.getBoundingClientRect().height < 43.5)
            .map((node) => node.outerHTML.slice(0, 120))"""
    )
    assert small == []
