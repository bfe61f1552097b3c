"""Keywords: words and phrases in the customer's message, found without a model."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, Final, Protocol, Self

from pydantic import Field, StringConstraints, model_validator

from models.contracts import TriggerReport
from models.negations import Negations
from models.policy.triggers.check import EVALUATED, FIRED, PRE, Bound, Flag, Part
from models.policy.triggers.matching import Match, Matcher, Place, compile_terms, is_boundary
from models.policy.triggers.view import View
from models.text import fold, normalise

Term = Annotated[str, StringConstraints(min_length=1, max_length=500)]
Terms = Annotated[tuple[Term, ...], Field(min_length=1, max_length=20_000)]
Phrase = Annotated[str, StringConstraints(min_length=1, max_length=100)]
Phrases = Annotated[tuple[Phrase, ...], Field(min_length=1, max_length=200)]

# nobody negates so many; what more there are is taken as negated too
_MAX_PLACES: Final = 1000
_COMPILED: Final = "matcher"


class Searching(Part):
    """A part that keeps its terms compiled, as ``matcher``: thousands of them take a while.

    A copy may get other terms, and what is compiled can't be pickled, so copies and pickles compile their own.
    """

    def __copy__(self) -> Self:
        copy = super().__copy__()
        copy.__dict__.pop(_COMPILED, None)
        return copy

    def __deepcopy__(self, memo: dict[int, Any] | None = None) -> Self:
        return self.__copy__()  # all fields are immutable

    def __getstate__(self) -> dict[Any, Any]:
        state = super().__getstate__()
        return {**state, "__dict__": {name: value for name, value in state["__dict__"].items() if name != _COMPILED}}


class Keyword(Searching):
    r"""``terms`` to look for, and how to ``match`` them.

    exact: the whole message is the term. contains: anywhere, also inside words. starts_with: the message begins with it.
    word: between word boundaries; in scripts without blanks they are everywhere. regex: an RE2 pattern, found anywhere
    (its ``\b`` and ``\w`` know ASCII only; write ``\pL`` for a letter).
    Unless ``case_sensitive``, texts are compared case-folded, so ``STRASSE`` finds ``Straße``.

    ``negations``: true, and a term that the message negates ("I don't need an agent", "kein Mitarbeiter nötig") doesn't
    count, by the lists that find requests for a person, of the message's language if it is known. Or phrases: right before
    a term they negate it. A term that holds a negation itself ("no refund") counts as it stands.
    """

    terms: Terms
    match: Match = "contains"
    case_sensitive: Flag = False
    negations: Flag | Phrases = False

    @model_validator(mode="after")
    def _can_be_compiled(self) -> Keyword:
        _ = self.matcher, self._guard()
        return self

    @functools.cached_property
    def matcher(self) -> Matcher:
        """The terms, compiled."""
        return compile_terms(self.terms, self.match, case_sensitive=self.case_sensitive)

    def checks(self, rule_id: str, _bound: Bound) -> tuple[KeywordCheck, ...]:
        """Compile."""
        return (KeywordCheck(rule_id, self.matcher, self._guard()),)

    def _guard(self) -> Guard | None:
        if isinstance(self.negations, bool):
            return _by_language if self.negations else None
        plain = normalise if self.case_sensitive else fold
        phrases = {plain(phrase): phrase for phrase in self.negations}
        if "" in phrases:
            raise ValueError(f"the negation {phrases['']!r} is empty once normalised; remove it or write a word")
        return lambda _, text: _Listed(text, tuple(phrases), plain)


class Negating(Protocol):
    """Knows what a text negates."""

    def of(self, start: int, end: int) -> str | None:
        """Return the words that negate what stands from ``start`` to ``end``; ``None`` when nothing does."""
        ...


Guard = Callable[[View, str], Negating]


def _by_language(view: View, text: str) -> Negating:
    return Negations(text, view.language)


class _Listed:
    """Knows what phrases, right before it, negate in a text."""

    def __init__(self, text: str, phrases: tuple[str, ...], plain: Callable[[str], str]) -> None:
        self._text = text
        self._phrases = phrases
        self._plain = plain
        # a blank, and the letter before the phrase
        self._reach = max(map(len, phrases)) + 2

    def of(self, start: int, _end: int) -> str | None:
        """Return the phrase that negates what begins at ``start``."""
        if not is_boundary(self._text, start):
            return None
        before = self._plain(self._text[max(0, start - self._reach) : start])
        for phrase in self._phrases:
            if before.endswith(phrase) and is_boundary(before, len(before) - len(phrase)):
                return phrase
        return None


@dataclass(frozen=True, slots=True)
class KeywordCheck:
    """Fires on the first term, in the policy's order, that the message holds; evidence: term, text, span.

    With a guard, on the first that the message doesn't negate; if it negates all of them, the evidence is of the first, and
    ``negated`` are the words that negate it.
    """

    rule_id: str
    matcher: Matcher
    guard: Guard | None = None

    name = "keyword"
    phases = PRE
    heads = ()
    sees = ()

    def look(self, view: View) -> TriggerReport:
        """Look for the terms."""
        evidence = self.matcher.find(view) if self.guard is None else self._find(view, self.guard)
        if evidence is None:
            return TriggerReport("keyword", self.rule_id, EVALUATED, None, self.matcher.match)
        if "negated" in evidence:
            return TriggerReport("keyword", self.rule_id, EVALUATED, None, self.matcher.match, evidence=evidence)
        return TriggerReport("keyword", self.rule_id, FIRED, evidence["term"], self.matcher.match, evidence=evidence)

    def _find(self, view: View, guard: Guard) -> dict[str, Any] | None:
        text = self.matcher.text(view)
        negating: Negating | None = None
        first: tuple[Place, str] | None = None
        for place in itertools.islice(self.matcher.search(text), _MAX_PLACES):
            negating = negating or guard(view, text)
            negation = negating.of(*place[1:])
            if negation is None:
                return self.matcher.evidence(view, place)
            first = first or (place, negation)
        return first and {**self.matcher.evidence(view, first[0]), "negated": first[1]}
