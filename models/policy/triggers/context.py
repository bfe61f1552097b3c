"""Conditions on what the caller knows: customer, channel, language, context."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final

from pydantic import AfterValidator, Field, StrictBool, StrictFloat, StrictInt, StrictStr, model_validator

from models.contracts import TriggerReport
from models.policy.triggers.check import BOTH, EVALUATED, FIRED, Bound, Check, Part
from models.policy.triggers.view import View
from models.text import excerpt

Plain = StrictBool | StrictInt | StrictFloat | StrictStr
Amount = StrictInt | StrictFloat

ROOTS: Final = ("customer", "context", "channel", "language")


def _field_has_a_root(value: str) -> str:
    root, _, rest = value.partition(".")
    if root not in ROOTS or (root in {"customer", "context"}) != bool(rest):
        raise ValueError(f"unknown field {value!r}; expected customer.<name>, context.<name>, channel or language")
    return value


FieldName = Annotated[str, AfterValidator(_field_has_a_root)]


class Context(Part):
    """``field`` (``customer.tier``, ``context.cart.total``, ``channel``, ``language``) and one comparison with it.

    A field that the caller didn't send holds nothing: ``not_in`` and ``exists: false`` are true of it, all else is false.
    """

    field: FieldName
    equals: Plain | None = None
    in_: tuple[Plain, ...] | None = Field(default=None, alias="in", min_length=1)
    not_in: tuple[Plain, ...] | None = Field(default=None, min_length=1)
    at_least: Amount | None = None
    above: Amount | None = None
    at_most: Amount | None = None
    below: Amount | None = None
    exists: StrictBool | None = None

    @model_validator(mode="after")
    def _one_comparison(self) -> Context:
        found = [name for name in _COMPARISONS if getattr(self, name) is not None]
        if len(found) != 1:
            names = ", ".join(name.rstrip("_") for name in _COMPARISONS)
            raise ValueError(f"{len(found)} comparisons, expected exactly one of {names}")
        return self

    def checks(self, rule_id: str, _bound: Bound) -> tuple[Check, ...]:
        """Compile."""
        name = next(name for name in _COMPARISONS if getattr(self, name) is not None)
        return (ContextCheck(rule_id, self.field, name.rstrip("_"), getattr(self, name), _COMPARISONS[name]),)


@dataclass(frozen=True, slots=True)
class ContextCheck:
    """Fires when the comparison holds; a value of the wrong type never compares as a number."""

    rule_id: str
    field: str
    comparison: str
    wanted: Any
    holds: Callable[[Any, Any], bool]

    phases = BOTH
    heads = ()
    sees = ()

    @property
    def name(self) -> str:
        """The field."""
        return self.field

    def look(self, view: View) -> TriggerReport:
        """Find the field and compare; evidence: what was found and what was wanted."""
        value = find_field(view, self.field)
        shown = excerpt(value) if isinstance(value, str) else value if isinstance(value, int | float) else None
        wanted = list(self.wanted) if isinstance(self.wanted, tuple) else self.wanted
        status = FIRED if self.holds(value, self.wanted) else EVALUATED
        return TriggerReport(self.field, self.rule_id, status, shown, self.comparison, evidence={"wanted": wanted})


def find_field(view: View, field: str) -> Any:
    """Return the value of a field such as ``customer.tier``; ``None`` where the caller sent none."""
    root, *path = field.split(".")
    if root == "channel":
        return view.channel
    if root == "language":
        return view.language
    value: Any = view.customer if root == "customer" else view.context
    for name in path:
        if not isinstance(value, Mapping) or name not in value:
            return None
        value = value[name]
    return value


def _same(value: Any, wanted: Any) -> bool:
    """Compare without Python's ``True == 1``."""
    return bool(value == wanted) and isinstance(value, bool) == isinstance(wanted, bool)


def _in(value: Any, wanted: tuple[Any, ...]) -> bool:
    return any(_same(value, one) for one in wanted)


def _numbers(compare: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    def holds(value: Any, wanted: Any) -> bool:
        return isinstance(value, int | float) and not isinstance(value, bool) and compare(value, wanted)

    return holds


_COMPARISONS: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "equals": _same,
    "in_": _in,
    "not_in": lambda value, wanted: not _in(value, wanted),
    "at_least": _numbers(operator.ge),
    "above": _numbers(operator.gt),
    "at_most": _numbers(operator.le),
    "below": _numbers(operator.lt),
    "exists": lambda value, wanted: (value is not None) == wanted,
}
