"""Another tenant and a missing tenant read nothing and write nothing: over every table there is.

The tables, partitions, views, functions and roles come from the catalogue, so that whatever a
later migration adds is held to the same.
"""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, NamedTuple
from uuid import UUID

import asyncpg
import pytest
import pytest_asyncio

from protocol import ids
from runtime import clock
from runtime.settings import Settings
from storage import roles
from tests.storage import catalogue
from tests.storage.catalogue import Filled

APP = "entrevistador_app"
POWERS = ("SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER", "MAINTAIN")
# What a person said or is, wherever it stands: no role that crosses tenants may read these.
WORDS = {
    "about", "answer", "answer_reason", "decided_name", "description", "detail", "directive",
    "email", "evaluation", "fault_detail", "filename", "hidden", "matched", "missing",
    "must_have", "name", "nice_to_have", "note", "object_key", "phone", "plan", "profile",
    "question", "reason", "sha256", "state", "text", "title", "vector",
}  # fmt: skip
APPEND_ONLY = {"turns", "asks", "decisions", "consents", "audit_log", "outbox"}
FORBIDDEN = asyncpg.InsufficientPrivilegeError  # of the grant and of the policy: the same class


class House(NamedTuple):
    """Two companies with a row in every table, seen by the owner and by the application."""

    owner: asyncpg.Connection
    app: asyncpg.Connection
    ours: Filled
    theirs: Filled
    tables: catalogue.Shape
    settings: Settings


@pytest_asyncio.fixture
async def house(settings: Settings) -> AsyncIterator[House]:
    """A migrated database with every table filled for two tenants."""
    owner = await asyncpg.connect(settings.database_url, timeout=30)
    app = await asyncpg.connect(settings.database_app_url, timeout=30)
    tables = await catalogue.shape(owner)
    ours = await catalogue.fill(owner, tables, clock.new_id())
    theirs = await catalogue.fill(owner, tables, clock.new_id())
    yield House(owner, app, ours, theirs, tables, settings)
    await app.close()
    await owner.close()


@asynccontextmanager
async def as_tenant(c: asyncpg.Connection, tenant: UUID | str | None) -> AsyncIterator[None]:
    """Stand in a transaction for a tenant; it is rolled back. None sets no tenant at all."""
    transaction = c.transaction()
    await transaction.start()
    try:
        if tenant is not None:
            await c.execute("SELECT set_config('app.tenant', $1, true)", str(tenant))
        yield
    finally:
        await transaction.rollback()


async def attempt(c: asyncpg.Connection, sql: str, *args: Any) -> int:
    """Run a statement behind a savepoint and return the rows it touched; refused is -1."""
    try:
        async with c.transaction():
            return int((await c.execute(sql, *args)).rpartition(" ")[2])
    except FORBIDDEN:
        return -1


async def allowed(house: House, table: str, row: dict[str, Any]) -> bool:
    """Whether the policy lets the application insert the row; what was inserted is taken back."""
    savepoint = house.app.transaction()
    await savepoint.start()
    try:
        await catalogue.insert(house.app, house.tables, table, row)
    except FORBIDDEN:
        return False
    except asyncpg.UniqueViolationError:
        return True  # the key is looked at after the policy
    else:
        return True
    finally:
        await savepoint.rollback()


def own_column(table: str) -> str:
    """The column that says whose a row is."""
    return "id" if table == "tenants" else "tenant_id"


# The catalogue ---------------------------------------------------------------------------------


async def test_row_level_security_is_forced_on_every_table_and_partition(house: House) -> None:
    """A table without a tenant, or without forced policies, is a hole."""
    for relation in await catalogue.relations(house.owner):
        if not relation.is_table or relation.name in catalogue.TENANTLESS:
            continue
        assert relation.tenant_column, f"{relation.name} has no tenant"
        assert relation.secured, f"{relation.name} has no row-level security"
        assert relation.forced, f"{relation.name} does not force it on its owner"


async def test_the_test_would_notice_a_table_without_policies(house: House) -> None:
    """The check above can fail: a table made without care is found."""
    await house.owner.execute("CREATE TABLE careless (id uuid, tenant_id uuid)")
    found = {r.name: r for r in await catalogue.relations(house.owner)}
    assert not found["careless"].secured
    assert "careless" in await catalogue.shape(house.owner)


