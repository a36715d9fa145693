"""What a recruiter sees of all interviews, and the erasure of a person."""

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.web.driving import check_axe, check_fits, check_targets, open_recruiter
from tests.web.fake_house import FakeHouse
from tests.web.samples_house import INTERVIEW, OPENING, WHEN, page_of

AT_INTERVIEW = f"interviews/{INTERVIEW['id']}"
DELETE = f"DELETE /candidates/{INTERVIEW['candidate_id']}"


def one(number: int, name: str, **more: Any) -> dict[str, Any]:
    """An interview of the list; a higher number is newer."""
    plain = {"waiting": [], "report": None, "decision": None, "candidate_name": name}
    return {**INTERVIEW, "id": f"0190aaaa-0000-7000-8000-00000000001{number}", **plain, **more}


LISTED = [
    one(5, "Ana Torres", status="live", finished_at=None),
    one(4, "Beto Díaz", report="ready", decision="advance"),
    one(3, "Carla Ríos", report="pending_review"),
    one(2, "", erased=True, decision="decline"),
    one(1, "Elsa Puma"),
]
OLD = one(0, "Fredy Soto", status="invited", finished_at=None, waiting=["alternative_process"])


def open_list(page: Page, house: FakeHouse) -> None:
    """Open the list of interviews."""
    open_recruiter(page, house)
    page.get_by_role("link", name="Entrevistas").click()
    expect(page.get_by_role("heading", name="Entrevistas", level=1)).to_be_visible()
    expect(page.get_by_text("En vivo")).to_be_visible()


@pytest.mark.parametrize("width", [360, 1280])
def test_what_waits_is_seen_first(page: Page, house: FakeHouse, width: int) -> None:
    """A request beyond the end of the list too; every tile says report and decision."""
    page.set_viewport_size({"width": width, "height": 800})
    house.routes["GET /interviews"] = page_of(LISTED)
    house.routes["GET /interviews?waiting=true"] = page_of([OLD])
    open_list(page, house)
    waiting = page.get_by_role("region", name="Esperan su respuesta").locator(".tile")
    expect(waiting).to_have_count(1)
    expect(waiting).to_contain_text("Fredy Soto")
    expect(waiting).to_contain_text("Pide otro proceso")
    expect(page.locator(".tile")).to_have_count(6)
    expect(page.locator(".tile").first).to_contain_text("Fredy Soto")
    for name, said, absent in (
        ("Ana Torres", "En curso", "Informe"),
        ("Beto Díaz", "Informe listoDecisión: Avanza", "Falta decidir"),
        ("Carla Ríos", "Informe por revisarFalta decidir", "Decisión"),
        ("Datos borrados", "Decisión: No continúa", "Informe"),
        ("Elsa Puma", "Informe en preparación", "Falta decidir"),
    ):
        tile = page.locator(".tile", has_text=name)
        expect(tile).to_contain_text(said)
        expect(tile).not_to_contain_text(absent)
    check_axe(page)
    check_fits(page)


def test_a_list_follows_what_happens(page: Page, house: FakeHouse) -> None:
    """A request that comes moves its interview up; the report's pill comes by itself."""
    house.routes["GET /interviews"] = page_of(LISTED)
    house.routes["GET /interviews?waiting=true"] = page_of([])
    open_list(page, house)
    expect(page.get_by_role("heading", name="Esperan su respuesta")).to_have_count(0)
    ana, elsa = LISTED[0], LISTED[4]
    page.get_by_role("link", name="Elsa Puma").focus()
    asks = {**ana, "waiting": ["extra_time"]}
    house.routes[f"GET /interviews/{ana['id']}"] = (200, asks)
    house.publish("interview.status", {"interview_id": ana["id"], "status": "live"})
    first = page.get_by_role("region", name="Esperan su respuesta")
    expect(first).to_contain_text("Ana Torres")
    expect(first).to_contain_text("Pide más tiempo")
    expect(page.get_by_role("link", name="Elsa Puma")).to_be_focused()
    house.routes[f"GET /interviews/{elsa['id']}"] = (200, {**elsa, "report": "ready"})
    house.publish("report.ready", {"interview_id": elsa["id"], "status": "ready"})
    expect(page.locator(".tile", has_text="Elsa Puma")).to_contain_text("Informe listo")


