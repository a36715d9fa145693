"""The evaluation: every number is computed here, from quotes that stand literally in answers.

Offline, `coverage_report` looks for cues of the expected evidence. With a model, `rubric_report`
takes the model's claims, keeps those whose quote the candidate really wrote, and counts the rest.
A quote counts for the topic whose question it answers, so that both measure the same thing.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, Literal
from uuid import UUID

import msgspec

from interview import addressed, evidence, rubric, summaries
from interview.bank import Evidence
from interview.evidence import Span
from interview.interviewer import Said, topic_of
from interview.plan import Plan, PlannedCompetency
from protocol.report import CompetencyReport, Evaluation, Quote

QUOTES_PER_EVIDENCE_MAX: Final = 2  # enough to check; the transcript has the rest
QUOTE_WORDS_MIN: Final = 3  # one or two words support nothing
QUOTE_CHARS_MAX: Final = 600  # a passage, not the whole answer
QUOTE_USES_MAX: Final = 2  # one passage may show two things, not all of them
CLAIMS_MAX: Final = 400

Kind = Literal["coverage", "rubric"]
Found = Mapping[str, Sequence[Quote]]  # evidence id -> its quotes


class Claim(msgspec.Struct, frozen=True):
    """What a model proposes: these words of the answer to `turn` show this evidence."""

    competency: str
    evidence: str
    turn: int
    quote: str


class Subject(msgspec.Struct, frozen=True):
    """Which interview is evaluated, and which engines asked how many of its questions.

    `way` is how a model was asked for the evaluation, "" for none.
    """

    interview_id: UUID
    engine: str
    turns_by_engine: dict[str, int] = {}
    way: Literal["", "now", "batch"] = ""


def coverage_report(plan: Plan, said: Sequence[Said], subject: Subject) -> Evaluation:
    """Return how much of the expected evidence the answers may contain, found by cues alone."""
    found = [_hinted(topic, plan.locale, turns_of(topic, said)) for topic in plan.competencies]
    return _evaluation("coverage", plan, said, subject, found, dropped=0)


def _hinted(topic: PlannedCompetency, locale: str, turns: Sequence[Said]) -> dict[str, list[Quote]]:
    """Return the topic's quotes; a sentence shows at most two things, each by words of its own.

    Of the evidence a sentence hints at, what has no quote yet comes first, then what has more
    cues in it.
    """
    expected = rubric.expected(topic, locale)
    labels = {item.id: item.label for item in expected}
    found: dict[str, list[Quote]] = {}
    for turn in turns:
        sentences: dict[Span, dict[str, list[Span]]] = {}
        for name, spans in evidence.coverage(turn.answer, expected).items():
            for span in spans:
                around = evidence.sentence(turn.answer, span)
                sentences.setdefault(around, {}).setdefault(name, []).append(span)
        for _, hints in sorted(sentences.items()):
            ranked = sorted(hints, key=lambda name: (name in found, -len(hints[name])))
            for name, place in _places(turn.answer, {name: hints[name] for name in ranked}):
                kept = found.setdefault(name, [])
                if len(kept) < QUOTES_PER_EVIDENCE_MAX:
                    kept.append(_quote(turn, place.start, place.end, labels[name], name))
    return found


def _places(answer: str, hints: Mapping[str, Sequence[Span]]) -> list[tuple[str, Span]]:
    """Choose the words of one sentence for each evidence: all of it for one, a part for two."""
    chosen: list[tuple[str, Span]] = []
    for name, spans in hints.items():
        for span in spans:
            part = evidence.clause(answer, span)
            if all(part.end <= other.start or other.end <= part.start for _, other in chosen):
                chosen.append((name, part))
                break
        if len(chosen) == QUOTE_USES_MAX:
            return chosen
    return [(name, evidence.passage(answer, hints[name][0])) for name, _ in chosen]


def rubric_report(
    claims: Iterable[Claim], plan: Plan, said: Sequence[Said], subject: Subject
) -> Evaluation:
    """Return the evaluation from a model's claims, of which only the supported ones count.

    Dropped and counted: an unknown competency, evidence or turn; a turn of another topic; words
    that are not in that answer, that a negation just before turns around, that speak to whoever
    evaluates, or that are too few or too many to be a quote; the third use of one passage;
    everything beyond CLAIMS_MAX. Where an answer gives orders, the model may have obeyed: then a
    claim counts only where the program finds a cue of the same evidence as well.
    """
    by_turn = {turn.turn: turn for turn in said}
    doubted = addressed.commands(turn.answer for turn in said)
    found: list[dict[str, list[Quote]]] = [{} for _ in plan.competencies]
    uses: Counter[tuple[int, int, int]] = Counter()
    dropped = 0
    for number, claim in enumerate(claims):
        place = _place(plan, by_turn.get(claim.turn), claim)
        quote = _supported(plan, by_turn, claim, place) if number < CLAIMS_MAX else None
        if quote is None or place is None or (doubted and not _hints(plan, by_turn, quote, place)):
            dropped += 1
            continue
        kept = found[place].setdefault(claim.evidence, [])
        if any((q.turn, q.start, q.end) == (quote.turn, quote.start, quote.end) for q in kept):
            continue  # said twice; once is kept
        if uses[quote.turn, quote.start, quote.end] >= QUOTE_USES_MAX:
            dropped += 1
            continue
        uses[quote.turn, quote.start, quote.end] += 1
        kept.append(quote)
    return _evaluation("rubric", plan, said, subject, found, dropped=dropped)


def pending_report(
    plan: Plan, said: Sequence[Said], subject: Subject, *, reason: str
) -> Evaluation:
    """Return the report of an evaluation that could not be made: a person's review is pending.

    Nothing is scored by other means in its place; `reason` is a fault code.
    """
    nothing: list[Found] = [{} for _ in plan.competencies]
    scored = _evaluation("rubric", plan, said, subject, nothing, dropped=0)
    return msgspec.structs.replace(
        scored,
        competencies=[
            msgspec.structs.replace(one, level=None, missing=[]) for one in scored.competencies
        ],
        summary=summaries.pending(plan.locale),
        status="pending_review",
        pending_reason=reason,
    )


def turns_of(topic: PlannedCompetency, said: Sequence[Said]) -> list[Said]:
    """Return the turns that belong to a topic of the plan."""
    return [turn for turn in said if topic_of(turn) == (topic.competency, topic.skill)]


def _place(plan: Plan, turn: Said | None, claim: Claim) -> int | None:
    """Return the index of the topic that the claim is about, if its turn was asked on it."""
    if turn is None or turn.competency != claim.competency:
        return None
    keys = [(topic.competency, topic.skill) for topic in plan.competencies]
    return keys.index(topic_of(turn)) if topic_of(turn) in keys else None


def _supported(
    plan: Plan, by_turn: Mapping[int, Said], claim: Claim, place: int | None
) -> Quote | None:
    if place is None or not _fits(claim.quote):
        return None
    expected = rubric.expected(plan.competencies[place], plan.locale)
    if claim.evidence not in {item.id for item in expected}:
        return None
    turn = by_turn[claim.turn]
    span = evidence.find_quote(turn.answer, claim.quote)
    if span is None or evidence.denied(turn.answer, span[0]):
        return None
    if addressed.addressed(turn.answer, Span(*span)):
        return None
    return _quote(turn, *span, _label(expected, claim.evidence), claim.evidence)


def _hints(plan: Plan, by_turn: Mapping[int, Said], quote: Quote, place: int) -> bool:
    """Tell whether the program itself finds a cue of the quote's evidence in its sentence."""
    expected = rubric.expected(plan.competencies[place], plan.locale)
    item = [one for one in expected if one.id == quote.evidence]
    answer = by_turn[quote.turn].answer
    around = evidence.sentence(answer, Span(quote.start, quote.end))
    cues = evidence.coverage(answer, item).get(quote.evidence, [])
    return any(around.start <= cue.start and cue.end <= around.end for cue in cues)


