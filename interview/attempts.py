"""Attempts at a question have numbers, and none is used twice, whoever owned the session before.

Each attempt may cost a call to a model: its number is the name of its row in the record.
"""

from interview import events as ev
from interview.interviewer import Directive
from protocol import limits


class Attempts:
    """Numbers the attempts of one owner after those that are on record."""

    def __init__(self, turn: int, asked: int) -> None:
        """Know that `asked` attempts at the question of `turn` are on record."""
        self._turn = turn
        self._asked = asked

    def plan(self, turn: int, ask: int, directive: Directive) -> ev.AskPlan:
        """Return the attempt `ask`, or a later one where that number is taken."""
        if turn == self._turn:
            ask = self._asked = max(ask, self._asked + 1)
        bank_only = ask > limits.ASKS_PER_TURN_MAX
        return ev.AskPlan(turn=turn, ask=ask, directive=directive, bank_only=bank_only)
