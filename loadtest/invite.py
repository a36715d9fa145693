"""Interviews made through REST with a recruiter's token: for small crowds and conformance runs."""

import asyncio
from typing import Any, Final
from uuid import uuid4

from client.errors import Refused
from client.rest import Api
from loadtest.visitor import Invitation

PATIENCE_SECONDS: Final = 5.0
OPENING: Final = {
    "title": "Prueba de carga",
    "category": "logistics",
    "location": "Lima",
    "description": "Un puesto ficticio para medir el servicio.",
    "must_have": ["Gestión de inventarios", "Manejo de SAP"],
    "language": "es",
    "status": "draft",
}


async def invite(url: str, recruiter: str, count: int, *, minutes: int = 20) -> list[Invitation]:
    """Return `count` fresh invitations, as fast as the server's rate limit allows; raises Refused.

    One opening (a draft, so that nobody is matched with it) and one candidate are made for them.
    """
    async with Api(url, recruiter) as api:
        opening = await _patiently(api, "/openings", OPENING)
        cv = await _patiently(
            api,
            "/cvs",
            {
                "filename": f"{uuid4().hex}.pdf",
                "bytes": 1000,
                "candidate": {"name": "Persona de Prueba"},
            },
        )
        body = {
            "opening_id": opening["id"],
            "candidate_id": cv["candidate_id"],
            "minutes": minutes,
        }
        return [
            Invitation(url, (await _patiently(api, "/interviews", body))["link"].partition("#")[2])
            for _ in range(count)
        ]


async def _patiently(api: Api, path: str, body: dict[str, Any]) -> Any:
    while True:
        try:
            return await api.post(path, body)
        except Refused as refused:
            if refused.code != "rate_limited":
                raise
            await asyncio.sleep(refused.retry_after or PATIENCE_SECONDS)
