"""The whole product in a real browser: from a dropped CV to a decision, over a network that breaks.

One stack for the module: `entrevistador up` with the live wire behind a relay that the tests cut.
"""

import json
import re
import threading
import urllib.request
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from cli import sample
from runtime.ports import free_port
from tests.browser.relay import Relay
from tests.cli.stack import Up, up
from tests.conftest import CHROMIUM_ARGS
from tests.web.driving import answer, asked, check_axe, check_fits

PHONE = {"width": 360, "height": 740}
ANSWER = "En mi trabajo anterior implementé un tablero, medimos el ahorro y aprendí a documentar."


@pytest.fixture(scope="module")
def relay() -> Iterator[Relay]:
    relay = Relay()
    yield relay
    relay.close()


@pytest.fixture(scope="module")
def stack(relay: Relay) -> Iterator[Up]:
    relay.target = free_port()
    with up(
        "--live-port",
        str(relay.target),
        ENTREVISTADOR_INSTANCE_URL=f"ws://127.0.0.1:{relay.port}/ws",
        ENTREVISTADOR_OFFLINE_PIECE_SECONDS="0.05",
    ) as stack:
        yield stack


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=CHROMIUM_ARGS)
        yield browser
        browser.close()


def new_page(browser: Browser, viewport: dict | None = None) -> Page:
    """A fresh profile; whatever the page's scripts throw fails the test at once."""
    context = browser.new_context(
        locale="es-PE", viewport=viewport or {"width": 1280, "height": 800}
    )
    page = context.new_page()
    page.set_default_timeout(20_000)

    def crashed(error: object) -> None:
        raise AssertionError(f"the page's script threw: {error}")

    page.on("pageerror", crashed)
    return page


def call(stack: Up, method: str, path: str, body: object = None) -> dict:
    """Ask the REST door as the recruiter."""
    request = urllib.request.Request(
        f"{stack.base_url}/api/v1{path}",
        method=method,
        data=None if body is None else json.dumps(body).encode(),
        headers={
            "Authorization": f"Bearer {stack.token('recruiter')}",
            "Content-Type": "application/json",
        },
    )
    with urllib.request.urlopen(request, timeout=20) as answered:
        return json.load(answered)


def invitation(stack: Up) -> tuple[str, str]:
    """A fresh interview: its id and its link."""
    opening = call(stack, "GET", "/openings")["items"][-1]
    cv = next(cv for cv in call(stack, "GET", "/cvs")["items"] if cv["status"] == "ready")
    made = call(stack, "POST", "/interviews", {"opening_id": opening["id"], "cv_id": cv["id"]})
    return made["id"], made["link"]


def begin(page: Page, link: str) -> None:
    """Open the link, consent and start."""
    page.goto(link)
    page.get_by_label("He leído el texto").check()
    page.get_by_role("button", name="Comenzar la entrevista").click()
    expect(page.get_by_label("Su respuesta")).to_be_visible()


def number(page: Page) -> int:
    """The turn that the page shows."""
    found = re.search(r"Pregunta (\d+)", page.locator("h1").inner_text())
    assert found
    return int(found[1])


def finish(page: Page, turn: int) -> int:
    """Answer every question from `turn` on; returns the last turn."""
    while True:
        asked(page, turn)
        answer(page, f"{ANSWER} ({turn})")
        after = page.get_by_role("heading", name="Gracias por su tiempo").or_(
            page.locator("h1", has_text=f"Pregunta {turn + 1}")
        )
        expect(after).to_be_visible(timeout=20_000)
        if page.get_by_role("heading", name="Gracias por su tiempo").is_visible():
            return turn
        turn += 1


@pytest.mark.timeout(180)
def test_from_a_dropped_cv_to_a_decision(stack: Up, browser: Browser) -> None:
    """Recruiter and candidate at two screens: CV, match, link, interview, report, decision."""
    desk = new_page(browser)
    desk.goto(stack.links["recruiter"])
    desk.get_by_role("button", name="Nueva vacante").click()
    desk.get_by_label("Título del puesto").fill("Analista financiero junior")
    desk.get_by_label("Lugar").fill("Lima")
    desk.get_by_label("Indispensable").fill("Excel\nSQL")
    desk.get_by_role("button", name="Guardar").click()
    expect(desk.get_by_role("heading", level=1)).to_contain_text("Analista financiero junior")
    expect(desk.get_by_text("En vivo")).to_be_visible()
    desk.locator("input[type=file]").set_input_files(
        {"name": "cv.pdf", "mimeType": "application/pdf", "buffer": sample.sample_cv()}
    )
    upload = desk.locator(".upload", has_text="cv.pdf")
    expect(upload).to_contain_text("Listo", timeout=30_000)
    card = desk.locator(".match").first
    expect(card).to_contain_text("Afinidad")
    card.locator("summary").click()
    expect(card).to_contain_text("Dice el CV")
    check_axe(desk)
    card.get_by_role("button", name="Invitar a entrevista").click()
    desk.get_by_role("button", name="Crear enlace").click()
    link = desk.get_by_label("Enlace personal").input_value()

    phone = new_page(browser, PHONE)
    begin(phone, link)
    asked(phone, 1)
    check_axe(phone)
    check_fits(phone)
    desk.get_by_text("Ver la entrevista").click()
    answer(phone, ANSWER)
    expect(desk.locator(".turn").first).to_contain_text(ANSWER, timeout=20_000)
    last = finish(phone, 2)
    check_axe(phone)
    expect(desk.get_by_role("heading", name="Informe")).to_be_visible(timeout=30_000)
    expect(desk.locator(".report")).to_contain_text("No es")
    expect(desk.locator(".turn")).to_have_count(last)
    desk.get_by_label("Avanza").check()
    desk.get_by_label("Motivo").fill("Contó con cifras lo que hizo en su último puesto.")
    desk.get_by_role("button", name="Registrar decisión").click()
    expect(desk.get_by_text("Decisiones registradas")).to_be_visible()
    expect(desk.locator("main")).to_contain_text("Reclutadora de prueba")
    check_axe(desk)


