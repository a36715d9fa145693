"""What a list of interviews tells, and the candidate's copy of their own answers."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from protocol import limits
from runtime import clock
from tests.server.conftest import Door

LIST = "/api/v1/interviews"
COPY = "/api/v1/invitation/transcript"


async def listed(door: Door, query: str = "") -> dict[str, dict[str, Any]]:
    """Return the recruiter's list by id."""
    answer = await door.recruiter.get(f"{LIST}{query}")
    assert answer.status_code == 200, answer.text
    return {one["id"]: one for one in answer.json()["items"]}


async def become(door: Door, interview_id: str, status: str, **ago: float) -> None:
    """Let an interview have ended, or be under way."""
    async with door.house.db.tenant(door.tenant.id) as c:
        await c.execute(
            "UPDATE interviews SET status = $2, finished_at = $3 WHERE id = $1",
            UUID(interview_id),
            status,
            None if status == "live" else clock.now() - timedelta(**ago),
        )


async def answered(door: Door, invited: dict[str, Any], turn: int, answer: str) -> None:
    """Write down an answered turn."""
    async with door.house.db.tenant(door.tenant.id) as c:
        await c.execute(
            "INSERT INTO turns (session_id, turn, tenant_id, interview_id, fence, ask, "
            "competency, level, kind, engine, question, answer, client_msg_id) "
            "VALUES ($1, $2, $3, $4, 1, 1, 'teamwork', 'mid', 'opening', 'offline', $5, $6, $7)",
            UUID(invited["session_id"]), turn, door.tenant.id, UUID(invited["id"]),
            f"¿Pregunta {turn}?", answer, f"m-{turn}",
        )  # fmt: skip


async def test_a_list_tells_requests_report_and_decision(door: Door) -> None:
    """Nothing at first; then what waits, in order, until it is answered; the newest decision."""
    invited, other = await door.interview(), await door.interview()
    path, guest = f"{LIST}/{invited['id']}", door.guest(invited["link"])
    one = (await listed(door))[invited["id"]]
    assert (one["waiting"], one["report"], one["decision"], one["erased"]) == (
        [],
        None,
        None,
        False,
    )
    for kind in ("extra_time", "alternative_process"):
        await guest.post("/api/v1/invitation/requests", json={"kind": kind})
    assert (await listed(door))[invited["id"]]["waiting"] == ["extra_time", "alternative_process"]
    assert list(await listed(door, "?waiting=true")) == [invited["id"]]
    assert (await listed(door, "?waiting=false")).keys() == {invited["id"], other["id"]}
    first = (await door.recruiter.get(path)).json()["requests"][0]
    granted = {"status": "granted", "extra_minutes": 10}
    await door.recruiter.post(f"{path}/requests/{first['id']}", json=granted)
    assert (await listed(door))[invited["id"]]["waiting"] == ["alternative_process"]
    await door.report(invited["id"], status="pending_review", pending_reason="model_unavailable")
    assert (await listed(door))[invited["id"]]["report"] == "pending_review"
    await door.report(invited["id"])
    for decision in ("hold", "advance"):
        body = {"decision": decision, "reason": "Respondió con hechos."}
        answer = await door.recruiter.post(f"{path}/decision", json=body)
        assert answer.status_code == 201, answer.text
        one = (await listed(door))[invited["id"]]
        assert (one["report"], one["decision"]) == ("ready", decision)


async def test_a_request_waits_only_while_its_answer_matters(door: Door) -> None:
    """After the end more time helps nobody; a withdrawn interview asks for nothing."""
    invited = await door.interview()
    guest = door.guest(invited["link"])
    for kind in ("extra_time", "alternative_process"):
        await guest.post("/api/v1/invitation/requests", json={"kind": kind})
    for status, waits in (
        ("live", ["extra_time", "alternative_process"]),
        ("finished", ["alternative_process"]),
        ("withdrawn", []),
    ):
        await become(door, invited["id"], status)
        assert (await listed(door))[invited["id"]]["waiting"] == waits
        assert (invited["id"] in await listed(door, "?waiting=true")) is bool(waits)


