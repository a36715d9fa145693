"""Job-level work by Claude: whole answers, paid and booked like the rest, and no order obeyed."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
import pytest
import pytest_asyncio

from interview import plan as planning
from interview.plan import CvBrief, OpeningBrief, Plan, Weighed, build
from llm import tiers, work
from llm.gateway import JobRequest
from llm.request import JobEngine
from protocol.faults import Fault
from tests.llm.conftest import Road
from tests.llm.houses import House

CORPUS: list[dict[str, str]] = json.loads(
    (Path(__file__).parent / "injections.json").read_text("utf-8")
)
TENANT = UUID(int=1)
OPENING = OpeningBrief(
    title="Analista contable",
    category="finance",
    description="Cierre mensual. Se valora experiencia con auditorías externas.",
    must_have=["SAP", "Excel"],
    seniority="mid",
)
CV = CvBrief(name="Rosa Quispe", skills=["Excel"], work=["Analista: cierre mensual"], years=4.0)


def planned(opening: OpeningBrief = OPENING, cv: CvBrief | None = CV) -> Plan:
    return build(
        opening, cv, company="Andina", candidate_name="Rosa Quispe", minutes=20, locale="es-PE"
    )


def weighing(opening: OpeningBrief = OPENING, cv: CvBrief | None = CV) -> JobRequest:
    return work.weigh(TENANT, opening, planned(opening, cv))


def pointing(text: str = OPENING.description) -> JobRequest:
    return work.point_at(TENANT, title="Analista", description=text, known=["SAP"], language="es")


# The road ----------------------------------------------------------------------------------------


async def test_a_plan_and_an_extraction_are_answered_whole_and_booked(claude: Road) -> None:
    """By the tier and the prompt of the table; the ledger agrees with the provider's own bill."""
    gateway, ledger, standin = claude
    assert isinstance(gateway._model, JobEngine)
    topics = work.topics_of((await gateway.complete(weighing())).text)
    assert planning.refined(planned(), topics) is not None
    assert work.requirements_of((await gateway.complete(pointing())).text)
    wanted = {"plan": "balanced", "extraction": "fast"}
    assert {line.task: line.tier for line in ledger.entries} == wanted
    for line in ledger.entries:
        assert line.prompt_version == f"{line.task}.001"
        assert (line.session_id, line.interview_id, line.upper_bound) == (None, None, False)
    bill = [call.micro_usd for call in standin.account.calls]
    assert [line.micro_usd for line in ledger.entries] == bill


