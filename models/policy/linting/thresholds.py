"""Thresholds that nothing reaches, and those that everything does."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from models.policy.linting.findings import Facts, Finding
from models.policy.linting.implication import Reader
from models.policy.schema import Policy
from models.policy.triggers.combine import Condition


class _Rising(NamedTuple):
    """A score that fires at or above a threshold; ``head`` and ``label`` say whose probability it is."""

    name: str
    threshold: float | None
    head: str
    label: str | None = None


class _Falling(NamedTuple):
    """A score that fires below a threshold; ``least`` is the smallest that it can be."""

    name: str
    threshold: float | None
    least: float
    head: str


def find_unreachable_thresholds(policy: Policy, reader: Reader, facts: Facts | None) -> Iterator[Finding]:
    """Yield what is wrong with thresholds; without facts no score has a ceiling below 1."""
    for rule in (rule for rule in policy.rules if rule.enabled):
        for part in rule.when.parts():
            for rising in (*_scores(part), *_labels(part, reader)):
                if rising.threshold is not None:
                    most = 1.0 if facts is None else facts.ceiling(rising.head, rising.label)
                    yield from _too_high(rule.id, rising.name, rising.threshold, most)
            for falling in _limits(part):
                if falling.threshold is not None:
                    most = 1.0 if facts is None else facts.ceiling(falling.head)
                    yield from _too_low(rule.id, falling.name, falling.threshold, falling.least)
                    yield from _too_lax(rule.id, falling.name, falling.threshold, most)


def _scores(part: Condition) -> Iterator[_Rising]:
    if part.explicit is not None:
        yield _Rising("explicit", part.explicit.threshold, "explicit" if part.explicit.use_model else "phrases")
    if part.frustration is not None:
        yield _Rising("frustration", part.frustration.at_least, "frustration")
    if part.guideline is not None:
        yield _Rising("guideline", part.guideline.threshold, "custom")
    if part.risk is not None:
        yield _Rising("risk", part.risk.threshold, "risk")
    if part.turn is not None and part.turn.after_bot is not None:
        for label in part.turn.after_bot.labels:
            yield _Rising(f"the label {label!r}", part.turn.after_bot.threshold, "dialogue", label)


def _labels(part: Condition, reader: Reader) -> Iterator[_Rising]:
    for head, trigger in (("intents", part.intent), ("topics", part.topic), ("dialogue", part.dialogue)):
        if trigger is None or (trigger is part.topic and not part.topic.use_model):
            continue
        for label in trigger.labels:
            own = trigger.thresholds.get(label, trigger.threshold)
            threshold = reader.threshold(label) if own is None else own
            is_custom = label in reader.custom and head != "dialogue"
            yield _Rising(f"the label {label!r}", threshold, "custom" if is_custom else head, label)


def _limits(part: Condition) -> Iterator[_Falling]:
    if part.sentiment is not None:
        window = part.sentiment.window
        yield _Falling("sentiment", part.sentiment.below, -1.0, "sentiment")
        yield _Falling("the window of sentiments", None if window is None else window.below, -1.0, "sentiment")
    if part.confidence is not None:
        yield _Falling("confidence", part.confidence.threshold, 0.0, "confidence")
    if part.turn is not None:
        yield _Falling("the confidence in the last answer", part.turn.after_confidence_below, 0.0, "confidence")


def _too_high(rule_id: str, name: str, threshold: float, most: float) -> Iterator[Finding]:
    if threshold > most:
        found = f"{name} has the threshold {threshold:g}, and the bundle gives it {most:.2f} at most, so it never fires"
        yield Finding("unreachable_threshold", "error", rule_id, f"{found}; lower the threshold below {most:.2f}")
    elif threshold == 1:
        message = f"{name} has the threshold 1, which only a model without any doubt reaches; try 0.9"
        yield Finding("unreachable_threshold", "warning", rule_id, message)
    elif threshold == 0:
        message = f"{name} has the threshold 0, which every message reaches; raise it to what should be enough"
        yield Finding("unreachable_threshold", "error", rule_id, message)


def _too_low(rule_id: str, name: str, threshold: float, least: float) -> Iterator[Finding]:
    if threshold <= least:
        message = (
            f"{name} fires below {threshold:g}, and nothing is below {least:g}, so it never fires; raise the threshold"
        )
        yield Finding("unreachable_threshold", "error", rule_id, message)


def _too_lax(rule_id: str, name: str, threshold: float, most: float) -> Iterator[Finding]:
    if threshold > most:
        found = f"{name} fires below {threshold:g}, and the bundle gives an answer with passages {most:.2f} at most"
        message = f"{found}, so that even the best one counts as low; lower the threshold below {most:.2f}"
        yield Finding("unreachable_threshold", "error", rule_id, message)
    elif threshold == 1:
        message = f"{name} fires below 1, which nearly everything is; lower the threshold"
        yield Finding("unreachable_threshold", "warning", rule_id, message)
