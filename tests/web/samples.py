"""What the stand-in house tells the pages."""

from typing import Any

from tests.web.fake_house import FakeHouse, Route

HOSTILE = "<img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script>"
LINK = "invitation-token-0123456789"
UNTIL = "2026-12-01T15:04:05Z"
QUESTIONS = (
    "Cuénteme de una vez en que un reporte suyo cambió una decisión. ¿Qué hizo usted y qué pasó?",
    "¿Cómo comprobó que los datos de ese reporte eran correctos?",
    "¿Qué haría distinto si empezara de nuevo?",
)
CONSENT = (
    "Para qué sirve\n"
    "Usted acepta que sus respuestas se usen para evaluar su postulación a este puesto.\n\n"
    "Puede retirar su consentimiento en cualquier momento y pedir que se le muestren, corrijan o "
    "borren sus datos, sin costo.\n\n"
    "Las decisiones las toma una persona. Ningún programa descarta a nadie."
)
INVITATION: dict[str, Any] = {
    "interview_id": "0190aaaa-0000-7000-8000-000000000001",
    "status": "invited",
    "company": "Textiles Andinos S.A.",
    "opening_title": "Analista de datos",
    "candidate_name": "Rosa Quispe",
    "locale": "es-PE",
    "minutes": 20,
    "finished_reason": "",
    "turns_max": 3,
    "engine": "offline",
    "with_ai": False,
    "consent": {"version": "2026-11", "text": CONSENT, "sha256": "ab" * 32, "given": False},
    "requests": [],
    "session_id": "00000000-0000-0000-0000-000000000001",
}


def candidate_routes(house: FakeHouse, invitation: dict[str, Any]) -> dict[str, Route]:
    """The doors that an invitation opens."""
    invitation["consent"] = dict(invitation["consent"])

    def consent(body: Any) -> tuple[int, Any]:
        invitation["consent"]["given"] = body["given"]
        return 200, {}

    def ticket(_body: Any) -> tuple[int, Any]:
        if house.interview.finished:
            return 410, {"code": "interview_over"}
        invitation["status"] = "live"
        ticket = house.interview.ticket()
        session_id = invitation["session_id"]
        url = house.interview.url
        return 200, {"ticket": ticket, "url": url, "session_id": session_id, "expires_in": 30}

    def requests(body: Any) -> tuple[int, Any]:
        invitation["requests"].append({**body, "status": "asked", "extra_minutes": 0})
        return 201, {}

    def read(_body: Any) -> tuple[int, Any]:
        if house.interview.finished:
            invitation["status"] = "finished"
        return 200, invitation

    def copy(_body: Any) -> tuple[int, Any]:
        if not house.interview.finished:
            return 409, {"code": "conflict"}
        return 200, {"turns": house.interview.turns, "until": UNTIL}

    admission = f"GET /interviews/{invitation['interview_id']}/admission"
    return {
        "GET /invitation": read,
        "POST /invitation/consent": consent,
        "POST /invitation/ticket": ticket,
        "POST /invitation/requests": requests,
        "GET /invitation/transcript": copy,
        admission: (200, {"state": "open", "retry_after": 1}),
    }
