"""Intents, topics and dialogue: what the message is about and what it does, by labels or by terms.

A label is one that the bundle was trained on, or one that the policy brings along (``labels``).
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Final

from pydantic import Field, StringConstraints, model_validator

from models.contracts import Phase, ScoreStatus, TriggerReport, is_bots_label
from models.policy.state import MAX_DIALOGUES
from models.policy.triggers.check import (
    EVALUATED,
    FIRED,
    POST,
    PRE,
    Bound,
    Check,
    Count,
    Flag,
    Move,
    Number,
    Part,
    at_least,
    counted,
    make_report,
    over,
    unavailable,
)
from models.policy.triggers.keyword import Searching, Terms
from models.policy.triggers.matching import Matcher, compile_terms
from models.policy.triggers.view import View

Label = Annotated[str, StringConstraints(min_length=1, max_length=100)]
Probability = Annotated[Number, Field(ge=0, le=1)]
Labels = Annotated[tuple[Label, ...], Field(min_length=1, max_length=200)]

CUSTOM: Final = "custom"


class Labelled(Part):
    """``labels`` to listen for; ``threshold`` is for all of them, ``thresholds`` for single ones, in [0, 1].

    A label without a threshold has the policy's own (``labels``), else the bundle's, else 0.8.
    """

    labels: Labels
    threshold: Probability | None = None
    thresholds: Mapping[Label, Probability] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _thresholds_are_of_labels(self) -> Labelled:
        unknown = [label for label in self.thresholds if label not in self.labels]
        if unknown:
            raise ValueError(
                f"thresholds names {unknown[0]!r}, which is not among the labels; add it there or remove it"
            )
        return self

    def _check(self, rule_id: str, head: str, bound: Bound, phases: frozenset[Phase] = PRE) -> LabelsCheck:
        """Return the check of the labels, those of the bundle in a head and the policy's own."""
        wanted: dict[str, list[tuple[str, float]]] = {}
        for label in self.labels:
            wanted.setdefault(CUSTOM if label in bound.custom else head, []).append(
                (label, self._threshold(label, bound))
            )
        return LabelsCheck(
            rule_id, head.removesuffix("s"), tuple((one, tuple(pairs)) for one, pairs in wanted.items()), phases
        )

    def _threshold(self, label: str, bound: Bound) -> float:
        own = self.thresholds.get(label, self.threshold)
        return bound.threshold(label) if own is None else own


class Intent(Labelled):
    """What the customer wants: the bundle's intents, or labels that the policy brings along."""

    def checks(self, rule_id: str, bound: Bound) -> tuple[LabelsCheck, ...]:
        """Compile."""
        return (self._check(rule_id, "intents", bound),)


class Dialogue(Labelled):
    """What a message does in its conversation: a customer's labels, or a bot's (``bot_...``), not both.

    ``times``: how many customer messages of this epoch must have done it, this one last; two that say in their own words that
    the answer missed the question are more than one.
    """

    times: Count = Field(default=1, ge=1, le=MAX_DIALOGUES)

    @model_validator(mode="after")
    def _of_one_role(self) -> Dialogue:
        if len({is_bots_label(label) for label in self.labels}) > 1:
            raise ValueError(
                "labels of a customer's message and of a bot's (bot_...) in one trigger; make two rules of it"
            )
        if self.times > 1 and is_bots_label(self.labels[0]):
            raise ValueError("times counts customer messages; remove it, or listen for a customer's labels")
        return self

    def checks(self, rule_id: str, bound: Bound) -> tuple[Check, ...]:
        """Compile; a bot's labels are looked at after its draft, a customer's before."""
        if self.times > 1:
            return (TimesCheck(rule_id, tuple((one, self._threshold(one, bound)) for one in self.labels), self.times),)
        return (self._check(rule_id, "dialogue", bound, POST if is_bots_label(self.labels[0]) else PRE),)


class Topic(Searching, Labelled):
    """As ``Intent``, for topics; ``use_model: false`` leaves the model out and finds ``terms`` as whole words instead.

    With ``use_model`` and ``terms`` both, either is enough.
    """

    use_model: Flag = True
    terms: Terms | None = None

    @model_validator(mode="after")
    def _something_to_compare(self) -> Topic:
        if not self.use_model and self.terms is None:
            raise ValueError("use_model is false and there are no terms; add terms or set use_model to true")
        _ = self.matcher
        return self

    @functools.cached_property
    def matcher(self) -> Matcher | None:
        """The terms, compiled."""
        return None if self.terms is None else compile_terms(self.terms, "word", case_sensitive=False)

    def checks(self, rule_id: str, bound: Bound) -> tuple[Check, ...]:
        """Compile."""
        checks: list[Check] = []
        if self.use_model:
            checks.append(self._check(rule_id, "topics", bound))
        if self.matcher is not None:
            checks.append(TermsCheck(rule_id, self.labels, self.matcher))
        return tuple(checks)


