"""What the stand-in house tells recruiters and operators."""

from typing import Any

from tests.web.fake_house import FakeHouse, Route

WHEN = "2026-11-20T15:04:05Z"
OPENING: dict[str, Any] = {
    "id": "0190bbbb-0000-7000-8000-000000000001",
    "title": "Analista de datos",
    "category": "data",
    "location": "Arequipa",
    "description": "Reportes de producción y ventas para la gerencia.",
    "must_have": ["SQL", "Excel avanzado"],
    "nice_to_have": ["Power BI", "Python"],
    "seniority": "mid",
    "language": "es",
    "status": "open",
    "version": 3,
    "created_at": WHEN,
    "updated_at": WHEN,
}
CVS: list[dict[str, Any]] = [
    {
        "id": "0190cccc-0000-7000-8000-000000000001",
        "candidate_id": "c1",
        "opening_id": OPENING["id"],
        "filename": "cv-rosa-quispe.pdf",
        "status": "ready",
        "stage": "match",
        "progress": 1.0,
        "fault": None,
    },
    {
        "id": "0190cccc-0000-7000-8000-000000000002",
        "candidate_id": "c2",
        "opening_id": OPENING["id"],
        "filename": "hoja-de-vida-escaneada.pdf",
        "status": "needs_ocr",
        "stage": "parse",
        "progress": 0.5,
        "fault": {"code": "cv_needs_ocr", "message": "..."},
    },
    {
        "id": "0190cccc-0000-7000-8000-000000000003",
        "candidate_id": "c3",
        "opening_id": OPENING["id"],
        "filename": "luis-mamani.docx",
        "status": "working",
        "stage": "parse",
        "progress": 0.5,
        "fault": None,
    },
]
MATCHES: list[dict[str, Any]] = [
    {
        "cv_id": CVS[0]["id"],
        "candidate": {"id": "c1", "name": "Rosa Quispe Huamán"},
        "score": 0.82,
        "gates_passed": True,
        "matched": [
            {"term": "SQL", "evidence": "Consultas SQL sobre PostgreSQL", "weight": 0.4},
            {"term": "Power BI", "evidence": "Tableros en Power BI", "weight": 0.2},
        ],
        "missing": [{"term": "Python", "why": "No aparece en el CV"}],
        "gates": [
            {"term": "SQL", "passed": True, "reason": "El CV lo dice", "evidence": "Consultas SQL"},
            {"term": "Excel avanzado", "passed": True, "reason": "El CV lo dice", "evidence": ""},
        ],
    },
    {
        "cv_id": "0190cccc-0000-7000-8000-000000000009",
        "candidate": {"id": "c9", "name": "Luis Mamani"},
        "score": 0.41,
        "gates_passed": False,
        "matched": [],
        "missing": [{"term": "Power BI", "why": "No aparece en el CV"}],
        "gates": [{"term": "SQL", "passed": False, "reason": "No aparece", "evidence": ""}],
    },
]
PROFILE: dict[str, Any] = {
    "basics": {"name": "Rosa Quispe Huamán", "label": "Analista de datos e inteligencia comercial"},
    "work": [
        {
            "position": "Analista de datos",
            "name": "Hilados del Sur",
            "startDate": "2021-03",
            "current": True,
        },
        {"name": "Caja Misti", "startDate": "2018", "endDate": "2021-02"},
    ],
    "skills": [{"name": "SQL"}, {"name": "Power BI"}],
    "languages": [
        {"language": "Quechua", "level": "native"},
        {"language": "Inglés", "fluency": "intermedio", "level": "B1"},
    ],
    "meta": {"years_of_experience": 6.5, "source": "deterministic"},
}
CANDIDATES: list[dict[str, Any]] = [
    {
        "id": "c1",
        "name": "Rosa Quispe Huamán",
        "email": "rosa.quispe@example.com",
        "phone": "+51987654321",
        "erased_at": None,
        "created_at": WHEN,
        "cvs": CVS[:1],
    },
    {"id": "c2", "name": "Julia Ccori", "email": "", "phone": "", "cvs": CVS[1:2]},
    {"id": "c3", "name": "", "email": "", "phone": "", "cvs": CVS[2:3]},
]
INTERVIEW: dict[str, Any] = {
    "id": "0190aaaa-0000-7000-8000-000000000001",
    "opening_id": OPENING["id"],
    "opening_title": OPENING["title"],
    "candidate_id": "c1",
    "candidate_name": "Rosa Quispe Huamán",
    "cv_id": CVS[0]["id"],
    "session_id": "00000000-0000-0000-0000-000000000001",
    "status": "finished",
    "locale": "es-PE",
    "minutes": 20,
    "finished_reason": "completed",
    "created_at": WHEN,
    "started_at": WHEN,
    "finished_at": WHEN,
    "erased": False,
    "waiting": ["extra_time"],
    "report": "ready",
    "decision": None,
}
ANSWER = "🙂 Noté que el reporte sumaba dos veces las devoluciones y rehíce la consulta en SQL."
QUOTE = "rehíce la consulta en SQL"
TURNS: list[dict[str, Any]] = [
    {
        "turn": 1,
        "competency": "problem_solving",
        "engine": "offline",
        "question": "Cuénteme de una vez en que un reporte suyo cambió una decisión.",
        "answer": ANSWER,
    },
    {
        "turn": 2,
        "competency": "communication",
        "engine": "offline",
        "question": "¿Cómo lo explicó a la gerencia?",
        "answer": "Con un gráfico de una página.",
    },
]
REQUEST: dict[str, Any] = {
    "id": "0190dddd-0000-7000-8000-000000000001",
    "kind": "extra_time",
    "note": "Escribo lento con el celular.",
    "status": "asked",
    "extra_minutes": 0,
    "answer_reason": "",
    "created_at": WHEN,
}
REPORT: dict[str, Any] = {
    "interview_id": INTERVIEW["id"],
    "kind": "coverage",
    "engine": "offline",
    "locale": "es-PE",
    "coverage": 0.5,
    "summary": "Dio evidencia de 3 de 6 puntos buscados.",
    "dropped_claims": 2,
    "turns_total": 2,
    "turns_by_engine": {"offline": 2},
    "status": "ready",
    "pending_reason": "",
    "version": 1,
    "decisions": [],
    "created_at": WHEN,
    "competencies": [
        {
            "competency": "problem_solving",
            "name": "Resolución de problemas",
            "weight": 0.6,
            "level": None,
            "expected": ["Situación", "Acción propia", "Resultado"],
            "found": ["Situación", "Acción propia"],
            "missing": ["Resultado"],
            "turns": [1],
            "quotes": [
                {
                    "turn": 1,
                    "text": QUOTE,
                    "start": ANSWER.index(QUOTE),
                    "end": ANSWER.index(QUOTE) + len(QUOTE),
                    "evidence": "own_action",
                    "label": "Acción propia",
                },
                {
                    "turn": 1,
                    "text": QUOTE,
                    "start": ANSWER.index(QUOTE),
                    "end": ANSWER.index(QUOTE) + len(QUOTE),
                    "evidence": "situation",
                    "label": "Situación",
                },
            ],
        },
        {
            "competency": "teamwork",
            "name": "Trabajo en equipo",
            "weight": 0.4,
            "level": None,
            "expected": ["Situación"],
            "found": [],
            "missing": ["Situación"],
            "turns": [],
            "quotes": [],
        },
    ],
}
ME = {
    "user_id": "u1",
    "tenant_id": "t1",
    "name": "Carmen Salas",
    "roles": ["recruiter", "operator"],
    "company": "Textiles Andinos S.A.",
    "slug": "textiles-andinos",
    "locale": "es-PE",
}
FLEET: dict[str, Any] = {
    "instances": [
        {
            "id": "interview-1",
            "url": "ws://127.0.0.1:8000/ws",
            "sessions": 48,
            "admit": 70,
            "cap": 75,
            "target": 50,
            "draining": False,
            "alive": True,
        },
        {
            "id": "interview-2",
            "url": "ws://127.0.0.1:8001/ws",
            "sessions": 71,
            "admit": 70,
            "cap": 75,
            "target": 50,
            "draining": True,
            "alive": True,
        },
    ],
    "lanes": [
        {"lane": "premium", "waiting": 0, "working": 1, "oldest_seconds": 2, "promise_seconds": 10},
        {
            "lane": "bulk",
            "waiting": 40,
            "working": 2,
            "oldest_seconds": 2400,
            "promise_seconds": 1800,
        },
    ],
    "outbox_waiting": 3,
}
SESSIONS = [
    {
        "session_id": "0190eeee-0000-7000-8000-000000000001",
        "interview_id": INTERVIEW["id"],
        "instance": "interview-1",
        "status": "active",
        "turns_done": 2,
        "updated_at": WHEN,
    }
]


