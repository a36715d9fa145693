"""The model's two stores and what is in them: each function is one transaction or one script."""

from typing import Final, NamedTuple

TOOK, COPIED, OWNER = "took", "copied", "owner"


class Bounds(NamedTuple):
    """How far the search goes."""

    takes: int = 3
    living: int = 2
    turns: int = 1
    empties: int = 1
    sweeps: int = 0


class Variant(NamedTuple):
    """The protocol, or one of the ways to get it wrong."""

    confirm: bool = True  # step 3 of a take-over
    fence_by: str = "postgres"
    locked: bool = True  # the check of a turn's write and its insert are one
    missing_key: bool = False  # the journal takes an answer when Redis knows no fence
    mind_doubt: bool = True  # no second text is kept while the fate of the first is unknown
    keep_doubt: bool = True  # a write that was refused says nothing of an earlier one
    start_over: bool = True  # who learns that PostgreSQL knows more begins anew
    register_first: bool = True  # after an empty Redis: register, then confirm (not the reverse)
    mind_foreign: bool = True  # who registers anew and finds another's answers there steps down
    one_by_one: bool = True  # nobody registers while an answer is on its way to the journal
    trim_named: bool = True  # what is dropped from the journal is named, not all that is there
    sweep_fenced: bool = True  # a sweep inserts under the fence that the copy had when it read


RIGHT: Final = Variant()
WRONG: Final = {
    "no step 3": Variant(confirm=False),
    "fence issued by Redis": Variant(fence_by="redis"),
    "unlocked turn write": Variant(locked=False),
    "journal without its key": Variant(missing_key=True),
    "journal in spite of doubt": Variant(mind_doubt=False),
    "a refusal ends the doubt": Variant(keep_doubt=False),
    "goes on after it was found behind": Variant(start_over=False),
    "confirmed before registered": Variant(register_first=False),
    "registers over another's answers": Variant(mind_foreign=False),
    "registers beside an append": Variant(one_by_one=False),
    "trim of all that is there": Variant(trim_named=False),
    "sweep without a fence": Variant(sweep_fenced=False),
}


class Owner(NamedTuple):
    """One take-over and what came of it. Answers are named turn and text: `1a`, `2b`."""

    fence: int
    phase: str = TOOK
    known: tuple[str, ...] = ()  # the answers it counts, in order
    sealed: tuple[str, ...] = ()  # the journal as step 2 returned it
    request: tuple[str, str] | None = None  # (kind, answer) on its way to a store
    doubt: str = ""  # an answer to this turn that was sent, and nobody knows whether it is kept
    unflushed: int = 0  # how many of `known`, the last ones, only the journal has
    untrimmed: bool = False
    confirmed: bool = False  # since it last registered in Redis: only then may it use the journal


class State(NamedTuple):
    """Both stores, the living owners, what is still on its way, and what candidates were told."""

    fence: int = 0  # PostgreSQL
    turns: tuple[str, ...] = ()
    copy: int = 0  # Redis: the fence, 0 when it knows nothing
    journal: tuple[str, ...] = ()
    owners: tuple[Owner, ...] = ()
    late: frozenset[tuple[str, int, str]] = frozenset()  # (kind, fence, answer), nobody waits
    told: frozenset[str] = frozenset()  # acknowledged, or shown as answered by session.joined
    swept: tuple[str, ...] = ()  # what the sweep has read and not yet trimmed
    swept_copy: int = 0  # and the copy that it read with it
    issued: int = 0
    empties: int = 0
    sweeps: int = 0

    def __str__(self) -> str:
        """What both stores have and each owner believes."""
        owners = ", ".join(f"{o.fence} {o.phase} knows {named(o.known)}" for o in self.owners)
        return (
            f"PostgreSQL: fence {self.fence}, {named(self.turns)}; Redis: fence {self.copy}, "
            f"journal {named(self.journal)}; owners: {owners or 'none'}"
        )


def named(answers: tuple[str, ...]) -> str:
    """The answers in words."""
    return ", ".join(answers) or "nothing"


def turn_of(answer: str) -> int:
    """The turn that an answer is for."""
    return int(answer[:-1])


# PostgreSQL ------------------------------------------------------------------------------------


def inserted(turns: tuple[str, ...], answer: str) -> tuple[tuple[str, ...], str]:
    """What save_turns does with a row once the fence is right."""
    if answer in turns:
        return turns, "duplicate"
    if turn_of(answer) <= len(turns):
        return turns, "turn_answered"
    if turn_of(answer) != len(turns) + 1:
        return turns, "wrong_turn"
    return (*turns, answer), "saved"


def save(s: State, fence: int, answer: str) -> tuple[State, str]:
    """The session's row locked: fence and turn are checked and the answer inserted."""
    turns, outcome = inserted(s.turns, answer)
    if outcome == "duplicate":
        return s, outcome  # whoever asks: it is kept
    if fence < s.fence:
        return s, "fence_lost"
    # Where Redis issues the fence, PostgreSQL learns of it with the first write.
    return s._replace(turns=turns, fence=fence), outcome


def flush(s: State, answers: tuple[str, ...]) -> State:
    """What a journal held, in order, each at most once, in one transaction."""
    turns = s.turns
    for answer in answers:
        turns, _ = inserted(turns, answer)
    return s._replace(turns=turns)


# Redis -----------------------------------------------------------------------------------------


def append(s: State, fence: int, answer: str, v: Variant) -> tuple[State, bool]:
    """Journal an answer if the copy is this owner's and the journal goes on without a gap."""
    if not (s.copy == fence or (v.missing_key and s.copy == 0)):
        return s, False
    if answer in s.journal:
        return s, True
    if s.journal and turn_of(answer) != turn_of(s.journal[-1]) + 1:
        return s, False
    return s._replace(journal=(*s.journal, answer)), True


def trim(s: State, answers: tuple[str, ...], v: Variant) -> State:
    """After a commit: from the head, those that are named; whoever asks, for they are kept."""
    journal = s.journal if v.trim_named else ()
    while journal and journal[0] in answers:
        journal = journal[1:]
    return s._replace(journal=journal)
