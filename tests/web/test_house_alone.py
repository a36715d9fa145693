"""The recruiter's and the operator's pages against a stand-in house."""

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.web.driving import (
    PERSON,
    check_axe,
    check_fits,
    check_targets,
    open_recruiter,
)
from tests.web.fake_house import FakeHouse
from tests.web.samples import HOSTILE
from tests.web.samples_house import (
    CVS,
    FLEET,
    INTERVIEW,
    MATCHES,
    OPENING,
    QUOTE,
    REPORT,
    REQUEST,
    TURNS,
    house_link,
    page_of,
)

AT_OPENING = f"openings/{OPENING['id']}"
AT_INTERVIEW = f"interviews/{INTERVIEW['id']}"
PDF = {"mimeType": "application/pdf", "buffer": b"%PDF-1.7 a small one"}
EMPTY = {"mimeType": "application/pdf", "buffer": b""}


def files(*names: str) -> list[Any]:
    """Files to upload; those called empty are."""
    return [{"name": name, **(EMPTY if "vacio" in name else PDF)} for name in names]


def watched(page: Page) -> None:
    """Wait until the page listens to the house's events."""
    expect(page.get_by_text("En vivo")).to_be_visible()


def test_files_are_sent_and_their_stages_followed_live(page: Page, house: FakeHouse) -> None:
    """A bar per file that moves with the house's events; a refusal says why, in Spanish."""
    open_recruiter(page, house, AT_OPENING)
    watched(page)
    page.locator("input[type=file]").set_input_files(files("ana.pdf", "beto.docx", "vacio.pdf"))
    expect(page.locator(".upload", has_text="vacio.pdf")).to_contain_text("El archivo está vacío")
    ana = page.locator(".upload", has_text="ana.pdf")
    beto = page.locator(".upload", has_text="beto.docx")
    for row in (ana, beto):
        expect(row).to_contain_text("Recibido, en cola")
    sent = house.asked("POST /cvs")
    assert {"filename": "ana.pdf", "bytes": 20, "opening_id": OPENING["id"]} in sent
    first, second = ("cv-1", "cv-2") if sent[0]["filename"] == "ana.pdf" else ("cv-2", "cv-1")
    event = {"cv_id": first, "stage": "extract", "status": "working", "progress": 0.7}
    house.publish("cv.stage", {**event, "fault": None})
    expect(ana).to_contain_text("Perfil extraído")
    assert ana.locator("progress").evaluate("(bar) => bar.value") == pytest.approx(0.7)
    house.publish("cv.stage", {**event, "stage": "match", "status": "ready", "progress": 1.0})
    expect(ana).to_contain_text("Listo")
    refused = {"cv_id": second, "stage": "validate", "status": "refused", "progress": 0.1}
    house.publish("cv.stage", {**refused, "fault": "cv_encrypted"})
    expect(beto).to_contain_text("protegido con contraseña")
    check_axe(page)


def test_files_can_be_dropped(page: Page, house: FakeHouse) -> None:
    """Drag and drop does what the button does."""
    open_recruiter(page, house, AT_OPENING)
    transfer = page.evaluate_handle(
        """() => { const transfer = new DataTransfer();
            transfer.items.add(new File(["%PDF"], "soltado.pdf", {type: "application/pdf"}));
            return transfer; }"""
    )
    page.dispatch_event(".drop", "drop", {"dataTransfer": transfer})
    expect(page.locator(".upload", has_text="soltado.pdf")).to_contain_text("Recibido, en cola")


def test_a_cut_upload_can_be_repeated(page: Page, house: FakeHouse) -> None:
    """A failed transfer keeps its row and offers to send again."""
    house.routes["PUT /uploads/x1"] = (503, {"code": "unavailable"})
    open_recruiter(page, house, AT_OPENING)
    page.locator("input[type=file]").set_input_files(files("ana.pdf"))
    row = page.locator(".upload", has_text="ana.pdf")
    expect(row).to_contain_text("Una parte del servicio no responde")
    row.get_by_role("button", name="Subir de nuevo").click()
    expect(row).to_contain_text("Recibido, en cola")


