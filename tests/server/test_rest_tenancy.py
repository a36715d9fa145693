"""One company never reaches into another, through any route, with any trick."""

import re
from typing import Any
from uuid import UUID

from server import rest
from tests.server.conftest import Door

API = "/api/v1"
PUBLIC = {f"{API}/companies/{{slug}}", f"{API}/companies/{{slug}}/openings"}
GUESTS = {f"{API}/invitation", f"{API}/invitation/consent", f"{API}/invitation/requests",
          f"{API}/invitation/ticket", f"{API}/invitation/transcript"}  # fmt: skip
BODIES: dict[str, Any] = {
    "openings": {"title": "Robo"},
    "decision": {"decision": "decline", "reason": "Una razón cualquiera."},
    "requests": {"status": "granted", "extra_minutes": 5},
    "evaluation": {"micro_usd_max": 1_000_000_000},
}


def routes(door: Door) -> list[tuple[str, str]]:
    """Return (method, path) of everything in the description of the API."""
    app: Any = rest.build(door.house)
    schema = app.app.openapi_schema.to_schema()
    return [
        (method.upper(), path)
        for path, item in schema["paths"].items()
        if path.startswith(API)
        for method in item
        if method in ("get", "post", "put", "patch", "delete")
    ]


async def everything(door: Door) -> dict[str, str]:
    """Make one of each thing in the company and return the ids by their path's name."""
    invited = await door.interview()
    await door.report(invited["id"])
    guest = door.guest(invited["link"])
    await guest.post(f"{API}/invitation/requests", json={"kind": "extra_time"})
    one = (await door.recruiter.get(f"{API}/interviews/{invited['id']}")).json()
    return {
        "opening_id": invited["opening_id"],
        "cv_id": invited["cv_id"],
        "candidate_id": invited["candidate_id"],
        "interview_id": invited["id"],
        "request_id": one["requests"][0]["id"],
        "slug": door.tenant.slug,
        "token": "x",
        "instance_id": "nobody",  # instances are the house's, no company's
    }


def fill(path: str, ids: dict[str, str]) -> str:
    return re.sub(r"\{(\w+)\}", lambda match: ids[match[1]], path)


async def test_another_company_s_things_are_not_found(door: Door) -> None:
    """Every route with an id answers 404 to a stranger with all roles, and nothing changes."""
    ids = await everything(door)
    before = await _snapshot(door)
    stranger = door.stranger
    probed = 0
    for method, path in routes(door):
        if "{" not in path or path in PUBLIC or "uploads" in path:
            continue
        body = next((b for key, b in BODIES.items() if f"/{key}" in path), None)
        if method in ("GET", "DELETE"):
            body = None
        headers = {"if-match": '"1"'} if method == "PATCH" else {}
        answer = await stranger.request(method, fill(path, ids), json=body, headers=headers)
        assert answer.status_code == 404, (method, path, answer.text)
        assert answer.json()["code"] == "not_found"
        probed += 1
    assert probed >= 16
    assert await _snapshot(door) == before


async def _snapshot(door: Door) -> list[Any]:
    tables = ("openings", "candidates", "cvs", "interviews", "decisions", "accommodations",
              "audit_log", "outbox")  # fmt: skip
    return [
        [tuple(row) for row in await door.rows(f"SELECT * FROM {table} ORDER BY id")]
        for table in tables
    ]


async def test_another_company_s_ids_in_a_body_are_not_found(door: Door) -> None:
    """A reference to somebody else's row is as good as one to nothing."""
    ids = await everything(door)
    theirs = (await door.stranger.post(f"{API}/openings", json={"title": "Suya"})).json()["id"]
    for path, body in (
        ("/cvs", {"filename": "a", "bytes": 1, "candidate_id": ids["candidate_id"]}),
        ("/cvs", {"filename": "a", "bytes": 1, "opening_id": ids["opening_id"]}),
        ("/interviews", {"opening_id": ids["opening_id"], "cv_id": ids["cv_id"]}),
        ("/interviews", {"opening_id": theirs, "cv_id": ids["cv_id"]}),
        ("/interviews", {"opening_id": theirs, "candidate_id": ids["candidate_id"]}),
    ):
        answer = await door.stranger.post(f"{API}{path}", json=body)
        assert answer.status_code == 404, (path, body, answer.text)
    async with door.house.db.tenant(door.other.id) as c:
        assert await c.fetchval("SELECT count(*) FROM candidates") == 0
        assert await c.fetchval("SELECT count(*) FROM interviews") == 0


