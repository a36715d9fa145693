"""Plans that a model weighs: before anybody joins, by the opening alone, and never in the way."""

from collections.abc import AsyncIterator
from typing import NamedTuple

import pytest
import pytest_asyncio

from interview.plan import Plan, build
from loadtest.model import Standin
from protocol import ids, jobs
from runtime import clock, metrics
from storage import candidates, interviews, openings, outbox
from storage.budgets import Policy, set_policy
from storage.interviews import Interview
from tests.pipeline.conftest import House, with_model


class Planned(NamedTuple):
    """A house with a key and the stand-in behind it."""

    house: House
    standin: Standin

    async def invite(self) -> Interview:
        """Keep an invitation as the door does."""
        house, candidate_id = self.house, clock.new_id()
        opening_id = await house.opening()
        await house.take()
        async with house.tools.db.tenant(house.tenant) as c:
            opening = await openings.get(c, opening_id)
            await candidates.create(c, house.tenant, candidate_id, name="Ana")
            plan = build(
                opening.brief(), None, company="Prueba", candidate_name="Ana", minutes=20,
                locale="es-PE",
            )  # fmt: skip
            kept = await interviews.create(
                c, tenant_id=house.tenant, opening_id=opening_id, candidate_id=candidate_id,
                cv_id=None, locale="es-PE", minutes=20, plan=plan, invited_by=None,
            )  # fmt: skip
            job = jobs.PlanInterview(tenant_id=house.tenant, interview_id=kept.id)
            await outbox.put(c, house.tenant, job, "active")
        return kept

    async def plan(self, of: Interview) -> Plan:
        """The plan as it is now."""
        async with self.house.tools.db.tenant(self.house.tenant) as c:
            found = await interviews.get(c, of.id)
        assert found is not None
        return found.typed_plan()


@pytest_asyncio.fixture
async def planned(house: House) -> AsyncIterator[Planned]:
    """The pipeline with a key."""
    async with with_model(house) as (asking, standin):
        yield Planned(asking, standin)


def counted(outcome: str) -> float:
    return metrics.plans.labels(outcome)._value.get()  # type: ignore[no-any-return]


async def test_a_plan_is_weighed_before_the_candidate_comes(planned: Planned) -> None:
    """Another order and other weights, in the same time; told to watchers and in the audit log."""
    one = await planned.invite()
    before = await planned.plan(one)
    assert await planned.house.pump() == ["done"]
    after = await planned.plan(one)
    assert after.refined
    assert after.competencies != before.competencies
    assert after.turns_max == before.turns_max
    [row] = await planned.house.fetch(
        "SELECT action FROM audit_log WHERE subject_id = $1", str(one.id)
    )
    assert row["action"] == "interview.planned"
    # A message that comes again finds nothing to do, and a second candidate costs nothing.
    job = jobs.PlanInterview(tenant_id=planned.house.tenant, interview_id=one.id)
    envelope = jobs.encode(jobs.Envelope(job=job, lane="active"))
    assert await planned.house.runner.run(envelope) == "repeated"


async def test_what_was_granted_meanwhile_stays(planned: Planned) -> None:
    """Only the competencies are written."""
    one = await planned.invite()
    async with planned.house.tools.db.tenant(planned.house.tenant) as c:
        await interviews.record_extra_minutes(c, one.id, 10)
    await planned.house.pump()
    after = await planned.plan(one)
    assert (after.refined, after.minutes, after.seconds) == (True, 30, 1800.0)


async def test_whoever_has_joined_keeps_their_plan(planned: Planned) -> None:
    """The session's row says so, whatever the interview's status says yet."""
    one = await planned.invite()
    before, had = await planned.plan(one), counted("joined")
    await planned.house.execute(
        "UPDATE interview_sessions SET fence = 1 WHERE id = $1 AND created_at = $2",
        one.session_id, ids.created_at(one.session_id),
    )  # fmt: skip
    assert await planned.house.pump() == ["done"]
    assert await planned.plan(one) == before
    assert counted("joined") == had + 1


@pytest.mark.parametrize(
    ("how", "outcome"),
    [
        ({"fault": "garbage"}, "unfit"),
        ({"fault": "refusal"}, "model_refused"),
        ({"fault": "400"}, "model_unavailable"),
        ({"obedient": True}, "unfit"),
    ],
    ids=["garbage", "refusal", "rejected", "obedient"],
)
async def test_any_fault_leaves_the_plan_that_code_made(
    planned: Planned, how: dict[str, object], outcome: str
) -> None:
    """Counted by its reason, and not tried again and again."""
    one = await planned.invite()
    before, had = await planned.plan(one), counted(outcome)
    planned.standin.change(how)
    assert await planned.house.pump() == ["done"]
    assert await planned.plan(one) == before
    assert counted(outcome) == had + 1


async def test_without_money_or_a_model_there_is_a_plan_all_the_same(
    planned: Planned, house: House
) -> None:
    """Nothing is sent; without a key the job has nothing to do."""
    one = await planned.invite()
    async with house.tools.db.tenant(house.tenant) as c:
        await set_policy(c, house.tenant, Policy(0, 1, 0))
    assert await planned.house.pump() == ["done"]
    assert not (await planned.plan(one)).refined
    assert planned.standin.requests == 0
    job = jobs.PlanInterview(tenant_id=house.tenant, interview_id=one.id)
    assert await house.runner.run(jobs.encode(jobs.Envelope(job=job, lane="active"))) == "repeated"


async def test_an_invitation_that_was_withdrawn_is_left_alone(planned: Planned) -> None:
    """As is one whose person was erased."""
    one = await planned.invite()
    async with planned.house.tools.db.tenant(planned.house.tenant) as c:
        await interviews.withdraw(c, one.id)
    assert await planned.house.pump() == ["repeated"]
    assert planned.standin.requests == 0
