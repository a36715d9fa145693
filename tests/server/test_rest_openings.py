"""Openings over REST: their versions, their lists, their matches, and the public pages."""

from uuid import UUID

from storage import matches
from tests.server.conftest import Door


async def test_an_opening_is_made_read_changed_and_listed(door: Door) -> None:
    """The whole life of an opening, with its version as ETag."""
    made = await door.opening(location="Lima")
    recruiter = door.recruiter
    one = await recruiter.get(f"/api/v1/openings/{made['id']}")
    assert one.status_code == 200
    assert one.headers["etag"] == '"1"'
    assert one.json()["location"] == "Lima"
    changed = await recruiter.patch(
        f"/api/v1/openings/{made['id']}", json={"title": "Otro"}, headers={"if-match": '"1"'}
    )
    assert changed.status_code == 200
    assert changed.json()["title"] == "Otro"
    assert changed.json()["location"] == "Lima"
    assert changed.headers["etag"] == '"2"'
    listed = await recruiter.get("/api/v1/openings")
    assert [item["id"] for item in listed.json()["items"]] == [made["id"]]
    assert listed.json()["next"] is None


async def test_a_change_from_an_old_version_is_a_conflict(door: Door) -> None:
    """Two recruiters, one opening: the slower one is told, and loses nothing."""
    made = await door.opening()
    recruiter, path = door.recruiter, f"/api/v1/openings/{made['id']}"
    first = await recruiter.patch(path, json={"title": "Uno"}, headers={"if-match": '"1"'})
    second = await recruiter.patch(path, json={"title": "Dos"}, headers={"if-match": '"1"'})
    assert (first.status_code, second.status_code) == (200, 409)
    assert second.json()["code"] == "conflict"
    assert "version 2" in second.json()["reason"]
    for wrong in ("", "x", '"-1"', "99999999999", "*", '"2", "1"'):
        answer = await recruiter.patch(path, json={}, headers={"if-match": wrong})
        assert answer.status_code == 400, wrong
    assert (await recruiter.patch(path, json={"title": "x"})).status_code == 400


async def test_lists_are_read_part_by_part(door: Door) -> None:
    """`after` and `limit` walk the whole list once, newest first."""
    made = [(await door.opening(title=f"Vacante {n}"))["id"] for n in range(5)]
    seen: list[str] = []
    after = ""
    while True:
        part = (await door.recruiter.get(f"/api/v1/openings?limit=2{after}")).json()
        seen += [item["id"] for item in part["items"]]
        if part["next"] is None:
            break
        after = f"&after={part['next']}"
    assert seen == made[::-1]


async def test_a_new_opening_hands_over_its_matching_and_is_audited(door: Door) -> None:
    """The job is in the outbox in the same transaction, under the request's id."""
    answer = await door.recruiter.post(
        "/api/v1/openings", json={"title": "Contadora"}, headers={"x-request-id": "join-me-77"}
    )
    opening_id = answer.json()["id"]
    outbox = await door.rows("SELECT envelope FROM outbox")
    assert [opening_id in row["envelope"] for row in outbox] == [True]
    assert "join-me-77" in outbox[0]["envelope"]
    audit = await door.rows("SELECT actor, action, subject_id FROM audit_log")
    assert [tuple(row) for row in audit] == [
        (f"user:{door.tenant.recruiter}", "opening.created", opening_id)
    ]


