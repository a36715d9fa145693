"""Openings over REST."""

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