@pytest.mark.timeout(120)
def test_a_network_cut_in_mid_question_is_mended_by_the_page(
    stack: Up, browser: Browser, relay: Relay
) -> None:
    """The relay dies while the question streams: the page says so, comes back, misses nothing."""
    interview_id, link = invitation(stack)
    page = new_page(browser, PHONE)
    relay.stop_behind = b'"question.delta"'
    begin(page, link)
    streaming = page.locator(".question-text.streaming")
    expect(streaming).to_be_visible()
    expect(streaming).not_to_have_text("")
    assert not relay.stop_behind  # the line stands still: the question is not whole
    relay.cut()
    expect(page.locator(".road")).to_contain_text("Su respuesta está guardada")
    threading.Timer(1.5, relay.mend).start()
    asked(page, 1)
    shown = page.locator(".question-text").inner_text()
    relay.cut()
    expect(page.locator(".road")).to_contain_text("Su respuesta está guardada")
    answer(page, "Escrita sin red")
    expect(page.locator("#answer-note")).to_contain_text("se enviará al volver la conexión")
    relay.mend()
    last = finish(page, 2)
    record = call(stack, "GET", f"/interviews/{interview_id}")
    assert [turn["turn"] for turn in record["turns"]] == list(range(1, last + 1))
    assert record["turns"][0]["answer"] == "Escrita sin red"
    assert record["turns"][0]["question"].split() == shown.split()


@pytest.mark.timeout(120)
def test_a_reload_in_mid_answer_loses_no_letter(stack: Up, browser: Browser) -> None:
    """The draft stands there again, and the same question waits for it."""
    _, link = invitation(stack)
    page = new_page(browser, PHONE)
    begin(page, link)
    asked(page, 1)
    question = page.locator(".question-text").inner_text()
    page.get_by_label("Su respuesta").fill("Preparé un reporte y ")
    page.reload()
    asked(page, 1)
    expect(page.get_by_label("Su respuesta")).to_have_value("Preparé un reporte y ")
    assert page.locator(".question-text").inner_text() == question
    page.get_by_label("Su respuesta").press("End")
    page.get_by_label("Su respuesta").type("lo presenté.")
    page.keyboard.press("Control+Enter")
    asked(page, 2)
    page.locator("summary").first.click()
    expect(page.locator("main")).to_contain_text("Preparé un reporte y lo presenté.")


@pytest.mark.timeout(120)
def test_a_second_tab_takes_over_and_the_first_offers_to_continue_here(
    stack: Up, browser: Browser
) -> None:
    """Two tabs never fight: one is live, the other says where the interview went."""
    _, link = invitation(stack)
    first = new_page(browser, PHONE)
    begin(first, link)
    asked(first, 1)
    second = first.context.new_page()
    second.goto(link)
    asked(second, 1)
    here = first.get_by_role("button", name="Continuar aquí")
    expect(here).to_be_visible()
    check_axe(first)
    here.click()
    asked(first, 1)
    expect(second.get_by_role("button", name="Continuar aquí")).to_be_visible()


@pytest.mark.timeout(120)
def test_the_server_dies_in_mid_interview_and_the_page_recovers_by_itself(
    stack: Up, browser: Browser
) -> None:
    """After a kill -9 of the server the same question stands there, asked once."""
    interview_id, link = invitation(stack)
    page = new_page(browser, PHONE)
    begin(page, link)
    asked(page, 1)
    answer(page, ANSWER)
    asked(page, 2)
    question = page.locator(".question-text").inner_text()
    stack.child("--role interview").kill()
    expect(page.locator(".road")).to_contain_text("Su respuesta está guardada")
    expect(page.locator(".road")).to_have_class("road good", timeout=60_000)
    asked(page, 2)
    assert page.locator(".question-text").inner_text() == question
    last = finish(page, 2)
    record = call(stack, "GET", f"/interviews/{interview_id}")
    assert [turn["turn"] for turn in record["turns"]] == list(range(1, last + 1))


@pytest.mark.timeout(60)
def test_an_operator_sees_the_house(stack: Up, browser: Browser) -> None:
    """Instances with their places, the four lanes with their promises, live sessions."""
    page = new_page(browser)
    page.goto(stack.links["operator"])
    expect(page.locator("main")).to_contain_text("de 75 lugares")
    for lane in ("Inmediata", "Activa", "Masiva", "Reproceso"):
        expect(page.locator("main")).to_contain_text(lane)
    check_axe(page)
