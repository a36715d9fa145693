"""Interviews over REST: the invitation from both sides, and the report with its decision."""

import re
from html.parser import HTMLParser
from typing import Any
from uuid import UUID

from protocol import jobs, limits
from runtime.settings import Settings
from server import consents as notices
from server import report_page
from server.report_texts import TEXTS
from storage import interviews, waiting
from tests.server.conftest import Door, evaluation


async def test_an_invitation_is_planned_from_opening_and_cv(door: Door) -> None:
    """The plan knows the CV's gaps; the link's token stands in the fragment only."""
    invited = await door.interview(minutes=15)
    assert invited["status"] == "invited"
    assert invited["locale"] == "es-PE"
    assert invited["candidate_name"] == "Luz Paredes"
    assert invited["link"].startswith(f"{door.url}/i/#")
    one = (await door.recruiter.get(f"/api/v1/interviews/{invited['id']}")).json()
    assert one["plan"]["minutes"] == 15
    assert one["plan"]["gaps"] == ["Python"]
    assert one["plan"]["strengths"] == ["SQL"]
    assert one["turns"] == []
    assert one["consent"] is None
    assert one["report"] is None
    assert "link" not in one
    listed = (await door.recruiter.get("/api/v1/interviews?status=invited")).json()["items"]
    assert [item["id"] for item in listed] == [invited["id"]]
    other = await door.recruiter.get("/api/v1/interviews?status=finished")
    assert other.json()["items"] == []


async def test_with_a_key_the_plan_is_left_to_a_job_and_nobody_waits(
    door: Door, monkeypatch: Any
) -> None:
    """One job with the invitation, in its transaction; without a key there is none."""

    async def waiting() -> list[Any]:
        async with door.house.db.tenant(door.tenant.id) as c:
            rows = await c.fetch("SELECT envelope FROM outbox ORDER BY id")
        found = [jobs.decode(row["envelope"]).job for row in rows]
        return [job for job in found if isinstance(job, jobs.PlanInterview)]

    await door.interview()
    assert await waiting() == []
    monkeypatch.setattr(Settings, "asks_with_model", property(lambda _: True))
    invited = await door.interview()
    [job] = await waiting()
    assert str(job.interview_id) == invited["id"]
    one = (await door.recruiter.get(f"/api/v1/interviews/{invited['id']}")).json()
    assert one["plan"]["competencies"]
    assert one["plan"]["refined"] is False


async def test_whom_to_invite_must_be_clear(door: Door) -> None:
    """A CV or a candidate, not both, not neither; an unread CV is a conflict, unknown is 404."""
    opening, read = await door.opening(language="pt"), await door.read_cv()
    announced = (
        await door.recruiter.post("/api/v1/cvs", json={"filename": "a.pdf", "bytes": 5})
    ).json()
    base = {"opening_id": opening["id"]}
    nobody = "01900000-0000-7000-8000-000000000000"
    for more, status in (
        ({}, 400),
        ({"cv_id": read["cv_id"], "candidate_id": read["candidate_id"]}, 400),
        ({"cv_id": announced["cv_id"]}, 409),
        ({"cv_id": nobody}, 404),
        ({"candidate_id": nobody}, 404),
        ({"candidate_id": read["candidate_id"], "opening_id": nobody}, 404),
        ({"candidate_id": read["candidate_id"], "minutes": 4}, 400),
        ({"candidate_id": read["candidate_id"], "minutes": 91}, 400),
        ({"candidate_id": read["candidate_id"], "locale": "fr"}, 400),
        ({"candidate_id": read["candidate_id"]}, 201),
    ):
        answer = await door.recruiter.post("/api/v1/interviews", json={**base, **more})
        assert answer.status_code == status, (more, answer.text)
    assert answer.json()["locale"] == "pt"


