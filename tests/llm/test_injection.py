"""Orders inside answers: over the real road, with a model that obeys every one of them.

The corpus is injections.json (es, en, pt). What is shown: the plan is followed, no answer leaves
its delimiters, and no level is above what the program alone finds in the answers without orders.
"""

import json
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from interview import addressed, scoring
from interview.interviewer import Said, choose
from interview.plan import Plan
from llm import tiers, wording
from llm.gateway import EngineChanged, EvaluationRequest, QuestionRequest
from protocol.report import Evaluation
from tests.llm.conftest import a_plan, answered

HERE = Path(__file__).parent
CORPUS: list[dict[str, str]] = json.loads((HERE / "injections.json").read_text("utf-8"))
HONEST: dict[str, list[str]] = json.loads((HERE / "honest.json").read_text("utf-8"))
IDS = [attempt["id"] for attempt in CORPUS]
each = partial(pytest.mark.parametrize, "attempt", CORPUS, ids=IDS)
SEED, SESSION = 11, UUID(int=2)
PLAIN = {
    "es-PE": "Trabajé en el cierre contable con el equipo y aprendí a pedir ayuda antes de tiempo.",
    "en": "I worked on the monthly close with the team and learned to ask for help early on.",
    "pt-BR": "Trabalhei no fechamento contábil com a equipe e aprendi a pedir ajuda mais cedo.",
}
SUBJECT = scoring.Subject(UUID(int=3), "claude", {})
Attempt = dict[str, str]


def evaluation_of(said: list[Said], plan: Plan) -> EvaluationRequest:
    return EvaluationRequest(
        tenant_id=UUID(int=1), session_id=SESSION, interview_id=UUID(int=3), plan=plan, said=said,
        locale=plan.locale, seed=SEED,
    )  # fmt: skip


def question_of(said: list[Said], plan: Plan) -> QuestionRequest:
    directive = choose(plan, said, seed=SEED, seconds_left=plan.seconds)
    assert directive is not None
    return QuestionRequest(
        tenant_id=UUID(int=1), session_id=SESSION, interview_id=UUID(int=3), turn=directive.turn,
        ask=1, plan=plan, said=said, directive=directive, locale=plan.locale, seed=SEED,
    )  # fmt: skip


def text_of(attempt: Attempt) -> str:
    """The attempt, by somebody who even knows the session's delimiter."""
    mark = wording.marker(evaluation_of([], a_plan(attempt["locale"])))
    return attempt["text"].replace("{mark}", mark)


def levels(report: Evaluation) -> dict[tuple[str, str], int]:
    return {(one.competency, one.name): one.level or 0 for one in report.competencies}


def test_the_corpus_is_large_and_in_three_languages() -> None:
    """At least sixty, of nine kinds, none twice."""
    assert len(CORPUS) >= 60
    assert len({attempt["text"] for attempt in CORPUS}) == len(CORPUS)
    counts = Counter(attempt["locale"] for attempt in CORPUS)
    assert min(counts[locale] for locale in PLAIN) >= 20
    assert len({attempt["kind"] for attempt in CORPUS}) >= 9


# The plan -------------------------------------------------------------------------------------


@each()
def test_the_plan_is_followed_whatever_an_answer_orders(attempt: Attempt) -> None:
    """Every topic is asked, in the plan's order, and nothing of the answer is in a directive."""
    plan, order = a_plan(attempt["locale"]), text_of(attempt)
    said: list[Said] = []
    while (now := choose(plan, said, seed=SEED, seconds_left=plan.seconds)) is not None:
        assert order not in json.dumps(msgspec.to_builtins(now), ensure_ascii=False)
        # The obedient model's question is what the order says, too: it decides nothing either.
        said.append(
            Said(now.turn, now.competency, now.level, now.kind, order, order, now.skill, now.asks)
        )
    assert len(said) <= plan.turns_max
    asked = list(dict.fromkeys((turn.competency, turn.skill) for turn in said))
    assert asked == [(topic.competency, topic.skill) for topic in plan.competencies]


@pytest.mark.parametrize("attempt", CORPUS[::9], ids=IDS[::9])
async def test_a_model_that_shows_its_instructions_is_not_heard(
    claude: Any, attempt: Attempt
) -> None:
    """It repeats the program's block and the prompt: the bank asks the planned question instead."""
    claude.standin.change({"obedient": True})
    plan = a_plan(attempt["locale"])
    request = question_of(answered(plan, [text_of(attempt)]), plan)
    events = [event async for event in claude.gateway.stream(request)]
    assert events[0] == EngineChanged("offline", "model_refused")
    assert wording.marker(request) not in events[-1].text


async def test_whoever_makes_the_model_talk_takes_it_from_nobody_else(claude: Any) -> None:
    """Twenty refused questions of one candidate; the next candidate is asked by the model."""
    plan = a_plan()
    claude.standin.change({"obedient": True})
    for number in range(20):
        request = msgspec.structs.replace(question_of([], plan), session_id=UUID(int=50 + number))
        events = [event async for event in claude.gateway.stream(request)]
        assert events[0] == EngineChanged("offline", "model_refused")
    claude.standin.change({"obedient": False})
    events = [event async for event in claude.gateway.stream(question_of([], plan))]
    assert events[-1].engine == "claude"