async def test_the_roles_can_neither_bypass_policies_nor_become_somebody_who_can(
    house: House,
) -> None:
    """No superuser, no BYPASSRLS, no ownership of a table, no membership in another role."""
    assert set(catalogue.ROLES) == {*roles.LOGIN_ROLES, *roles.OTHER_ROLES}
    for role in catalogue.ROLES:
        row = await house.owner.fetchrow("SELECT * FROM pg_roles WHERE rolname = $1", role)
        assert row is not None
        powers = ("rolsuper", "rolbypassrls", "rolcreaterole", "rolcreatedb", "rolreplication")
        assert not any(row[power] for power in powers), role
        assert row["rolcanlogin"] == (role in roles.LOGIN_ROLES)
        owned = await house.owner.fetch(
            "SELECT relname FROM pg_class WHERE relowner = $1 AND relkind IN ('r','p','v','m')",
            row["oid"],
        )
        assert not owned, f"{role} owns {owned}"
        member = await house.owner.fetch(
            "SELECT roleid::regrole::text FROM pg_auth_members WHERE member = $1", row["oid"]
        )
        assert not member, f"{role} can become {member}"
        for schema_power in ("CREATE",):
            assert not await house.owner.fetchval(
                "SELECT has_schema_privilege($1, 'public', $2)", role, schema_power
            )


async def test_nobody_is_granted_a_partition_or_a_view(house: House) -> None:
    """A partition asked directly ignores its parent's policy; so does a materialised view."""
    for relation in await catalogue.relations(house.owner):
        if not relation.partition and relation.kind in "rp":
            continue
        for role in (*catalogue.ROLES, "public"):
            columns = await catalogue.readable(house.owner, role, relation.name)
            assert not columns, f"{role} reads {columns} of {relation.name}"
            for power in POWERS:
                assert not await catalogue.granted(house.owner, role, relation.name, power)


async def test_there_are_partitions_that_could_have_been_granted(house: House) -> None:
    """The months and the default partition are among what the test above looks at."""
    names = {r.name for r in await catalogue.relations(house.owner) if r.partition}
    assert "interview_sessions_default" in names
    assert len(names) >= 4


async def test_a_partition_asked_directly_refuses_the_application(house: House) -> None:
    """Also with the right tenant."""
    for relation in await catalogue.relations(house.owner):
        if relation.partition:
            async with as_tenant(house.app, house.ours.tenant_id):
                with pytest.raises(FORBIDDEN):
                    await house.app.fetch(f'SELECT * FROM "{relation.name}"')


async def test_nobody_may_truncate_reference_or_hang_a_trigger(house: House) -> None:
    """TRUNCATE ignores policies; a foreign key or a trigger of one's own looks behind them."""
    for relation in await catalogue.relations(house.owner):
        for role in catalogue.ROLES:
            for power in ("TRUNCATE", "REFERENCES", "TRIGGER"):
                assert not await catalogue.granted(house.owner, role, relation.name, power), (
                    f"{role} may {power} {relation.name}"
                )


async def test_nothing_is_granted_to_everybody(house: House) -> None:
    """PUBLIC has no table, and no function that runs with another's rights."""
    for relation in await catalogue.relations(house.owner):
        for power in POWERS:
            assert not await catalogue.granted(house.owner, "public", relation.name, power)
    found = await house.owner.fetch(
        "SELECT proname, proconfig, proowner::regrole::text AS owner, "
        "has_function_privilege('public', oid, 'EXECUTE') AS everybody "
        "FROM pg_proc WHERE pronamespace = 'public'::regnamespace AND prosecdef"
    )
    assert {row["proname"] for row in found} >= {"save_turns", "erase_candidate", "public_company"}
    for row in found:
        assert not row["everybody"], row["proname"]
        paths = [entry for entry in row["proconfig"] or () if entry.startswith("search_path=")]
        assert paths == ["search_path=public, pg_temp"], f"{row['proname']}: {row['proconfig']}"
        may_own = (*roles.OTHER_ROLES, "owner of the database")
        if row["proname"] != "ensure_months":  # makes tables, so it is the owner's
            assert row["owner"] in may_own, f"{row['proname']} runs as {row['owner']}"


# Reading ---------------------------------------------------------------------------------------


