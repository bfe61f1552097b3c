"""Does one condition hold whenever another does? Certain answers only; "no" means "not for certain".

A condition is read as a formula over literals: comparisons that are true, or false. A comparison without a value to look at
is neither, as in ``triggers.combine``, so that ``not`` of it proves nothing.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from models.policy.linting.predicates import Holds, Level, OfferWas, Predicate, Same
from models.policy.linting.terms import Found, TermList
from models.policy.triggers.check import FALLBACK_THRESHOLD
from models.policy.triggers.combine import LEAVES, Condition
from models.policy.triggers.confidence import Confidence
from models.policy.triggers.context import Context
from models.policy.triggers.explicit import Explicit
from models.policy.triggers.guideline import Guideline
from models.policy.triggers.keyword import Keyword
from models.policy.triggers.labels import Dialogue, Intent, Labelled, Topic
from models.policy.triggers.memory import Memory
from models.policy.triggers.repetition import Repetition
from models.policy.triggers.risk import Risk
from models.policy.triggers.sentiment import Frustration, Sentiment
from models.policy.triggers.time import Time

# a condition with more ways to come true than this is too tangled to reason about
MAX_ALTERNATIVES: Final = 25_000
# literals of one alternative that are compared with each other
_MAX_LITERALS: Final = 200


@dataclass(frozen=True, slots=True)
class Literal:
    """A comparison that is true, or one that was made and is false."""

    predicate: Predicate
    truth: bool


@dataclass(frozen=True, slots=True)
class Every:
    """All parts."""

    parts: tuple[Formula, ...]


@dataclass(frozen=True, slots=True)
class Some:
    """At least one part."""

    parts: tuple[Formula, ...]


# a list of terms is some of them, found all at once
Formula = Literal | Every | Some | TermList
# one way in which a formula comes true: these literals together
Alternative = tuple[Literal, ...]


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads conditions as formulas.

    ``custom`` are the policy's own labels with their thresholds, ``thresholds`` the bundle's; ``None`` where no bundle is
    known, and thresholds that the policy leaves to it are then equal to themselves and to nothing else.
    """

    custom: Mapping[str, float | None] = field(default_factory=dict)
    thresholds: Mapping[str, float] | None = None

    def read(self, condition: Condition, *, truth: bool = True) -> Formula:
        """Return the formula of a condition that is true, or false."""
        parts = condition.all or condition.any
        if parts is not None:
            return _combined(
                (self.read(part, truth=truth) for part in parts), every=(condition.all is not None) is truth
            )
        if condition.not_ is not None:
            return self.read(condition.not_, truth=not truth)
        leaf = next(part for name in LEAVES if (part := getattr(condition, name)) is not None)
        read = _LEAVES.get(type(leaf))
        if read is None:
            return Literal(Same((leaf,)), truth)
        return read(self, leaf, truth)

    def level(self, what: tuple[Any, ...], label: str, own: float | None) -> Level:
        """Return the level of a label whose trigger gives this threshold, or none."""
        threshold = self.threshold(label) if own is None else own
        return Level((*what, "as recommended"), ()) if threshold is None else Level(what, (threshold,))

    def threshold(self, label: str) -> float | None:
        """Return the threshold that a label has without its trigger's help; ``None`` if only a bundle could say."""
        if self.custom.get(label) is not None:
            return self.custom[label]
        if self.thresholds is None:
            return None
        return self.thresholds.get(label, None if label in self.custom else FALLBACK_THRESHOLD)


def alternatives(formula: Formula) -> tuple[Alternative, ...] | None:
    """Return every way in which a formula can come true, without those that contradict themselves; ``None`` if too many."""
    found = _expand(formula)
    return None if found is None else tuple(way for way in found if is_possible(way))


def follows(formula: Formula, given: Alternative) -> bool:
    """Return whether a formula is true wherever all the given literals are, for certain."""
    match formula:
        case Every(parts):
            return all(follows(part, given) for part in parts)
        case Some(parts):
            return any(follows(part, given) for part in parts)
        case TermList():
            found = (one.predicate for one in given if one.truth and isinstance(one.predicate, Found))
            return any(formula.catches(one) for one in found)
        case Literal(predicate, truth):
            return any(_settles(one, predicate) is truth for one in given)