def test_a_stage_that_nobody_told_is_asked_for(page: Page, house: FakeHouse) -> None:
    """An event that got lost does not leave a bar standing for ever."""
    page.clock.install()
    open_recruiter(page, house, AT_OPENING)
    working = CVS[2]
    row = page.locator(".upload", has_text=working["filename"])
    expect(row).to_contain_text("Texto leído")
    ready = {**working, "status": "ready", "stage": "match", "progress": 1.0}
    house.routes[f"GET /cvs/{working['id']}"] = (200, ready)
    page.clock.run_for(10_100)
    expect(row).to_contain_text("Listo")


def test_an_opening_is_made_and_changed(page: Page, house: FakeHouse) -> None:
    """Lines become terms; a change names the version it changes."""
    open_recruiter(page, house)
    page.get_by_role("button", name="Nueva vacante").click()
    page.get_by_role("button", name="Guardar").click()
    expect(page.get_by_role("alert")).to_contain_text("Escriba el título")
    page.get_by_label("Título del puesto").fill("Contadora")
    page.get_by_label("Indispensable").fill("SUNAT\n\n  Excel  ")
    page.get_by_role("button", name="Guardar").click()
    expect(page.locator(".back")).to_be_visible()
    made = house.asked("POST /openings")[0]
    assert made["title"] == "Contadora"
    assert made["must_have"] == ["SUNAT", "Excel"]
    page.get_by_role("button", name="Editar").click()
    check_axe(page)
    page.get_by_label("Lugar").fill("Lima")
    page.get_by_role("button", name="Guardar").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    assert house.asked("PATCH")[0]["location"] == "Lima"
    patch = next(i for i, request in enumerate(house.requests) if request[0] == "PATCH")
    patched = [r for r in house.requests[: patch + 1] if r[1] != "/events"]
    assert house.headers[len(patched) - 1]["If-Match"] == '"3"'


def test_matches_say_why_and_lead_to_a_link(page: Page, house: FakeHouse) -> None:
    """Score as a number of 1, matched, missing, gates; the invitation's link to copy."""
    open_recruiter(page, house, AT_OPENING)
    card = page.locator(".match").first
    expect(card).to_contain_text("Afinidad 0.82 de 1")
    expect(card).not_to_contain_text("%")
    card.locator("summary").click()
    expect(card).to_contain_text("Dice el CV: «Consultas SQL sobre PostgreSQL»")
    expect(card).to_contain_text("No aparece en el CV")
    expect(page.locator(".match").nth(1)).to_contain_text("Falta comprobar 1 indispensable")
    card.get_by_role("button", name="Invitar a entrevista").click()
    page.get_by_label("Minutos").fill("200")
    page.get_by_role("button", name="Crear enlace").click()
    expect(page.get_by_role("alert")).to_contain_text("entre 5 y 90")
    page.get_by_label("Minutos").fill("30")
    page.get_by_role("button", name="Crear enlace").click()
    expect(page.get_by_label("Enlace personal")).to_have_value(house_link())
    assert house.asked("POST /interviews")[0] == {
        "opening_id": OPENING["id"],
        "cv_id": MATCHES[0]["cv_id"],
        "minutes": 30,
        "locale": "es-PE",
    }
    check_axe(page)


def test_new_matches_come_by_themselves(page: Page, house: FakeHouse) -> None:
    """match.ready draws the list anew and keeps what was unfolded."""
    open_recruiter(page, house, AT_OPENING)
    watched(page)
    page.locator(".match").first.locator("summary").click()
    third = {**MATCHES[1], "cv_id": "another", "candidate": {"id": "c7", "name": "Ana Torres"}}
    house.routes[f"GET /openings/{OPENING['id']}/matches"] = page_of([*MATCHES, third])
    house.publish("match.ready", {"cv_id": "another", "opening_id": OPENING["id"]})
    expect(page.get_by_role("heading", name="Ana Torres")).to_be_visible()
    expect(page.locator(".match").first.locator("details")).to_have_attribute("open", "")