async def test_a_tenant_reads_its_own_row_in_every_table(house: House) -> None:
    """The rows are there to be read: what follows does not pass for want of rows."""
    async with as_tenant(house.app, house.ours.tenant_id):
        for table in house.tables:
            count = await house.app.fetchval(
                f'SELECT count(*) FROM "{table}" WHERE {own_column(table)} = $1',
                house.ours.tenant_id,
            )
            assert count == 1, table


async def test_a_tenant_reads_no_row_of_another_in_any_table(house: House) -> None:
    """Not even one, not even counted, whatever the condition asks for."""
    async with as_tenant(house.app, house.theirs.tenant_id):
        for table in house.tables:
            seen = await house.app.fetch(f'SELECT {own_column(table)} AS whose FROM "{table}"')
            assert {row["whose"] for row in seen} == {house.theirs.tenant_id}, table


@pytest.mark.parametrize("missing", [None, "", "used before"])
async def test_a_missing_tenant_reads_nothing_anywhere(house: House, missing: str | None) -> None:
    """Never set, set to nothing, and what SET LOCAL leaves behind on a pooled connection."""
    if missing == "used before":
        async with as_tenant(house.app, house.ours.tenant_id):
            assert await house.app.fetchval("SELECT count(*) FROM cvs") == 1
        assert await house.app.fetchval("SELECT current_setting('app.tenant', true)") == ""
        missing = None
    async with as_tenant(house.app, missing):
        for table in house.tables:
            assert await house.app.fetchval(f'SELECT count(*) FROM "{table}"') == 0, table


async def test_a_tenant_that_is_no_id_reads_nothing(house: House) -> None:
    """It is an error, not everything."""
    async with as_tenant(house.app, "' OR true --"):
        with pytest.raises(asyncpg.DataError):
            await house.app.fetch("SELECT * FROM cvs")


# Writing ---------------------------------------------------------------------------------------


async def test_a_tenant_writes_its_own_rows(house: House) -> None:
    """What is refused below would be accepted from its owner: the rows themselves are good."""
    async with as_tenant(house.app, house.ours.tenant_id):
        for table in house.tables:
            if table == "tenants":
                continue
            row = catalogue.row_for(house.tables, table, house.ours.tenant_id, house.ours.rows)
            assert await allowed(house, table, row), table


@pytest.mark.parametrize("stranger", ["another tenant", "nobody"])
async def test_a_row_of_another_tenant_cannot_be_inserted(house: House, stranger: str) -> None:
    """The row says whose it is, and that must be who asks."""
    asks = house.theirs.tenant_id if stranger == "another tenant" else None
    async with as_tenant(house.app, asks):
        for table in house.tables:
            row = catalogue.row_for(house.tables, table, house.ours.tenant_id, house.ours.rows)
            assert not await allowed(house, table, row), table


@pytest.mark.parametrize("stranger", ["another tenant", "nobody"])
async def test_a_row_of_another_tenant_cannot_be_changed_or_deleted(
    house: House, stranger: str
) -> None:
    """The row is not there to be touched, and the statement says nothing about it."""
    asks = house.theirs.tenant_id if stranger == "another tenant" else None
    async with as_tenant(house.app, asks):
        for table in house.tables:
            own = own_column(table)
            ours = house.ours.tenant_id
            change = f'UPDATE "{table}" SET {own} = {own} WHERE {own} = $1'
            assert await attempt(house.app, change, ours) <= 0, table
            delete = f'DELETE FROM "{table}" WHERE {own} = $1'
            assert await attempt(house.app, delete, ours) <= 0, table
    for table in house.tables:
        left = await house.owner.fetchval(
            f'SELECT count(*) FROM "{table}" WHERE {own_column(table)} = $1', house.ours.tenant_id
        )
        assert left == 1, table


async def test_a_row_cannot_be_given_to_another_tenant(house: House) -> None:
    """WITH CHECK holds for what a row becomes."""
    moved = 0
    async with as_tenant(house.app, house.ours.tenant_id):
        for table in house.tables:
            own = own_column(table)
            change = f'UPDATE "{table}" SET {own} = $1 WHERE {own} = $2'
            args = (house.theirs.tenant_id, house.ours.tenant_id)
            assert await attempt(house.app, change, *args) == -1, table
            moved += await catalogue.granted(house.owner, APP, table, "UPDATE")
    assert moved > 5  # it was the policy that refused, and not only a grant that was not there