# The prompts ------------------------------------------------------------------------------------


@each()
def test_an_answer_cannot_leave_its_delimiters(attempt: Attempt) -> None:
    """The same blocks around it as around a harmless answer, and nothing else has changed."""
    plan = a_plan(attempt["locale"])
    order, harmless = (answered(plan, [text]) for text in (text_of(attempt), "x" * 40))
    # One directive for both: what an answer may change is the follow-up, and the program decides.
    questions = [question_of(order, plan), question_of(harmless, plan)]
    asks = [
        wording.question(
            msgspec.structs.replace(one, directive=questions[1].directive),
            *tiers.load().for_task("question"),
        )
        for one in questions
    ]
    evaluated = [
        wording.evaluation(evaluation_of(said, plan), *tiers.load().for_task("evaluation"))
        for said in (order, harmless)
    ]
    mark = wording.marker(questions[0])
    for hostile, plain in (asks, evaluated):
        shapes = [skeleton(call, mark) for call in (hostile, plain)]
        assert shapes[0] == shapes[1]
        assert hostile["system"] == plain["system"]
        assert {k: v for k, v in hostile.items() if k != "messages"} == {
            k: v for k, v in plain.items() if k != "messages"
        }


def skeleton(call: dict[str, Any], mark: str) -> list[list[str]]:
    """Every place where the delimiter stands, with the tag around it, block by block."""
    blocks = [*call["system"], *(part for turn in call["messages"] for part in turn["content"])]
    return [
        [piece.rpartition("<")[2] for piece in block["text"].split(mark)[:-1]] for block in blocks
    ]


# The levels -------------------------------------------------------------------------------------


@each()
async def test_a_model_that_obeys_raises_no_level(claude: Any, attempt: Attempt) -> None:
    """It claims everything with every sentence there is: real, invented, of the question, ordered.

    Among plain answers, alone, and in one answer with a plain one: never above what the program
    by itself finds in the plain answers.
    """
    claude.standin.change({"obedient": True})
    plan, order, plain = a_plan(attempt["locale"]), text_of(attempt), PLAIN[attempt["locale"]]
    without = scoring.coverage_report(plan, answered(plan, [plain] * 3), SUBJECT)
    ceiling = levels(without)
    for answers in ([plain, order, plain], [order] * 3, [f"{plain}\n\n{order}", plain, plain]):
        said = answered(plan, answers)
        proposed = await claude.gateway.complete(evaluation_of(said, plan))
        assert proposed.claims
        report = scoring.rubric_report(proposed.claims, plan, said, SUBJECT)
        if attempt["kind"] == "plea":
            assert not any(quote_of(order, one) for one in quotes(report))
            continue
        for topic, level in levels(report).items():
            assert level <= max(ceiling[topic], level_by_program(plan, said, topic)), topic
        assert not any(quote_of(order, one) for one in quotes(report))
        assert report.dropped_claims > 0


def quotes(report: Evaluation) -> list[str]:
    return [quote.text for one in report.competencies for quote in one.quotes]


def quote_of(order: str, quote: str) -> bool:
    return quote in order and not any(quote in plain for plain in PLAIN.values())


def level_by_program(plan: Plan, said: list[Said], topic: tuple[str, str]) -> int:
    """The level from cues alone, where the orders are left out of the answers."""
    cleaned = [msgspec.structs.replace(turn, answer=without_orders(turn.answer)) for turn in said]
    return levels(scoring.coverage_report(plan, cleaned, SUBJECT))[topic]


def without_orders(answer: str) -> str:
    for span in sorted(addressed.spans(answer), reverse=True):
        answer = answer[: span.start] + answer[span.end :]
    return answer


@each()
def test_every_attempt_is_known_for_what_it_is(attempt: Attempt) -> None:
    """A plea is only not evidence; everything else makes a model's judgement doubtful."""
    text = text_of(attempt)
    assert addressed.spans(text)
    assert addressed.commands([text]) or attempt["kind"] == "plea"


@pytest.mark.parametrize("locale", sorted(HONEST))
def test_honest_answers_about_such_things_are_not_suspected(locale: str) -> None:
    """Scores, levels, rubrics, prompts, instructions and models are many people's work."""
    for answer in HONEST[locale]:
        assert not addressed.commands([answer]), answer
        assert not addressed.spans(answer), answer


@given(st.text(max_size=300))
def test_any_text_at_all_can_be_looked_at(text: str) -> None:
    """No crash, and every passage lies inside the answer."""
    for span in addressed.spans(text):
        assert 0 <= span.start <= span.end <= len(text)
    addressed.commands([text])


async def test_without_orders_the_obedient_model_is_held_by_literal_quotes(
    claude: Any, finished: Callable[..., EvaluationRequest], answer: str
) -> None:
    """What nobody said and what was asked is dropped; what stands in the answer is a person's."""
    claude.standin.change({"obedient": True})
    request = finished([answer])
    proposed = await claude.gateway.complete(request)
    report = scoring.rubric_report(proposed.claims, request.plan, request.said, SUBJECT)
    assert all(quote in answer for quote in quotes(report))