def test_the_conversation_is_followed_live(page: Page, house: FakeHouse) -> None:
    """question.asked, turn.saved, then the report when it is ready."""
    path = f"GET /interviews/{INTERVIEW['id']}"
    detail: Any = house.routes[path]
    house.routes[path] = (200, {**detail[1], "status": "live", "turns": TURNS[:1]})
    report = house.routes[f"{path}/report"]
    del house.routes[f"{path}/report"]
    open_recruiter(page, house, AT_INTERVIEW)
    watched(page)
    expect(page.get_by_text("Todavía no hay informe")).to_be_visible()
    base = {"interview_id": INTERVIEW["id"], "turn": 2}
    house.publish("question.asked", {**base, "text": "¿Y después?"})
    expect(page.locator(".turn").nth(1)).to_contain_text("Pregunta hecha; falta la respuesta")
    house.publish("question.asked", {**base, "interview_id": "another", "text": "ajena"})
    saved = {**base, "competency": "c", "question": "¿Y después?", "answer": "Lo medimos."}
    house.publish("turn.saved", saved)
    expect(page.locator(".turn").nth(1)).to_contain_text("Lo medimos.")
    assert page.get_by_text("ajena").count() == 0
    check_axe(page)
    house.routes[f"{path}/report"] = report
    house.publish("report.ready", {"interview_id": INTERVIEW["id"], "status": "ready"})
    expect(page.get_by_role("heading", name="Informe")).to_be_visible()


def test_a_report_shows_quotes_and_takes_a_reasoned_decision(page: Page, house: FakeHouse) -> None:
    """The quote is marked where it stands; no decision without choice, reason and a name."""
    open_recruiter(page, house, AT_INTERVIEW)
    expect(page.locator("mark")).to_have_text(QUOTE)
    expect(page.locator(".quote")).to_have_count(1)
    expect(page.locator(".quote figcaption")).to_have_text("Acción propiaSituación")
    expect(page.locator(".report")).to_contain_text("No es una nota de contratación")
    expect(page.locator(".report")).to_contain_text("2 afirmaciones descartadas")
    page.get_by_role("button", name="Pregunta 1").click()
    expect(page.locator(".turn").first).to_be_focused()
    expect(page.get_by_text("Decide Carmen Salas")).to_be_visible()
    record = page.get_by_role("button", name="Registrar decisión")
    record.click()
    expect(page.get_by_role("alert").last).to_contain_text("Elija una opción")
    page.get_by_label("Avanza").check()
    page.get_by_label("Motivo").fill("corto")
    record.click()
    expect(page.get_by_role("alert").last).to_contain_text("al menos 10 caracteres")
    page.get_by_label("Motivo").fill("Explicó con datos lo que hizo.")
    record.click()
    expect(page.get_by_text("Decisiones registradas")).to_be_visible()
    reason = "Explicó con datos lo que hizo."
    assert house.asked(f"POST /interviews/{INTERVIEW['id']}/decision") == [
        {"decision": "advance", "reason": reason}
    ]


def test_a_report_by_levels_and_one_that_waits_for_review(page: Page, house: FakeHouse) -> None:
    """Level 0-4 in words; pending_review says what is missing."""
    levels = [{**one, "level": 3} for one in REPORT["competencies"]]
    pending = {"status": "pending_review", "pending_reason": "model_unavailable"}
    report = {**REPORT, "kind": "rubric", "competencies": levels, **pending}
    house.routes[f"GET /interviews/{INTERVIEW['id']}/report"] = (200, report)
    open_recruiter(page, house, AT_INTERVIEW)
    expect(page.locator(".competency").first).to_contain_text("Nivel 3 de 4: sólido")
    expect(page.locator(".report")).to_contain_text("La inteligencia artificial no responde")
    check_axe(page)


