"""Job-level work in the form the Messages API takes: a plan to weigh, requirements to point at.

What companies wrote is data between delimiters. They are made from the whole text, so that the same
request is the same to the cache, and nobody can write a text that contains its own delimiter.
Nothing of a candidate is in here: an answer serves everybody who is asked about the same opening.
"""

import hashlib
from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

import msgspec

from interview import bank, families
from interview.families import TECHNICAL
from interview.plan import WEIGHT_MAX, OpeningBrief, Plan, Weighed
from llm import prompts
from llm.request import JobRequest
from llm.tiers import TaskSettings, Tier
from llm.wording import block, common, guard, guarded, user
from protocol import limits

PROMPTS: Final = {"plan": prompts.load("plan"), "extraction": prompts.load("extraction")}


class _Topics(msgspec.Struct, frozen=True):
    topics: list[Weighed]


class _Found(msgspec.Struct, frozen=True):
    requirements: list[str]


def weigh(tenant_id: UUID, opening: OpeningBrief, plan: Plan) -> JobRequest:
    """Return the request to weigh a plan by its opening.

    Two candidates with the same level, length and kind of plan get the same answer, whatever
    their CVs say: of a CV only what code has made of it (the level, whether there is a skill to
    go deep into) is in the request.
    """
    names = list(dict.fromkeys(topic.competency for topic in plan.competencies))
    deep = TECHNICAL in names
    choice = [name for name in families.ORDER if deep or name != TECHNICAL]
    known = {one.id: one for one in bank.load(plan.locale).competencies}
    weights = {topic.competency: topic.weight for topic in reversed(plan.competencies)}
    program = {
        "competencies_in_the_plan": len(names),
        "level": plan.competencies[0].level,
        "to_choose_from": {name: known[name].description for name in choice},
        "first_plan": [{"competency": name, "share": weights[name]} for name in names],
    }
    topic = _object(
        competency={"type": "string", "enum": choice},
        weight={"type": "integer", "enum": list(range(1, WEIGHT_MAX + 1))},
    )
    about = {
        "title": opening.title,
        "category": opening.category,
        "seniority": opening.seniority,
        "description": opening.description,
        "must_have": opening.must_have,
        "nice_to_have": opening.nice_to_have,
    }
    return JobRequest(
        tenant_id=tenant_id,
        task="plan",
        prompt_version=PROMPTS["plan"].version,
        program=_json(program),
        input=_json(about),
        schema=_object(topics={"type": "array", "items": topic}),
        locale=plan.locale,
        urgency="recruiter",
    )


def point_at(
    tenant_id: UUID, *, title: str, description: str, known: Sequence[str], language: str
) -> JobRequest:
    """Return the request for requirements that are only said in an opening's sentences."""
    return JobRequest(
        tenant_id=tenant_id,
        task="extraction",
        prompt_version=PROMPTS["extraction"].version,
        program=_json({"known_already": list(known)}),
        input=f"{title}\n\n{description}",
        schema=_object(requirements={"type": "array", "items": {"type": "string"}}),
        locale=language,
        urgency="recruiter",
    )


def topics_of(answer: str) -> list[Weighed]:
    """Return the topics of a plan's answer, unchecked; [] when it holds something else."""
    try:
        return msgspec.json.decode(answer, type=_Topics).topics
    except (msgspec.MsgspecError, UnicodeError):
        return []


def requirements_of(answer: str) -> list[str] | None:
    """Return what an extraction's answer holds, unchecked; None when it is something else."""
    try:
        return msgspec.json.decode(answer, type=_Found).requirements
    except (msgspec.MsgspecError, UnicodeError):
        return None


def marker(request: JobRequest) -> str:
    """Return the delimiter: a text would have to contain its own digest to break out of it."""
    words = (request.task, str(request.tenant_id), request.program, request.input)
    return hashlib.sha256(msgspec.json.encode(words)).hexdigest()[:16]


def job(request: JobRequest, tier: Tier, settings: TaskSettings) -> dict[str, Any]:
    """Return the arguments of the call."""
    mark = marker(request)
    words = PROMPTS[request.task].fill(
        {"locale": request.locale, "marker": mark, "most": str(limits.DESCRIBED_MAX)}
    )
    call = {
        **common(tier, settings),
        "system": [block(words)],
        "messages": [
            user(
                block(f"<program-{mark}>{guard(request.program, mark)}</program-{mark}>"),
                block(guarded("opening", mark, request.input)),
            )
        ],
    }
    call["output_config"]["format"] = {"type": "json_schema", "schema": request.schema}
    return call


def _object(**properties: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()