def implies(one: Condition, other: Condition, reader: Reader | None = None) -> bool:
    """Return whether ``other`` holds of every message of which ``one`` holds, for certain."""
    reader = reader or Reader()
    ways = alternatives(reader.read(one))
    return ways is not None and all(follows(reader.read(other), way) for way in ways)


def is_possible(way: Alternative) -> bool:
    """Return whether literals can be true together, as far as two of them can tell."""
    if any(one.truth and not one.predicate.is_possible for one in way):
        return False
    if len(way) > _MAX_LITERALS:
        return True
    return not any(_settles(one, other.predicate) is (not other.truth) for one, other in itertools.permutations(way, 2))


def _settles(one: Literal, other: Predicate) -> bool | None:
    if type(one.predicate) is not type(other):
        return None
    return one.predicate.settles(one.truth, other)


def _expand(formula: Formula) -> list[Alternative] | None:
    match formula:
        case Literal():
            return [(formula,)]
        case TermList():
            return [(Literal(found, truth=True),) for found in formula.parts]
        case Some(parts):
            found = [_expand(part) for part in parts]
            ways = [way for part in found if part is not None for way in part]
            return None if None in found or len(ways) > MAX_ALTERNATIVES else ways
        case Every(parts):
            ways = [()]
            for part in parts:
                more = _expand(part)
                if more is None or len(ways) * len(more) > MAX_ALTERNATIVES:
                    return None
                ways = [(*way, *other) for way in ways for other in more]
            return ways


def _combined(parts: Iterable[Formula], *, every: bool) -> Formula:
    found = tuple(parts)
    if len(found) == 1:
        return found[0]
    return Every(found) if every else Some(found)


def _clauses(predicates: Iterable[Predicate], truth: bool) -> Formula:  # noqa: FBT001
    """Return the formula of a trigger of which any clause is enough: one is true, or all are false."""
    return _combined((Literal(predicate, truth) for predicate in predicates), every=not truth)


def _keyword(_: Reader, part: Keyword, truth: bool) -> Formula:  # noqa: FBT001
    return _terms(TermList.of(part), truth)


def _terms(terms: TermList, truth: bool) -> Formula:  # noqa: FBT001
    return terms if truth else _clauses(terms.parts, truth=False)


def _explicit(reader: Reader, part: Explicit, truth: bool) -> Formula:  # noqa: FBT001
    return Literal(reader.level(("explicit", part.use_model), "explicit", part.threshold), truth)


def _labelled(head: str) -> Callable[[Reader, Any, bool], Formula]:
    return lambda reader, part, truth: _labels(reader, part, head, truth)


def _labels(reader: Reader, part: Labelled, head: str, truth: bool) -> Formula:  # noqa: FBT001
    levels = [
        reader.level(
            ("custom" if label in reader.custom and head != "dialogue" else head, label),
            label,
            part.thresholds.get(label, part.threshold),
        )
        for label in dict.fromkeys(part.labels)
    ]
    if truth or len(levels) == 1:
        return _clauses(levels, truth)
    # all of those that were scored are below: which were, nobody knows, so nothing is said of a single one
    levels.sort(key=lambda level: str(level.what))
    together = Level(
        tuple(level.what for level in levels), tuple(itertools.chain(*(level.strictness for level in levels)))
    )
    return Literal(together, truth)


def _dialogue(reader: Reader, part: Dialogue, truth: bool) -> Formula:  # noqa: FBT001
    if part.times == 1:
        return _labels(reader, part, "dialogue", truth)
    # each of the messages may have another label: the labels count as one thing
    levels = sorted(
        (reader.level((label,), label, part.thresholds.get(label, part.threshold)) for label in set(part.labels)),
        key=lambda level: level.what,
    )
    strictness = itertools.chain((part.times,), *(level.strictness for level in levels))
    return Literal(Level(("times", *(level.what for level in levels)), tuple(strictness)), truth)