async def test_a_candidate_reads_the_notice_and_agrees(door: Door) -> None:
    """The text's version and hash are kept, with what is needed to write the text out again."""
    invited = await door.interview()
    guest = door.guest(invited["link"])
    page = (await guest.get("/api/v1/invitation", headers={"accept-language": "en"})).json()
    assert page["interview_id"] == invited["id"]
    assert page["company"] == "Empresa de Prueba"
    assert page["opening_title"] == "Analista de datos"
    assert (page["engine"], page["with_ai"]) == ("offline", False)
    assert page["turns_max"] > 0
    notice = page["consent"]
    assert notice["given"] is False
    assert "Law 29733" in notice["text"]
    assert "Anthropic" not in notice["text"]
    assert "Empresa de Prueba" in notice["text"]
    for wrong in (
        {"version": "2020-01-01.bank"},
        {"sha256": "0" * 64},
        {"version": notice["version"].replace("bank", "model")},
    ):
        body = {
            "version": notice["version"], "sha256": notice["sha256"], "given": True,
            "locale": "es", **wrong,
        }  # fmt: skip
        answer = await guest.post("/api/v1/invitation/consent", json=body)
        assert (answer.status_code, answer.json()["code"]) == (409, "conflict"), wrong
    assert await door.rows("SELECT 1 FROM consents") == []
    body = {"version": notice["version"], "sha256": notice["sha256"], "given": True, "locale": "es"}
    assert (await guest.post("/api/v1/invitation/consent", json=body)).status_code == 200
    [row] = await door.rows("SELECT text_version, text_sha256, locale, given FROM consents")
    assert tuple(row) == (notice["version"], notice["sha256"], "en", True)
    [audit] = await door.rows("SELECT actor, detail FROM audit_log WHERE action = 'consent'")
    assert audit["actor"] == f"candidate:{invited['candidate_id']}"
    again = notices.text(
        company=audit["detail"]["company"],
        retention_days=audit["detail"]["retention_days"],
        locale=row["locale"],
        with_model=row["text_version"].endswith(".model"),
    )
    assert again.sha256 == row["text_sha256"]
    after = (await guest.get("/api/v1/invitation")).json()
    assert after["consent"]["given"] is True
    back = await guest.post("/api/v1/invitation/consent", json={**body, "given": False})
    assert back.json()["given"] is False
    refused = await guest.post("/api/v1/invitation/ticket")
    assert (refused.status_code, refused.json()["code"]) == (403, "consent_missing")


async def test_a_ticket_needs_consent_and_a_place(door: Door) -> None:
    """403 without consent; 503 with Retry-After without a place; then the seat's own url."""
    invited = await door.interview()
    early = await door.guest(invited["link"]).post("/api/v1/invitation/ticket")
    assert (early.status_code, early.json()["code"]) == (403, "consent_missing")
    guest = await door.consent(invited)
    admission = f"/api/v1/interviews/{invited['id']}/admission"
    full = await guest.post("/api/v1/invitation/ticket")
    assert (full.status_code, full.json()["code"]) == (503, "at_capacity")
    assert int(full.headers["retry-after"]) >= 1
    assert (await guest.get(admission)).json()["state"] == "full"
    await door.instance()
    said = (await guest.get(admission)).json()
    assert (said["state"], said["retry_after"], said["position"]) == ("open", 0, None)
    assert (await door.recruiter.get(admission)).json()["state"] == "open"
    given = (await guest.post("/api/v1/invitation/ticket")).json()
    assert given["url"] == "ws://127.0.0.1:8101/ws"
    assert given["expires_in"] == 30
    ticket = door.house.tickets.read_ticket(given["ticket"])
    assert str(ticket.session_id) == given["session_id"] == invited["session_id"]
    assert (ticket.tenant_id, ticket.instance_id) == (door.tenant.id, "test-1")
    [instance] = await door.slots.instances()
    assert instance.taken == 1  # the reservation is the admission


async def test_without_a_place_the_ticket_is_for_the_waiting_room(
    door: Door, monkeypatch: Any
) -> None:
    """A place in line with its proof; the admission door says where; a reload keeps it."""
    monkeypatch.setattr(waiting, "_BOUNDS", (600_000, 60_000, *waiting._BOUNDS[2:]))  # no hurry
    first, second = [await door.interview() for _ in range(2)]
    await door.instance(taken=2, admit=2, cap=3)
    guests = [await door.consent(invited) for invited in (first, second)]
    path = f"/api/v1/interviews/{second['id']}/admission"
    would = (await guests[1].get(path)).json()
    assert (would["state"], would["position"]) == ("waiting", None)
    tickets = [(await guest.post("/api/v1/invitation/ticket")).json() for guest in guests]
    assert [ticket["waiting"]["position"] for ticket in tickets] == [1, 2]
    assert tickets[0]["waiting"]["eta_seconds"] is None  # nothing has come free so far
    assert tickets[1]["url"] == "ws://127.0.0.1:8101/ws"
    said = (await guests[1].get(path)).json()
    assert (said["state"], said["position"]) == ("waiting", 2)
    await door.house.redis.delete("{fleet}:waiting", "{fleet}:waiting:who")  # all is forgotten
    await door.house.redis.delete(f"{{fleet}}:waiting:line:{door.tenant.id}")
    proofs = [{"waiting_token": ticket["waiting"]["waiting_token"]} for ticket in tickets]
    crossed = await guests[1].post("/api/v1/invitation/ticket", json=proofs[0])
    assert crossed.json()["waiting"]["position"] == 1  # another's proof proves nothing
    again = [
        (await guest.post("/api/v1/invitation/ticket", json=proof)).json()
        for guest, proof in zip(guests, proofs, strict=True)
    ]
    assert [ticket["waiting"]["position"] for ticket in again] == [1, 2]
    refused = await guests[0].post("/api/v1/invitation/ticket", json={"place": 1})
    assert refused.status_code == 400