def test_a_report_that_waits_can_be_had_now_with_its_price_shown(
    page: Page, house: FakeHouse
) -> None:
    """Queued with a date and a price; a confirmation names the most; then it is under way."""
    path = f"/interviews/{INTERVIEW['id']}"
    detail: Any = house.routes[f"GET {path}"]
    house.routes[f"GET {path}"] = (200, {**detail[1], "report": "queued"})
    del house.routes[f"GET {path}/report"]
    now = {"micro_usd": 38_600, "micro_usd_max": 151_234}
    half = {"micro_usd": 19_300, "micro_usd_max": 75_617}
    queued = {"state": "handed_in", "expected_at": "2026-11-25T18:00:00Z", "now": now}
    house.routes[f"GET {path}/evaluation"] = (200, {**queued, "batch": half})
    open_recruiter(page, house, AT_INTERVIEW)
    card = page.get_by_role("region", name="Evaluación en espera")
    expect(card).to_contain_text("US$\u00a00.02 (como máximo US$\u00a00.08)")
    expect(card).to_contain_text("también haya que pagarlo")
    expect(page.get_by_text("Informe en espera")).to_be_visible()
    expect(page.get_by_text("Falta decidir")).to_have_count(0)
    check_axe(page)
    check_fits(page)
    check_targets(page)
    ask = card.get_by_role("button", name="Evaluar ahora por cerca de US$\u00a00.04")
    ask.click()
    expect(page.get_by_role("dialog")).to_contain_text("como máximo US$\u00a00.16")
    page.get_by_role("button", name="Cancelar").click()
    assert house.asked(f"POST {path}/evaluation") == []
    house.routes[f"POST {path}/evaluation"] = (202, {"state": "now"})
    house.routes[f"GET {path}/evaluation"] = (200, {"state": "now"})
    ask.click()
    page.get_by_role("button", name="Sí, evaluar ahora").click()
    expect(page.get_by_text("Evaluación en curso")).to_be_visible()
    wish = {"when": "now", "micro_usd_max": 151_234}
    assert house.asked(f"POST {path}/evaluation") == [wish]
    house.routes[f"GET {path}/report"] = (200, {**REPORT, "way": "now"})
    house.publish("report.ready", {"interview_id": INTERVIEW["id"], "status": "ready"})
    expect(page.locator(".report")).to_contain_text("De inmediato")


def test_a_request_is_answered(page: Page, house: FakeHouse) -> None:
    """Granted with minutes; declining needs words."""
    open_recruiter(page, house, AT_INTERVIEW)
    page.get_by_role("button", name="No aceptar").click()
    expect(page.get_by_role("alert").first).to_contain_text("Explique por qué")
    page.get_by_label("Minutos adicionales").fill("15")
    page.get_by_role("button", name="Aceptar", exact=True).click()
    path = f"POST /interviews/{INTERVIEW['id']}/requests/{REQUEST['id']}"
    expect(page.locator(".toast")).to_be_visible()
    assert house.asked(path) == [{"status": "granted", "extra_minutes": 15, "reason": ""}]


def test_every_view_is_sound_on_a_phone(page: Page, house: FakeHouse) -> None:
    """Axe in light and dark, nothing wider than 360 px, nothing too small for a thumb."""
    open_recruiter(page, house)
    for route in ("openings", "interviews", AT_OPENING, AT_INTERVIEW):
        page.goto(f"{house.url}/recruiter/#/{route}")
        expect(page.get_by_text("Cargando")).to_have_count(0)
        for summary in page.locator("summary").all():
            summary.click()
        check_axe(page)
        check_fits(page)
        check_targets(page)


