"""The candidate's page is sound: foreign words stay words, it fits a phone, axe is content."""

from playwright.sync_api import Page, expect

from tests.web.driving import (
    answer,
    asked,
    begin,
    check_axe,
    check_fits,
    check_targets,
    open_invitation,
)
from tests.web.fake_house import FakeHouse
from tests.web.fake_interview import FakeInterview
from tests.web.samples import HOSTILE, QUESTIONS


def test_hostile_text_is_only_ever_text(
    page: Page, house: FakeHouse, interview: FakeInterview
) -> None:
    """HTML in names, questions and answers shows as it was written, under Trusted Types too."""
    house.extra_csp = "; require-trusted-types-for 'script'; trusted-types 'none'"
    status, invitation = house.routes["GET /invitation"](None)  # type: ignore[operator]
    assert status == 200
    invitation.update(company=HOSTILE, opening_title=HOSTILE, candidate_name=HOSTILE)
    invitation["consent"]["text"] = HOSTILE
    interview.questions[0] = HOSTILE
    open_invitation(page, house)
    expect(page.locator("h1")).to_have_text(HOSTILE)
    page.get_by_label("He leído el texto").check()
    page.get_by_role("button", name="Comenzar la entrevista").click()
    asked(page, 1)
    expect(page.locator(".question-text")).to_have_text(HOSTILE)
    answer(page, HOSTILE)
    asked(page, 2)
    page.locator("summary").click()
    expect(page.locator(".turn-answer")).to_have_text(HOSTILE)
    assert page.locator("#page img[src=x], #page script").count() == 0
    assert page.title() != "owned"
    assert interview.turns[0]["answer"] == HOSTILE


def test_long_questions_and_endless_words_fit_a_phone(
    page: Page, house: FakeHouse, interview: FakeInterview
) -> None:
    """4,000 characters, some of them without a space, at 360 px."""
    interview.questions[0] = ("Pregunta larga. " * 180) + "x" * 1100
    begin(page, house)
    asked(page, 1)
    check_fits(page)
    answer(page, "y" * 3000)
    asked(page, 2)
    page.locator("summary").click()
    check_fits(page)


def test_every_step_is_clean_for_axe_and_for_thumbs(
    page: Page, house: FakeHouse, interview: FakeInterview
) -> None:
    """Welcome, a streaming question, an open one, reconnecting, finished: light and dark."""
    open_invitation(page, house)
    check_axe(page)
    check_targets(page)
    check_fits(page)
    interview.hold.clear()
    page.get_by_label("He leído el texto").check()
    page.get_by_role("button", name="Comenzar la entrevista").click()
    expect(page.locator(".question-text.streaming")).to_be_visible()
    check_axe(page)
    interview.hold.set()
    asked(page, 1)
    check_targets(page)
    answer(page, "Primera")
    asked(page, 2)
    page.locator("summary").click()
    check_axe(page)
    interview.refuse_upgrades = True
    interview.cut()
    expect(page.locator(".road")).to_have_class("road warn")
    answer(page, "Segunda")
    check_axe(page)
    check_fits(page)


def test_only_the_whole_question_is_announced(page: Page, house: FakeHouse) -> None:
    """A screen reader hears the question once, not piece by piece."""
    begin(page, house)
    asked(page, 1)
    said = page.locator(".heard-only[role=status] p")
    expect(said.last).to_have_text(f"Pregunta 1. {QUESTIONS[0]}")
    assert [text for text in said.all_text_contents() if "Cuénteme" in text] == [
        f"Pregunta 1. {QUESTIONS[0]}"
    ]
    assert page.locator(".question-text").evaluate("(e) => e.closest('[aria-live]')") is None
