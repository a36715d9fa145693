"""The candidate's page around an absence: paused meanwhile, place given back, time granted."""

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.web.driving import (
    answer,
    asked,
    begin,
    check_axe,
    check_fits,
    check_targets,
    open_invitation,
    until,
)
from tests.web.fake_house import FakeHouse
from tests.web.fake_interview import FakeInterview

LANGUAGES = ("es", "en", "pt")
WIDTHS = (360, 1280)
RESUME = {"type": "session.resume"}


def sound(page: Page) -> None:
    """It fits, it can be touched, and axe finds nothing."""
    check_axe(page)
    check_fits(page)
    check_targets(page)


def told(page: Page, texts: tuple[str, ...], place: str) -> None:
    """The same thing in all three languages; ends in Spanish."""
    for language, text in zip(("en", "pt", "es"), (texts[1], texts[2], texts[0]), strict=True):
        page.locator(".language select").select_option(language)
        expect(page.locator(place)).to_contain_text(text)
        check_fits(page)


@pytest.mark.parametrize("width", WIDTHS)
def test_whoever_was_away_reads_why_it_waits(
    page: Page, house: FakeHouse, interview: FakeInterview, width: int
) -> None:
    """In pause because of the absence, with the clock stopped; also after a reload; on by hand."""
    page.set_viewport_size({"width": width, "height": 740})
    begin(page, house)
    asked(page, 1)
    page.get_by_label("Su respuesta").fill("Lo que llevaba escrito")
    interview.pause("away")
    expect(page.get_by_role("heading", name="Entrevista en pausa")).to_be_focused()
    texts = ("Estuvo fuera un rato", "You were away", "Você ficou fora")
    told(page, texts, ".panel")
    sound(page)
    page.reload()
    expect(page.locator(".panel")).to_contain_text("Estuvo fuera un rato")
    expect(page.locator(".time-label")).to_have_text("El tiempo está detenido")
    page.get_by_role("button", name="Continuar").click()
    expect(page.get_by_label("Su respuesta")).to_have_value("Lo que llevaba escrito")
    until(page, lambda: RESUME in interview.received)
    assert interview.received.count(RESUME) == 1
    page.get_by_role("button", name="Hacer una pausa").click()
    expect(page.locator(".panel")).to_contain_text("Su borrador queda guardado")


@pytest.mark.parametrize("width", WIDTHS)
def test_a_place_given_back_is_asked_for_by_the_button_only(
    page: Page, house: FakeHouse, interview: FakeInterview, width: int
) -> None:
    """Nothing joins by itself, whatever the browser says; one press joins and goes on."""
    page.set_viewport_size({"width": width, "height": 740})
    begin(page, house)
    asked(page, 1)
    page.get_by_label("Su respuesta").fill("A medias")
    page.get_by_role("button", name="Hacer una pausa").click()
    expect(page.locator(".panel")).to_contain_text("Su borrador queda guardado")
    interview.close(4506, "place_released")
    expect(page.locator(".panel")).to_contain_text("Tiene 24 horas para continuar")
    texts = ("La pausa fue larga", "The pause was long", "A pausa foi longa")
    told(page, texts, ".panel")
    sound(page)
    expect(page.get_by_role("button", name="Hacer una pausa")).to_be_hidden()
    for event in ("online", "pageshow", "offline", "online"):
        page.evaluate("(name) => dispatchEvent(new Event(name))", event)
    page.evaluate("() => document.dispatchEvent(new Event('visibilitychange'))")
    page.wait_for_timeout(2_500)  # the longest first window of the way back
    assert len(interview.joins) == 1
    assert len(house.asked("POST /invitation/ticket")) == 1
    page.get_by_role("button", name="Continuar").click()
    expect(page.get_by_role("button", name="Hacer una pausa")).to_be_enabled()
    expect(page.get_by_label("Su respuesta")).to_have_value("A medias")
    assert len(interview.joins) == 2
    answer(page, "Entera")
    asked(page, 2)
    assert interview.received.count(RESUME) == 1