async def test_an_erased_interview_says_so_in_the_list(door: Door) -> None:
    """Its decision stays, its report and its requests are gone."""
    invited = await door.interview()
    guest = door.guest(invited["link"])
    await guest.post("/api/v1/invitation/requests", json={"kind": "alternative_process"})
    await door.report(invited["id"])
    body = {"decision": "decline", "reason": "No cumple lo indispensable."}
    await door.recruiter.post(f"{LIST}/{invited['id']}/decision", json=body)
    await become(door, invited["id"], "finished")
    gone = await door.recruiter.delete(f"/api/v1/candidates/{invited['candidate_id']}")
    assert gone.status_code == 204
    one = (await listed(door))[invited["id"]]
    assert (one["erased"], one["candidate_name"], one["report"]) == (True, "", None)
    assert (one["waiting"], one["decision"]) == ([], "decline")


async def test_a_candidate_reads_their_own_answers_after_the_end(door: Door) -> None:
    """Not before; then question and answer in order, and until when; nobody else's."""
    invited, other = await door.interview(), await door.interview()
    guest = door.guest(invited["link"])
    for turn, words in ((2, "Después, otra cosa."), (1, "Reduje el cierre.")):
        await answered(door, invited, turn, words)
    await answered(door, other, 1, "Palabras ajenas")
    for status in ("invited", "live"):
        early = await guest.get(COPY)
        assert (early.status_code, early.json()["code"]) == (409, "conflict"), status
        await become(door, invited["id"], "live")
    await become(door, invited["id"], "finished")
    copy = await guest.get(COPY)
    assert copy.status_code == 200
    assert copy.headers["cache-control"] == "no-store"
    assert copy.json()["turns"] == [
        {"turn": 1, "question": "¿Pregunta 1?", "answer": "Reduje el cierre."},
        {"turn": 2, "question": "¿Pregunta 2?", "answer": "Después, otra cosa."},
    ]
    assert copy.json()["until"] > clock.now().isoformat()
    assert (await door.recruiter.get(COPY)).status_code == 401
    assert (await door.anyone.get(COPY)).status_code == 401


async def test_the_copy_is_shown_for_a_limited_time(door: Door) -> None:
    """Within limits.COPY_SECONDS of the end; then the link tells nothing any more."""
    invited = await door.interview()
    guest = door.guest(invited["link"])
    await answered(door, invited, 1, "Reduje el cierre.")
    await become(door, invited["id"], "finished", seconds=limits.COPY_SECONDS - 60)
    assert len((await guest.get(COPY)).json()["turns"]) == 1
    await become(door, invited["id"], "finished", seconds=limits.COPY_SECONDS + 1)
    late = await guest.get(COPY)
    assert (late.status_code, late.json()["code"]) == (404, "not_found")
    assert "Reduje" not in late.text


async def test_the_copy_ends_with_its_link_at_the_latest(door: Door) -> None:
    """Whoever ends late in their link's two weeks is told when the link itself ends."""
    invited = await door.interview()
    await become(door, invited["id"], "finished")
    told = []
    for seconds in (60, limits.COPY_SECONDS * 2):
        token = door.house.tickets.invitation(door.tenant.id, UUID(invited["id"]), 1, seconds)
        copy = (await door.client(token).get(COPY)).json()
        told.append(datetime.fromisoformat(copy["until"]) - clock.now())
    assert told[0] <= timedelta(seconds=60)
    assert timedelta(seconds=60) < told[1] <= timedelta(seconds=limits.COPY_SECONDS)


async def test_an_erased_person_s_link_shows_no_copy(door: Door) -> None:
    """Erasure voids the link."""
    invited = await door.interview()
    await answered(door, invited, 1, "Reduje el cierre.")
    await become(door, invited["id"], "finished")
    await door.recruiter.delete(f"/api/v1/candidates/{invited['candidate_id']}")
    gone = await door.guest(invited["link"]).get(COPY)
    assert (gone.status_code, gone.json()["code"]) == (410, "withdrawn")