async def test_matches_say_what_matched_and_why(door: Door) -> None:
    """Best first, those through every gate before the others; `after` is a cv_id."""
    opening = await door.opening()
    cvs = [await door.read_cv() for _ in range(3)]
    async with door.house.db.tenant(door.tenant.id) as c:
        await matches.save(
            c,
            door.tenant.id,
            [
                matches.Match(
                    opening_id=UUID(opening["id"]),
                    cv_id=UUID(cv["cv_id"]),
                    score=score,
                    gates_passed=passed,
                    matched=[matches.Matched("SQL", "Consultas en SQL", 0.5)],
                    missing=[matches.Missing("Python", "no aparece")],
                    gates=[matches.Gate("SQL", passed, "aparece")],
                    opening_version=1,
                    profile_version=1,
                    matcher=1,
                )
                for cv, score, passed in zip(cvs, (0.9, 0.4, 0.6), (False, True, True), strict=True)
            ],
        )
    path = f"/api/v1/openings/{opening['id']}/matches"
    first = (await door.recruiter.get(f"{path}?limit=2")).json()
    assert [item["score"] for item in first["items"]] == [0.6, 0.4]
    one = first["items"][0]
    assert one["candidate"]["name"] == "Luz Paredes"
    assert one["matched"] == [{"term": "SQL", "evidence": "Consultas en SQL", "weight": 0.5}]
    assert one["missing"] == [{"term": "Python", "why": "no aparece"}]
    assert one["gates"][0]["passed"] is True
    rest = (await door.recruiter.get(f"{path}?limit=2&after={first['next']}")).json()
    assert [item["score"] for item in rest["items"]] == [0.9]


async def test_a_cv_s_matches_are_with_open_openings_only(door: Door) -> None:
    """Best first, each with its opening; what was closed meanwhile is not offered."""
    cv = await door.read_cv()
    made = [await door.opening(title=title) for title in ("Uno", "Dos", "Tres")]
    async with door.house.db.tenant(door.tenant.id) as c:
        await matches.save(
            c,
            door.tenant.id,
            [
                matches.Match(
                    UUID(opening["id"]), UUID(cv["cv_id"]), score, True, [], [], [], 1, 1, 1
                )
                for opening, score in zip(made, (0.2, 0.9, 0.5), strict=True)
            ],
        )
    await door.recruiter.patch(
        f"/api/v1/openings/{made[2]['id']}", json={"status": "closed"}, headers={"if-match": '"1"'}
    )
    found = (await door.recruiter.get(f"/api/v1/cvs/{cv['cv_id']}/matches")).json()
    assert [(one["opening_title"], one["score"]) for one in found["items"]] == [
        ("Dos", 0.9),
        ("Uno", 0.2),
    ]
    assert found["items"][0]["opening_id"] == made[1]["id"]


async def test_public_pages_can_be_cached_and_validated(door: Door) -> None:
    """SPEC cache-1: the edge keeps a company 10 minutes, openings 5, and serves stale meanwhile."""
    made = await door.opening(title="Visible")
    await door.opening(title="Borrador", status="draft")
    anyone, base = door.anyone, f"/api/v1/companies/{door.tenant.slug}"
    company = await anyone.get(base)
    assert company.json()["name"] == "Empresa de Prueba"
    assert "id" not in company.json()
    assert company.headers["cache-control"] == (
        "public, max-age=60, s-maxage=600, stale-while-revalidate=1200"
    )
    openings = await anyone.get(f"{base}/openings")
    assert [item["title"] for item in openings.json()["items"]] == ["Visible"]
    assert openings.json()["items"][0]["id"] == made["id"]
    assert str(door.tenant.id) not in openings.text
    assert openings.headers["cache-control"] == (
        "public, max-age=60, s-maxage=300, stale-while-revalidate=600"
    )
    etag = openings.headers["etag"]
    for known in (etag, f"W/{etag}", f'"x", {etag}', "*"):
        same = await anyone.get(f"{base}/openings", headers={"if-none-match": known})
        assert same.status_code == 304
        assert same.content == b""
        assert same.headers["etag"] == etag
    await door.opening(title="Otra")
    changed = await anyone.get(f"{base}/openings", headers={"if-none-match": etag})
    assert changed.status_code == 200
    assert changed.headers["etag"] != etag


async def test_a_company_that_is_none_is_not_found(door: Door) -> None:
    """Unknown, malformed or hostile names are all 404."""
    for slug in ("nadie", "%00", "A", "x" * 80, "..%2f", "'--"):
        answer = await door.anyone.get(f"/api/v1/companies/{slug}")
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found"), slug
        assert "public" not in answer.headers["cache-control"]
        nested = await door.anyone.get(f"/api/v1/companies/{slug}/openings")
        assert nested.status_code == 404
