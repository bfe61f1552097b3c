"""Risk: the learned probability that this conversation needs a person."""

from __future__ import annotations

from pydantic import Field

from models.policy.triggers.check import BOTH, Bound, Number, NumberCheck, Part


class Risk(Part):
    """``threshold``: the probability in [0, 1] at and above which it fires.

    A bundle without a model that learned from outcomes has no such score, and the trigger is then not available.
    """

    threshold: Number = Field(ge=0, le=1)

    def checks(self, rule_id: str, _bound: Bound) -> tuple[NumberCheck, ...]:
        """Compile."""
        return (NumberCheck(rule_id, "risk", self.threshold, BOTH),)