def test_an_erasure_is_meant_and_said(page: Page, house: FakeHouse) -> None:
    """By keyboard: it names what goes and what stays, and does nothing before the box is ticked."""
    open_recruiter(page, house, AT_INTERVIEW)
    page.get_by_role("button", name="Ver perfil").click()
    page.get_by_role("button", name="Borrar sus datos").press("Enter")
    dialog = page.get_by_role("dialog", name="Borrar los datos de Rosa Quispe Huamán")
    for words in ("cv-rosa-quispe.pdf", "respuestas", "Los informes", "Se conserva",
                  "El registro de las acciones", "No se puede deshacer"):  # fmt: skip
        expect(dialog).to_contain_text(words)
    expect(dialog.get_by_role("heading", name="Borrar los datos")).to_be_in_viewport()
    expect(dialog.get_by_role("button", name="Cerrar")).to_be_focused()
    check_axe(page)
    check_fits(page)
    check_targets(page)
    erase = dialog.get_by_role("button", name="Borrar definitivamente")
    erase.press("Enter")
    expect(dialog.get_by_role("alert").last).to_contain_text("Marque la casilla")
    expect(dialog.get_by_role("checkbox")).to_be_focused()
    assert house.asked(DELETE) == []
    page.keyboard.press("Space")
    house.routes[DELETE] = (503, {"code": "unavailable"})
    erase.press("Enter")
    expect(dialog.get_by_role("alert").last).to_contain_text("Inténtelo de nuevo")
    house.routes[DELETE] = (204, None)
    path = f"GET /interviews/{INTERVIEW['id']}"
    detail: Any = house.routes[path]
    gone = {"erased": True, "candidate_name": "", "report": None, "turns": []}
    house.routes[path] = (200, {**detail[1], **gone})
    erase.press("Enter")
    expect(page.get_by_role("heading", name="Datos borrados", level=1)).to_be_visible()
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.get_by_text("Las respuestas y el informe ya no existen")).to_be_visible()
    expect(page.get_by_text("Todavía no hay informe")).to_have_count(0)
    assert len(house.asked(DELETE)) == 2
    check_axe(page)
    check_fits(page)


def test_an_erasure_can_be_left(page: Page, house: FakeHouse) -> None:
    """Escape and Cancel erase nothing and lead back to the profile."""
    open_recruiter(page, house, f"openings/{OPENING['id']}")
    page.get_by_role("button", name="Ver perfil").first.click()
    opener = page.get_by_role("button", name="Borrar sus datos")
    for leave in ("Escape", "Enter"):
        opener.press("Enter")
        expect(page.get_by_role("checkbox")).to_be_visible()
        page.keyboard.press(leave)
        expect(page.get_by_role("checkbox")).to_have_count(0)
        expect(opener).to_be_focused()
    assert house.asked(DELETE) == []


def test_an_erased_person_s_profile_says_so(page: Page, house: FakeHouse) -> None:
    """Nothing is left to see or to erase."""
    gone = {"id": "c1", "name": "", "email": "", "phone": "", "erased_at": WHEN, "cvs": []}
    house.routes["GET /candidates/c1"] = (200, gone)
    open_recruiter(page, house, AT_INTERVIEW)
    page.get_by_role("button", name="Ver perfil").click()
    dialog = page.get_by_role("dialog", name="Perfil de Datos borrados")
    expect(dialog).to_contain_text("Los datos de esta persona se borraron")
    expect(page.get_by_role("button", name="Borrar sus datos")).to_have_count(0)


@pytest.mark.parametrize("width", [320, 360, 1280])
def test_the_operator_s_tables_are_read_on_a_phone(
    page: Page, house: FakeHouse, width: int
) -> None:
    """No cell is cut or outside; each says its heading; to a reader it stays a table."""
    page.set_viewport_size({"width": width, "height": 740})
    page.goto(f"{house.url}/operator/#token=header.payload.signature-0123456789")
    row = page.get_by_role("row", name="Masiva")
    expect(row.get_by_role("cell")).to_have_count(5)
    expect(row.get_by_role("rowheader")).to_have_text("Masiva")
    expect(page.get_by_role("columnheader", name="Promesa")).to_have_count(1)
    cut: Any = page.evaluate(
        """() => [...document.querySelectorAll("tbody th, tbody td")].filter((cell) => {
            const box = cell.getBoundingClientRect();
            return box.right > innerWidth || cell.scrollWidth > cell.clientWidth + 1;
        }).map((cell) => cell.textContent)"""
    )
    assert cut == []
    label: str = page.evaluate(
        "() => getComputedStyle(document.querySelector('td'), '::before').content"
    )
    assert ("En espera" in label) is (width < 768)
    check_axe(page)
    check_fits(page)