def _topic(reader: Reader, part: Topic, truth: bool) -> Formula:  # noqa: FBT001
    parts = [_labels(reader, part, "topics", truth)] if part.use_model else []
    terms = TermList.of_topic(part)
    if terms is not None:
        parts.append(_terms(terms, truth))
    return _combined(parts, every=not truth)


def _sentiment(_: Reader, part: Sentiment, truth: bool) -> Formula:  # noqa: FBT001
    return _clauses(_sentiments(part), truth)


def _sentiments(part: Sentiment) -> Iterator[Level]:
    if part.below is not None:
        yield _under(("sentiment",), part.below, least=-1)
    if part.streak is not None:
        # neutral messages make a streak longer
        yield Level(("streak",), (part.streak, 0 if part.include_neutral else 1))
    if part.window is not None:
        yield _under(("window", part.window.messages), part.window.below, least=-1)


def _frustration(_: Reader, part: Frustration, truth: bool) -> Formula:  # noqa: FBT001
    return Literal(Level(("frustration",), (part.at_least,)), truth)


def _guideline(reader: Reader, part: Guideline, truth: bool) -> Formula:  # noqa: FBT001
    name = part.label.name
    return Literal(reader.level(("custom", name), name, part.threshold), truth)


def _risk(_: Reader, part: Risk, truth: bool) -> Formula:  # noqa: FBT001
    return Literal(Level(("risk",), (part.threshold,)), truth)


def _confidence(_: Reader, part: Confidence, truth: bool) -> Formula:  # noqa: FBT001
    level = Level(("confidence",), (-part.threshold, part.consecutive_low_turns), part.threshold > 0)
    return Literal(level, truth)


def _repetition(_: Reader, part: Repetition, truth: bool) -> Formula:  # noqa: FBT001
    counts = (
        (("retries",), part.max_retries, (part.similarity,)),
        (("fallbacks",), part.max_fallbacks, ()),
        (("loops",), part.max_loops, ()),
    )
    return _clauses((Level(what, (count, *more)) for what, count, more in counts if count is not None), truth)


def _time(_: Reader, part: Time, truth: bool) -> Formula:  # noqa: FBT001
    names = ("max_duration_seconds", "max_messages", "max_bot_responses")
    limits = ((name, getattr(part, name)) for name in names)
    return _clauses((Level((name,), (limit,)) for name, limit in limits if limit is not None), truth)


def _memory(_: Reader, part: Memory, truth: bool) -> Formula:  # noqa: FBT001
    if part.fired is not None:
        return _clauses((Same(("fired", rule_id)) for rule_id in part.fired), truth)
    if part.after_confidence_below is not None:
        return Literal(_under(("after_confidence",), part.after_confidence_below, least=0), truth)
    if part.after_bot is not None:
        threshold = part.after_bot.threshold
        return _clauses((Level(("after_bot", label), (threshold,)) for label in part.after_bot.labels), truth)
    if part.after_fallback is not None:
        return Literal(Same(("after_fallback",)), truth)
    name = next(name for name in ("offer_pending", "offer_declined", "offer_made") if getattr(part, name) is not None)
    return Literal(OfferWas(name), truth)


def _context(_: Reader, part: Context, truth: bool) -> Formula:  # noqa: FBT001
    return Literal(Holds.of(part), truth)


def _under(what: tuple[Any, ...], threshold: float, *, least: float) -> Level:
    """Return the level of what fires below a threshold; below the least value there is none."""
    return Level(what, (-threshold,), threshold > least)


_LEAVES: Final[Mapping[type, Callable[[Reader, Any, bool], Formula]]] = {
    Keyword: _keyword,
    Explicit: _explicit,
    Intent: _labelled("intents"),
    Topic: _topic,
    Dialogue: _dialogue,
    Sentiment: _sentiment,
    Frustration: _frustration,
    Guideline: _guideline,
    Risk: _risk,
    Confidence: _confidence,
    Repetition: _repetition,
    Time: _time,
    Memory: _memory,
    Context: _context,
}
