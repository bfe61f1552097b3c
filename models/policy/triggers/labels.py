"""Intents, topics and dialogue: what the message is about and what it does, by the model's labels or by terms."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Final, Literal

from pydantic import Field, StringConstraints, model_validator

from models.contracts import Phase, TriggerReport, is_bots_label
from models.policy.triggers.check import EVALUATED, FIRED, POST, PRE, Check, Flag, Move, Number, Part, over, unavailable
from models.policy.triggers.keyword import Terms
from models.policy.triggers.matching import Matcher, compile_terms
from models.policy.triggers.view import View

Label = Annotated[str, StringConstraints(min_length=1, max_length=100)]
Probability = Annotated[Number, Field(ge=0, le=1)]
Labels = Annotated[tuple[Label, ...], Field(min_length=1, max_length=200)]


class Intent(Part):
    """``labels`` to listen for; ``threshold`` is for all of them, ``thresholds`` for single ones, in [0, 1]."""

    labels: Labels
    threshold: Probability | None = None
    thresholds: Mapping[Label, Probability] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _every_label_has_a_threshold(self) -> Intent:
        _require_thresholds(self.labels, self.threshold, self.thresholds)
        return self

    def checks(self, rule_id: str) -> tuple[LabelsCheck, ...]:
        """Compile."""
        return (LabelsCheck(rule_id, "intent", _pairs(self.labels, self.threshold, self.thresholds)),)


class Dialogue(Part):
    """As ``Intent``, for what a message does in its conversation: a customer's labels, or a bot's (``bot_...``), not both."""

    labels: Labels
    threshold: Probability | None = None
    thresholds: Mapping[Label, Probability] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _of_one_role(self) -> Dialogue:
        _require_thresholds(self.labels, self.threshold, self.thresholds)
        if len({is_bots_label(label) for label in self.labels}) > 1:
            raise ValueError(
                "labels of a customer's message and of a bot's (bot_...) in one trigger; make two rules of it"
            )
        return self

    def checks(self, rule_id: str) -> tuple[LabelsCheck, ...]:
        """Compile; a bot's labels are looked at after its draft, a customer's before."""
        pairs = _pairs(self.labels, self.threshold, self.thresholds)
        return (LabelsCheck(rule_id, "dialogue", pairs, POST if is_bots_label(self.labels[0]) else PRE),)


class Topic(Part):
    """As ``Intent``, for topics; ``use_model: false`` leaves the model out and finds ``terms`` as whole words instead.

    With ``use_model`` and ``terms`` both, either is enough.
    """

    labels: Labels
    use_model: Flag = True
    threshold: Probability | None = None
    thresholds: Mapping[Label, Probability] = Field(default_factory=dict)
    terms: Terms | None = None

    @model_validator(mode="after")
    def _something_to_compare(self) -> Topic:
        if self.use_model:
            _require_thresholds(self.labels, self.threshold, self.thresholds)
        elif self.terms is None:
            raise ValueError("use_model is false and there are no terms; add terms or set use_model to true")
        if self.terms is not None:
            compile_terms(self.terms, "word", case_sensitive=False)
        return self

    def checks(self, rule_id: str) -> tuple[Check, ...]:
        """Compile."""
        checks: list[Check] = []
        if self.use_model:
            checks.append(LabelsCheck(rule_id, "topic", _pairs(self.labels, self.threshold, self.thresholds)))
        if self.terms is not None:
            checks.append(TermsCheck(rule_id, self.labels, compile_terms(self.terms, "word", case_sensitive=False)))
        return tuple(checks)


@dataclass(frozen=True, slots=True)
class LabelsCheck:
    """Fires when a label's probability is at or above its threshold; reports the label with the best margin.

    Labels that the bundle doesn't know are left out; if it knows none of them, there is nothing to look at.
    """

    rule_id: str
    name: Literal["intent", "topic", "dialogue"]
    thresholds: tuple[tuple[str, float], ...]
    phases: frozenset[Phase] = PRE

    @property
    def heads(self) -> tuple[str, ...]:
        """The head that gives the probabilities."""
        return (_HEADS[self.name],)

    def look(self, view: View) -> TriggerReport:
        """Compare every label; evidence: the best label, and all labels' probabilities."""
        known = self._known(view)
        if known is None:
            return unavailable(self.name, self.rule_id, ">=", self.thresholds[0][1], view.missing(self.heads[0]))
        best: str | None = None
        value = threshold = margin = 0.0
        values = {}
        for label, wanted in self.thresholds:
            probability = known.get(label)
            if probability is None:
                continue
            values[label] = probability
            if best is None or probability - wanted > margin:
                best, value, threshold, margin = label, probability, wanted, probability - wanted
        if best is None:
            return unavailable(self.name, self.rule_id, ">=", self.thresholds[0][1], "unknown_label")
        return TriggerReport(
            name=self.name,
            rule_id=self.rule_id,
            status=FIRED if margin >= 0 else EVALUATED,
            value=value,
            operator=">=",
            threshold=threshold,
            margin=margin,
            evidence={"label": best, "labels": values},
        )

    def moves(self, view: View) -> list[Move]:
        """Return the move of each label."""
        known = self._known(view) or {}
        path = f"scores.{self.heads[0]}"
        return [over(f"{path}.{label}", known[label], wanted) for label, wanted in self.thresholds if label in known]

    def _known(self, view: View) -> dict[str, float] | None:
        known: dict[str, float] | None = getattr(view, _HEADS[self.name])
        return known


_HEADS: Final = {"intent": "intents", "topic": "topics", "dialogue": "dialogue"}


@dataclass(frozen=True, slots=True)
class TermsCheck:
    """Fires when the message holds one of a topic's terms as a whole word; evidence: labels, term, text, span."""

    rule_id: str
    labels: tuple[str, ...]
    matcher: Matcher

    phases = PRE
    heads = ()

    def look(self, view: View) -> TriggerReport:
        """Look for the terms."""
        found = self.matcher.find(view)
        return TriggerReport(
            name="topic.terms",
            rule_id=self.rule_id,
            status=EVALUATED if found is None else FIRED,
            value=None if found is None else found["term"],
            operator=self.matcher.match,
            evidence={} if found is None else {"label": self.labels[0], **found},
        )


def _require_thresholds(labels: tuple[str, ...], threshold: float | None, thresholds: Mapping[str, float]) -> None:
    unknown = [label for label in thresholds if label not in labels]
    if unknown:
        raise ValueError(f"thresholds names {unknown[0]!r}, which is not among the labels; add it there or remove it")
    bare = [label for label in labels if label not in thresholds]
    if threshold is None and bare:
        raise ValueError(f"no threshold for {bare[0]!r}; add `threshold` for all labels or name it in `thresholds`")


def _pairs(
    labels: tuple[str, ...], threshold: float | None, thresholds: Mapping[str, float]
) -> tuple[tuple[str, float], ...]:
    shared = 0.0 if threshold is None else threshold  # unused then: every label has its own
    return tuple((label, thresholds.get(label, shared)) for label in labels)
