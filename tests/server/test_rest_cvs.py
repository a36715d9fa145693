"""CVs over REST: announce, upload, confirm, read; and erasure across every store."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import msgspec
import pytest

from protocol import jobs, limits
from server.rest import cvs as rest_cvs
from storage import cvs, events, keys
from storage.blobs import cv_key
from tests.server.conftest import Door

PDF = b"%PDF-1.7\n" + b"x" * 1000


async def announced(door: Door, **more: Any) -> dict[str, Any]:
    body = {"filename": "cv.pdf", "bytes": len(PDF), **more}
    answer = await door.recruiter.post("/api/v1/cvs", json=body)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


async def test_a_cv_is_announced_uploaded_and_confirmed(door: Door) -> None:
    """The row and its first job appear in one transaction; watchers hear of it after."""
    ticket = await announced(door, candidate={"name": "Luz", "email": "l@example.test"})
    assert ticket["upload"]["method"] == "PUT"
    assert ticket["upload"]["expires_in"] == 30
    assert ticket["upload"]["url"].startswith(f"{door.url}/api/v1/uploads/")
    early = await door.recruiter.post(f"/api/v1/cvs/{ticket['cv_id']}/confirm")
    assert (early.status_code, early.json()["code"]) == (409, "cv_not_uploaded")
    put = await door.anyone.put(ticket["upload"]["url"], content=PDF)
    assert put.status_code == 204
    assert await door.rows("SELECT 1 FROM outbox") == []
    done = await door.recruiter.post(f"/api/v1/cvs/{ticket['cv_id']}/confirm")
    assert done.status_code == 200
    assert done.json()["status"] == "working"
    assert done.json()["bytes"] == len(PDF)
    assert done.json()["progress"] == 0.1
    [row] = await door.rows("SELECT envelope, lane FROM outbox")
    job = jobs.decode(row["envelope"]).job
    assert job == jobs.CvStage(door.tenant.id, UUID(ticket["cv_id"]), "validate")
    stored = await door.house.blobs.get(
        cv_key(door.tenant.id, UUID(ticket["cv_id"])), bytes_max=10_000
    )
    assert stored == PDF


async def test_confirming_twice_changes_nothing(door: Door) -> None:
    """One job, whoever clicks how often, at the same time or later."""
    ticket = await announced(door)
    await door.anyone.put(ticket["upload"]["url"], content=PDF)
    recruiter = door.recruiter
    answers = await asyncio.gather(
        *(recruiter.post(f"/api/v1/cvs/{ticket['cv_id']}/confirm") for _ in range(6))
    )
    assert {a.status_code for a in answers} == {200}
    assert len(await door.rows("SELECT 1 FROM outbox")) == 1


async def test_a_file_cannot_be_swapped_after_its_confirmation(door: Door) -> None:
    """The upload's token is good for a while, the file only until it was confirmed."""
    ticket = await announced(door)
    await door.anyone.put(ticket["upload"]["url"], content=PDF)
    await door.recruiter.post(f"/api/v1/cvs/{ticket['cv_id']}/confirm")
    again = await door.anyone.put(ticket["upload"]["url"], content=b"other")
    assert (again.status_code, again.json()["code"]) == (409, "conflict")