async def test_a_row_cannot_point_at_another_tenants_row(house: House) -> None:
    """Foreign keys look behind the policies, so they carry the tenant: no row to squat on."""
    for leaf in catalogue.leaves(house.tables):
        await house.owner.execute(f'DELETE FROM "{leaf}"')  # no key is taken already
    theirs, pointing = house.theirs, 0
    async with as_tenant(house.app, theirs.tenant_id):
        for table, columns in house.tables.items():
            for column in columns:
                if column.parent in (None, "tenants"):
                    continue
                row = catalogue.row_for(house.tables, table, theirs.tenant_id, theirs.rows)
                assert await allowed(house, table, row), table
                row[column.name] = house.ours.rows[str(column.parent)]["id"]
                pointing += 1
                with pytest.raises(asyncpg.ForeignKeyViolationError):
                    async with house.app.transaction():
                        await catalogue.insert(house.app, house.tables, table, row)
    assert pointing > 10


async def test_what_was_said_and_decided_is_append_only(house: House) -> None:
    """The application may add to these tables and do nothing else, with its own tenant set."""
    unchangeable = set()
    async with as_tenant(house.app, house.ours.tenant_id):
        for table in house.tables:
            own = own_column(table)
            changed = await attempt(house.app, f'UPDATE "{table}" SET {own} = {own}')
            deleted = await attempt(house.app, f'DELETE FROM "{table}"')
            if changed == deleted == -1:
                unchangeable.add(table)
    assert unchangeable == APPEND_ONLY


async def test_a_decision_needs_a_person_and_a_reason(house: House) -> None:
    """The store itself refuses a decision that nobody made or that says nothing (invariant 9)."""
    row = {**house.ours.rows["decisions"], "id": clock.new_id()}
    for wrong in ({"decided_by": None}, {"decided_by": clock.new_id()}, {"decided_name": " "},
                  {"reason": ""}, {"reason": " " * 40}, {"reason": "no"}):  # fmt: skip
        async with as_tenant(house.app, house.ours.tenant_id):
            with pytest.raises(asyncpg.IntegrityConstraintViolationError):
                await catalogue.insert(house.app, house.tables, "decisions", {**row, **wrong})


# Roles that cross tenants ----------------------------------------------------------------------


async def _powers(c: asyncpg.Connection, role: str) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for relation in await catalogue.relations(c):
        powers = {p for p in POWERS if await catalogue.granted(c, role, relation.name, p)}
        if await catalogue.readable(c, role, relation.name):
            powers.add("SELECT")
        if powers:
            found[relation.name] = powers
    return found


async def test_the_relay_sees_the_outbox_and_nothing_else(house: House) -> None:
    """It hands over and deletes; the update right is what FOR UPDATE asks for."""
    powers = await _powers(house.owner, "entrevistador_relay")
    assert powers == {"outbox": {"SELECT", "UPDATE", "DELETE"}}


async def test_the_sweep_looks_and_enqueues(house: House) -> None:
    """It changes no tenant's row, and deletes none."""
    powers = await _powers(house.owner, "entrevistador_sweep")
    assert powers.pop("outbox") == {"SELECT", "INSERT"}
    assert powers
    assert all(power == {"SELECT"} for power in powers.values())


async def test_the_fleet_only_looks(house: House) -> None:
    """Counting needs no right to change anything."""
    powers = await _powers(house.owner, "entrevistador_fleet")
    assert powers
    assert all(power == {"SELECT"} for power in powers.values())


@pytest.mark.parametrize("role", ["relay", "sweep", "fleet"])
async def test_a_role_that_crosses_tenants_reads_nobodys_words(house: House, role: str) -> None:
    """Ids, states, times and counts are what its job needs."""
    url = getattr(house.settings, f"database_{role}_url")
    c = await asyncpg.connect(url, timeout=30)
    try:
        for relation in await catalogue.relations(house.owner):
            columns = await catalogue.readable(house.owner, f"entrevistador_{role}", relation.name)
            assert not WORDS & set(columns), f"{relation.name}: {WORDS & set(columns)}"
            if columns:
                names = ", ".join(columns)
                rows = await c.fetch(f'SELECT {names} FROM "{relation.name}"')
                assert len(rows) >= 2, f"{role} can't do its job on {relation.name}"
            else:
                with pytest.raises(FORBIDDEN):
                    await c.fetch(f'SELECT count(*) FROM "{relation.name}"')
    finally:
        await c.close()


