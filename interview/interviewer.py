"""What to ask next: decided by code from the plan and from what the last answers showed.

Answers can earn or spare a follow-up question. They cannot change which topics are asked, in
which order, or at which level: those are the plan's.
"""

import hashlib
import re
from collections.abc import Sequence
from typing import Final, Literal

import msgspec

from interview import bank, evidence
from interview.bank import Item
from interview.plan import Plan, PlannedCompetency
from protocol import limits
from protocol.profile import fold

Kind = Literal["opening", "follow_up"]
_THANKS: Final = re.compile(r"gracia|thank|obrigad|agrade")
TOPIC_SECONDS: Final = 75.0  # kept back for every topic not reached yet


class Said(msgspec.Struct, frozen=True):
    """One question and its answer; `asked_for` is the evidence that a follow-up wanted."""

    turn: int
    competency: str
    level: str
    kind: str
    question: str
    answer: str
    skill: str = ""
    asked_for: str = ""


class Directive(msgspec.Struct, frozen=True):
    """What the next question has to be; an engine only finds the words.

    `asks` is the id of the evidence a follow-up wants and `probe` its index in the bank's item;
    `bridge` is the index of the bank's bridge. `gentle` marks the one
    follow-up after a very short answer. `last` says that no question can come after this one.
    """

    turn: int
    competency: str
    level: str
    kind: Kind
    skill: str
    asks: str
    probe: int | None
    bridge: int
    first: bool
    last: bool
    gentle: bool = False


def choose(plan: Plan, said: Sequence[Said], *, seed: int, seconds_left: float) -> Directive | None:
    """Return the next question's directive, or None when the interview is complete.

    Every topic of the plan is opened, in order, as long as turns and time last: a follow-up is
    asked only from turns and seconds that no unopened topic needs.
    """
    turns_left = plan.turns_max - len(said)
    if turns_left <= 0 or seconds_left < limits.CLOSING_SECONDS_LEFT:
        return None
    waiting = _waiting(plan, said)
    spare_turns = turns_left - sum(topic.turns for topic in waiting)
    spare_seconds = seconds_left - limits.CLOSING_SECONDS_LEFT - TOPIC_SECONDS * len(waiting)
    if spare_turns > 0 and spare_seconds >= TOPIC_SECONDS:
        follow_up = _follow_up(plan, said, seed=seed, last=turns_left == 1)
        if follow_up is not None:
            return follow_up
    if not waiting:
        return None
    topic = waiting[0]
    return Directive(
        turn=len(said) + 1,
        competency=topic.competency,
        level=topic.level,
        kind="opening",
        skill=topic.skill,
        asks="",
        probe=None,
        bridge=_bridge(bank.load(plan.locale).bridges, said, "opening", seed),
        first=not said,
        last=turns_left == 1,
    )


def _waiting(plan: Plan, said: Sequence[Said]) -> list[PlannedCompetency]:
    opened = {topic_of(turn) for turn in said}
    return [topic for topic in plan.competencies if (topic.competency, topic.skill) not in opened]


def topic_of(turn: Said) -> tuple[str, str]:
    """Return what makes turns belong together: the competency and, where it has one, the skill."""
    return turn.competency, turn.skill


def _follow_up(plan: Plan, said: Sequence[Said], *, seed: int, last: bool) -> Directive | None:
    """Return the follow-up that the topic under way deserves, if any.

    A very short answer to an opening question gets one gentle follow-up; to a follow-up, or
    where the candidate would rather not answer, none. Otherwise the first probe is asked whose
    evidence no answer of the topic has shown and that has not been asked for.
    """
    if not said:
        return None
    now = said[-1]
    topic = [turn for turn in said if topic_of(turn) == topic_of(now)]
    done = sum(1 for turn in topic if turn.kind == "follow_up")
    if done >= limits.FOLLOW_UPS_MAX or evidence.declined(now.answer):
        return None
    gentle = evidence.thin(now.answer)
    if gentle and now.kind == "follow_up":
        return None
    pages = bank.load(plan.locale)
    item = pages.item(now.competency, now.level)
    probe = _probe(item, topic, seed=seed)
    if probe is None:
        return None
    return Directive(
        turn=len(said) + 1,
        competency=now.competency,
        level=now.level,
        kind="follow_up",
        skill=now.skill,
        asks=item.probes[probe].asks,
        probe=probe,
        bridge=_bridge(pages.follow_up_bridges, said, "follow_up", seed),
        first=False,
        last=last,
        gentle=gentle,
    )


def _probe(item: Item, topic: Sequence[Said], *, seed: int) -> int | None:
    asked = {turn.asked_for for turn in topic}
    wanted = {probe.asks for probe in item.probes} - asked
    expected = [one for one in item.evidence if one.id in wanted]
    shown = {name for turn in topic for name in evidence.hinted(turn.answer, expected)}
    open_ = [
        index
        for index, probe in enumerate(item.probes)
        if probe.asks not in shown and probe.asks not in asked
    ]
    if not open_:
        return None
    return open_[_draw(seed, f"probe {topic[0].turn}", len(open_))]


def _bridge(bridges: Sequence[str], said: Sequence[Said], kind: Kind, seed: int) -> int:
    """Return which bridge leads on: the next one each time, so that none comes twice in a row.

    After an answer with nothing in it, none that thanks for it.
    """
    number = _draw(seed, f"bridge {kind}", 1 << 16) + sum(1 for turn in said if turn.kind == kind)
    if said and (evidence.thin(said[-1].answer) or evidence.declined(said[-1].answer)):
        plain = [index for index, text in enumerate(bridges) if not _THANKS.search(fold(text))]
        if plain:
            return plain[number % len(plain)]
    return number % len(bridges)


def _draw(seed: int, purpose: str, choices: int) -> int:
    digest = hashlib.blake2b(f"{seed}:{purpose}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") % choices
