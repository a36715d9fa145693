"""A report that waits, and the choice to have it now: the price is shown, and then agreed to."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import msgspec
import pytest_asyncio

from protocol import jobs
from storage import evaluations
from tests.server.conftest import Door
from tests.server.test_rest_signs import answered, become

ANSWER = "Me encargué de migrar el cierre contable a SAP y redujimos tres días por mes."


@pytest_asyncio.fixture
async def waiting(door: Door) -> AsyncIterator[dict[str, Any]]:
    """An interview of a house with a key, whose evaluation waits."""
    object.__setattr__(
        door.house,
        "settings",
        msgspec.structs.replace(door.house.settings, engine="claude", anthropic_api_key="sk"),
    )
    invited = await door.interview()
    await answered(door, invited, 1, ANSWER)
    await become(door, invited["id"], "finished", hours=1)
    async with door.house.db.tenant(door.tenant.id) as c:
        await evaluations.queue(c, door.tenant.id, UUID(invited["id"]))
    yield invited


def at(invited: dict[str, Any]) -> str:
    """The door of an interview's evaluation."""
    return f"/api/v1/interviews/{invited['id']}/evaluation"


async def evaluates(door: Door) -> list[jobs.Envelope]:
    """What was handed over to be evaluated."""
    rows = await door.rows("SELECT envelope FROM outbox ORDER BY id")
    found = [jobs.decode(row["envelope"]) for row in rows]
    return [one for one in found if isinstance(one.job, jobs.Evaluate)]


async def test_a_report_that_waits_says_until_when_and_what_now_would_cost(
    door: Door, waiting: dict[str, Any]
) -> None:
    """Half the price in a batch; the list says queued."""
    found = (await door.recruiter.get(at(waiting))).json()
    assert found["state"] == "queued"
    assert found["queued_at"] < found["expected_at"]
    now, batch = found["now"], found["batch"]
    assert 0 < now["micro_usd"] < now["micro_usd_max"]
    assert [-(-now[key] // 2) - batch[key] for key in now] == [0, 0]
    [listed] = (await door.recruiter.get("/api/v1/interviews")).json()["items"]
    assert listed["report"] == "queued"
    assert (
        await door.recruiter.get(at(waiting).replace("evaluation", "report"))
    ).status_code == 404


async def test_now_is_agreed_to_with_its_price(door: Door, waiting: dict[str, Any]) -> None:
    """Less than it may cost is a conflict; asked twice it is handed over once, and audited."""
    recruiter, price = door.recruiter, (await door.recruiter.get(at(waiting))).json()["now"]
    too_little = {"micro_usd_max": price["micro_usd_max"] - 1}
    assert (await recruiter.post(at(waiting), json=too_little)).status_code == 409
    assert (await recruiter.post(at(waiting), json={})).status_code == 400
    assert await evaluates(door) == []
    for _ in range(2):
        answer = await recruiter.post(at(waiting), json={"micro_usd_max": price["micro_usd_max"]})
        assert (answer.status_code, answer.json()["state"]) == (202, "now")
    [envelope] = await evaluates(door)
    assert envelope.lane == "active"
    [row] = await door.rows("SELECT action FROM audit_log WHERE action LIKE 'evaluation%'")
    assert row["action"] == "evaluation.now"
    assert (await recruiter.get(at(waiting))).json()["state"] == "now"


async def test_a_pending_review_can_be_evaluated_again_now(
    door: Door, waiting: dict[str, Any]
) -> None:
    """Its price is shown as well; a ready report is never made again."""
    await door.rows("DELETE FROM evaluations_waiting RETURNING 1")
    await door.report(waiting["id"], status="pending_review", pending_reason="model_budget")
    found = (await door.recruiter.get(at(waiting))).json()
    assert (found["state"], found["batch"]) == ("pending_review", None)
    body = {"micro_usd_max": found["now"]["micro_usd_max"]}
    for _ in range(2):  # asked twice it is handed over once
        assert (await door.recruiter.post(at(waiting), json=body)).status_code == 202
        assert (await door.recruiter.get(at(waiting))).json()["state"] == "now"
    assert len(await evaluates(door)) == 1
    await door.report(waiting["id"], way="now")
    assert (await door.recruiter.get(at(waiting))).json()["state"] == "ready"
    assert (await door.recruiter.post(at(waiting), json=body)).status_code == 409
    page = await door.recruiter.get(at(waiting).replace("evaluation", "report.html"))
    assert "de inmediato" in page.text


async def test_where_no_model_evaluates_there_is_no_choice(door: Door) -> None:
    """Nor before the interview has ended."""
    invited = await door.interview()
    assert (await door.recruiter.get(at(invited))).json()["state"] == "none"
    answer = await door.recruiter.post(at(invited), json={"micro_usd_max": 10**9})
    assert answer.status_code == 409


async def test_another_company_sees_and_asks_nothing(door: Door, waiting: dict[str, Any]) -> None:
    """Like an interview that is not there."""
    assert (await door.stranger.get(at(waiting))).status_code == 404
    answer = await door.stranger.post(at(waiting), json={"micro_usd_max": 10**9})
    assert answer.status_code == 404
    assert await evaluates(door) == []