async def test_a_full_waiting_room_is_a_refusal(door: Door, monkeypatch: Any) -> None:
    """503 with Retry-After, and the admission door says full."""
    monkeypatch.setattr(waiting, "_BOUNDS", (*waiting._BOUNDS[:4], 0, *waiting._BOUNDS[5:]))
    monkeypatch.setattr(limits, "WAITING_SOCKETS_MAX", 0)
    invited = await door.interview()
    guest = await door.consent(invited)
    await door.instance(taken=2, admit=2, cap=3)
    refused = await guest.post("/api/v1/invitation/ticket")
    assert (refused.status_code, refused.json()["code"]) == (503, "at_capacity")
    assert int(refused.headers["retry-after"]) >= 1
    admission = await guest.get(f"/api/v1/interviews/{invited['id']}/admission")
    assert admission.json()["state"] == "full"


async def test_a_new_link_voids_the_older_ones(door: Door) -> None:
    """Whoever kept the old one learns that it was replaced."""
    invited = await door.interview()
    new = (await door.recruiter.post(f"/api/v1/interviews/{invited['id']}/link")).json()["link"]
    assert new != invited["link"]
    assert (await door.guest(new).get("/api/v1/invitation")).status_code == 200
    for path, method in (
        ("/api/v1/invitation", "GET"),
        ("/api/v1/invitation/ticket", "POST"),
        (f"/api/v1/interviews/{invited['id']}/admission", "GET"),
    ):
        old = await door.guest(invited["link"]).request(method, path)
        assert (old.status_code, old.json()["code"]) == (410, "withdrawn")


async def test_a_withdrawn_or_finished_interview_opens_no_door(door: Door) -> None:
    """Each says what it is; doing it twice changes nothing."""
    invited = await door.interview()
    guest = await door.consent(invited)
    path = f"/api/v1/interviews/{invited['id']}"
    recruiter = door.recruiter
    for _ in range(2):
        answer = await recruiter.post(f"{path}/withdraw")
        assert (answer.status_code, answer.json()["status"]) == (200, "withdrawn")
    assert len(await door.rows("SELECT 1 FROM audit_log WHERE action LIKE '%withdrawn'")) == 1
    gone = await guest.post("/api/v1/invitation/ticket")
    assert (gone.status_code, gone.json()["code"]) == (410, "withdrawn")
    assert (await recruiter.post(f"{path}/link")).status_code == 410
    ended = await door.interview()
    guest = await door.consent(ended)
    async with door.house.db.tenant(door.tenant.id) as c:
        await c.execute(
            "UPDATE interviews SET status = 'finished' WHERE id = $1", UUID(ended["id"])
        )
    for method, action, body in (
        ("POST", "ticket", None),
        ("POST", "requests", {"kind": "extra_time"}),
    ):
        over = await guest.request(method, f"/api/v1/invitation/{action}", json=body)
        assert (over.status_code, over.json()["code"]) == (410, "interview_over")
    assert (await guest.get("/api/v1/invitation")).json()["status"] == "finished"
    late = await recruiter.post(f"/api/v1/interviews/{ended['id']}/withdraw")
    assert (late.status_code, late.json()["code"]) == (410, "interview_over")


