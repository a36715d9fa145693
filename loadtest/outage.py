"""What a model outage did to interviews: held against the record, the reports and both accounts."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Final
from uuid import UUID

import msgspec

from loadtest.accounts import Bill
from loadtest.chaos import Book, quantile
from loadtest.witness import Asked, Witness
from protocol import limits

HOW: Final = ("refused", "hung", "529", "429")
OVER_DEADLINE_SECONDS: Final = 2.0  # the bank's first piece comes within this of the deadline
SPANNED_PERCENT: Final = 90  # of the long interviews lasted until the model was asked again


class Turn(msgspec.Struct, frozen=True):
    """What of an answered turn on record is looked at."""

    turn: int
    ask: int
    engine: str
    question: str
    answer: str


class Kept(msgspec.Struct, frozen=True):
    """What is on record of one interview: its turns and its report's state ("" = none)."""

    interview_id: UUID
    turns: Sequence[Turn]
    report: str
    reason: str


class Window(msgspec.Struct, frozen=True):
    """From when to when the model was away, and until when a breaker may leave it alone."""

    away: float
    back: float

    @property
    def settled(self) -> float:
        """From here on every question is Claude's again.

        A breaker doubles while the outage lasts; a probe that hangs may have begun in its last
        moment.
        """
        longest = limits.BREAKER_SECONDS + 2 * (self.back - self.away)
        wait = min(limits.BREAKER_SECONDS_MAX, longest)
        return self.back + wait + limits.MODEL_FIRST_PIECE_SECONDS


class Outage(msgspec.Struct, frozen=True, kw_only=True):
    """The verdict; times in seconds."""

    how: str
    outage_seconds: float
    sessions: int
    finished: int
    cut: dict[str, int]  # close codes while an interview went on
    bounced: int  # first joins that had to be tried again
    refused: list[str]
    lost: int  # acknowledged answers that are not in the record
    reports: int
    pending: dict[str, int]  # named pending reviews
    unreported: int
    spanned: int  # interviews with questions by Claude, by the bank in the outage, and by Claude
    long_sessions: int  # those that were to span it
    claude_turns_before: int
    claude_turns_in: int  # begun before or let through
    offline_turns: int
    claude_turns_after: int
    offline_turns_after: int  # while a breaker still left the model alone
    offline_turns_late: int  # and after that: none
    back_seconds_first: float  # from the model's return to the first question by Claude
    back_seconds_last: float  # and to the last one that the bank asked
    first_piece_seconds_p50: float  # of the questions that the bank asked, from their ask
    first_piece_seconds_p95: float
    first_piece_seconds_max: float
    first_offline_over_deadline_p95: float  # the same, less the deadline: negative is before it
    first_offline_over_deadline_max: float
    changed_to_offline: int
    changed_to_claude: int
    changed_in_mid_question: int
    untold: int  # turns asked by another engine than the candidate was told of
    torn: int  # questions whose pieces were not the whole
    ledger_micro_usd: int
    stand_in_micro_usd: int
    bill: Bill
    crowd_lag_p99_ms: float
    seconds: float

    @property
    def passed(self) -> bool:
        """Nobody cut, everybody told, everybody reported, and back to Claude."""
        wrong = (
            self.cut, self.refused, self.lost, self.unreported, self.offline_turns_late,
            self.changed_in_mid_question, self.untold, self.torn,
        )  # fmt: skip
        needed = (self.offline_turns, self.claude_turns_before, self.claude_turns_after)
        return (
            not any(wrong)
            and all(needed)
            and self.finished == self.sessions
            and self.spanned * 100 >= SPANNED_PERCENT * self.long_sessions
            and self.first_offline_over_deadline_max <= OVER_DEADLINE_SECONDS
            and self.bill.agrees
        )


