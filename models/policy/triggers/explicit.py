"""Explicit requests for a person: the model head, and where it can't judge, the phrase lists."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pydantic import Field

from models.contracts import TriggerReport
from models.policy.triggers.check import EVALUATED, PRE, Move, Number, Part, at_least, over
from models.policy.triggers.view import View


class Explicit(Part):
    """``threshold``: the probability in [0, 1] at and above which the customer is taken to ask for a person."""

    threshold: Number = Field(ge=0, le=1)

    def checks(self, rule_id: str) -> tuple[ExplicitCheck, ...]:
        """Compile."""
        return (ExplicitCheck(rule_id, self.threshold),)


@dataclass(frozen=True, slots=True)
class ExplicitCheck:
    """Fires at or above its threshold.

    The score decides, and a phrase is only evidence, but who declines a person ("no human, please") asks for none whatever
    the score says; there is no margin then, since no score would change it. Where there is no score, a phrase stands for
    1.0 and its absence for 0.0.
    """

    rule_id: str
    threshold: float

    phases = PRE
    heads = ("explicit",)

    def look(self, view: View) -> TriggerReport:
        """Compare the score, or the phrase lists' yes or no."""
        value, evidence = _value(view)
        # looked up only where it matters: finding phrases takes longer than all other triggers together
        declined = view.declined if value >= self.threshold and not evidence else None
        if declined is not None:
            return TriggerReport(
                name="explicit",
                rule_id=self.rule_id,
                status=EVALUATED,
                value=value,
                operator=">=",
                threshold=self.threshold,
                evidence={"negated": declined.phrase},
            )
        return at_least("explicit", self.rule_id, value, self.threshold, evidence)

    def moves(self, view: View) -> tuple[Move, ...]:
        """Return the move of the head's probability, if it decided."""
        head = view.scores.explicit if view.scores is not None else None
        if head is None or view.declined is not None:
            return ()
        return (over("scores.explicit", head, self.threshold),)


def _value(view: View) -> tuple[float, dict[str, Any]]:
    scores = view.scores
    if scores is None or scores.explicit is None:
        request = view.request
        evidence: dict[str, Any] = {"head": view.missing("explicit")}
        if request is None:
            return 0.0, evidence
        return 1.0, {**evidence, "phrase": request.phrase, "language": request.language}
    return scores.explicit, {} if scores.request_phrase is None else {"phrase": scores.request_phrase}