async def test_a_request_for_time_is_asked_and_answered_once(door: Door) -> None:
    """Asking twice is one request; granted minutes lengthen the interview."""
    invited = await door.interview(minutes=20)
    guest = door.guest(invited["link"])
    for _ in range(2):
        asked = await guest.post(
            "/api/v1/invitation/requests", json={"kind": "extra_time", "note": "dislexia"}
        )
        assert asked.status_code == 201
    path = f"/api/v1/interviews/{invited['id']}"
    [request] = (await door.recruiter.get(path)).json()["requests"]
    assert (request["status"], request["note"]) == ("asked", "dislexia")
    answer = f"{path}/requests/{request['id']}"
    recruiter = door.recruiter
    for body, status in (
        ({"status": "granted"}, 400),
        ({"status": "declined", "extra_minutes": 5}, 400),
        ({"status": "granted", "extra_minutes": 121}, 400),
        ({"status": "granted", "extra_minutes": 10, "reason": "Claro"}, 200),
        ({"status": "declined"}, 409),
    ):
        assert (await recruiter.post(answer, json=body)).status_code == status, body
    seen = (await guest.get("/api/v1/invitation")).json()
    assert seen["minutes"] == 30
    assert seen["requests"] == [
        {"kind": "extra_time", "status": "granted", "extra_minutes": 10, "reason": "Claro"}
    ]
    other = await guest.post("/api/v1/invitation/requests", json={"kind": "alternative_process"})
    assert other.status_code == 201
    requests = (await recruiter.get(path)).json()["requests"]
    second = f"{path}/requests/{requests[1]['id']}"
    wrong = {"status": "granted", "extra_minutes": 5}
    assert (await recruiter.post(second, json=wrong)).status_code == 400
    assert (await recruiter.post(second, json={"status": "granted"})).status_code == 200
    unknown = f"{path}/requests/{invited['id']}"
    assert (await recruiter.post(unknown, json={"status": "declined"})).status_code == 404


async def test_a_candidate_s_token_opens_no_other_door(door: Door) -> None:
    """Not the recruiter's routes, not another interview; and a JWT is no invitation."""
    one, two = await door.interview(), await door.interview()
    guest = door.guest(one["link"])
    for path in ("/openings", "/me", f"/interviews/{one['id']}", "/fleet", "/events"):
        assert (await guest.get(f"/api/v1{path}")).status_code == 401, path
    other = await guest.get(f"/api/v1/interviews/{two['id']}/admission")
    assert other.status_code == 404
    assert (await door.recruiter.get("/api/v1/invitation")).status_code == 401
    assert (await door.anyone.get("/api/v1/invitation")).status_code == 401


# Reports and decisions --------------------------------------------------------------------


async def test_a_decision_needs_a_report_a_person_and_a_reason(door: Door) -> None:
    """The name comes from the token; what was decided is kept with the report's version."""
    invited = await door.interview()
    path = f"/api/v1/interviews/{invited['id']}"
    recruiter, good = door.recruiter, {"decision": "advance", "reason": "Dio ejemplos concretos."}
    early = await recruiter.post(f"{path}/decision", json=good)
    assert (early.status_code, early.json()["code"]) == (409, "conflict")
    assert (await recruiter.get(f"{path}/report")).status_code == 404
    await door.report(invited["id"])
    for body in (
        {"decision": "advance"},
        {"decision": "advance", "reason": ""},
        {"decision": "advance", "reason": "corto"},
        {"decision": "advance", "reason": " " * 40},
        {"decision": "reject", "reason": "Dio ejemplos concretos."},
        {**good, "decided_name": "Otra persona"},
    ):
        answer = await recruiter.post(f"{path}/decision", json=body)
        assert (answer.status_code, answer.json()["code"]) == (400, "invalid_input"), body
    assert await door.rows("SELECT 1 FROM decisions") == []
    made = await recruiter.post(f"{path}/decision", json=good)
    assert made.status_code == 201
    assert made.json()["decided_name"] == "Ana Ríos"
    assert made.json()["decided_by"] == str(door.tenant.recruiter)
    report = (await recruiter.get(f"{path}/report")).json()
    assert report["coverage"] == 0.5
    assert report["competencies"][0]["quotes"][0]["turn"] == 1
    assert [one["decision"] for one in report["decisions"]] == ["advance"]
    [audit] = await door.rows("SELECT detail FROM audit_log WHERE action = 'decision'")
    assert audit["detail"] == {"decision": "advance", "report_version": 1}
    operator = await door.operator.post(f"{path}/decision", json=good)
    assert (operator.status_code, operator.json()["code"]) == (403, "forbidden")


class Page(HTMLParser):
    """What is in a page: its text, and anything a strict policy would refuse."""

    def __init__(self) -> None:
        super().__init__()
        self.text = ""
        self.tags: list[str] = []
        self.inline: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.inline += [name for name, _ in attrs if name == "style" or name.startswith("on")]

    def handle_data(self, data: str) -> None:
        self.text += data


