"""What one way of failing did to interviews whose every third call it hit, or so."""

from collections import Counter
from collections.abc import Sequence
from typing import Final

import msgspec

from loadtest import model_stream, outage
from loadtest.accounts import Bill, Line
from loadtest.chaos import Book
from loadtest.model_count import Billed
from loadtest.model_stream import BATCH_FAULTS, STATUS_FAULTS, STREAM_FAULTS
from loadtest.outage import Kept
from loadtest.witness import Witness

MODES: Final = (*STATUS_FAULTS, *STREAM_FAULTS, *BATCH_FAULTS)


class WrongModes(Exception):  # noqa: N818 - reads as a sentence where it is raised
    """Not the stand-in's ways of failing; the message says which there are."""


def parse_modes(text: str) -> tuple[str, ...]:
    """Return the modes of `all` or of `cut,stall`; raises WrongModes."""
    wanted = tuple(part for part in text.replace(" ", "").split(",") if part)
    if wanted == ("all",):
        return MODES
    wrong = [name for name in wanted if name not in MODES]
    if wrong or not wanted:
        raise WrongModes(f"{', '.join(wrong) or 'nothing'}: expected all, or {', '.join(MODES)}")
    return wanted


class Faulted(msgspec.Struct, frozen=True, kw_only=True):
    """The verdict on one mode."""

    mode: str
    sessions: int
    finished: int
    cut: dict[str, int]
    bounced: int  # first joins that had to be tried again
    refused: list[str]
    lost: int
    reports: int
    pending: dict[str, int]
    unreported: int
    claude_turns: int
    offline_turns: int
    failed_calls: int  # that the stand-in failed in this way
    truncated_as_whole: int  # questions by Claude that were never sent whole in those words
    torn: int  # pieces that are not what was said to be whole
    untold: int
    changed_in_mid_question: int
    ledger_micro_usd: int
    stand_in_micro_usd: int
    bill: Bill
    seconds: float

    @property
    def passed(self) -> bool:
        """Every interview at its end with a report or a named review, nothing cut taken whole."""
        wrong = (
            self.cut, self.refused, self.lost, self.unreported, self.truncated_as_whole, self.torn,
            self.untold, self.changed_in_mid_question,
        )  # fmt: skip
        happened = self.failed_calls and self.claude_turns
        return (
            not any(wrong)
            and bool(happened)
            and self.finished == self.sessions
            and self.bill.agrees
        )


def judge(
    mode: str,
    books: Sequence[Book],
    seen: Sequence[Witness],
    kept: Sequence[Kept],
    *,
    lines: Sequence[Line],
    calls: Sequence[Billed],
    bill: Bill,
    failed_calls: int,
    seconds: float,
) -> Faulted:
    """Hold what candidates saw against the record, the reports and what the stand-in sent."""
    turns = Counter(row.engine for record in kept for row in record.turns)
    return Faulted(
        mode=mode,
        sessions=len(books),
        finished=sum(bool(book.finished) for book in books),
        cut=dict(Counter(str(code) for book in books for code in book.cut)),
        bounced=sum(len(book.bounced) for book in books),
        refused=sorted({book.refused for book in books if book.refused}),
        lost=outage.lost(books, kept),
        **msgspec.structs.asdict(outage.reported(kept)),
        claude_turns=turns["claude"],
        offline_turns=turns["offline"],
        failed_calls=failed_calls,
        truncated_as_whole=truncated(seen, kept, lines, calls),
        torn=sum(one.torn for one in seen),
        untold=outage.untold(seen, kept),
        changed_in_mid_question=outage.mid_changes(seen),
        ledger_micro_usd=bill.ledger_micro_usd,
        stand_in_micro_usd=bill.stand_in_micro_usd,
        bill=bill,
        seconds=round(seconds, 1),
    )


def truncated(
    seen: Sequence[Witness],
    kept: Sequence[Kept],
    lines: Sequence[Line],
    calls: Sequence[Billed],
) -> int:
    """Return how many of Claude's questions were not sent whole, in these words, for this turn.

    The record names the attempt, its line in the ledger the call, and the stand-in what it sent.
    What the candidate was shown as whole has to be that, and so has what is on record.
    """
    whole = {call.request_id: call.digest for call in calls if call.digest}
    sent: dict[tuple[object, int, int], set[str]] = {}
    for line in lines:
        if line.task == "question" and line.turn and line.ask and line.request_id in whole:
            key = (line.interview_id, line.turn, line.ask)
            sent.setdefault(key, set()).add(whole[line.request_id])
    wrong = 0
    for one, record in zip(seen, kept, strict=True):
        for row in record.turns:
            if row.engine != "claude":
                continue
            texts = {row.question, one.completed.get(row.turn, row.question)}
            known = sent.get((record.interview_id, row.turn, row.ask), set())
            wrong += not {model_stream.digest_of(text) for text in texts} <= known
    return wrong
