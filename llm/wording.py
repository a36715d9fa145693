"""A request in the form the Messages API takes: a stable prefix, then the transcript, then now.

The prefix (instructions, opening, plan and rubric, then the CV) is the same for a whole session and
is marked for the provider's prompt cache after the opening and after the CV, and so is the
transcript up to the last answer. Text by strangers
stands in delimiters that nobody outside can know; they are the session's, not the call's, or the
cached prefix would never be met again. The candidate's name and contact stay here.
"""

import hashlib
import json
from typing import Any, Final

from interview import bank, rubric
from interview.interviewer import Said, topic_of
from interview.plan import Plan, PlannedCompetency
from interview.scoring import turns_of
from llm import prompts
from llm.request import EvaluationRequest, QuestionRequest, Request
from llm.tiers import TaskSettings, Tier

CACHED: Final = {"cache_control": {"type": "ephemeral"}}
QUESTION_PROMPT: Final = prompts.load("question")
EVALUATION_PROMPT: Final = prompts.load("evaluation")
OPENING_WORDS: Final = {
    "opening": "Open this topic with one question.",
    "follow_up": "Ask one follow-up about the last answer, towards the evidence named.",
}
CLAIM_KEYS: Final = ("competency", "evidence", "turn", "quote")


def marker(request: Request) -> str:
    """Return the session's secret delimiter: derived from its seed, the same for every call."""
    words = f"delimiter:{request.seed}:{request.session_id}"
    return hashlib.sha256(words.encode()).hexdigest()[:16]


def question(request: QuestionRequest, tier: Tier, settings: TaskSettings) -> dict[str, Any]:
    """Return the arguments of the call that words one question."""
    mark = marker(request)
    turns: list[dict[str, Any]] = [user(block("The interview begins."))]
    for turn in request.said:
        turns.append({"role": "assistant", "content": [block(turn.question or "…")]})
        turns.append(user(block(guarded("candidate", mark, turn.answer))))
    if request.said:
        turns[-1]["content"][0].update(CACHED)
    turns[-1]["content"].append(block(_directive(request, mark)))
    return {
        **common(tier, settings),
        "system": [
            block(QUESTION_PROMPT.fill({"locale": request.locale, "marker": mark})),
            block(_opening(request.plan, mark)) | CACHED,
            block(_cv(request.plan, mark)) | CACHED,
        ],
        "messages": turns,
    }


def evaluation(request: EvaluationRequest, tier: Tier, settings: TaskSettings) -> dict[str, Any]:
    """Return the arguments of the call that proposes claims."""
    mark = marker(request)
    rows = _rubric(request)
    answers = "\n".join(_answer(turn, mark) for turn in request.said)
    call = {
        **common(tier, settings),
        "system": [block(EVALUATION_PROMPT.fill({"locale": request.locale, "marker": mark}))],
        "messages": [
            user(
                block(f"<rubric>{_json(rows)}</rubric>"),
                block(answers or "No question was answered."),
            )
        ],
    }
    call["output_config"]["format"] = {"type": "json_schema", "schema": _schema(rows)}
    return call


def prompt_bytes(call: dict[str, Any]) -> int:
    """Return the size of a prompt's texts in UTF-8: no prompt has more tokens than bytes."""
    parts = [*call["system"], *(part for turn in call["messages"] for part in turn["content"])]
    return sum(len(part["text"].encode()) for part in parts)


def common(tier: Tier, settings: TaskSettings) -> dict[str, Any]:
    """Return what every call says: model, room and effort."""
    call: dict[str, Any] = {
        "model": tier.model,
        "max_tokens": settings.max_tokens + (0 if settings.think else tier.thinking_tokens),
        "output_config": {"effort": settings.effort},
    }
    if not settings.think and tier.thinking_off:
        call["thinking"] = {"type": tier.thinking_off}
    return call