def _fits(quote: str) -> bool:
    if len(quote) > QUOTE_CHARS_MAX:
        return False
    return evidence.word_count(quote) >= QUOTE_WORDS_MIN


def _label(expected: Sequence[Evidence], name: str) -> str:
    return next(item.label for item in expected if item.id == name)


def _quote(turn: Said, start: int, end: int, label: str, name: str) -> Quote:
    return Quote(turn.turn, turn.answer[start:end], start, end, name, label)


def _evaluation(
    kind: Kind,
    plan: Plan,
    said: Sequence[Said],
    subject: Subject,
    found: Sequence[Found],
    *,
    dropped: int,
) -> Evaluation:
    reports = [
        _competency(topic, plan.locale, turns_of(topic, said), quotes)
        for topic, quotes in zip(plan.competencies, found, strict=True)
    ]
    reached = [one for one in reports if one.turns and one.expected]
    shares = sum(one.weight * len(one.found) / len(one.expected) for one in reached)
    coverage = round(shares / sum(one.weight for one in reached), 4) if reached else 0.0
    return Evaluation(
        interview_id=subject.interview_id,
        kind=kind,
        engine=subject.engine,
        locale=plan.locale,
        competencies=reports,
        coverage=coverage,
        summary=summaries.write(kind, plan.locale, reports, coverage, dropped),
        dropped_claims=dropped,
        turns_total=len(said),
        turns_by_engine=dict(subject.turns_by_engine),
        way=subject.way,
    )


def _competency(
    topic: PlannedCompetency, locale: str, turns: Sequence[Said], quotes: Found
) -> CompetencyReport:
    expected = rubric.expected(topic, locale)
    found = [item for item in expected if quotes.get(item.id)]
    return CompetencyReport(
        competency=topic.competency,
        name=rubric.topic_name(topic, locale),
        weight=topic.weight,
        level=rubric.level(len(found), len(expected)) if turns else None,
        expected=[item.label for item in expected],
        found=[item.label for item in found],
        missing=[item.label for item in expected if item not in found],
        quotes=sorted(
            (quote for group in quotes.values() for quote in group),
            key=lambda quote: (quote.turn, quote.start, quote.end, quote.evidence),
        ),
        turns=[turn.turn for turn in turns],
    )
