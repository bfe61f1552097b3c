"""Conditions: one trigger, or all, any and not of conditions; compiled into a list of checks and an expression over it.

Logic has three values: a trigger without a value is unknown, ``not`` of unknown is unknown, and a rule fires only on true.
So a model that failed can never make a rule fire by its silence.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from pydantic import Field, model_validator

from models.policy.triggers.check import Bound, Check, Part
from models.policy.triggers.confidence import Confidence
from models.policy.triggers.context import Context
from models.policy.triggers.explicit import Explicit
from models.policy.triggers.guideline import Guideline
from models.policy.triggers.keyword import Keyword
from models.policy.triggers.labels import Dialogue, Intent, Topic
from models.policy.triggers.memory import Memory
from models.policy.triggers.repetition import Repetition
from models.policy.triggers.risk import Risk
from models.policy.triggers.sentiment import Frustration, Sentiment
from models.policy.triggers.time import Time

Truth = bool | None


class Condition(Part):
    """What a rule waits for: exactly one of these. ``{field: ..., in: [...]}`` is short for ``{context: {...}}``."""

    keyword: Keyword | None = None
    explicit: Explicit | None = None
    intent: Intent | None = None
    topic: Topic | None = None
    dialogue: Dialogue | None = None
    sentiment: Sentiment | None = None
    frustration: Frustration | None = None
    guideline: Guideline | None = None
    confidence: Confidence | None = None
    repetition: Repetition | None = None
    time: Time | None = None
    risk: Risk | None = None
    turn: Memory | None = None
    context: Context | None = None
    all: tuple[Condition, ...] | None = Field(default=None, min_length=1)
    any: tuple[Condition, ...] | None = Field(default=None, min_length=1)
    not_: Condition | None = Field(default=None, alias="not")

    @model_validator(mode="before")
    @classmethod
    def _name_the_context(cls, data: Any) -> Any:
        return {"context": data} if isinstance(data, dict) and "field" in data else data

    @model_validator(mode="after")
    def _exactly_one(self) -> Condition:
        found = [name.rstrip("_") for name in type(self).model_fields if getattr(self, name) is not None]
        if len(found) != 1:
            what = f"{len(found)} triggers ({', '.join(found)})" if found else "no trigger"
            raise ValueError(f"{what} in one condition, expected exactly one; combine several with `all` or `any`")
        return self

    def compile(self, rule_id: str, checks: list[Check], bound: Bound) -> Expression:
        """Append the checks of this condition to ``checks`` and return the expression over their places in it."""
        if self.all is not None:
            return All(tuple(part.compile(rule_id, checks, bound) for part in self.all))
        if self.any is not None:
            return AnyOf(tuple(part.compile(rule_id, checks, bound) for part in self.any))
        if self.not_ is not None:
            return Not(self.not_.compile(rule_id, checks, bound))
        leaf = next(part for name in LEAVES if (part := getattr(self, name)) is not None)
        first = len(checks)
        checks.extend(leaf.checks(rule_id, bound))
        if len(checks) == first + 1:
            return Leaf(first)
        return AnyOf(tuple(Leaf(index) for index in range(first, len(checks))))

    def parts(self) -> Iterator[Condition]:
        """Yield this condition and all that it is made of."""
        yield self
        for part in (*(self.all or ()), *(self.any or ()), *([self.not_] if self.not_ else ())):
            yield from part.parts()


LEAVES: Final = tuple(name for name in Condition.model_fields if name not in {"all", "any", "not_"})


class Expression(Protocol):
    """Tells whether a rule holds, from the truths of its checks."""

    def holds(self, truths: Sequence[Truth]) -> Truth:
        """Return true, false, or ``None`` for unknown."""
        ...


@dataclass(frozen=True, slots=True)
class Leaf:
    """The check at one place."""

    index: int

    def holds(self, truths: Sequence[Truth]) -> Truth:
        """Return the check's truth."""
        return truths[self.index]


@dataclass(frozen=True, slots=True)
class All:
    """Every part holds; false as soon as one is false, whatever is unknown."""

    parts: tuple[Expression, ...]

    def holds(self, truths: Sequence[Truth]) -> Truth:
        """Return the conjunction."""
        found: Truth = True
        for part in self.parts:
            truth = part.holds(truths)
            if truth is False:
                return False
            if truth is None:
                found = None
        return found


@dataclass(frozen=True, slots=True)
class AnyOf:
    """Some part holds; true as soon as one is true, whatever is unknown."""

    parts: tuple[Expression, ...]

    def holds(self, truths: Sequence[Truth]) -> Truth:
        """Return the disjunction."""
        found: Truth = False
        for part in self.parts:
            truth = part.holds(truths)
            if truth:
                return True
            if truth is None:
                found = None
        return found


@dataclass(frozen=True, slots=True)
class Not:
    """The part doesn't hold."""

    part: Expression

    def holds(self, truths: Sequence[Truth]) -> Truth:
        """Return the negation."""
        found = self.part.holds(truths)
        return None if found is None else not found