def page_of(items: list[Any]) -> tuple[int, Any]:
    """A list's only page."""
    return 200, {"items": items, "next": None}


def house_routes(house: FakeHouse) -> dict[str, Route]:
    """The doors that a person's token opens."""
    opening, interview = OPENING["id"], INTERVIEW["id"]
    decisions: list[Any] = []

    def create_cv(body: Any) -> tuple[int, Any]:
        number = len([r for r in house.requests if r[:2] == ("POST", "/cvs")])
        upload = {"method": "PUT", "url": f"{house.url}/api/v1/uploads/x{number}", "headers": {}}
        return 201, {"cv_id": f"cv-{number}", "candidate_id": "c", "upload": upload}

    def confirm(number: int) -> Route:
        return 200, {"id": f"cv-{number}", "status": "working", "stage": "upload", "progress": 0.1}

    def decide(body: Any) -> tuple[int, Any]:
        decided = {**body, "decided_name": ME["name"], "created_at": WHEN}
        decisions.append(decided)
        return 201, decided

    routes: dict[str, Route] = {
        "GET /me": (200, ME),
        "GET /openings": page_of([OPENING]),
        "POST /openings": lambda body: (201, {**OPENING, **body}),
        f"GET /openings/{opening}": (200, OPENING),
        f"PATCH /openings/{opening}": lambda body: (200, {**OPENING, **body}),
        f"GET /openings/{opening}/matches": page_of(MATCHES),
        "GET /cvs": page_of(CVS),
        "POST /cvs": create_cv,
        "GET /interviews": page_of([INTERVIEW]),
        "POST /interviews": (201, {**INTERVIEW, "link": f"{house_link()}"}),
        f"GET /interviews/{interview}": (
            200,
            {
                **INTERVIEW,
                "plan": {"turns_max": 2},
                "turns": TURNS,
                "consent": {"given": True, "created_at": WHEN},
                "requests": [REQUEST],
            },
        ),
        f"GET /interviews/{interview}/report": lambda _: (200, {**REPORT, "decisions": decisions}),
        f"POST /interviews/{interview}/decision": decide,
        f"DELETE /candidates/{INTERVIEW['candidate_id']}": (204, None),
        f"POST /interviews/{interview}/link": (201, {"link": house_link()}),
        f"POST /interviews/{interview}/withdraw": (200, {**INTERVIEW, "status": "withdrawn"}),
        f"POST /interviews/{interview}/requests/{REQUEST['id']}": (200, {**REQUEST}),
        "GET /fleet": (200, FLEET),
        "GET /fleet/sessions": (200, SESSIONS),
    }
    for number in range(1, 9):
        routes[f"PUT /uploads/x{number}"] = (204, None)
        routes[f"POST /cvs/cv-{number}/confirm"] = confirm(number)
    for cv in CVS:
        routes[f"GET /cvs/{cv['id']}"] = (200, {**cv, "profile": None})
    routes[f"GET /cvs/{CVS[0]['id']}"] = (200, {**CVS[0], "profile": PROFILE})
    for candidate in CANDIDATES:
        routes[f"GET /candidates/{candidate['id']}"] = (200, candidate)
    return routes


def house_link() -> str:
    """A link as the API gives it."""
    return "http://127.0.0.1:8000/i/#eyJhbGciOiJIUzI1NiJ9.another-token"
