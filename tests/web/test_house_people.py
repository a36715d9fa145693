"""Who is behind a CV, a match or an interview, as the recruiter's page tells it."""

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.web.driving import check_axe, check_fits, check_targets, open_recruiter
from tests.web.fake_house import FakeHouse
from tests.web.samples import HOSTILE
from tests.web.samples_house import CANDIDATES, CVS, INTERVIEW, OPENING, PROFILE, TURNS

AT_OPENING = f"openings/{OPENING['id']}"
AT_INTERVIEW = f"interviews/{INTERVIEW['id']}"


@pytest.mark.parametrize("status", ["finished", "expired", "withdrawn"])
def test_a_question_left_open_is_not_answered_once_it_is_over(
    page: Page, house: FakeHouse, status: str
) -> None:
    """While the interview is live the answer is awaited; after its end there is none."""
    path = f"GET /interviews/{INTERVIEW['id']}"
    detail: Any = house.routes[path]
    house.routes[path] = (200, {**detail[1], "status": "live", "turns": TURNS[:1]})
    open_recruiter(page, house, AT_INTERVIEW)
    expect(page.get_by_text("En vivo")).to_be_visible()
    event = {"interview_id": INTERVIEW["id"], "turn": 2, "text": "¿Y después?"}
    house.publish("question.asked", event)
    last = page.locator(".turn").nth(1)
    expect(last).to_contain_text("Pregunta hecha; falta la respuesta")
    house.routes[path] = (200, {**detail[1], "status": status, "turns": TURNS[:1]})
    house.publish("interview.status", {"interview_id": INTERVIEW["id"], "status": status})
    expect(last).to_contain_text("Sin respuesta")
    expect(page.locator(".turn").first).to_contain_text(TURNS[0]["answer"])


def test_a_cv_says_whose_it_is(page: Page, house: FakeHouse) -> None:
    """By its match, else by its person; the file's name and the reason of a refusal stay."""
    open_recruiter(page, house, AT_OPENING)
    rosa = page.locator(".upload", has_text=CVS[0]["filename"])
    expect(rosa.locator(".upload-name")).to_have_text("Rosa Quispe Huamán")
    expect(rosa).to_contain_text("Listo")
    julia = page.locator(".upload", has_text=CVS[1]["filename"])
    expect(julia.locator(".upload-name")).to_have_text("Julia Ccori")
    expect(julia.locator(".error-line")).to_be_visible()
    unread = page.locator(".upload", has_text=CVS[2]["filename"])
    expect(unread.locator(".upload-name")).to_have_text(CVS[2]["filename"])
    assert house.asked("GET /candidates/c1") == []
    assert house.asked("GET /candidates/c3") == []
    check_axe(page)
    check_fits(page)


@pytest.mark.parametrize("route", [AT_OPENING, AT_INTERVIEW])
def test_a_profile_is_looked_at(page: Page, house: FakeHouse, route: str) -> None:
    """From a match and from an interview: how to reach them, jobs, skills, languages."""
    open_recruiter(page, house, route)
    page.get_by_role("button", name="Ver perfil").first.click()
    dialog = page.get_by_role("dialog", name="Perfil de Rosa Quispe Huamán")
    expect(dialog.get_by_label("Correo electrónico")).to_have_value("rosa.quispe@example.com")
    for words in ("+51987654321", PROFILE["basics"]["label"], "6.5", "Power BI", "Quechua"):
        expect(dialog).to_contain_text(words)
    expect(dialog).to_contain_text("Hilados del Sur · 03/2021 – actualidad")
    expect(dialog).to_contain_text("2018 – 02/2021")
    expect(dialog).to_contain_text("Inglés (intermedio)")
    dialog.get_by_role("button", name="Copiar").click()
    expect(dialog.get_by_role("status")).to_have_text("Copiado")
    check_axe(page)
    check_fits(page)
    check_targets(page)


def test_a_profile_that_is_not_there_says_why(page: Page, house: FakeHouse) -> None:
    """No CV that was read, and a person who is gone."""
    path = f"GET /candidates/{CANDIDATES[0]['id']}"
    house.routes[path] = (200, {**CANDIDATES[0], "cvs": []})
    house.routes[f"GET /cvs/{CVS[0]['id']}"] = (200, {**CVS[0], "profile": None})
    open_recruiter(page, house, AT_INTERVIEW)
    page.get_by_role("button", name="Ver perfil").click()
    expect(page.get_by_role("dialog")).to_contain_text("Todavía no hay un CV leído")
    page.get_by_role("button", name="Cerrar").click()
    house.routes[path] = (404, {"code": "not_found"})
    page.get_by_role("button", name="Ver perfil").click()
    expect(page.get_by_role("dialog").get_by_role("alert")).to_be_visible()


def test_a_hostile_profile_stays_text(page: Page, house: FakeHouse) -> None:
    """Whatever a CV says is shown as written."""
    job = {"position": HOSTILE, "name": HOSTILE, "startDate": HOSTILE}
    bad = {"basics": {"label": HOSTILE}, "work": [job], "skills": [{"name": HOSTILE}]}
    house.routes[f"GET /cvs/{CVS[0]['id']}"] = (200, {**CVS[0], "profile": bad})
    house.routes["GET /candidates/c1"] = (200, {**CANDIDATES[0], "name": HOSTILE, "email": HOSTILE})
    open_recruiter(page, house, AT_INTERVIEW)
    page.get_by_role("button", name="Ver perfil").click()
    expect(page.get_by_role("dialog")).to_contain_text(HOSTILE)
    assert page.locator("dialog img, dialog script").count() == 0
    check_fits(page)


def test_a_dialog_does_not_outlive_its_view(page: Page, house: FakeHouse) -> None:
    """Going back, or to another address, closes the invitation and the profile."""
    open_recruiter(page, house, AT_OPENING)
    for name in ("Invitar a entrevista", "Ver perfil"):
        page.get_by_role("button", name=name).first.click()
        expect(page.get_by_role("dialog")).to_be_visible()
        page.evaluate("() => { location.hash = '#/interviews'; }")
        expect(page.get_by_role("heading", name="Entrevistas", level=1)).to_be_visible()
        expect(page.get_by_role("dialog")).to_have_count(0)
        page.go_back()
        expect(page.locator(".match").first).to_be_visible()


def test_openings_of_the_same_title_differ_by_their_date(page: Page, house: FakeHouse) -> None:
    """Each tile says when it was made."""
    open_recruiter(page, house)
    expect(page.locator(".tile")).to_contain_text("Creada: 20 nov")