async def test_the_report_says_how_the_interview_ended(door: Door) -> None:
    """In words of the reader's language, also when the person never came back."""
    invited = await door.interview()
    await door.report(invited["id"])
    path = f"/api/v1/interviews/{invited['id']}/report.html"
    for reason in ("completed", "time_up", "left", "abandoned"):
        async with door.house.db.tenant(door.tenant.id) as c:
            await c.execute(
                "UPDATE interviews SET status = 'finished', finished_reason = $2 WHERE id = $1",
                UUID(invited["id"]),
                reason,
            )
        for language in ("es", "en", "pt"):
            answer = await door.recruiter.get(path, headers={"accept-language": language})
            texts = TEXTS[language]
            assert f"<dt>{texts['ended']}</dt><dd>{texts[f'ended.{reason}']}</dd>" in answer.text


async def test_the_report_is_a_page_to_read_and_print(door: Door) -> None:
    """In each language, with every quote as it stands, under a policy without scripts."""
    invited = await door.interview()
    await door.report(invited["id"])
    recruiter, path = door.recruiter, f"/api/v1/interviews/{invited['id']}"
    await recruiter.post(
        f"{path}/decision", json={"decision": "hold", "reason": "Falta <hablar> con ella."}
    )
    for language in ("es", "en", "pt"):
        answer = await recruiter.get(f"{path}/report.html", headers={"accept-language": language})
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "text/html; charset=utf-8"
        assert "script-src" not in answer.headers["content-security-policy"]
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        page = Page()
        page.feed(answer.text)
        assert page.inline == []
        assert not {"script", "style", "iframe", "form"} & set(page.tags)
        assert "Reduje <b>el</b> cierre" in page.text
        assert "Falta <hablar> con ella." in page.text
        assert TEXTS[language]["coverage.note"] in page.text
        assert TEXTS[language]["decision.hold"] in page.text
        assert "Luz Paredes" in page.text
        assert "b" not in page.tags
    style = answer.text.split('href="')[3].split('"')[0]
    sheet = await door.anyone.get(style)
    assert sheet.status_code == 200
    assert "@media print" in sheet.text


async def test_the_report_holds_the_interview_that_its_quotes_come_from(door: Door) -> None:
    """Each quote links to its turn: question, answer and topic, escaped, in their language."""
    invited = await door.interview()
    await door.report(invited["id"])
    path = f"/api/v1/interviews/{invited['id']}/report.html"
    before = (await door.recruiter.get(path)).text
    assert TEXTS["es"]["transcript.none"] in before
    assert 'href="#turn-1"' not in before
    async with door.house.db.tenant(door.tenant.id) as c:
        for turn, topic, answer in (
            (1, "teamwork", "Reduje <b>el</b> cierre"), (2, "communication", " "),
        ):  # fmt: skip
            await c.execute(
                "INSERT INTO turns (session_id, turn, tenant_id, interview_id, fence, ask, "
                "competency, level, kind, engine, question, answer, client_msg_id) "
                "VALUES ($1, $2, $3, $4, 1, 1, $5, 'basic', 'opening', 'offline', $6, $7, $8)",
                UUID(invited["session_id"]), turn, door.tenant.id, UUID(invited["id"]), topic,
                f"¿Qué pasó <{turn}>?", answer, f"m-{turn}",
            )  # fmt: skip
    for language, marked in (("es", ""), ("en", ' lang="es-PE"'), ("pt", ' lang="es-PE"')):
        response = await door.recruiter.get(path, headers={"accept-language": language})
        page, t = response.text, TEXTS[language]
        assert f'<a href="#turn-1">{t["quote.turn"].format(turn=1)}</a>' in page
        assert page.count('id="turn-1"') == page.count('id="turn-2"') == 1
        assert f'<p class="words"{marked}>¿Qué pasó &lt;1&gt;?</p>' in page
        assert f"<span{marked}>Trabajo en equipo</span>" in page
        last = page.rindex("Reduje &lt;b&gt;el&lt;/b&gt; cierre")
        assert page.index('id="turn-1"') < last < page.index('id="turn-2"')
        assert t["transcript.silent"] in page
        assert page.index('class="level"') < page.index('class="transcript"')
        assert page.index('class="transcript"') < page.index('class="decisions"')
        assert "<b>" not in page
        assert ("lang=" in page.split("<body", 1)[1]) is bool(marked)