def test_whoever_waits_for_the_place_starts_the_clock_by_hand(
    page: Page, house: FakeHouse, interview: FakeInterview
) -> None:
    """After a wait nobody may be looking: the pause stays until the button is pressed again."""
    begin(page, house)
    asked(page, 1)
    page.get_by_role("button", name="Hacer una pausa").click()
    expect(page.locator(".panel")).to_contain_text("Su borrador queda guardado")
    interview.close(4506, "place_released")
    expect(page.locator(".panel")).to_contain_text("La pausa fue larga")
    interview.queued = [{"type": "session.queued", "position": 2, "eta_seconds": 60.0}]
    interview.queue_gate.clear()
    page.get_by_role("button", name="Continuar").click()
    expect(page.get_by_role("heading", name="Todos los lugares")).to_be_visible()
    interview.queue_gate.set()
    expect(page.locator(".panel")).to_contain_text("El tiempo está detenido")
    assert RESUME not in interview.received
    page.get_by_role("button", name="Continuar").click()
    expect(page.get_by_label("Su respuesta")).to_be_visible()
    assert interview.received.count(RESUME) == 1


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("paused", [False, True])
def test_granted_time_is_told_at_once(
    page: Page, house: FakeHouse, interview: FakeInterview, width: int, paused: bool
) -> None:
    """The clock and a polite line, without a question to the house; told again, they add up."""
    page.set_viewport_size({"width": width, "height": 740})
    interview.seconds_left = 45.0
    begin(page, house)
    asked(page, 1)
    expect(page.locator(".time-value")).to_have_class("time-value low")
    if paused:
        interview.pause("requested")
        expect(page.locator(".panel")).to_be_visible()
    looks = len(house.asked("GET /invitation"))
    interview.grant(10, 30)
    expect(page.locator(".extra")).to_have_text(
        "La empresa le concedió 10 minutos más: son 30 en total."
    )
    expect(page.locator(".extra")).to_have_attribute("role", "status")
    expect(page.locator(".time-value")).to_contain_text("10:")
    expect(page.locator(".time-value")).not_to_have_class("low")
    assert len(house.asked("GET /invitation")) == looks
    sound(page)
    interview.grant(5, 35)
    texts = ("15 minutos más: son 35", "15 more minutes: 35", "mais 15 minutos a você: são 35")
    told(page, texts, ".extra")
    if paused:
        expect(page.locator(".time-label")).to_have_text("El tiempo está detenido")


def test_a_grant_that_the_house_tells_too_counts_once(
    page: Page, house: FakeHouse, interview: FakeInterview
) -> None:
    """A request waits, so the house is asked with the next question as well: the same minutes."""
    invitation: dict[str, Any] = house.routes["GET /invitation"](None)[1]
    request = {"kind": "extra_time", "status": "asked", "extra_minutes": 0, "reason": ""}
    invitation["requests"] = [request]
    begin(page, house)
    asked(page, 1)
    invitation.update(minutes=30, requests=[{**request, "status": "granted", "extra_minutes": 10}])
    interview.grant(10, 30)
    line = "La empresa le concedió 10 minutos más: son 30 en total."
    expect(page.locator(".extra")).to_have_text(line)
    answer(page, "Lo medimos.")
    asked(page, 2)
    expect(page.locator(".extra")).to_have_text(line)


@pytest.mark.parametrize(
    ("status", "reason", "texts"),
    [
        ("finished", "abandoned", ("sin que volviera", "without you coming", "que você voltasse")),
        (
            "expired",
            "expired",
            ("pida a Textiles Andinos", "ask Textiles Andinos", "peça a Textiles Andinos"),
        ),
    ],
)
@pytest.mark.parametrize("width", WIDTHS)
def test_whoever_comes_after_a_day_reads_what_happened(
    page: Page, house: FakeHouse, width: int, status: str, reason: str, texts: tuple[str, ...]
) -> None:
    """Closed with what was said, and a report to come; without an answer, no report is promised."""
    page.set_viewport_size({"width": width, "height": 740})
    invitation: dict[str, Any] = house.routes["GET /invitation"](None)[1]
    invitation.update(status=status, finished_reason=reason)
    open_invitation(page, house)
    expect(page.get_by_role("heading", name="Gracias por su tiempo")).to_be_visible()
    told(page, texts, ".ending")
    expect(page.get_by_text("Se prepara un informe")).to_have_count(int(status == "finished"))
    sound(page)