@dataclass(frozen=True, slots=True)
class LabelsCheck:
    """Fires when a label's probability is at or above its threshold; reports the label with the best margin.

    ``wanted`` are labels with their thresholds, by the scores that hold them. Labels that nobody scored are left out; if none
    was, there is nothing to look at.
    """

    rule_id: str
    name: str
    wanted: tuple[tuple[str, tuple[tuple[str, float], ...]], ...]
    phases: frozenset[Phase] = PRE

    @property
    def heads(self) -> tuple[str, ...]:
        """The scores that hold the labels."""
        return tuple(head for head, _ in self.wanted)

    @property
    def sees(self) -> tuple[str, ...]:
        """The same."""
        return self.heads

    def look(self, view: View) -> TriggerReport:
        """Compare every label; evidence: the best label, and all labels' probabilities."""
        best: str | None = None
        value = threshold = margin = 0.0
        values = {}
        is_scored = is_unasked = False
        for head, pairs in self.wanted:
            known = view.seen.get(head) or view.known(head)
            if known is None:
                is_unasked = is_unasked or view.is_skipped(head)
                continue
            is_scored = True
            for label, wanted in pairs:
                probability = known.get(label)
                if probability is None:
                    continue
                values[label] = probability
                if best is None or probability - wanted > margin:
                    best, value, threshold, margin = label, probability, wanted, probability - wanted
        if best is None or (is_unasked and margin < 0):  # what nobody asked for yet may hold
            why = "unknown_label" if is_scored else view.missing(self.wanted[0][0])
            why = ScoreStatus.SKIPPED.value if is_unasked else why
            return unavailable(self.name, self.rule_id, ">=", self.wanted[0][1][0][1], why)
        evidence = {"label": best, "labels": values}
        status = FIRED if margin >= 0 else EVALUATED
        return make_report((self.name, self.rule_id, status, value, ">=", threshold, margin, evidence))

    def moves(self, view: View) -> list[Move]:
        """Return the move of each label."""
        return [
            over(f"scores.{head}.{label}", known[label], threshold)
            for head, pairs in self.wanted
            if (known := view.known(head)) is not None
            for label, threshold in pairs
            if label in known
        ]


@dataclass(frozen=True, slots=True)
class TimesCheck:
    """Fires when this customer message, and enough before it, have one of the labels at or above its threshold."""

    rule_id: str
    wanted: tuple[tuple[str, float], ...]
    times: int

    name = "dialogue.times"
    phases = PRE
    heads = ("dialogue",)
    sees = heads
    recalls = ((Phase.PRE, "dialogue"),)

    def look(self, view: View) -> TriggerReport:
        """Count; evidence: this message's labels."""
        known = view.known("dialogue")
        if known is None:
            return unavailable(self.name, self.rule_id, ">=", self.times, view.missing("dialogue"))
        evidence = {"labels": {label: known[label] for label, _ in self.wanted if label in known}}
        if not self._has(known):
            return at_least(self.name, self.rule_id, 0, self.times, evidence)
        count = sum(self._has(dict(pairs)) for pairs in view.after.dialogues)
        return at_least(self.name, self.rule_id, count, self.times, evidence)

    def moves(self, view: View) -> list[Move]:
        """Return the move of each label of this message."""
        known = view.known("dialogue") or {}
        return [
            over(f"scores.dialogue.{label}", known[label], wanted) for label, wanted in self.wanted if label in known
        ]

    def count_move(self, report: TriggerReport) -> Move | None:
        """Return the change of how many messages it takes."""
        return counted(report, least=1, most=MAX_DIALOGUES)

    def _has(self, known: Mapping[str, float]) -> bool:
        return any(known.get(label, 0.0) >= threshold for label, threshold in self.wanted)


@dataclass(frozen=True, slots=True)
class TermsCheck:
    """Fires when the message holds one of a topic's terms as a whole word; evidence: labels, term, text, span."""

    rule_id: str
    labels: tuple[str, ...]
    matcher: Matcher

    name = "topic.terms"
    phases = PRE
    heads = ()
    sees = ()

    def look(self, view: View) -> TriggerReport:
        """Look for the terms."""
        found = self.matcher.find(view)
        return TriggerReport(
            "topic.terms",
            self.rule_id,
            EVALUATED if found is None else FIRED,
            None if found is None else found["term"],
            self.matcher.match,
            evidence={} if found is None else {"label": self.labels[0], **found},
        )
