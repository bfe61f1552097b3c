"""Explicit requests for a person: the model head, and where it can't judge, the phrase lists."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pydantic import Field

from models.contracts import ScoreStatus, TriggerReport
from models.policy.triggers.check import EVALUATED, PRE, Bound, Flag, Move, Number, Part, at_least, over, unavailable
from models.policy.triggers.view import View


class Explicit(Part):
    """``threshold``: the probability in [0, 1] at and above which the customer is taken to ask for a person.

    Absent, it is the bundle's. ``use_model: false`` leaves the model out: a phrase of the phrase lists counts as 1.0.
    """

    threshold: Number | None = Field(default=None, ge=0, le=1)
    use_model: Flag = True

    def checks(self, rule_id: str, bound: Bound) -> tuple[ExplicitCheck, ...]:
        """Compile."""
        threshold = bound.threshold("explicit") if self.threshold is None else self.threshold
        heads = ("explicit",) if self.use_model else ()
        return (ExplicitCheck(rule_id, threshold, heads, heads),)


@dataclass(frozen=True, slots=True)
class ExplicitCheck:
    """Fires at or above its threshold.

    The score decides, and a phrase is only evidence, but who declines a person ("no human, please") asks for none whatever
    the score says; there is no margin then, since no score would change it. Where there is no score, a phrase stands for
    1.0 and its absence for 0.0.
    """

    rule_id: str
    threshold: float
    heads: tuple[str, ...] = ("explicit",)
    sees: tuple[str, ...] = ("explicit",)

    name = "explicit"
    phases = PRE

    def look(self, view: View) -> TriggerReport:
        """Compare the score, or the phrase lists' yes or no."""
        scores = view.scores
        if scores is None or scores.explicit is None or not self.heads:
            return self._by_phrase(view)
        value = scores.explicit
        if scores.declined_phrase is not None and value >= self.threshold:
            evidence = {"negated": scores.declined_phrase}
            return TriggerReport("explicit", self.rule_id, EVALUATED, value, ">=", self.threshold, None, evidence)
        phrase = scores.request_phrase
        return at_least("explicit", self.rule_id, value, self.threshold, {} if phrase is None else {"phrase": phrase})

    def _by_phrase(self, view: View) -> TriggerReport:
        why = view.missing("explicit") if self.heads else ScoreStatus.SKIPPED.value
        if self.heads and why == ScoreStatus.SKIPPED.value:
            return unavailable("explicit", self.rule_id, ">=", self.threshold, why)
        evidence: dict[str, Any] = {"head": why}
        request = view.request
        if request is not None:
            evidence |= {"phrase": request.phrase, "language": request.language}
        return at_least("explicit", self.rule_id, float(request is not None), self.threshold, evidence)

    def moves(self, view: View) -> tuple[Move, ...]:
        """Return the move of the head's probability, if it decided."""
        scores = view.scores
        if scores is None or scores.explicit is None or scores.declined_phrase is not None or not self.heads:
            return ()
        return (over("scores.explicit", scores.explicit, self.threshold),)