@pytest.mark.parametrize(
    ("fault", "code", "whole_bill"),
    [
        ("refusal", "model_refused", True),
        ("max_tokens", "model_truncated", True),
        ("empty", "model_unavailable", True),
        ("400", "model_unavailable", True),
        ("html", "model_truncated", False),
    ],
)
async def test_what_is_no_whole_answer_is_a_fault_with_its_name(
    claude: Road, fault: str, code: str, *, whole_bill: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Never half of an answer; what is not known to be billed is booked at its bound."""
    gateway, ledger, standin = claude
    monkeypatch.setattr("llm.ladder.limits.MODEL_ATTEMPTS_MAX", 1)
    standin.change({"fault": fault})
    with pytest.raises(Fault) as raised:
        await gateway.complete(pointing())
    assert raised.value.code == code
    assert {line.upper_bound for line in ledger.entries} == {not whole_bill}


async def test_a_plan_steps_down_where_its_tier_is_overloaded(
    claude: Road, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is no score: the cheaper tier's answer is checked by the same code."""
    monkeypatch.setattr("llm.ladder.limits.MODEL_ATTEMPTS_MAX", 1)
    gateway, ledger, standin = claude
    standin.fail_next("529")
    await gateway.complete(weighing())
    assert [line.tier for line in ledger.entries] == ["balanced", "fast"]


async def test_an_answer_that_is_no_structure_is_no_plan_and_no_list(claude: Road) -> None:
    """The asker checks it."""
    claude.standin.change({"fault": "garbage"})
    assert work.topics_of((await claude.gateway.complete(weighing())).text) == []
    assert work.requirements_of((await claude.gateway.complete(pointing())).text) is None


async def test_many_who_ask_for_the_same_pay_once(house: House) -> None:
    """Ten candidates of one opening at once: one call, one line, on the company's day."""
    asked = [weighing(cv=CvBrief(name=f"Persona {n}", years=4.0)) for n in range(10)]
    asked = [msgspec.structs.replace(one, tenant_id=house.tenant) for one in asked]
    found = await asyncio.gather(*(house.gateway.complete(one) for one in asked))
    [line] = await house.lines()
    assert sum(not answer.cached for answer in found) == 1
    assert len({answer.text for answer in found}) == 1
    assert await house.used("day") == line.micro_usd > 0


async def test_work_that_cannot_be_paid_is_refused_before_anything_is_sent(house: House) -> None:
    """The company's own limit counts for it as for everything."""
    await house.allow(day=1)
    request = msgspec.structs.replace(weighing(), tenant_id=house.tenant)
    with pytest.raises(Fault) as raised:
        await house.gateway.complete(request)
    assert (raised.value.code, house.standin.requests) == ("model_budget", 0)


async def test_work_alerts_nobody_of_an_interviews_limit(house: House) -> None:
    """It belongs to no interview: however much of it there is, that account is not there."""
    request = msgspec.structs.replace(pointing(), tenant_id=house.tenant)
    await house.gateway.complete(request)
    [line] = await house.lines()
    await house.allow(session=line.micro_usd, day=10**9)
    again = msgspec.structs.replace(request, program="{}")
    await house.gateway.complete(again)
    await house.lines()
    assert house.alerts == []


# What is told ------------------------------------------------------------------------------------


def test_whatever_a_cv_says_the_request_is_the_same() -> None:
    """Nothing that a candidate wrote can weigh a plan: no word of theirs is in the request."""
    plain = weighing()
    for attempt in CORPUS:
        hostile = CvBrief(
            name=attempt["text"], label=attempt["text"], summary=attempt["text"],
            skills=[attempt["text"], "Excel"], work=[attempt["text"]], years=4.0,
        )  # fmt: skip
        assert weighing(cv=hostile) == plain
    assert "Quispe" not in plain.program + plain.input


@pytest.mark.parametrize("attempt", CORPUS[::6], ids=[one["id"] for one in CORPUS[::6]])
def test_what_an_opening_says_stays_between_its_delimiters(attempt: dict[str, str]) -> None:
    """Even of somebody who knew how the delimiter is made."""
    text = attempt["text"].replace("{mark}", work.marker(pointing()))
    request = pointing(text)
    mark = work.marker(request)
    tier, settings = tiers.load().for_task("extraction")
    call = work.job(request, tier, settings)
    texts = [part["text"] for part in (*call["system"], *call["messages"][0]["content"])]
    whole = "\n".join(texts)
    # Once in the instructions, once around the opening.
    assert whole.count(f"<opening-{mark}>") == whole.count(f"</opening-{mark}>") == 2
    assert texts[-1].startswith(f"<opening-{mark}>\n")
    assert texts[-1].endswith(f"\n</opening-{mark}>")


@pytest_asyncio.fixture
async def obedient(claude: Road) -> AsyncIterator[Road]:
    claude.standin.change({"obedient": True})
    yield claude


async def test_orders_in_an_opening_leave_the_plan_as_code_made_it(obedient: Road) -> None:
    """A model that does all it is told gives what does not fit, and the first plan stays."""
    for attempt in CORPUS[::12]:
        opening = msgspec.structs.replace(OPENING, description=attempt["text"])
        answer = await obedient.gateway.complete(weighing(opening))
        assert planning.refined(planned(opening), work.topics_of(answer.text)) is None


# What fits ---------------------------------------------------------------------------------------


def proposal(plan: Plan, **weights: int) -> list[Weighed]:
    names = list(dict.fromkeys(topic.competency for topic in plan.competencies))
    return [Weighed(name, weights.get(name, 3)) for name in reversed(names)]


def test_a_proposal_that_fits_changes_choice_order_and_weights_only() -> None:
    """Time, turns, level and what is gone into stay; the weights are a whole again."""
    before = planned()
    first, *rest = proposal(before)
    other = next(
        name for name in planning.families.ORDER
        if name not in {topic.competency for topic in before.competencies}
    )  # fmt: skip
    kept = [one if one.competency == "technical_depth" else None for one in rest]
    at = kept.index(None)
    rest[at] = Weighed(other, 5)
    after = planning.refined(before, [first, *rest])
    assert after is not None
    assert after.refined
    assert other in {topic.competency for topic in after.competencies}
    assert sum(topic.turns for topic in after.competencies) == after.turns_max == before.turns_max
    assert sum(topic.weight for topic in after.competencies) == pytest.approx(1.0)
    asked_of = [topic.skill for topic in before.competencies if topic.skill]
    assert [topic.skill for topic in after.competencies if topic.skill] == asked_of
    same = {"competencies": before.competencies, "refined": False}
    assert msgspec.structs.replace(after, **same) == before


def _unfit() -> dict[str, Any]:
    fits = proposal(planned())
    return {
        "none": [],
        "one too few": fits[:-1],
        "one twice": [*fits[:-1], fits[0]],
        "an unknown one": [*fits[:-1], Weighed("obedience", 3)],
        "no weight": [*fits[:-1], Weighed(fits[-1].competency, 0)],
        "too heavy": [*fits[:-1], Weighed(fits[-1].competency, 6)],
        "without its depth": [
            one if one.competency != "technical_depth" else Weighed("leadership", 3) for one in fits
        ],
    }


@pytest.mark.parametrize("how", _unfit())
def test_a_proposal_that_does_not_fit_is_none(how: str) -> None:
    """Then the plan is code's."""
    assert planning.refined(planned(), _unfit()[how]) is None