# Functions with another's rights ---------------------------------------------------------------


def _turn(whose: Filled, *, tenant_id: UUID, **changes: Any) -> dict[str, Any]:
    session = whose.rows["interview_sessions"]
    turn = {
        "tenant_id": str(tenant_id), "session_id": str(session["id"]),
        "created_at": session["created_at"].isoformat(), "fence": 5, "turn": 6, "ask": 1,
        "competency": "x", "level": "basic", "kind": "opening", "engine": "offline",
        "question": "¿Qué?", "answer": "Esto.", "client_msg_id": "m-6", "seconds": 1.0,
        "state": {},
    }  # fmt: skip
    return {**turn, **changes}


async def _save(c: asyncpg.Connection, *turns: dict[str, Any]) -> list[str]:
    rows = await c.fetch("SELECT outcome FROM save_turns($1::text::jsonb)", json.dumps(turns))
    return [row["outcome"] for row in rows]


async def test_a_turn_is_saved_for_its_own_session(house: House) -> None:
    """The forged ones below fail for being forged."""
    session = house.ours.rows["interview_sessions"]
    await house.owner.execute(
        "UPDATE interview_sessions SET status = 'active' WHERE id = $1", session["id"]
    )
    turn = _turn(house.ours, tenant_id=house.ours.tenant_id)
    assert await _save(house.app, turn) == ["saved"]
    assert await _save(house.app, turn) == ["duplicate"]


@pytest.mark.parametrize(
    "forgery",
    [
        {"tenant": "theirs"},
        {"fence": 4},
        {"fence": 6},
        {"session_id": "random"},
        {"created_at": "2020-01-01T00:00:00Z"},
    ],
    ids=lambda forgery: next(iter(forgery)),
)
async def test_a_forged_turn_is_not_saved(house: House, forgery: dict[str, Any]) -> None:
    """Each row's tenant and fence are checked against its session's row; texts never come back."""
    forgery = dict(forgery)
    tenant = house.theirs if forgery.pop("tenant", None) else house.ours
    if forgery.get("session_id"):
        forgery["session_id"] = str(clock.new_id())
    turn = _turn(house.ours, tenant_id=tenant.tenant_id, **forgery)
    assert await _save(house.app, turn) == ["fence_lost"]
    kept = await house.owner.fetch("SELECT client_msg_id FROM turns WHERE answer = 'Esto.'")
    assert not kept


async def test_one_forged_turn_among_good_ones_is_the_only_one_refused(house: House) -> None:
    """A group commit judges every row for itself."""
    await house.owner.execute("UPDATE interview_sessions SET status = 'active'")
    good = _turn(house.ours, tenant_id=house.ours.tenant_id)
    forged = _turn(house.theirs, tenant_id=house.ours.tenant_id)
    rows = await house.app.fetch(
        "SELECT session_id, outcome FROM save_turns($1::text::jsonb)", json.dumps([forged, good])
    )
    outcomes = {row["session_id"]: row["outcome"] for row in rows}
    assert outcomes == {
        house.ours.rows["interview_sessions"]["id"]: "saved",
        house.theirs.rows["interview_sessions"]["id"]: "fence_lost",
    }


