"""Low confidence in the bot's draft answer; looked at once there is one."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import Field

from models.contracts import Phase, TriggerReport
from models.policy.state import MAX_CONFIDENCES, answer_confidence
from models.policy.triggers.check import (
    EVALUATED,
    FIRED,
    POST,
    Bound,
    Count,
    Move,
    Number,
    Part,
    unavailable,
    under,
)
from models.policy.triggers.view import View


class Confidence(Part):
    """``threshold`` in [0, 1]; ``consecutive_low_turns``: how many answers in a row must be below it, this one last."""

    threshold: Number = Field(ge=0, le=1)
    consecutive_low_turns: Count = Field(default=1, ge=1, le=MAX_CONFIDENCES)

    def checks(self, rule_id: str, _bound: Bound) -> tuple[ConfidenceCheck, ...]:
        """Compile."""
        return (ConfidenceCheck(rule_id, self.threshold, self.consecutive_low_turns),)


@dataclass(frozen=True, slots=True)
class ConfidenceCheck:
    """Fires when this answer and the ones before it, ``n_turns`` in a row, are below the threshold.

    Answers whose confidence nobody knows neither count nor break the row.
    """

    rule_id: str
    threshold: float
    n_turns: int

    name = "confidence"
    phases = POST
    heads = ("confidence",)
    sees = heads

    @property
    def recalls(self) -> tuple[tuple[Phase, str], ...]:
        """The confidence in earlier answers, where it takes several."""
        return ((Phase.POST, "confidence"),) if self.n_turns > 1 else ()

    def look(self, view: View) -> TriggerReport:
        """Compare; evidence: how many answers in a row were low. The margin is this answer's."""
        value = _value(view)
        if value is None:
            return unavailable("confidence", self.rule_id, "<", self.threshold, view.missing("confidence"))
        low = 0
        for confidence in reversed(view.after.confidences):
            if confidence >= self.threshold:
                break
            low += 1
        status = FIRED if low >= self.n_turns else EVALUATED
        evidence = {"low_turns": low, "needs": self.n_turns}
        margin = self.threshold - value
        return TriggerReport("confidence", self.rule_id, status, value, "<", self.threshold, margin, evidence)

    def moves(self, view: View) -> tuple[Move, ...]:
        """Return the move of this answer's confidence."""
        value = _value(view)
        return () if value is None or view.scores is None else (under("scores.confidence", value, self.threshold),)

    def count_move(self, report: TriggerReport) -> Move | None:
        """Return the change of how many low answers in a row it takes."""
        low = report.evidence.get("low_turns", 0)
        to = low + 1 if report.status is FIRED else low
        if not 1 <= to <= MAX_CONFIDENCES:
            return None
        return Move(f"rules.{self.rule_id}.confidence.consecutive_low_turns", self.n_turns, to)


def _value(view: View) -> float | None:
    """Return this answer's confidence; unknown while the model may still be asked, though the bot sent a number of its own."""
    return None if view.is_skipped("confidence") else answer_confidence(view.message, view.scores)