def _opening(plan: Plan, mark: str) -> str:
    """Return the opening and the plan."""
    about = {
        "title": plan.opening_title,
        "company": plan.company,
        "minutes": plan.minutes,
        "must_have": plan.must_have,
    }
    topics = [_topic(topic, plan.locale) for topic in plan.competencies]
    return f"{guarded('opening', mark, _json(about))}\n<plan>{guard(_json(topics), mark)}</plan>"


def _cv(plan: Plan, mark: str) -> str:
    """Return what the CV lacks and shows of it, but not whose CV it is."""
    about = {"not_shown_in_the_cv": plan.gaps, "shown_in_the_cv": plan.strengths}
    return guarded("opening", mark, _json(about))


def _topic(topic: PlannedCompetency, locale: str) -> dict[str, Any]:
    return {
        "competency": topic.competency,
        "name": rubric.topic_name(topic, locale),
        "level": topic.level,
        "evidence": {item.id: item.label for item in rubric.expected(topic, locale)},
    }


def _directive(request: QuestionRequest, mark: str) -> str:
    """Return what the program wants now; the bank's own question shows the kind and the depth."""
    directive = request.directive
    item = bank.load(request.locale).item(directive.competency, directive.level)
    wanted: dict[str, Any] = {
        "do": OPENING_WORDS[directive.kind],
        "competency": directive.competency,
        "level": directive.level,
        "example_of_the_kind": item.opening,
    }
    if directive.skill:
        wanted["about"] = directive.skill
    if directive.probe is not None:
        wanted["towards_evidence"] = directive.asks
        wanted["example_of_the_kind"] = item.probes[directive.probe].text
    if directive.gentle:
        wanted["tone"] = "The answer was very short. Invite once, without any pressure."
    if directive.first:
        wanted["first"] = (
            "Greet in one short sentence, say that an AI words the questions and a person "
            "decides, and ask."
        )
    if directive.last:
        wanted["last"] = "This is the last question."
    return f"<program-{mark}>{guard(_json(wanted), mark)}</program-{mark}>"


def _rubric(request: EvaluationRequest) -> list[dict[str, Any]]:
    rows = []
    for topic in request.plan.competencies:
        turns = [turn.turn for turn in turns_of(topic, request.said)]
        if turns:
            expected = rubric.expected(topic, request.locale)
            evidence = [{"id": item.id, "label": item.label} for item in expected]
            rows.append({"competency": topic.competency, "turns": turns, "evidence": evidence})
    return rows


def _answer(turn: Said, mark: str) -> str:
    competency, _ = topic_of(turn)
    question = guard(_json(turn.question), mark)
    return (
        f"<question>{question}</question>\n"
        f'<answer-{mark} turn="{turn.turn}" competency="{competency}">\n'
        f"{guard(turn.answer, mark)}\n</answer-{mark}>"
    )


def _schema(rows: list[dict[str, Any]]) -> dict[str, Any]:
    competencies = sorted({row["competency"] for row in rows}) or ["none"]
    evidence = sorted({item["id"] for row in rows for item in row["evidence"]}) or ["none"]
    claim = {
        "type": "object",
        "properties": {
            "competency": {"type": "string", "enum": competencies},
            "evidence": {"type": "string", "enum": evidence},
            "turn": {"type": "integer"},
            "quote": {"type": "string"},
        },
        "required": list(CLAIM_KEYS),
        "additionalProperties": False,
    }
    return {
        "type": "object",
        "properties": {"claims": {"type": "array", "items": claim}},
        "required": ["claims"],
        "additionalProperties": False,
    }


def guarded(kind: str, mark: str, text: str) -> str:
    """Return a stranger's text between its delimiters."""
    return f"<{kind}-{mark}>\n{guard(text, mark)}\n</{kind}-{mark}>"


def guard(text: str, mark: str) -> str:
    """Take the session's delimiter out of a text that, against all odds, contains it."""
    return text.replace(mark, "…")


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def block(text: str) -> dict[str, Any]:
    """Return one block of text."""
    return {"type": "text", "text": text}


def user(*blocks: dict[str, Any]) -> dict[str, Any]:
    """Return one message of the user's side."""
    return {"role": "user", "content": list(blocks)}