async def test_a_file_over_50_mb_is_refused_while_it_comes(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At the announcement, by its length, and by counting when no length is told."""
    refused = await door.recruiter.post(
        "/api/v1/cvs", json={"filename": "x.pdf", "bytes": limits.CV_BYTES_MAX + 1}
    )
    assert (refused.status_code, refused.json()["code"]) == (413, "cv_too_large")
    empty = await door.recruiter.post("/api/v1/cvs", json={"filename": "x.pdf", "bytes": 0})
    assert (empty.status_code, empty.json()["code"]) == (422, "cv_empty")
    ticket = await announced(door)
    url = ticket["upload"]["url"]
    reader, out = await asyncio.open_connection("127.0.0.1", int(door.url.rpartition(":")[2]))
    path = url.removeprefix(door.url)
    out.write(f"PUT {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 60000000\r\n\r\n".encode())
    assert b" 413 " in await reader.readline()  # before a byte of the body was sent
    out.close()
    taken = 0
    whole = rest_cvs._pieces

    async def counted(request: Any) -> AsyncIterator[bytes]:
        nonlocal taken
        async for piece in whole(request):
            taken += len(piece)
            yield piece

    async def endless() -> AsyncIterator[bytes]:
        for _ in range(100):
            yield b"x" * 1024 * 1024

    monkeypatch.setattr(rest_cvs, "_pieces", counted)
    answer = await door.anyone.put(url, content=endless())
    assert (answer.status_code, answer.json()["code"]) == (413, "cv_too_large")
    assert limits.CV_BYTES_MAX < taken < limits.CV_BYTES_MAX + 1024 * 1024
    key = cv_key(door.tenant.id, UUID(ticket["cv_id"]))
    assert await door.house.blobs.head(key) is None
    small = await door.anyone.put(ticket["upload"]["url"], content=PDF)
    assert small.status_code == 204


async def test_an_upload_needs_its_own_token(door: Door) -> None:
    """Neither a person's token nor an invitation nor a changed one will do."""
    ticket = await announced(door)
    token = ticket["upload"]["url"].rpartition("/")[2]
    person = door.token(door.tenant, door.tenant.recruiter, "recruiter")
    invitation = door.house.tickets.invitation(door.tenant.id, UUID(ticket["cv_id"]), 1)
    for wrong in (token[:-2] + "AA", person, invitation, "x", "a.b"):
        answer = await door.anyone.put(f"/api/v1/uploads/{wrong}", content=PDF)
        assert answer.status_code == 401, wrong
    assert (await door.anyone.put(ticket["upload"]["url"], content=PDF)).status_code == 204


async def test_a_cv_belongs_to_a_candidate_of_the_company(door: Door) -> None:
    """A known candidate, a new one, or an unnamed one; never both and never another company's."""
    first = await announced(door, candidate={"name": "Luz"})
    second = await announced(door, candidate_id=first["candidate_id"])
    assert second["candidate_id"] == first["candidate_id"]
    both = await door.recruiter.post(
        "/api/v1/cvs",
        json={
            "filename": "x",
            "bytes": 1,
            "candidate": {},
            "candidate_id": first["candidate_id"],
        },
    )
    assert both.status_code == 400
    for field in ("candidate_id", "opening_id"):
        foreign = await door.stranger.post(
            "/api/v1/cvs",
            json={"filename": "x", "bytes": 1, field: first["candidate_id"]},
        )
        assert foreign.status_code == 404


async def test_a_refused_cv_says_why_in_the_reader_s_language(door: Door) -> None:
    """The fault of a CV is told like every other."""
    ticket = await announced(door)
    await door.anyone.put(ticket["upload"]["url"], content=PDF)
    recruiter, path = door.recruiter, f"/api/v1/cvs/{ticket['cv_id']}"
    await recruiter.post(f"{path}/confirm")
    async with door.house.db.tenant(door.tenant.id) as c:
        await cvs.refuse(c, UUID(ticket["cv_id"]), "validate", code="cv_encrypted")
    for language, word in (("es", "contraseña"), ("en", "password"), ("pt", "senha")):
        shown = (await recruiter.get(path, headers={"accept-language": language})).json()
        assert shown["fault"]["code"] == "cv_encrypted"
        assert word in shown["fault"]["message"]
        assert shown["status"] == "refused"
        assert shown["profile"] is None
    again = await recruiter.post(f"{path}/again")
    assert (again.json()["status"], again.json()["lane"]) == ("working", "again")
    assert again.json()["fault"] is None


async def test_a_read_cv_shows_its_profile(door: Door) -> None:
    """With what was extracted, and in the list without it."""
    ticket = await door.read_cv()
    one = (await door.recruiter.get(f"/api/v1/cvs/{ticket['cv_id']}")).json()
    assert one["status"] == "ready"
    assert one["profile"]["basics"]["name"] == "Luz Paredes"
    listed = (await door.recruiter.get("/api/v1/cvs")).json()["items"]
    assert [item["id"] for item in listed] == [ticket["cv_id"]]
    assert "profile" not in listed[0]
    of = f"/api/v1/cvs?candidate_id={ticket['candidate_id']}"
    assert len((await door.recruiter.get(of)).json()["items"]) == 1
    candidate = await door.recruiter.get(f"/api/v1/candidates/{ticket['candidate_id']}")
    assert candidate.json()["name"] == "Luz Paredes"
    assert [cv["id"] for cv in candidate.json()["cvs"]] == [ticket["cv_id"]]


async def test_erasure_leaves_no_words_in_any_store(door: Door) -> None:
    """Rows, file, live state and notices; what the law lets stay holds no word of theirs."""
    invited = await door.interview()
    await door.consent(invited)
    await door.report(invited["id"])
    redis = door.house.redis
    await redis.hset(keys.live(UUID(invited["session_id"])), "state", "Luz dijo")
    notice = {"interview_id": invited["id"], "answer": "Luz dijo"}
    await events.publish(redis, door.tenant.id, "turn.saved", notice)
    await events.publish(redis, door.tenant.id, "turn.saved", {"interview_id": "another"})
    key = cv_key(door.tenant.id, UUID(invited["cv_id"]))
    assert await door.house.blobs.head(key) is not None
    path = f"/api/v1/candidates/{invited['candidate_id']}"
    recruiter = door.recruiter
    assert (await recruiter.delete(path)).status_code == 204
    assert await door.house.blobs.head(key) is None
    assert await redis.exists(keys.live(UUID(invited["session_id"]))) == 0
    stream: Any = await redis.xrange(keys.events(door.tenant.id))
    left = b"".join(fields[b"data"] for _, fields in stream)
    assert b"Luz" not in left
    assert b"another" in left
    for table in (
        "candidates",
        "cvs",
        "profiles",
        "interviews",
        "reports",
        "interview_sessions",
        "consents",
        "audit_log",
        "cv_texts",
        "turns",
        "outbox",
    ):
        for row in await door.rows(f"SELECT to_jsonb(t) AS j FROM {table} t"):
            assert "Luz" not in msgspec.json.encode(row["j"]).decode(), table
    one = await recruiter.get(path)
    assert one.status_code == 200
    assert one.json()["erased_at"] is not None
    assert one.json()["name"] == ""
    assert (await recruiter.get(f"/api/v1/interviews/{invited['id']}/report")).status_code == 404
    audit = await door.rows("SELECT actor FROM audit_log WHERE action = 'candidate.erased'")
    assert [row["actor"] for row in audit] == [f"user:{door.tenant.recruiter}"]
    link = await door.guest(invited["link"]).get("/api/v1/invitation")
    assert (link.status_code, link.json()["code"]) == (410, "withdrawn")


async def test_an_interrupted_erasure_is_finished_by_repeating_it(door: Door) -> None:
    """A file that could not be deleted goes the next time, although its key is forgotten."""
    ticket = await door.read_cv()
    path = f"/api/v1/candidates/{ticket['candidate_id']}"
    assert (await door.recruiter.delete(path)).status_code == 204
    key = cv_key(door.tenant.id, UUID(ticket["cv_id"]))
    await door.house.blobs.put(key, PDF, bytes_max=10_000)  # as if it had stayed
    assert (await door.recruiter.delete(path)).status_code == 204
    assert await door.house.blobs.head(key) is None
