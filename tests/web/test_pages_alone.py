"""The candidate's page against a stand-in house: nothing typed is lost, every state is said."""

from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.web.driving import (
    answer,
    asked,
    begin,
    check_axe,
    open_invitation,
    until,
)
from tests.web.fake_house import FakeHouse
from tests.web.fake_interview import FakeInterview
from tests.web.samples import LINK, QUESTIONS


def submitted(interview: FakeInterview) -> list[Any]:
    """Every answer.submit that arrived."""
    return [frame for frame in interview.received if frame["type"] == "answer.submit"]


def test_a_candidate_gets_through_with_the_keyboard_alone(
    page: Page, house: FakeHouse, interview: FakeInterview
) -> None:
    """Link, consent, three answers and the thanks, without a pointer."""
    open_invitation(page, house)
    page.get_by_label("He leído el texto").focus()
    page.keyboard.press("Space")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    for turn, _ in enumerate(QUESTIONS, start=1):
        asked(page, turn)
        page.get_by_label("Su respuesta").focus()
        page.keyboard.type(f"Respuesta número {turn}")
        page.keyboard.press("Control+Enter")
    expect(page.get_by_role("heading", name="Gracias por su tiempo")).to_be_focused()
    assert [turn["answer"] for turn in interview.turns] == [
        "Respuesta número 1",
        "Respuesta número 2",
        "Respuesta número 3",
    ]
    assert house.asked("POST /invitation/consent")[0]["given"] is True
    kept = page.evaluate("() => JSON.stringify(localStorage)")
    assert "Respuesta" not in kept


def test_it_does_not_start_without_consent(page: Page, house: FakeHouse) -> None:
    """The box is unticked; the button says what is missing."""
    open_invitation(page, house)
    expect(page.get_by_label("He leído el texto")).not_to_be_checked()
    page.get_by_role("button", name="Comenzar la entrevista").click()
    expect(page.get_by_role("alert").first).to_contain_text("marque la casilla")
    assert house.asked("POST /invitation/consent") == []


def test_the_link_leaves_the_address_bar_and_a_reload_works(page: Page, house: FakeHouse) -> None:
    """A copied address holds no secret; the tab remembers."""
    open_invitation(page, house)
    assert LINK not in page.url
    page.reload()
    expect(page.get_by_role("heading", name="Analista de datos")).to_be_visible()
    assert house.headers[-1]["Authorization"] == f"Bearer {LINK}"


def test_a_reload_in_the_middle_of_an_answer_loses_nothing(page: Page, house: FakeHouse) -> None:
    """The draft is there again, for the same question."""
    begin(page, house)
    asked(page, 1)
    page.get_by_label("Su respuesta").fill("Preparé un reporte y ")
    page.reload()
    asked(page, 1)
    expect(page.get_by_label("Su respuesta")).to_have_value("Preparé un reporte y ")


def test_an_answer_sent_into_a_cut_arrives_once_even_after_a_reload(
    page: Page, house: FakeHouse, interview: FakeInterview
) -> None:
    """The same client_msg_id is sent again until it is accepted."""
    begin(page, house)
    asked(page, 1)
    interview.refuse_upgrades = True
    interview.cut()
    expect(page.locator(".road")).to_contain_text("Su respuesta está guardada")
    answer(page, "Una sola vez")
    expect(page.locator("#answer-note")).to_contain_text("se enviará al volver la conexión")
    page.reload()
    interview.refuse_upgrades = False
    asked(page, 2)
    assert [turn["answer"] for turn in interview.turns] == ["Una sola vez"]


def test_an_answer_whose_acceptance_got_lost_is_not_doubled(
    page: Page, house: FakeHouse, interview: FakeInterview
) -> None:
    """The state tells that it was kept; the next question is asked."""
    begin(page, house)
    asked(page, 1)
    interview.mute_acceptance = True
    answer(page, "Guardada pero no avisada")
    asked(page, 2)
    expect(page.get_by_label("Su respuesta")).to_have_value("")
    expect(page.locator("summary")).to_contain_text("(1)")
    assert len(interview.turns) == 1


