"""Low confidence in the bot's draft answer; looked at once there is one."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import Field

from models.contracts import TriggerReport
from models.policy.state import MAX_CONFIDENCES, answer_confidence
from models.policy.triggers.check import EVALUATED, FIRED, POST, Count, Move, Number, Part, unavailable, under
from models.policy.triggers.view import View


class Confidence(Part):
    """``threshold`` in [0, 1]; ``consecutive_low_turns``: how many answers in a row must be below it, this one last."""

    threshold: Number = Field(ge=0, le=1)
    consecutive_low_turns: Count = Field(default=1, ge=1, le=MAX_CONFIDENCES)

    def checks(self, rule_id: str) -> tuple[ConfidenceCheck, ...]:
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

    phases = POST
    heads = ("confidence",)

    def look(self, view: View) -> TriggerReport:
        """Compare; evidence: how many answers in a row were low. The margin is this answer's."""
        value = answer_confidence(view.message, view.scores)
        if value is None:
            return unavailable("confidence", self.rule_id, "<", self.threshold, view.missing("confidence"))
        low = 0
        for confidence in reversed(view.after.confidences):
            if confidence >= self.threshold:
                break
            low += 1
        return TriggerReport(
            name="confidence",
            rule_id=self.rule_id,
            status=FIRED if low >= self.n_turns else EVALUATED,
            value=value,
            operator="<",
            threshold=self.threshold,
            margin=self.threshold - value,
            evidence={"low_turns": low, "needs": self.n_turns},
        )

    def moves(self, view: View) -> tuple[Move, ...]:
        """Return the move of this answer's confidence."""
        value = answer_confidence(view.message, view.scores)
        return () if value is None or view.scores is None else (under("scores.confidence", value, self.threshold),)
