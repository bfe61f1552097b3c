"""The shapes that every trigger family shares: a part of the document, a compiled comparison, and its report."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Annotated, Any, Final, NamedTuple, Protocol, runtime_checkable

from pydantic import BaseModel, ConfigDict, Strict

from models.contracts import Phase, TriggerReport, TriggerStatus
from models.policy.triggers.view import View

FIRED: Final = TriggerStatus.FIRED
EVALUATED: Final = TriggerStatus.EVALUATED

PRE: Final = frozenset({Phase.PRE})
POST: Final = frozenset({Phase.POST})
BOTH: Final = PRE | POST

# numbers and truths as they are: "0.8" in quotes and true for 1 are mistakes
Number = Annotated[float, Strict()]
Count = Annotated[int, Strict()]
Flag = Annotated[bool, Strict()]

# of a label for which neither policy nor bundle has a threshold
FALLBACK_THRESHOLD: Final = 0.8

# TriggerReport(...) from a tuple of all its fields: a report is made for every check of every message, and this is the
# fastest way to make one
make_report: Final[Callable[[tuple[Any, ...]], TriggerReport]] = partial(tuple.__new__, TriggerReport)

# how far below a threshold a proposed change lands: two decimals are what people read and type
_STEP: Final = 0.01


class Part(BaseModel):
    """A part of a policy document: immutable, unknown fields are errors."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", validate_by_name=True, validate_by_alias=True, allow_inf_nan=False
    )


@dataclass(frozen=True, slots=True)
class Bound:
    """What a policy's triggers are bound to when they are compiled, beyond what they say themselves.

    ``custom``: the labels that the policy brings along, with the thresholds that it gives them. ``thresholds``: what the bundle
    recommends for its own labels, and for the custom ones.
    """

    custom: Mapping[str, float | None] = field(default_factory=dict)
    thresholds: Mapping[str, float] = field(default_factory=dict)

    def threshold(self, label: str) -> float:
        """Return the threshold of a label for which a trigger gives none."""
        own = self.custom.get(label)
        return self.thresholds.get(label, FALLBACK_THRESHOLD) if own is None else own


class Move(NamedTuple):
    """A change that might change the decision: what changes, its value now, the nearest value beyond the threshold.

    A change of a score; or, where ``check`` is set, of what a check asks for that counts: its rule and its place there.
    """

    what: str
    value: float
    to: float
    check: tuple[str, int] | None = None


class Check(Protocol):
    """One comparison of a rule, compiled from the policy: looks at a message and reports.

    ``phases`` says when there is something to look at; ``heads`` names the scores it looks at, ``sees`` all that can change
    what it finds.
    """

    @property
    def name(self) -> str:
        """What its reports are called."""
        ...

    @property
    def phases(self) -> frozenset[Phase]:
        """The phases in which this comparison can be made."""
        ...

    @property
    def heads(self) -> tuple[str, ...]:
        """The names of the scores it looks at."""
        ...

    @property
    def sees(self) -> tuple[str, ...]:
        """The names of all scores that can change what it finds."""
        ...

    def look(self, view: View) -> TriggerReport:
        """Compare and report."""
        ...


@runtime_checkable
class ScoreCheck(Check, Protocol):
    """A comparison whose value is a score, so that a change of that score can turn it over."""

    def moves(self, view: View) -> Iterable[Move]:
        """Return the smallest changes of one score that would turn this comparison over."""
        ...


@runtime_checkable
class CountCheck(Check, Protocol):
    """A comparison of a count, which nobody can change; its threshold is what a change could be of."""

    def count_move(self, report: TriggerReport) -> Move | None:
        """Return the smallest change of the threshold that would turn this comparison over, from its report."""
        ...


@runtime_checkable
class RecallCheck(Check, Protocol):
    """A comparison that looks at the scores of earlier messages, so that they must have been scored."""

    @property
    def recalls(self) -> tuple[tuple[Phase, str], ...]:
        """Those scores: the phase of their messages, and their names."""
        ...


def at_least(name: str, rule_id: str, value: float, threshold: float, evidence: Mapping[str, Any]) -> TriggerReport:
    """Report a value that fires at or above its threshold."""
    margin = value - threshold
    status = FIRED if margin >= 0 else EVALUATED
    return make_report((name, rule_id, status, value, ">=", threshold, margin, evidence))


def above(name: str, rule_id: str, value: float, threshold: float, evidence: Mapping[str, Any]) -> TriggerReport:
    """Report a value that fires only above its threshold."""
    margin = value - threshold
    status = FIRED if margin > 0 else EVALUATED
    return make_report((name, rule_id, status, value, ">", threshold, margin, evidence))


def below(name: str, rule_id: str, value: float, threshold: float, evidence: Mapping[str, Any]) -> TriggerReport:
    """Report a value that fires only below its threshold."""
    margin = threshold - value
    status = FIRED if margin > 0 else EVALUATED
    return make_report((name, rule_id, status, value, "<", threshold, margin, evidence))


def counted(report: TriggerReport, *, least: int, most: int | None = None) -> Move | None:
    """Return the change of a count's threshold that turns a report over, from ``least`` to ``most``: what a policy may ask."""
    if not isinstance(report.value, int | float) or report.threshold is None:
        return None
    is_fired = report.status is FIRED
    if report.operator == ">=":
        to = report.value + 1 if is_fired else report.value
    else:
        to = report.value if is_fired else report.value - 1
    if to < least or (most is not None and to > most):
        return None
    return Move(f"rules.{report.rule_id}.{report.name}", report.threshold, to)


def unavailable(name: str, rule_id: str, operator: str, threshold: float | None, why: str) -> TriggerReport:
    """Report a trigger that had no value to look at; it never fires, and neither does its negation."""
    return TriggerReport(name, rule_id, TriggerStatus.NOT_AVAILABLE, None, operator, threshold, None, {"status": why})


def over(what: str, value: float, threshold: float) -> Move:
    """Return the move that turns ``value >= threshold`` over; probabilities, so never below 0."""
    return Move(what, value, _just_below(threshold, 0.0) if value >= threshold else threshold)


@dataclass(frozen=True, slots=True)
class NumberCheck:
    """Fires when a score that is one probability (``frustration``, ``risk``) is at or above the threshold."""

    rule_id: str
    name: str
    threshold: float
    phases: frozenset[Phase]

    @property
    def heads(self) -> tuple[str, ...]:
        """The score."""
        return (self.name,)

    @property
    def sees(self) -> tuple[str, ...]:
        """The same."""
        return self.heads

    def look(self, view: View) -> TriggerReport:
        """Compare."""
        value = self._value(view)
        if value is None:
            return unavailable(self.name, self.rule_id, ">=", self.threshold, view.missing(self.name))
        return at_least(self.name, self.rule_id, value, self.threshold, {})

    def moves(self, view: View) -> tuple[Move, ...]:
        """Return the move of the score."""
        value = self._value(view)
        return () if value is None else (over(f"scores.{self.name}", value, self.threshold),)

    def _value(self, view: View) -> float | None:
        value: float | None = None if view.scores is None else getattr(view.scores, self.name)
        return value


def under(what: str, value: float, threshold: float, *, least: float = 0.0) -> Move:
    """Return the move that turns ``value < threshold`` over; ``least`` is the smallest value the score can have."""
    return Move(what, value, threshold if value < threshold else _just_below(threshold, least))


def _just_below(threshold: float, least: float) -> float:
    stepped = round(threshold - _STEP, 6)
    return stepped if least <= stepped < threshold else math.nextafter(threshold, -math.inf)
