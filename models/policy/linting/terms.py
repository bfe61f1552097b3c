"""Terms of keyword rules: is every message that holds this term one that holds some of those?"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from models.policy.triggers.keyword import Keyword
from models.policy.triggers.labels import Topic
from models.policy.triggers.matching import Match, Matcher, compile_terms
from models.text import fold, normalise

# how often an unknown letter stands before and after a term
_AROUND: Final[dict[Match, tuple[int, int]]] = {"contains": (1, 1), "starts_with": (0, 1), "word": (0, 0)}
# Armenian: letters of a script with blanks between words, hardly in any term
_LETTERS: Final = "աբգդեզէըթժիլխծկհձղճմյնշոչպջռսվտրցւփքօֆ"
# small, these take a mark that they don't take as capitals (J with caron), so folding can change what stands next to them
_RECOMPOSED: Final = frozenset("HJTWY")


@dataclass(frozen=True, slots=True)
class Found:
    """One term is found in the customer's message, and none of its ``negations`` holds it back."""

    term: str
    match: Match
    case_sensitive: bool
    negations: bool | tuple[str, ...] = False

    is_possible = True

    def settles(self, truth: bool, other: Found) -> bool | None:  # noqa: FBT001
        """Ask whether every message that holds the one term holds the other."""
        one, two = (self, other) if truth else (other, self)
        return truth if two.as_list.catches(one) else None

    @property
    def as_list(self) -> TermList:
        """A list of this term alone."""
        return _list_of(self)


@dataclass(frozen=True)
class TermList:
    """Terms of which any is enough."""

    terms: tuple[str, ...]
    match: Match
    case_sensitive: bool
    negations: bool | tuple[str, ...] = False

    @classmethod
    def of(cls, part: Keyword) -> TermList:
        """Return the terms of a keyword trigger."""
        return cls(part.terms, part.match, part.case_sensitive, part.negations)

    @classmethod
    def of_topic(cls, part: Topic) -> TermList | None:
        """Return the terms of a topic trigger, ``None`` if it has none."""
        return None if part.terms is None else cls(part.terms, "word", case_sensitive=False)

    @functools.cached_property
    def parts(self) -> tuple[Found, ...]:
        """The single terms."""
        return tuple(Found(term, self.match, self.case_sensitive, self.negations) for term in dict.fromkeys(self.terms))

    def catches(self, found: Found) -> bool:
        """Return whether every message on which a term is found is one on which some of these is, for certain."""
        is_alike = (found.match, found.case_sensitive, found.negations) == (
            self.match,
            self.case_sensitive,
            self.negations,
        )
        if is_alike and found.term in self._known:
            return True
        # what is negated is not found
        return not self.negations and next(self._within(found), None) is not None

    def repeated(self) -> Iterator[tuple[str, str]]:
        """Yield the terms that another term of the list makes superfluous, each with that term."""
        first: dict[str, str] = {}
        for term in self.terms:
            plain = term if self.match == "regex" else _read(term, folded=not self.case_sensitive)
            if plain in first:
                yield term, first[plain]
                continue
            first[plain] = term
            if not self.negations:
                others = (
                    other for other in self._within(Found(term, self.match, self.case_sensitive)) if other != term
                )
                other = next(others, None)
                if other is not None:
                    yield term, other

    @functools.cached_property
    def _known(self) -> frozenset[str]:
        return frozenset(self.terms)

    @functools.cached_property
    def _matcher(self) -> Matcher:
        return compile_terms(self.terms, self.match, case_sensitive=self.case_sensitive)

    @functools.cached_property
    def _letter(self) -> str | None:
        """A letter that is in no term, so that none can be made of it."""
        used = set(fold("".join(self.terms)))
        return next((letter for letter in _LETTERS if letter not in used), None)

    def _within(self, found: Found) -> Iterator[str]:
        """Yield the terms that are certainly in a message on which ``found`` is."""
        text = self._whole(found) if found.match == "exact" else self._part(found)
        if text is not None:
            yield from (self._matcher.terms[place[0]] for place in self._matcher.search(text))

    def _whole(self, found: Found) -> str | None:
        """Return the text that is exactly a term, as this list reads texts; ``None`` where its case matters and is unknown."""
        if found.case_sensitive:
            return _read(found.term, folded=self._matcher.is_folded)
        return _read(found.term, folded=True) if self._matcher.is_folded else None

    def _part(self, found: Found) -> str | None:
        """Return what a term says of a text, as this list reads texts; ``None`` where that is not enough."""
        if "regex" in {found.match, self.match} or self.match == "exact" or self._letter is None:
            return None
        if self.match == "starts_with" and found.match != "starts_with":
            return None
        wanted = _read(found.term, folded=not found.case_sensitive)
        if found.case_sensitive != self.case_sensitive:
            if self.case_sensitive or self.match == "word" or not _folds_alone(wanted):
                return None
            wanted = fold(wanted)
        # what stands around the term is unknown: at worst letters, which end no word
        before, after = _AROUND[found.match]
        return before * self._letter + wanted + after * self._letter


def _folds_alone(wanted: str) -> bool:
    """Return whether a text that holds this term as it stands holds it folded, whatever stands around it."""
    return wanted.isascii() and wanted[-1] not in _RECOMPOSED


def _read(term: str, *, folded: bool) -> str:
    return fold(term) if folded else normalise(term)


@functools.lru_cache(maxsize=4096)
def _list_of(found: Found) -> TermList:
    return TermList((found.term,), found.match, found.case_sensitive, found.negations)
