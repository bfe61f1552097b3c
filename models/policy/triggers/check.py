"""The shapes that every trigger family shares: a part of the document, a compiled comparison, and its report."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
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

# how far below a threshold a proposed change lands: two decimals are what people read and type
_STEP: Final = 0.01


class Part(BaseModel):
    """A part of a policy document: immutable, unknown fields are errors."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", validate_by_name=True, validate_by_alias=True, allow_inf_nan=False
    )


class Move(NamedTuple):
    """A change of one score that might change the decision: its name, its value now, the nearest value beyond the threshold."""

    what: str
    value: float
    to: float


class Check(Protocol):
    """One comparison of a rule, compiled from the policy: looks at a message and reports.

    ``phases`` says when there is something to look at; ``heads`` names the scores it looks at.
    """

    @property
    def phases(self) -> frozenset[Phase]:
        """The phases in which this comparison can be made."""
        ...

    @property
    def heads(self) -> tuple[str, ...]:
        """The names of the scores it looks at."""
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


def at_least(name: str, rule_id: str, value: float, threshold: float, evidence: Mapping[str, Any]) -> TriggerReport:
    """Report a value that fires at or above its threshold."""
    margin = value - threshold
    return TriggerReport(
        name=name,
        rule_id=rule_id,
        status=FIRED if margin >= 0 else EVALUATED,
        value=value,
        operator=">=",
        threshold=threshold,
        margin=margin,
        evidence=evidence,
    )


def above(name: str, rule_id: str, value: float, threshold: float, evidence: Mapping[str, Any]) -> TriggerReport:
    """Report a value that fires only above its threshold."""
    margin = value - threshold
    return TriggerReport(
        name=name,
        rule_id=rule_id,
        status=FIRED if margin > 0 else EVALUATED,
        value=value,
        operator=">",
        threshold=threshold,
        margin=margin,
        evidence=evidence,
    )


def below(name: str, rule_id: str, value: float, threshold: float, evidence: Mapping[str, Any]) -> TriggerReport:
    """Report a value that fires only below its threshold."""
    margin = threshold - value
    return TriggerReport(
        name=name,
        rule_id=rule_id,
        status=FIRED if margin > 0 else EVALUATED,
        value=value,
        operator="<",
        threshold=threshold,
        margin=margin,
        evidence=evidence,
    )


def unavailable(name: str, rule_id: str, operator: str, threshold: float | None, why: str) -> TriggerReport:
    """Report a trigger that had no value to look at; it never fires, and neither does its negation."""
    return TriggerReport(
        name=name,
        rule_id=rule_id,
        status=TriggerStatus.NOT_AVAILABLE,
        operator=operator,
        threshold=threshold,
        evidence={"status": why},
    )


def over(what: str, value: float, threshold: float) -> Move:
    """Return the move that turns ``value >= threshold`` over; probabilities, so never below 0."""
    return Move(what, value, _just_below(threshold, 0.0) if value >= threshold else threshold)


def under(what: str, value: float, threshold: float, *, least: float = 0.0) -> Move:
    """Return the move that turns ``value < threshold`` over; ``least`` is the smallest value the score can have."""
    return Move(what, value, threshold if value < threshold else _just_below(threshold, least))


def _just_below(threshold: float, least: float) -> float:
    stepped = round(threshold - _STEP, 6)
    return stepped if least <= stepped < threshold else math.nextafter(threshold, -math.inf)