def test_hostile_names_and_words_stay_text(page: Page, house: FakeHouse) -> None:
    """Names, files, evidence, answers and reports: shown as written, under Trusted Types too."""
    house.extra_csp = "; require-trusted-types-for 'script'; trusted-types 'none'"
    path = f"GET /interviews/{INTERVIEW['id']}"
    detail: Any = house.routes[path]
    bad_turns = [{**turn, "question": HOSTILE, "answer": HOSTILE} for turn in TURNS]
    house.routes[path] = (200, {**detail[1], "candidate_name": HOSTILE, "turns": bad_turns})
    quote = {**REPORT["competencies"][0]["quotes"][0], "text": HOSTILE, "label": HOSTILE}
    bad = {**REPORT["competencies"][0], "name": HOSTILE, "quotes": [quote]}
    house.routes[f"{path}/report"] = (200, {**REPORT, "summary": HOSTILE, "competencies": [bad]})
    matched = [{"term": HOSTILE, "evidence": HOSTILE, "weight": 1.0}]
    match = {**MATCHES[0], "candidate": {"id": "c", "name": HOSTILE}, "matched": matched}
    house.routes[f"GET /openings/{OPENING['id']}/matches"] = page_of([match])
    house.routes["GET /cvs"] = page_of([{**CVS[0], "filename": HOSTILE}])
    for route in (AT_OPENING, AT_INTERVIEW):
        open_recruiter(page, house, route)
        expect(page.get_by_text(HOSTILE).first).to_be_attached()
        assert page.locator("#page img[src=x], #page script").count() == 0
        check_fits(page)
    assert page.title() != "owned"


def test_an_expired_link_says_so(page: Page, house: FakeHouse) -> None:
    """401 ends in words; without a token too."""
    page.goto(f"{house.url}/recruiter/")
    expect(page.get_by_text("Abra esta página con su enlace de acceso")).to_be_visible()
    page.goto("about:blank")  # otherwise only the fragment would change
    house.routes["GET /me"] = (401, {"code": "unauthorized"})
    house.routes["GET /fleet"] = (401, {"code": "unauthorized"})
    page.goto(f"{house.url}/recruiter/#token={PERSON}")
    expect(page.get_by_text("Abra esta página con su enlace de acceso")).to_be_visible()
    check_axe(page)
    page.goto(f"{house.url}/operator/#token={PERSON}")
    expect(page.get_by_text("Abra esta página con su enlace de acceso")).to_be_visible()


def test_the_event_stream_comes_back_where_it_was(page: Page, house: FakeHouse) -> None:
    """After a cut the page names the last event it has."""
    open_recruiter(page, house)
    watched(page)
    house.publish("interview.status", {"interview_id": "x", "status": "live"})
    house.publish("interview.status", {"interview_id": "x", "status": "live"})
    house.events_door.clear()
    for watcher in list(house.watchers):
        watcher.put(None)
    expect(page.get_by_text("Reconectando")).to_be_visible()
    house.events_door.set()
    watched(page)
    assert house.asked("GET /events")[-1] == "2"


def test_an_operator_sees_places_lanes_and_sessions(page: Page, house: FakeHouse) -> None:
    """Drawn anew every two seconds; says so when the data gets old."""
    page.clock.install()
    page.goto(f"{house.url}/operator/#token={PERSON}")
    expect(page.get_by_text("119 de 150 lugares ocupados")).to_be_visible()
    expect(page.get_by_text("Se está vaciando")).to_be_visible()
    expect(page.get_by_role("row", name="Masiva")).to_contain_text("Fuera de lo prometido")
    expect(page.get_by_role("row", name="0190eeee-0000")).to_contain_text("interview-1")
    check_axe(page)
    check_fits(page)
    house.routes["GET /fleet"] = (200, {**FLEET, "instances": FLEET["instances"][:1]})
    page.clock.run_for(2_100)
    expect(page.get_by_text("48 de 75 lugares ocupados")).to_be_visible()
    house.routes["GET /fleet"] = (503, {"code": "unavailable"})
    page.clock.run_for(2_100)
    expect(page.get_by_text("se muestra lo último que se supo")).to_be_visible()
