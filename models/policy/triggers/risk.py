"""Risk: the learned probability that this conversation needs a person."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import Field

from models.contracts import TriggerReport
from models.policy.triggers.check import BOTH, Bound, Move, Number, Part, at_least, over, unavailable
from models.policy.triggers.view import View


class Risk(Part):
    """``threshold``: the probability in [0, 1] at and above which it fires.

    A bundle without a model that learned from outcomes has no such score, and the trigger is then not available.
    """

    threshold: Number = Field(ge=0, le=1)

    def checks(self, rule_id: str, _bound: Bound) -> tuple[RiskCheck, ...]:
        """Compile."""
        return (RiskCheck(rule_id, self.threshold),)


@dataclass(frozen=True, slots=True)
class RiskCheck:
    """Fires when the risk is at or above the threshold."""

    rule_id: str
    threshold: float

    name = "risk"
    phases = BOTH
    heads = ("risk",)
    sees = heads

    def look(self, view: View) -> TriggerReport:
        """Compare."""
        value = view.scores.risk if view.scores is not None else None
        if value is None:
            return unavailable("risk", self.rule_id, ">=", self.threshold, view.missing("risk"))
        return at_least("risk", self.rule_id, value, self.threshold, {})

    def moves(self, view: View) -> tuple[Move, ...]:
        """Return the move of the score."""
        value = view.scores.risk if view.scores is not None else None
        return () if value is None else (over("scores.risk", value, self.threshold),)