@pytest.mark.parametrize("asker", ["another tenant", "nobody", "its own"])
async def test_a_person_is_erased_by_their_own_tenant_only(house: House, asker: str) -> None:
    """Across tenants the function finds nothing; for its own tenant no word stays."""
    who = {"another tenant": house.theirs.tenant_id, "its own": house.ours.tenant_id}.get(asker)
    candidate = house.ours.rows["candidates"]["id"]
    mine = asker == "its own"
    await house.app.execute("BEGIN")
    if who:
        await house.app.execute("SELECT set_config('app.tenant', $1, true)", str(who))
    keys = await house.app.fetch("SELECT object_key FROM erase_candidate($1)", candidate)
    await house.app.execute("COMMIT")
    assert len(keys) == (1 if mine else 0)
    word = catalogue.PLAIN["text"]
    for table, column in (
        ("candidates", "name"), ("candidates", "email"), ("cvs", "filename"),
        ("cvs", "object_key"), ("cv_texts", "text"), ("turns", "answer"), ("turns", "question"),
        ("accommodations", "note"), ("profiles", "cv_id"), ("reports", "interview_id"),
        ("embeddings", "owner_id"), ("matches", "cv_id"),
    ):  # fmt: skip
        rows = await house.owner.fetch(
            f"SELECT {column} AS value FROM {table} WHERE tenant_id = $1", house.ours.tenant_id
        )
        if not mine:
            assert len(rows) == 1, table
            assert rows[0]["value"] != "", f"{table}.{column} was erased by {asker}"
        elif table != "embeddings":  # the sample's vector belongs to no CV
            assert all(row["value"] == "" for row in rows), f"{table}.{column} was kept"
        assert mine is False or word not in [row["value"] for row in rows]
    theirs = await house.owner.fetchval(
        "SELECT answer FROM turns WHERE tenant_id = $1", house.theirs.tenant_id
    )
    assert theirs == word


async def test_companies_are_founded_and_months_made_by_those_who_may(house: House) -> None:
    """The application can do neither, the sweep only the second, and not without end."""
    with pytest.raises(FORBIDDEN):
        await house.app.execute(
            "SELECT found_company($1, 'x-y', 'X', '', '', 'es-PE')", clock.new_id()
        )
    with pytest.raises(FORBIDDEN):
        await house.app.execute("SELECT ensure_months(3)")
    sweep = await asyncpg.connect(house.settings.database_sweep_url, timeout=30)
    try:
        await sweep.execute("SELECT ensure_months(3)")  # a month may have begun since the template
        assert await sweep.fetchval("SELECT ensure_months(3)") == 0
        with pytest.raises(asyncpg.RaiseError):
            await sweep.execute("SELECT ensure_months(1000000)")
    finally:
        await sweep.close()


async def test_the_public_sees_what_is_published_and_no_tenants_id(house: House) -> None:
    """Drafts and closed openings stay inside; the columns are the page's own."""
    slug = house.ours.rows["tenants"]["slug"]
    opening = house.ours.rows["openings"]["id"]
    company = await house.app.fetchrow("SELECT * FROM public_company($1)", slug)
    assert company is not None
    assert house.ours.tenant_id not in company.values()
    read = "SELECT * FROM public_openings($1, NULL, 100)"
    for status, seen in (("draft", 0), ("open", 1), ("closed", 0)):
        await house.owner.execute("UPDATE openings SET status = $2 WHERE id = $1", opening, status)
        rows = await house.app.fetch(read, slug)
        assert len(rows) == seen, status
        assert all(house.ours.tenant_id not in row.values() for row in rows)


# Sessions and their months ---------------------------------------------------------------------


async def test_a_session_of_any_month_has_its_partition(house: House) -> None:
    """Months made ahead take theirs; a clock that is far off goes to the default and is found."""
    c = house.owner
    row = house.ours.rows["interview_sessions"]
    months = await c.fetch(
        "SELECT inhrelid::regclass::text AS name FROM pg_inherits "
        "WHERE inhparent = 'interview_sessions'::regclass"
    )
    named = sorted(m["name"] for m in months if not m["name"].endswith("default"))
    assert len(named) == 4  # this month and three ahead
    moments = {name: f"{name[-7:-3]}-{name[-2:]}-15" for name in named}
    moments["interview_sessions_default"] = "1999-12-31"
    for name, day in moments.items():
        for moment in (day, "2199-01-01") if name.endswith("default") else (day,):
            when = await c.fetchval("SELECT ($1::text || ' 12:00:00+00')::timestamptz", moment)
            session = ids.make(int(when.timestamp() * 1000), clock.new_id().bytes[:10])
            assert ids.created_at(session) == when
            new = {**row, "id": session, "created_at": when}
            await catalogue.insert(c, house.tables, "interview_sessions", new)
            where = await c.fetchval(
                "SELECT tableoid::regclass::text FROM interview_sessions "
                "WHERE id = $1 AND created_at = $2",
                session,
                ids.created_at(session),
            )
            assert where == name
