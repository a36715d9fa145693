"""What a candidate is told meanwhile and keeps afterwards: granted time, and their own answers."""

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.web.driving import answer, asked, begin, check_axe, check_fits, open_invitation
from tests.web.fake_house import FakeHouse
from tests.web.fake_interview import FakeInterview
from tests.web.samples import HOSTILE, QUESTIONS

COPY = "GET /invitation/transcript"
ASKED = {"kind": "extra_time", "status": "asked", "extra_minutes": 0, "reason": ""}
GRANTED = {**ASKED, "status": "granted", "extra_minutes": 10}


def grant(house: FakeHouse, requests: list[dict[str, Any]], minutes: int) -> None:
    """Let the house tell of these requests from now on."""
    read: Any = house.routes["GET /invitation"]

    def told(body: Any) -> tuple[int, Any]:
        status, invitation = read(body)
        return status, {**invitation, "requests": requests, "minutes": minutes}

    house.routes["GET /invitation"] = told


@pytest.mark.parametrize("width", [360, 1280])
def test_the_copy_is_there_again_after_a_reload(
    page: Page, house: FakeHouse, interview: FakeInterview, width: int
) -> None:
    """Every question and answer, until when, to print; also after a change of language."""
    page.set_viewport_size({"width": width, "height": 740})
    begin(page, house)
    for turn in range(1, len(QUESTIONS) + 1):
        asked(page, turn)
        answer(page, f"{HOSTILE} respuesta {turn}")
    expect(page.get_by_role("heading", name="Gracias por su tiempo")).to_be_visible()
    expect(page.locator("summary")).to_have_text("Lo que respondió")
    expect(page.get_by_text("Hasta el 1 dic")).to_be_visible()
    page.reload()
    expect(page.get_by_role("heading", name="Gracias por su tiempo")).to_be_focused()
    page.locator("summary").click()
    for turn, question in enumerate(QUESTIONS, start=1):
        item = page.locator(".turn").nth(turn - 1)
        expect(item).to_contain_text(question)
        expect(item).to_contain_text(f"{HOSTILE} respuesta {turn}")
    assert page.locator(".ending img[src=x], .ending script").count() == 0
    check_axe(page)
    check_fits(page)
    page.get_by_label("Idioma").select_option("en")
    expect(page.locator("summary")).to_have_text("What you answered")
    expect(page.locator(".turn-answer").first).to_have_attribute("lang", "es-PE")
    assert interview.finished == "completed"


def test_without_a_copy_the_thanks_stand(
    page: Page, house: FakeHouse, interview: FakeInterview
) -> None:
    """When the time for it is over the page thanks all the same and promises no copy."""
    interview.finish("completed")
    house.routes[COPY] = (404, {"code": "not_found"})
    open_invitation(page, house)
    expect(page.get_by_role("heading", name="Gracias por su tiempo")).to_be_visible()
    expect(page.locator("summary")).to_have_count(0)
    expect(page.get_by_text("Puede pedir a Textiles Andinos")).to_be_visible()


def test_what_the_page_knows_is_kept_when_the_house_is_away(page: Page, house: FakeHouse) -> None:
    """The copy of the turns just answered does not wait for the house."""
    house.routes[COPY] = (503, {"code": "unavailable"})
    begin(page, house)
    asked(page, 1)
    answer(page, "Lo medimos.")
    asked(page, 2)
    page.get_by_role("button", name="Terminar").click()
    page.get_by_role("button", name="Sí, terminar").click()
    page.locator("summary").click()
    expect(page.locator(".turn-answer")).to_have_text("Lo medimos.")


@pytest.mark.parametrize("how", ["question", "reconnect"])
def test_granted_time_is_told_without_a_reload(
    page: Page, house: FakeHouse, interview: FakeInterview, how: str
) -> None:
    """With the next question, or when the connection comes back: minutes and new total."""
    grant(house, [ASKED], 20)
    begin(page, house)
    asked(page, 1)
    expect(page.locator(".extra")).to_be_empty()
    grant(house, [GRANTED], 30)
    if how == "question":
        answer(page, "Lo medimos.")
        asked(page, 2)
    else:
        interview.cut()
    told = page.get_by_text("La empresa le concedió 10 minutos más: son 30 en total.")
    expect(told).to_be_visible(timeout=15_000)
    check_axe(page)
    check_fits(page)
    page.get_by_label("Idioma").select_option("en")
    expect(page.get_by_text("10 more minutes: 30 in all")).to_be_visible()


def test_nobody_asks_for_time_that_was_not_asked_for(page: Page, house: FakeHouse) -> None:
    """Without a request that waits, the house is asked at the beginning only."""
    begin(page, house)
    asked(page, 1)
    before = len(house.asked("GET /invitation"))  # a slow beginning is tried again
    answer(page, "Lo medimos.")
    asked(page, 2)
    assert len(house.asked("GET /invitation")) == before
