"""Repetition: the same question again, the bot at a loss again, the conversation in a circle."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import zip_longest
from typing import Final

from pydantic import Field, model_validator

from models.contracts import Phase, TriggerReport
from models.policy.questions import is_same_question
from models.policy.state import MAX_EXCHANGES, MAX_QUESTIONS
from models.policy.triggers.check import (
    BOTH,
    PRE,
    Bound,
    Check,
    Count,
    Move,
    Number,
    Part,
    at_least,
    counted,
    unavailable,
)
from models.policy.triggers.view import View

# a loop is a cycle of at most so many exchanges
MAX_CYCLE: Final = 3


class Repetition(Part):
    """One to three clauses; each is reported on its own and any of them is enough.

    ``max_retries``: the customer asks the same question that many times, this one included, in the same words or with a
    similarity of at least ``similarity`` (cosine, in [0, 1]) and without naming other numbers. ``max_fallbacks``: the bot
    didn't understand that many times. ``max_loops``: the same cycle of one to three exchanges (customer intent, bot answer)
    came that many times in a row.
    """

    max_retries: Count | None = Field(default=None, ge=2, le=MAX_QUESTIONS)
    similarity: Number = Field(default=0.86, gt=0, le=1)
    max_fallbacks: Count | None = Field(default=None, ge=1)
    max_loops: Count | None = Field(default=None, ge=2, le=MAX_EXCHANGES // MAX_CYCLE)

    @model_validator(mode="after")
    def _some_clause(self) -> Repetition:
        if self.max_retries is None and self.max_fallbacks is None and self.max_loops is None:
            raise ValueError("nothing to count; add `max_retries`, `max_fallbacks` or `max_loops`")
        return self

    def checks(self, rule_id: str, _bound: Bound) -> tuple[Check, ...]:
        """Compile."""
        checks: list[Check] = []
        # beside a count of what the bot said, which a draft can raise, it is looked at (and then counts 0) after drafts too
        phases = PRE if self.max_fallbacks is None and self.max_loops is None else BOTH
        if self.max_retries is not None:
            checks.append(RetriesCheck(rule_id, self.max_retries, self.similarity, phases))
        if self.max_fallbacks is not None:
            checks.append(FallbacksCheck(rule_id, self.max_fallbacks))
        if self.max_loops is not None:
            checks.append(LoopsCheck(rule_id, self.max_loops))
        return tuple(checks)


@dataclass(frozen=True, slots=True)
class RetriesCheck:
    """Fires when the customer asks the same question at least so many times; a message that asks nothing counts 0."""

    rule_id: str
    threshold: int
    similarity: float
    phases: frozenset[Phase] = PRE

    name = "repetition.max_retries"
    heads = ()
    sees = ("intents",)  # they tell questions from glue
    recalls = ((Phase.PRE, "intents"),)

    def look(self, view: View) -> TriggerReport:
        """Count this question and its like; evidence: the ids of the earlier messages."""
        if view.is_skipped("intents"):
            return unavailable("repetition.max_retries", self.rule_id, ">=", self.threshold, view.missing("intents"))
        if view.after.questions is view.before.questions:
            return at_least("repetition.max_retries", self.rule_id, 0, self.threshold, {"question": False})
        key = view.after.questions[-1].key
        repeats = view.scores.repeats if view.scores is not None else ()
        same = [
            question.message_id
            for question, similarity in zip_longest(view.before.questions, repeats[: len(view.before.questions)])
            if is_same_question(question.key, key, is_similar=similarity is not None and similarity >= self.similarity)
        ]
        evidence = {"message_ids": same} if same else {}
        return at_least("repetition.max_retries", self.rule_id, 1 + len(same), self.threshold, evidence)

    def count_move(self, report: TriggerReport) -> Move | None:
        """Return the change of the count that is asked for."""
        return counted(report, least=2, most=MAX_QUESTIONS)


@dataclass(frozen=True, slots=True)
class FallbacksCheck:
    """Fires when the bot has fallen back at least so many times in this epoch."""

    rule_id: str
    threshold: int

    name = "repetition.max_fallbacks"
    phases = BOTH
    heads = ()
    sees = ()

    def look(self, view: View) -> TriggerReport:
        """Compare the count."""
        return at_least("repetition.max_fallbacks", self.rule_id, view.after.n_fallbacks, self.threshold, {})

    def count_move(self, report: TriggerReport) -> Move | None:
        """Return the change of the count that is asked for."""
        return counted(report, least=1)


@dataclass(frozen=True, slots=True)
class LoopsCheck:
    """Fires when the latest exchanges are one cycle, repeated at least so many times; once is no loop and counts 0."""

    rule_id: str
    threshold: int

    name = "repetition.max_loops"
    phases = BOTH
    heads = ()
    sees = ()
    recalls = ((Phase.PRE, "intents"),)

    def look(self, view: View) -> TriggerReport:
        """Count; evidence: the cycle's length."""
        count, length = count_loops(view.after.exchanges)
        evidence = {"cycle_length": length} if count else {}
        return at_least("repetition.max_loops", self.rule_id, count, self.threshold, evidence)

    def count_move(self, report: TriggerReport) -> Move | None:
        """Return the change of the count that is asked for."""
        return counted(report, least=2, most=MAX_EXCHANGES // MAX_CYCLE)


def count_loops(exchanges: tuple[str, ...]) -> tuple[int, int]:
    """Return how often the latest cycle came in a row and its length (shortest on a tie); (0, 0) without a loop."""
    best, best_length = 1, 0
    for length in range(1, min(MAX_CYCLE, len(exchanges) // 2) + 1):
        cycle = exchanges[-length:]
        count, end = 1, len(exchanges) - length
        while end >= length and exchanges[end - length : end] == cycle:
            count += 1
            end -= length
        if count > best:
            best, best_length = count, length
    return (best, best_length) if best_length else (0, 0)
