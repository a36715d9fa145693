"""The waiting room on the candidate's page: a place in line, kept and told without chatter."""

from typing import Any

from playwright.sync_api import Page, expect

from tests.web.driving import asked, check_axe, check_fits, open_invitation
from tests.web.fake_house import FakeHouse
from tests.web.fake_interview import FakeInterview


def consented(house: FakeHouse) -> tuple[int, Any]:
    """The invitation of somebody who has agreed already."""
    status, invitation = house.routes["GET /invitation"](None)  # type: ignore[operator]
    return status, {**invitation, "consent": {**invitation["consent"], "given": True}}


def in_line(position: int, eta: float | None = None) -> dict[str, Any]:
    """A word from the waiting room."""
    return {
        "type": "session.queued",
        "position": position,
        "eta_seconds": eta,
        "waiting_token": f"proof-{position}",
    }


def start_waiting(page: Page, house: FakeHouse) -> None:
    """Consent and start, to a house without a free place."""
    open_invitation(page, house)
    page.get_by_label("He leído el texto").check()
    page.get_by_role("button", name="Comenzar la entrevista").click()
    expect(page.get_by_role("heading", name="Todos los lugares están ocupados")).to_be_visible()


def test_a_place_in_line_is_proven_again_after_a_cut_and_a_reload(
    page: Page, house: FakeHouse, interview: FakeInterview
) -> None:
    """The panel stays calm, and every new ticket is asked for with the last proof."""
    interview.queue_gate.clear()
    interview.queued = [in_line(3)]
    start_waiting(page, house)
    expect(page.locator(".panel")).to_contain_text("Su lugar en la fila: 3")
    expect(page.locator(".panel")).to_contain_text("Todavía no podemos estimar la espera")
    expect(page).to_have_title("Su lugar en la fila: 3 · Entrevistador")
    ticket = house.routes["POST /invitation/ticket"]
    house.routes["POST /invitation/ticket"] = (503, {"code": "unavailable"})
    for waiting in list(interview.server_connections):
        waiting.close()
    expect(page.locator(".panel")).to_contain_text("Le guardamos su lugar mientras vuelve")
    expect(page.locator(".panel")).to_contain_text("Su lugar en la fila: 3")
    interview.queued = [in_line(2, 50.0)]
    house.routes["POST /invitation/ticket"] = ticket
    expect(page.locator(".panel")).to_contain_text("Su lugar en la fila: 2", timeout=15_000)
    expect(page.locator(".panel")).to_contain_text("50 segundos")
    asked_with = house.asked("POST /invitation/ticket")[-1]
    assert asked_with["waiting_token"] == "proof-3"
    house.routes["GET /invitation"] = consented(house)
    interview.queued = [in_line(1)]
    page.reload()
    expect(page.locator(".panel")).to_contain_text("Es la próxima persona en entrar")
    assert house.asked("POST /invitation/ticket")[-1]["waiting_token"] == "proof-2"
    interview.queue_gate.set()
    asked(page, 1)
    expect(page).to_have_title("Su entrevista · Entrevistador")
    assert page.evaluate("() => JSON.stringify(localStorage)").count("proof-") == 0


def test_a_seat_at_another_instance_is_taken_with_its_ticket(
    page: Page, house: FakeHouse, interview: FakeInterview
) -> None:
    """session.moving with a ticket: no other is asked for."""
    moving = {
        "type": "session.moving",
        "deadline_ms": 30_000,
        "resume_url": interview.url,
        "ticket": interview.ticket(),
    }
    interview.queued = [in_line(1), moving]
    interview.close_next = [(4001, "moving")]
    start = len(house.asked("POST /invitation/ticket"))
    open_invitation(page, house)
    page.get_by_label("He leído el texto").check()
    page.get_by_role("button", name="Comenzar la entrevista").click()
    asked(page, 1)
    assert len(house.asked("POST /invitation/ticket")) == start + 1


def test_the_line_is_told_without_chatter(
    page: Page, house: FakeHouse, interview: FakeInterview
) -> None:
    """Every position is shown; a screen reader hears the first, and the focus stays put."""
    interview.queue_gate.clear()
    interview.queued = [in_line(9, 600.0)]
    start_waiting(page, house)
    expect(page.locator("div.heard-only")).to_contain_text("Su lugar en la fila: 9")
    expect(page.locator(".waiting h2")).to_be_focused()
    for position in (8, 7, 6):
        for connection in interview.server_connections:
            interview._say(connection, in_line(position, 500.0))
        expect(page.locator(".waiting .big")).to_have_text(f"Su lugar en la fila: {position}")
    expect(page.locator("div.heard-only")).not_to_contain_text("Su lugar en la fila: 6")
    expect(page.locator(".waiting h2")).to_be_focused()
    check_axe(page)
    check_fits(page)


def test_whoever_leaves_the_line_is_told_so_and_may_come_back(
    page: Page, house: FakeHouse, interview: FakeInterview
) -> None:
    """One quiet button; the proof of the place is gone, and the invitation is as good as before."""
    interview.queue_gate.clear()
    interview.queued = [in_line(2)]
    start_waiting(page, house)
    expect(page.locator(".panel")).to_contain_text("Su lugar en la fila: 2")
    page.get_by_role("button", name="Salir de la fila").click()
    expect(page.get_by_role("heading", name="Salió de la fila")).to_be_focused()
    expect(page.get_by_role("button", name="Terminar")).to_be_hidden()
    check_axe(page)
    interview.queue_gate.set()
    page.get_by_role("button", name="Volver a la fila").click()
    asked(page, 1)
    assert not house.asked("POST /invitation/ticket")[-1]["waiting_token"]
