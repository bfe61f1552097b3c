"""Sentiment and frustration: one message, a streak of negative ones, or the mean of the latest."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import Field, model_validator

from models.contracts import Phase, TriggerReport
from models.policy.state import MAX_MOODS, Mood
from models.policy.triggers.check import (
    EVALUATED,
    PRE,
    Bound,
    Check,
    Count,
    Flag,
    Move,
    Number,
    NumberCheck,
    Part,
    at_least,
    below,
    counted,
    unavailable,
    under,
)
from models.policy.triggers.view import View


class Window(Part):
    """The mean sentiment of the last ``messages`` customer messages, ``below`` in [-1, 1]."""

    messages: Count = Field(ge=2, le=MAX_MOODS)
    below: Number = Field(ge=-1, le=1)


class Sentiment(Part):
    """One to three clauses; each is reported on its own and any of them is enough.

    ``below``: this message's sentiment is below it. ``streak``: that many customer messages in a row were negative.
    ``include_neutral``: neutral messages count towards the streak; without it they break it. ``window``: the mean of the
    last messages is below; with fewer messages than that it never fires.
    """

    below: Number | None = Field(default=None, ge=-1, le=1)
    streak: Count | None = Field(default=None, ge=1, le=MAX_MOODS)
    include_neutral: Flag = False
    window: Window | None = None

    @model_validator(mode="after")
    def _some_clause(self) -> Sentiment:
        if self.below is None and self.streak is None and self.window is None:
            raise ValueError("nothing to compare; add `below`, `streak` or `window`")
        if self.include_neutral and self.streak is None:
            raise ValueError("include_neutral is about a streak; add `streak` or remove it")
        return self

    def checks(self, rule_id: str, _bound: Bound) -> tuple[Check, ...]:
        """Compile."""
        checks: list[Check] = []
        if self.below is not None:
            checks.append(BelowCheck(rule_id, self.below))
        if self.streak is not None:
            checks.append(StreakCheck(rule_id, self.streak, self.include_neutral))
        if self.window is not None:
            checks.append(WindowCheck(rule_id, self.window.messages, self.window.below))
        return tuple(checks)


class Frustration(Part):
    """``at_least``: the frustration in [0, 1] at and above which it fires."""

    at_least: Number = Field(ge=0, le=1)

    def checks(self, rule_id: str, _bound: Bound) -> tuple[NumberCheck, ...]:
        """Compile."""
        return (NumberCheck(rule_id, "frustration", self.at_least, PRE),)


@dataclass(frozen=True, slots=True)
class BelowCheck:
    """Fires when this message's sentiment is below the threshold."""

    rule_id: str
    threshold: float

    name = "sentiment.below"
    phases = PRE
    heads = ("sentiment",)
    sees = heads

    def look(self, view: View) -> TriggerReport:
        """Compare."""
        value = _score(view)
        if value is None:
            return unavailable("sentiment.below", self.rule_id, "<", self.threshold, view.missing("sentiment"))
        return below("sentiment.below", self.rule_id, value, self.threshold, {})

    def moves(self, view: View) -> tuple[Move, ...]:
        """Return the move of the score."""
        value = _score(view)
        return () if value is None else (under("scores.sentiment", value, self.threshold, least=-1.0),)


@dataclass(frozen=True, slots=True)
class StreakCheck:
    """Fires when at least so many customer messages in a row, up to this one, were negative (by label)."""

    rule_id: str
    threshold: int
    include_neutral: bool

    name = "sentiment.streak"
    phases = PRE
    heads = ("sentiment",)
    sees = heads
    recalls = ((Phase.PRE, "sentiment"),)

    def look(self, view: View) -> TriggerReport:
        """Count backwards from this message."""
        if _score(view) is None:
            return unavailable("sentiment.streak", self.rule_id, ">=", self.threshold, view.missing("sentiment"))
        count = 0
        for mood in reversed(view.after.moods):
            if not (mood.label == "negative" or (self.include_neutral and mood.label == "neutral")):
                break
            count += 1
        return at_least("sentiment.streak", self.rule_id, count, self.threshold, {})

    def count_move(self, report: TriggerReport) -> Move | None:
        """Return the change of the count that is asked for."""
        return counted(report, least=1, most=MAX_MOODS)


@dataclass(frozen=True, slots=True)
class WindowCheck:
    """Fires when the mean sentiment of the last ``n_messages`` customer messages is below the threshold."""

    rule_id: str
    n_messages: int
    threshold: float

    name = "sentiment.window"
    phases = PRE
    heads = ("sentiment",)
    sees = heads
    recalls = ((Phase.PRE, "sentiment"),)

    def look(self, view: View) -> TriggerReport:
        """Average, if there are enough messages; evidence: how many there are."""
        if _score(view) is None:
            return unavailable("sentiment.window", self.rule_id, "<", self.threshold, view.missing("sentiment"))
        moods = self._moods(view)
        evidence = {"n_messages": len(moods), "needs": self.n_messages}
        if len(moods) < self.n_messages:
            return TriggerReport("sentiment.window", self.rule_id, EVALUATED, None, "<", self.threshold, None, evidence)
        mean = sum(mood.score for mood in moods) / len(moods)
        return below("sentiment.window", self.rule_id, mean, self.threshold, evidence)

    def moves(self, view: View) -> tuple[Move, ...]:
        """Return the move of this message's score that brings the mean over the threshold, if one can."""
        value = _score(view)
        moods = self._moods(view)
        if value is None or len(moods) < self.n_messages:
            return ()
        rest = sum(mood.score for mood in moods) - value
        mean = (rest + value) / self.n_messages
        wanted = under("", mean, self.threshold, least=-1.0).to * self.n_messages - rest
        return (Move("scores.sentiment", value, wanted),) if -1 <= wanted <= 1 else ()

    def _moods(self, view: View) -> tuple[Mood, ...]:
        return view.after.moods[-self.n_messages :]


def _score(view: View) -> float | None:
    if view.scores is None or view.scores.sentiment is None:
        return None
    return view.scores.sentiment.score
