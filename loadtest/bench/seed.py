"""Interviews made in bulk, straight through storage: REST's rate limits are not what is measured.

`entrevistador invitations` writes them into a file for a load test.
"""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

import msgspec

from interview.plan import OpeningBrief, Plan, build
from loadtest.visitor import Invitation
from runtime import clock
from runtime.settings import Settings
from server import consents as notices
from server.tickets import Tickets
from storage import candidates, consents, interviews, openings, tenants
from storage.connect import open_database
from storage.transaction import Connection, Database

SLUG: Final = "empresa-de-carga"
BATCH: Final = 100
LOCALE: Final = "es-PE"
OPENING: Final = openings.NewOpening(
    title="Jefa o jefe de almacén",
    category="logistics",
    location="Lima",
    description="Dirige el almacén central: personas, existencias, despachos y seguridad.",
    must_have=["Gestión de inventarios", "Manejo de SAP", "Conducción de equipos"],
    nice_to_have=["Inglés intermedio", "Mejora continua"],
    seniority="mid",
    language="es",
)


class Seat(msgspec.Struct, frozen=True):
    """One interview that waits for its candidate."""

    tenant_id: UUID
    interview_id: UUID
    session_id: UUID
    invitation: int


async def seed(
    settings: Settings,
    count: int,
    *,
    minutes: int = 90,
    turns_max: int = 0,
    reports: openings.Reports = "default",
) -> list[Seat]:
    """Insert `count` interviews with consent, of one company that is made at need.

    `database_url` is the owner's (only it may found a company) and `database_app_url` the
    application's; `turns_max` shortens the interviews, `reports` says when theirs are written.
    """
    tenant_id = await _company(settings.database_url)
    db = await open_database(settings.database_app_url, size=2)
    try:
        plan, opening = _plan(minutes, turns_max), msgspec.structs.replace(OPENING, reports=reports)
        return await _seats(settings, db, tenant_id, count, minutes, plan, opening)
    finally:
        await db.close()


async def _company(owner_url: str) -> UUID:
    db = await open_database(owner_url, size=1)
    try:
        async with db.across() as connection:
            return await tenants.ensure(connection, slug=SLUG, name="Empresa de Carga")
    finally:
        await db.close()


async def _seats(
    settings: Settings,
    db: Database,
    tenant_id: UUID,
    count: int,
    minutes: int,
    plan: Plan,
    wanted: openings.NewOpening,
) -> list[Seat]:
    async with db.tenant(tenant_id) as connection:
        opening = await openings.create(connection, tenant_id, clock.new_id(), wanted)
        company = await tenants.get(connection, tenant_id)
    notice = notices.text(
        company=company.name,
        retention_days=company.retention_days,
        locale=LOCALE,
        with_model=settings.asks_with_model,
    )
    seats: list[Seat] = []
    while len(seats) < count:
        async with db.tenant(tenant_id) as connection:
            for _ in range(min(BATCH, count - len(seats))):
                number = len(seats) + 1
                seats.append(
                    await _one(connection, tenant_id, opening.id, plan, notice, minutes, number)
                )
    return seats


async def _one(
    connection: Connection,
    tenant_id: UUID,
    opening_id: UUID,
    plan: Plan,
    notice: notices.ConsentText,
    minutes: int,
    number: int,
) -> Seat:
    candidate = await candidates.create(
        connection, tenant_id, clock.new_id(), name=f"Persona de Prueba {number}"
    )
    interview = await interviews.create(
        connection,
        tenant_id=tenant_id,
        opening_id=opening_id,
        candidate_id=candidate.id,
        cv_id=None,
        locale=LOCALE,
        minutes=minutes,
        plan=plan,
        invited_by=None,
    )
    await consents.record(
        connection,
        tenant_id,
        interview_id=interview.id,
        candidate_id=candidate.id,
        text_version=notice.version,
        text_sha256=notice.sha256,
        locale=notice.locale,
        given=True,
    )
    return Seat(tenant_id, interview.id, interview.session_id, interview.invitation)


def _plan(minutes: int, turns_max: int) -> Plan:
    plan = build(
        OpeningBrief(
            title=OPENING.title,
            category=OPENING.category,
            description=OPENING.description,
            must_have=list(OPENING.must_have),
            nice_to_have=list(OPENING.nice_to_have),
            seniority=OPENING.seniority,
            language=OPENING.language,
        ),
        None,
        company="Empresa de Carga",
        candidate_name="Persona de Prueba",
        minutes=minutes,
        locale=LOCALE,
    )
    return msgspec.structs.replace(plan, turns_max=turns_max) if turns_max else plan


def invitations(settings: Settings, seats: Sequence[Seat]) -> list[Invitation]:
    """Return the links' tokens of seats."""
    tickets = Tickets(settings.secret)
    return [
        Invitation(
            settings.public_url,
            tickets.invitation(seat.tenant_id, seat.interview_id, seat.invitation),
        )
        for seat in seats
    ]