def judge(
    books: Sequence[Book],
    seen: Sequence[Witness],
    kept: Sequence[Kept],
    *,
    how: str,
    window: Window,
    long_sessions: int,
    bill: Bill,
    lag: Sequence[float],
    seconds: float,
) -> Outage:
    """Hold what candidates saw against the record, question by question."""
    turns = Counter[str]()
    spanned = 0
    for one, record in zip(seen, kept, strict=True):
        when = _whens(one, record, window)
        turns.update(when.values())
        spanned += {"before claude", "in offline"} <= set(when.values()) and bool(
            {"after claude", "late claude"} & set(when.values())
        )
    begun = [_begun(one) for one in seen]
    waits = sorted(_offline_waits(seen, window))
    changes = [change for one in seen for change in one.changes]
    return Outage(
        how=how,
        outage_seconds=round(window.back - window.away, 1),
        sessions=len(books),
        finished=sum(bool(book.finished) for book in books),
        cut=dict(Counter(str(code) for book in books for code in book.cut)),
        bounced=sum(len(book.bounced) for book in books),
        refused=sorted({book.refused for book in books if book.refused}),
        lost=lost(books, kept),
        **msgspec.structs.asdict(reported(kept)),
        spanned=spanned,
        long_sessions=long_sessions,
        claude_turns_before=turns["before claude"],
        claude_turns_in=turns["in claude"],
        offline_turns=turns["before offline"] + turns["in offline"],
        claude_turns_after=turns["after claude"] + turns["late claude"],
        offline_turns_after=turns["after offline"],
        offline_turns_late=turns["late offline"],
        back_seconds_first=_back(begun, kept, "claude", window, min),
        back_seconds_last=_back(begun, kept, "offline", window, max),
        first_piece_seconds_p50=quantile(waits, 0.50),
        first_piece_seconds_p95=quantile(waits, 0.95),
        first_piece_seconds_max=quantile(waits, 1.0),
        first_offline_over_deadline_p95=_over(waits, 0.95),
        first_offline_over_deadline_max=_over(waits, 1.0),
        changed_to_offline=sum(change.engine == "offline" for change in changes),
        changed_to_claude=sum(change.engine == "claude" for change in changes),
        changed_in_mid_question=mid_changes(seen),
        untold=untold(seen, kept),
        torn=sum(one.torn for one in seen),
        ledger_micro_usd=bill.ledger_micro_usd,
        stand_in_micro_usd=bill.stand_in_micro_usd,
        bill=bill,
        crowd_lag_p99_ms=round(quantile(sorted(lag), 0.99) * 1000, 1),
        seconds=round(seconds, 1),
    )


# What both drills look at -------------------------------------------------------------------


def lost(books: Sequence[Book], kept: Sequence[Kept]) -> int:
    """Return how many acknowledged answers are not in the record as they were given."""
    count = 0
    for book, record in zip(books, kept, strict=True):
        answers = {row.turn: row.answer for row in record.turns}
        count += sum(answers.get(turn) != text for turn, text in book.acked.items())
    return count


class Reported(msgspec.Struct, frozen=True):
    """How interviews ended."""

    reports: int
    pending: dict[str, int]
    unreported: int


def reported(kept: Sequence[Kept]) -> Reported:
    """Count reports, pending reviews by their reason, and interviews that have neither.

    A review without a name is none.
    """
    pending = Counter(one.reason for one in kept if one.report == "pending_review" and one.reason)
    ready = sum(one.report == "ready" for one in kept)
    return Reported(ready, dict(pending), len(kept) - ready - sum(pending.values()))


def untold(seen: Sequence[Witness], kept: Sequence[Kept]) -> int:
    """Return how many turns another engine asked than the candidate had been told of."""
    return sum(
        one.told_for.get(row.turn, row.engine) != row.engine
        for one, record in zip(seen, kept, strict=True)
        for row in record.turns
    )


def mid_changes(seen: Sequence[Witness]) -> int:
    """Return how often the engine changed while a question stood there in part.

    The bank may take over a question that broke, whose pieces are gone by then; Claude comes back
    with a new question only.
    """
    changes = [change for one in seen for change in one.changes]
    return sum(
        change.shown or (change.engine == "claude" and change.shown_before) for change in changes
    )


# Times --------------------------------------------------------------------------------------


def _begun(seen: Witness) -> dict[int, float]:
    """Return when each turn's last attempt began."""
    return {ask.turn: ask.at for ask in seen.asks}


def _whens(seen: Witness, record: Kept, window: Window) -> dict[int, str]:
    """Return when and by whom each turn was asked."""
    begun, found = _begun(seen), dict[int, str]()
    for row in record.turns:
        at = begun.get(row.turn)
        if at is None:
            continue
        when = "before" if at < window.away else "in" if at < window.back else "after"
        found[row.turn] = f"{'late' if at >= window.settled else when} {row.engine}"
    return found


def _offline_waits(seen: Sequence[Witness], window: Window) -> list[float]:
    """Return how long each attempt waited that the bank answered while the model was away."""
    return [ask.first - ask.at for one in seen for ask in one.asks if _in_outage(ask, window)]


def _in_outage(ask: Asked, window: Window) -> bool:
    waited = ask.first > ask.at
    return waited and ask.engine == "offline" and window.away <= ask.first and ask.at < window.back


def _over(waits: Sequence[float], share: float) -> float:
    """Return a quantile of the waits, less the deadline; 0 of none."""
    return round(quantile(waits, share) - limits.MODEL_FIRST_PIECE_SECONDS, 3) if waits else 0.0


def _back(
    begun: Sequence[Mapping[int, float]],
    kept: Sequence[Kept],
    engine: str,
    window: Window,
    choose: Callable[[list[float]], float],
) -> float:
    """Return the first or last moment after the model's return at which an engine was asked."""
    times = [
        at[row.turn] - window.back
        for at, record in zip(begun, kept, strict=True)
        for row in record.turns
        if row.engine == engine and at.get(row.turn, 0.0) >= window.back
    ]
    return round(choose(times), 1) if times else 0.0