async def test_lists_show_one_company_only(door: Door) -> None:
    """Lists of a stranger are empty, also after another company's id."""
    ids = await everything(door)
    for path, after in (
        ("openings", "opening_id"), ("cvs", "cv_id"), ("candidates", "candidate_id"),
        ("interviews", "interview_id"),
    ):  # fmt: skip
        ours = (await door.recruiter.get(f"{API}/{path}")).json()["items"]
        assert len(ours) == 1
        for query in ("", f"?after={ids[after]}", f"?tenant={door.tenant.id}"):
            theirs = await door.stranger.get(f"{API}/{path}{query}")
            assert theirs.json()["items"] == [], path
    fleet = (await door.stranger.get(f"{API}/fleet")).json()
    assert fleet["outbox_waiting"] == 0
    assert (await door.stranger.get(f"{API}/fleet/sessions")).json() == []


async def test_nothing_but_the_token_names_a_tenant(door: Door) -> None:
    """Headers, queries and cookies that say otherwise are not even read."""
    ids = await everything(door)
    tricks: dict[str, str] = dict.fromkeys(
        ("x-tenant", "x-tenant-id", "tenant", "x-forwarded-user", "x-user-id"),
        str(door.tenant.id),
    )
    tricks["cookie"] = f"tenant={door.tenant.id}"
    stranger = door.client(
        door.token(door.other, door.other.recruiter, "recruiter", "operator"), **tricks
    )
    me = (await stranger.get(f"{API}/me?tenant={door.tenant.id}")).json()
    assert me["tenant_id"] == str(door.other.id)
    answer = await stranger.get(f"{API}/openings/{ids['opening_id']}?tenant_id={door.tenant.id}")
    assert answer.status_code == 404
    made = await stranger.post(f"{API}/openings", json={"title": "Aquí"})
    async with door.house.db.tenant(door.other.id) as c:
        found = await c.fetchval("SELECT tenant_id FROM openings WHERE id = $1",
                                 UUID(made.json()["id"]))  # fmt: skip
    assert found == door.other.id
    sneaky = await stranger.post(
        f"{API}/openings", json={"title": "Aquí", "tenant_id": str(door.tenant.id)}
    )
    assert sneaky.status_code == 400


async def test_every_route_asks_who_comes(door: Door) -> None:
    """Without a token, with a broken one, or with the wrong role nobody gets past the guard."""
    ids = await everything(door)
    clients = {
        "nobody": door.anyone,
        "broken": door.client("a.b.c"),
        "expired": door.client(
            door.token(door.tenant, door.tenant.recruiter, "recruiter", seconds=-60)
        ),
        "roleless": door.client(door.token(door.tenant, door.tenant.recruiter)),
        "recruiter": door.recruiter,
        "operator": door.operator,
    }
    for method, path in routes(door):
        if path in PUBLIC or "uploads" in path:
            continue
        for who in ("nobody", "broken", "expired"):
            answer = await clients[who].request(method, fill(path, ids))
            assert answer.status_code == 401, (who, method, path)
            assert answer.headers["www-authenticate"] == "Bearer"
        if path not in GUESTS:
            answer = await clients["roleless"].request(method, fill(path, ids))
            assert answer.status_code == 403, (method, path)
        if path in GUESTS or path.endswith(("/me", "/admission", "/events")):
            continue
        wrong = "recruiter" if "/fleet" in path else "operator"
        answer = await clients[wrong].request(method, fill(path, ids))
        assert (answer.status_code, answer.json()["code"]) == (403, "forbidden"), (method, path)


async def test_who_one_is_and_what_operators_see(door: Door) -> None:
    """The person and the company; instances, lanes with their promises, live sessions."""
    me = (await door.recruiter.get(f"{API}/me")).json()
    assert me["company"] == "Empresa de Prueba"
    assert me["roles"] == ["recruiter"]
    assert me["user_id"] == str(door.tenant.recruiter)
    invited = await door.interview()
    await door.instance(taken=3)
    fleet = (await door.operator.get(f"{API}/fleet")).json()
    [instance] = fleet["instances"]
    assert instance["sessions"] == 3
    assert (instance["admit"], instance["cap"], instance["alive"]) == (70, 75, True)
    assert [lane["lane"] for lane in fleet["lanes"]] == ["premium", "active", "bulk", "again"]
    assert fleet["lanes"][1]["promise_seconds"] == 300
    assert fleet["outbox_waiting"] >= 1
    assert (await door.operator.get(f"{API}/fleet/sessions")).json() == []
    async with door.house.db.tenant(door.tenant.id) as c:
        await c.execute(
            "UPDATE interview_sessions SET status = 'active', instance_id = 'test-1', "
            "turns_done = 2 WHERE interview_id = $1",
            UUID(invited["id"]),
        )
    [session] = (await door.operator.get(f"{API}/fleet/sessions")).json()
    assert session["interview_id"] == invited["id"]
    assert (session["instance"], session["turns_done"]) == ("test-1", 2)