def test_a_cut_in_the_middle_of_a_question_is_replayed_without_repeating(
    page: Page, house: FakeHouse, interview: FakeInterview
) -> None:
    """The page names what it has seen and gets just the rest."""
    interview.hold.clear()
    begin(page, house)
    words = QUESTIONS[0].split(" ")
    before = " ".join(words[: len(words) // 2])  # there it is held
    expect(page.locator(".question-text.streaming")).to_have_text(before)
    interview.overlap = 3
    interview.door.clear()
    interview.cut()
    expect(page.locator(".road")).to_have_class("road warn")
    interview.door.set()
    expect(page.locator(".road")).to_have_class("road good")
    expect(page.locator(".question-text")).to_have_text(before)
    interview.hold.set()
    asked(page, 1)
    expect(page.locator(".question-text")).to_have_text(QUESTIONS[0])
    assert interview.joins[-1]["epoch"] == 1
    assert interview.joins[-1]["offset"] > 1


def test_a_gap_in_the_record_makes_the_page_join_again(
    page: Page, house: FakeHouse, interview: FakeInterview
) -> None:
    """A frame that never came is asked for by offset."""
    interview.drop_offsets = {3}
    begin(page, house)
    asked(page, 1)
    expect(page.locator(".question-text")).to_have_text(QUESTIONS[0])
    assert interview.joins[1]["offset"] == 2


def test_an_answer_that_could_not_be_kept_is_sent_again(
    page: Page, house: FakeHouse, interview: FakeInterview
) -> None:
    """A temporary fault costs a moment; the id stays the same."""
    interview.answer_faults = [{"code": "not_saved", "temporary": True}]
    begin(page, house)
    asked(page, 1)
    answer(page, "Otra vez")
    asked(page, 2)
    assert len({frame["client_msg_id"] for frame in submitted(interview)}) == 1
    assert len(submitted(interview)) == 2


def test_an_answer_that_is_refused_comes_back_to_the_box(
    page: Page, house: FakeHouse, interview: FakeInterview
) -> None:
    """A lasting fault is said, and the words can be changed."""
    interview.answer_faults = [{"code": "answer_invalid", "temporary": False}]
    begin(page, house)
    asked(page, 1)
    answer(page, "Con algo raro")
    expect(page.locator("#answer-error")).to_contain_text("no se pueden guardar")
    expect(page.get_by_label("Su respuesta")).to_have_value("Con algo raro")
    expect(page.get_by_label("Su respuesta")).to_be_editable()
    answer(page, "Sin nada raro")
    asked(page, 2)
    assert interview.turns[0]["answer"] == "Sin nada raro"


def test_a_full_house_is_waited_out(page: Page, house: FakeHouse) -> None:
    """503 at the ticket: the page waits, asks the admission door, and goes in."""
    admitted = house.routes["POST /invitation/ticket"]
    full = {"code": "at_capacity", "retry_after": 1}
    door = next(path for path in house.routes if path.endswith("/admission"))
    house.routes["POST /invitation/ticket"] = (503, dict(full))
    house.routes[door] = (200, {"state": "full", "retry_after": 1})
    open_invitation(page, house)
    page.get_by_label("He leído el texto").check()
    page.get_by_role("button", name="Comenzar la entrevista").click()
    expect(page.get_by_role("heading", name="Todos los lugares están ocupados")).to_be_focused()
    check_axe(page)
    house.routes["POST /invitation/ticket"] = admitted
    house.routes[door] = (200, {"state": "open", "retry_after": 1})
    asked(page, 1)


def test_the_queue_shows_position_and_estimate(
    page: Page, house: FakeHouse, interview: FakeInterview
) -> None:
    """session.queued on the open socket, then in."""
    interview.queue_gate.clear()
    interview.queued = [{"type": "session.queued", "position": 4, "eta_seconds": 95.0}]
    open_invitation(page, house)
    page.get_by_label("He leído el texto").check()
    page.get_by_role("button", name="Comenzar la entrevista").click()
    expect(page.locator(".panel")).to_contain_text("Su lugar en la fila: 4")
    expect(page.locator(".panel")).to_contain_text("2 minutos")
    interview.queue_gate.set()
    asked(page, 1)


def test_two_tabs_never_fight(
    page: Page, context: BrowserContext, house: FakeHouse, interview: FakeInterview
) -> None:
    """The newer one has the interview, the older one says so and offers to take it back."""
    begin(page, house)
    asked(page, 1)
    page.get_by_label("Su respuesta").fill("Empecé aquí")
    second = context.new_page()
    second.goto(f"{house.url}/i/#{LINK}")
    asked(second, 1)
    expect(second.get_by_label("Su respuesta")).to_have_value("Empecé aquí")
    expect(page.get_by_role("heading", name="se abrió en otra ventana")).to_be_visible()
    second.get_by_label("Su respuesta").fill("Seguí en la otra")
    check_axe(page)
    joins = len(interview.joins)
    page.locator("#answer").evaluate(
        "(box) => { box.value = 'tarde'; box.dispatchEvent(new Event('input')) }"
    )
    page.wait_for_timeout(2500)
    assert len(interview.joins) == joins
    page.get_by_role("button", name="Continuar aquí").click()
    asked(page, 1)
    expect(page.get_by_label("Su respuesta")).to_have_value("Seguí en la otra")
    expect(second.get_by_role("heading", name="se abrió en otra ventana")).to_be_visible()


@pytest.mark.parametrize(
    ("code", "says"),
    [
        (4503, "La invitación fue retirada o reemplazada"),
        (4507, "Este enlace ya no es válido"),
        (4509, "Gracias por su tiempo"),
        (4510, "Esta página quedó desactualizada"),
        (4501, "Esta página quedó desactualizada"),
    ],
)
def test_a_closed_door_is_not_knocked_at_again(
    page: Page, house: FakeHouse, interview: FakeInterview, code: int, says: str
) -> None:
    """Codes that mean "do not" end in words, not in attempts."""
    interview.close_next = [(code, "no")]
    open_invitation(page, house)
    page.get_by_label("He leído el texto").check()
    page.get_by_role("button", name="Comenzar la entrevista").click()
    expect(page.get_by_role("heading", name=says)).to_be_visible()
    page.wait_for_timeout(1500)
    assert len(interview.joins) == 1
    check_axe(page)


@pytest.mark.parametrize("code", [1012, 4003, 4010, 4500])
def test_a_door_that_asks_to_come_back_is_tried_again(
    page: Page, house: FakeHouse, interview: FakeInterview, code: int
) -> None:
    """Codes that mean "come back" lead to another join."""
    interview.close_next = [(code, "later")]
    begin(page, house)
    asked(page, 1)
    assert len(interview.joins) == 2


def test_a_move_is_followed_with_the_resume_token(
    page: Page, house: FakeHouse, interview: FakeInterview
) -> None:
    """session.moving: the same question stands there on the other instance."""
    begin(page, house)
    asked(page, 1)
    page.get_by_label("Su respuesta").fill("A medias")
    other = FakeInterview(list(QUESTIONS))
    house.interview.more_sockets.append(other.start())
    page.reload()  # the policy now allows the other socket too
    asked(page, 1)
    other.resume, other.current = interview.resume, interview.current
    interview.control({"type": "session.moving", "deadline_ms": 8000, "resume_url": other.url})
    interview.refuse_upgrades = True
    until(page, lambda: other.joins)
    expect(page.locator(".road")).to_have_text("Conectado")
    answer(page, "Completa")
    asked(page, 2)
    assert [turn["answer"] for turn in other.turns] == ["Completa"]
    other.stop()


def test_a_break_stops_the_clock(page: Page, house: FakeHouse, interview: FakeInterview) -> None:
    """Pause and continue, with the draft kept."""
    begin(page, house)
    asked(page, 1)
    page.get_by_label("Su respuesta").fill("Hasta aquí")
    page.get_by_role("button", name="Hacer una pausa").click()
    expect(page.get_by_role("heading", name="Entrevista en pausa")).to_be_focused()
    expect(page.locator(".time")).to_contain_text("El tiempo está detenido")
    stood = page.locator(".time-value").text_content()
    page.wait_for_timeout(1500)
    assert page.locator(".time-value").text_content() == stood
    check_axe(page)
    page.get_by_role("button", name="Continuar").click()
    expect(page.get_by_label("Su respuesta")).to_have_value("Hasta aquí")


def test_ending_asks_first(page: Page, house: FakeHouse, interview: FakeInterview) -> None:
    """Terminar -> a question -> the thanks; cancelling changes nothing."""
    begin(page, house)
    asked(page, 1)
    page.get_by_role("button", name="Terminar").click()
    check_axe(page)
    page.get_by_role("button", name="Cancelar").click()
    expect(page.get_by_label("Su respuesta")).to_be_visible()
    page.get_by_role("button", name="Terminar").click()
    page.get_by_role("button", name="Sí, terminar").click()
    expect(page.locator(".lead")).to_contain_text("Usted terminó la entrevista")
    check_axe(page)


def test_a_request_for_more_time_is_sent_and_shown(page: Page, house: FakeHouse) -> None:
    """Asked in a dialog, listed with its status."""
    open_invitation(page, house)
    page.get_by_role("button", name="Pedir más tiempo").click()
    check_axe(page)
    page.get_by_label("Mensaje para la empresa").fill("Escribo lento")
    page.get_by_role("button", name="Enviar el pedido").click()
    expect(page.locator(".requests")).to_contain_text("Enviado, en espera de respuesta")
    sent = house.asked("POST /invitation/requests")
    assert sent == [{"kind": "extra_time", "note": "Escribo lento"}]


def test_the_language_can_be_changed_in_mid_interview(page: Page, house: FakeHouse) -> None:
    """The words change, the draft and the connection stay."""
    begin(page, house)
    asked(page, 1)
    page.get_by_label("Su respuesta").fill("Sigo escribiendo")
    page.get_by_label("Idioma").select_option("en")
    expect(page.get_by_label("Your answer")).to_have_value("Sigo escribiendo")
    expect(page.locator("html")).to_have_attribute("lang", "en")
    page.get_by_label("Language").select_option("pt")
    page.get_by_role("button", name="Enviar resposta").click()
    expect(page.locator("h1")).to_contain_text("Pergunta 2")


def test_a_damaged_store_does_not_stop_the_interview(
    page: Page, house: FakeHouse, interview: FakeInterview
) -> None:
    """Nonsense in localStorage is ignored."""
    session_id = "00000000-0000-0000-0000-000000000001"
    open_invitation(page, house)
    page.evaluate(
        "(id) => localStorage.setItem(`entrevistador.session.${id}`, '{\"draft\": 7, ')", session_id
    )
    page.get_by_label("He leído el texto").check()
    page.get_by_role("button", name="Comenzar la entrevista").click()
    asked(page, 1)
    answer(page, "Bien")
    asked(page, 2)


def test_a_browser_that_forbids_storage_still_interviews(
    page: Page, house: FakeHouse, interview: FakeInterview
) -> None:
    """Without localStorage and sessionStorage the words live in memory until accepted."""
    page.add_init_script(
        """for (const name of ["localStorage", "sessionStorage"]) {
            Object.defineProperty(window, name, { get() { throw new DOMException("no") } });
        }"""
    )
    begin(page, house)
    asked(page, 1)
    interview.answer_faults = [{"code": "not_saved", "temporary": True}]
    answer(page, "Solo en memoria")
    interview.cut()
    asked(page, 2)
    assert [turn["answer"] for turn in interview.turns] == ["Solo en memoria"]


def test_consent_that_the_wire_misses_is_asked_for_again(
    page: Page, house: FakeHouse, interview: FakeInterview
) -> None:
    """4504: back to the notice, and no loop of attempts."""
    interview.close_next = [(4504, "consent_missing")]
    open_invitation(page, house)
    page.get_by_label("He leído el texto").check()
    page.get_by_role("button", name="Comenzar la entrevista").click()
    expect(page.get_by_label("He leído el texto")).not_to_be_checked()
    page.get_by_label("He leído el texto").check()
    page.locator(".button.large").click()
    asked(page, 1)
    assert len(interview.joins) == 2


def test_consent_can_be_taken_back(page: Page, house: FakeHouse) -> None:
    """As easily as it was given."""
    _, invitation = house.routes["GET /invitation"](None)  # type: ignore[operator]
    invitation["consent"]["given"] = True
    open_invitation(page, house)
    page.get_by_role("button", name="Retirar mi consentimiento").click()
    check_axe(page)
    page.get_by_role("button", name="Sí, retirarlo").click()
    expect(page.get_by_label("He leído el texto")).not_to_be_checked()
    assert house.asked("POST /invitation/consent")[0]["given"] is False
