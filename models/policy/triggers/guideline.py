"""Guidelines in plain language ("the customer is angry about billing"), scored like labels that nobody trained."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from pydantic import Field

from models.contracts import TriggerReport
from models.custom import CustomLabel, Name, Text
from models.policy.triggers.check import PRE, Bound, Move, Number, Part, at_least, over, unavailable
from models.policy.triggers.labels import CUSTOM
from models.policy.triggers.view import View


class Guideline(Part):
    """``text``: when it applies, in a sentence. ``threshold``: the probability in [0, 1] at and above which it does.

    Absent, the threshold is the bundle's for a label with a description alone. ``id`` is how a decision cites it; the rule's,
    if absent.
    """

    text: Text
    id: Name | None = None
    threshold: Number | None = Field(default=None, ge=0, le=1)

    @property
    def label(self) -> CustomLabel:
        """The guideline as a label that a scorer can compile; its name follows from the text."""
        digest = hashlib.blake2b(self.text.encode(), digest_size=6).hexdigest()
        return CustomLabel(name=f"guideline:{digest}", description=self.text)

    def checks(self, rule_id: str, bound: Bound) -> tuple[GuidelineCheck, ...]:
        """Compile."""
        name = self.label.name
        threshold = bound.threshold(name) if self.threshold is None else self.threshold
        return (GuidelineCheck(rule_id, name, threshold, self.id or rule_id),)


@dataclass(frozen=True, slots=True)
class GuidelineCheck:
    """Fires when the probability that the guideline applies is at or above its threshold; evidence: its id."""

    rule_id: str
    label: str
    threshold: float
    cited: str

    name = "guideline"
    phases = PRE
    heads = (CUSTOM,)
    sees = heads

    def look(self, view: View) -> TriggerReport:
        """Compare."""
        value = self._value(view)
        if value is None:
            return unavailable("guideline", self.rule_id, ">=", self.threshold, view.missing(CUSTOM))
        return at_least("guideline", self.rule_id, value, self.threshold, {"guideline": self.cited})

    def moves(self, view: View) -> tuple[Move, ...]:
        """Return the move of its probability."""
        value = self._value(view)
        return () if value is None else (over(f"scores.{CUSTOM}.{self.label}", value, self.threshold),)

    def _value(self, view: View) -> float | None:
        return (view.known(CUSTOM) or {}).get(self.label)