def test_the_report_s_words_are_the_same_in_each_language() -> None:
    """No text is missing in any language."""
    assert TEXTS["es"].keys() == TEXTS["en"].keys() == TEXTS["pt"].keys()


async def test_a_level_is_shown_only_where_a_rubric_gave_one(door: Door) -> None:
    """Offline it counts possible matches; a number that reads like a grade is not there."""
    for kind, there, absent in (
        ("coverage", "Posibles coincidencias: 1 de 2", "Nivel 3"),
        ("rubric", "Nivel 3 de 4", "osibles coincidencias"),
    ):
        invited = await door.interview()
        await door.report(invited["id"], kind=kind)
        page = await door.recruiter.get(f"/api/v1/interviews/{invited['id']}/report.html")
        assert there in page.text
        assert absent not in page.text


async def test_a_report_that_waits_for_review_says_so(door: Door) -> None:
    """Pending is shown, with its reason, and a topic that was not reached has no level."""
    invited = await door.interview()
    plain = evaluation(UUID(invited["id"]))
    await door.report(
        invited["id"],
        status="pending_review",
        pending_reason="model_unavailable",
        competencies=[],
        summary="",
    )
    page = await door.recruiter.get(f"/api/v1/interviews/{invited['id']}/report.html")
    assert TEXTS["es"]["pending"] in page.text
    one = (await door.recruiter.get(f"/api/v1/interviews/{invited['id']}")).json()
    assert one["report"] == "pending_review"
    assert plain.status == "ready"


def test_the_notice_is_honest_about_the_engine() -> None:
    """Only with a model: its maker, its place abroad and its mistakes; never a score of a face."""
    for language, abroad in (
        ("es", "fuera del Perú"),
        ("en", "out of Peru"),
        ("pt", "fora do Peru"),
    ):
        without = notices.text(
            company="ACME", retention_days=180, locale=language, with_model=False
        )
        with_model = notices.text(
            company="ACME", retention_days=180, locale=language, with_model=True
        )
        assert "Anthropic" not in without.text
        assert abroad not in without.text
        assert "Anthropic" in with_model.text
        assert abroad in with_model.text
        assert without.sha256 != with_model.sha256
        for text in (without.text, with_model.text):
            assert "{" not in text
            assert "180" in text
            assert "29733" in text
            assert "016-2024-JUS" in text
            assert "31814" in text
            assert len(text.split("\n\n")) == 9
            assert "\n\n\n" not in text


def test_the_notice_says_what_a_cv_is_compared_with() -> None:
    """With every opening of the company, as the pipeline does it; the answers with none of them."""
    for language, cv, answers, matches in (
        ("es", "las demás vacantes de ACME", "respuestas sirven solo", "posibles coincidencias"),
        ("en", "the other openings of ACME", "answers serve only", "possible matches"),
        ("pt", "as demais vagas de ACME", "respostas servem apenas", "possíveis correspondências"),
    ):
        for with_model in (False, True):
            text = notices.text(
                company="ACME", retention_days=9, locale=language, with_model=with_model
            ).text
            assert cv in text
            assert answers in text
            assert (matches in text) is not with_model


def test_no_text_says_that_evidence_appeared() -> None:
    """A search for words finds possible matches: reports and notices claim no more."""
    words = [text for texts in TEXTS.values() for text in texts.values()]
    words += [
        notices.text(company="A", retention_days=9, locale=language, with_model=False).text
        for language in TEXTS
    ]
    claims = re.compile(r"\b(?:apareci|appeared|did not appear|aparece[ur])", re.IGNORECASE)
    assert [text for text in words if claims.search(text)] == []


def test_a_company_s_name_is_only_a_name_in_the_notice() -> None:
    """Braces in a name are not filled in."""
    shown = notices.text(
        company="{retention_days}", retention_days=9, locale="es", with_model=False
    )
    assert "{retention_days} lo invita" in shown.text


def test_the_policy_of_the_report_has_no_hole() -> None:
    """Nothing but our own styles and images."""
    assert "unsafe" not in report_page.CSP
    assert "script" not in report_page.CSP
    assert "*" not in report_page.CSP


async def test_granted_minutes_stop_at_the_longest_interview(door: Door) -> None:
    """The database's bound holds: 180 minutes in all."""
    invited = await door.interview(minutes=90)
    async with door.house.db.tenant(door.tenant.id) as c:
        await interviews.record_extra_minutes(c, UUID(invited["id"]), 120)
        found: Any = await interviews.get(c, UUID(invited["id"]))
    assert found.minutes == 180
