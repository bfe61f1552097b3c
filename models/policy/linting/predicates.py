"""What single comparisons say of each other: if this one holds of a message, must that one hold, or can it not?

Everything here is certain. Where nothing certain can be said the answer is ``None``.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, Protocol

from models.policy.triggers.check import Bound
from models.policy.triggers.context import Context, ContextCheck


class Predicate(Protocol):
    """A comparison, true or false of a message, or without a value to look at."""

    @property
    def is_possible(self) -> bool:
        """Whether it can be true at all."""
        ...

    def settles(self, truth: bool, other: Any) -> bool | None:  # noqa: FBT001
        """Return what ``other``, of the same class, must be where this one is ``truth``; ``None`` where it may be either."""
        ...


@dataclass(frozen=True, slots=True)
class Level:
    """A comparison with thresholds: what reaches a stricter level reaches the less strict ones.

    ``what`` is compared; levels of another thing have nothing to say of each other. ``strictness`` is the threshold, or
    several, with signs so that more is stricter.
    """

    what: tuple[Any, ...]
    strictness: tuple[float, ...]
    is_possible: bool = True

    def settles(self, truth: bool, other: Level) -> bool | None:  # noqa: FBT001
        """Compare the levels."""
        if self.what != other.what:
            return None
        stricter, laxer = (self, other) if truth else (other, self)
        is_settled = all(one >= two for one, two in zip(stricter.strictness, laxer.strictness, strict=True))
        return truth if is_settled else None


@dataclass(frozen=True, slots=True)
class Same:
    """A condition of which nothing is known but when it is the same: ``parts`` are all that it says."""

    parts: tuple[Any, ...]

    is_possible = True

    def settles(self, truth: bool, other: Same) -> bool | None:  # noqa: FBT001
        """Compare the parts."""
        return truth if self.parts == other.parts else None


@dataclass(frozen=True, slots=True)
class Holds:
    """A condition on a field of the caller's.

    What it says of a value depends only on the constants that it names, so a handful of values stands for all of them:
    the constants, something between and beyond them, and something else of each kind.
    """

    check: ContextCheck

    is_possible = True

    @classmethod
    def of(cls, context: Context) -> Holds:
        """Return the predicate of a condition."""
        return cls(*(check for check in context.checks("", Bound()) if isinstance(check, ContextCheck)))

    def settles(self, truth: bool, other: Holds) -> bool | None:  # noqa: FBT001
        """Try every kind of value that makes this one ``truth``."""
        if self.check.field != other.check.field:
            return None
        values = (value for value in _values(self, other) if self.is_true_of(value) is truth)
        return _agreed(other.is_true_of(value) for value in values)

    def is_true_of(self, value: Any) -> bool:
        """Compare a value of the field."""
        return self.check.holds(value, self.check.wanted)

    @property
    def constants(self) -> tuple[Any, ...]:
        """The values that it names."""
        return self.check.wanted if isinstance(self.check.wanted, tuple) else (self.check.wanted,)


def _values(*predicates: Holds) -> Iterator[Any]:
    constants = [constant for predicate in predicates for constant in predicate.constants]
    numbers = sorted({value + 0 for value in constants if isinstance(value, int | float)})  # true is 1 here
    yield from constants
    yield from numbers
    yield from itertools.starmap(_between, itertools.pairwise(numbers))
    yield from (-math.inf, math.inf, None, True, False, (), "\0 no constant is this")


def _between(low: float, high: float) -> float:
    try:
        return low / 2 + high / 2
    except OverflowError:  # no float is that large
        return (int(low) + int(high)) // 2


@dataclass(frozen=True, slots=True)
class OfferWas:
    """A condition on the epoch's offer: ``offer_made`` and its like."""

    condition: str

    is_possible = True

    def settles(self, truth: bool, other: OfferWas) -> bool | None:  # noqa: FBT001
        """Try every state that an offer can be in."""
        states = (state for state in _OFFERS if (state in _TRUE_IN[self.condition]) is truth)
        return _agreed(state in _TRUE_IN[other.condition] for state in states)


_NONE_MADE: Final = "none"
_MADE: Final = frozenset({"pending", "accepted", "declined", "lapsed"})
_OFFERS: Final = (_NONE_MADE, *sorted(_MADE))
_TRUE_IN: Final = {"offer_pending": {"pending"}, "offer_declined": {"declined"}, "offer_made": _MADE}


def _agreed(truths: Iterator[bool]) -> bool | None:
    """Return what all of them are; ``None`` if they differ, or there are none."""
    found = set(truths)
    return found.pop() if len(found) == 1 else None
