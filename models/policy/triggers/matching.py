"""How terms are found in a text: the five ways to match, compiled once; one pass over the text for all terms."""

from __future__ import annotations

import functools
import unicodedata
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from heapq import heapify, heappop
from typing import Any, Final, Literal

import re2
from ahocorasick_rs import AhoCorasick

from models.policy.triggers.view import View
from models.text import fold, is_unspaced, normalise

Match = Literal["exact", "contains", "starts_with", "word", "regex"]
# of a term, and of the text that it matches: the term's place among the terms, start, end
Place = tuple[int, int, int]
Search = Callable[[str], Iterable[Place]]

# of all terms together
MAX_CHARACTERS: Final = 1_000_000
# every pattern has an automaton of its own, of which the memory is bounded
MAX_PATTERNS: Final = 1000
MAX_PATTERN_BYTES: Final = 1 << 20

# as many terms are found faster one by one
_FEW: Final = 6
# at most so many terms may end where another one ends: each of them is a match of its own
_MAX_NESTED: Final = 8
# more marks than any letter carries
_MAX_MARKS: Final = 30

_JOINERS: Final = {"\u200c", "\u200d"}


@dataclass(frozen=True, slots=True)
class Matcher:
    """Terms, compiled; finds the first of them, in the order given, that a message holds.

    ``search`` returns where terms stand in a text: in the order of the terms, the places of each from left to right.
    """

    match: Match
    is_folded: bool
    terms: tuple[str, ...]
    search: Search

    def find(self, view: View) -> dict[str, Any] | None:
        """Return the term found, the text it matched and the span of that text in the normalised message."""
        for place in self.search(view.folded if self.is_folded else view.normalised):
            return self.evidence(view, place)
        return None

    def text(self, view: View) -> str:
        """Return the text that is searched."""
        return view.folded if self.is_folded else view.normalised

    def evidence(self, view: View, place: Place) -> dict[str, Any]:
        """Return what ``find`` does of one place."""
        term, *span = place
        start, end = _unfolded(view, *span) if self.is_folded else span
        return {"term": self.terms[term], "text": view.normalised[start:end], "span": [start, end]}


def compile_terms(terms: Sequence[str], match: Match, *, case_sensitive: bool) -> Matcher:
    """Compile terms.

    Raises:
        ValueError: a term is empty once normalised, or no valid RE2 pattern; or all of them are too much.
    """
    n_characters = sum(map(len, terms))
    if n_characters > MAX_CHARACTERS:
        raise ValueError(
            f"the terms have {n_characters} characters, expected at most {MAX_CHARACTERS}; shorten the list"
        )
    # A pattern meets the text as it stands and ignores case itself: folding the pattern would turn \W into \w.
    if match == "regex":
        patterns = tuple(dict.fromkeys(terms))
        return Matcher(match, is_folded=False, terms=patterns, search=_regex(patterns, case_sensitive=case_sensitive))
    wanted: dict[str, str] = {}
    for term in terms:
        plain = normalise(term) if case_sensitive else fold(term)
        if not plain:
            raise ValueError(f"the term {term!r} is empty once normalised; remove it or write a word")
        wanted.setdefault(plain, term)
    search = _SEARCHES[match](tuple(wanted))
    return Matcher(match, is_folded=not case_sensitive, terms=tuple(wanted.values()), search=search)


def _exact(terms: Sequence[str]) -> Search:
    known = {term: index for index, term in enumerate(terms)}

    def search(text: str) -> tuple[Place, ...]:
        index = known.get(text)
        return () if index is None else ((index, 0, len(text)),)

    return search


def _starts_with(terms: Sequence[str]) -> Search:
    known = {term: index for index, term in enumerate(terms)}
    lengths = sorted({len(term) for term in terms})

    def search(text: str) -> list[Place]:
        found = []
        for length in lengths:
            index = known.get(text[:length])
            if length <= len(text) and index is not None:
                found.append((index, 0, length))
        return sorted(found)

    return search


def _contains(terms: Sequence[str]) -> Search:
    if len(terms) <= _FEW or _is_nested(terms):
        return functools.partial(_one_by_one, tuple(enumerate(terms)))
    automaton = AhoCorasick(terms, store_patterns=False)

    def search(text: str) -> Iterator[Place]:
        found: list[Place] = automaton.find_matches_as_indexes(text, overlapping=True)
        # mostly the first is enough: a heap gives it without sorting the others
        heapify(found)
        while found:
            yield heappop(found)

    return search


def _one_by_one(terms: Iterable[tuple[int, str]], text: str) -> Iterator[Place]:
    for index, term in terms:
        start = text.find(term)
        while start >= 0:
            yield index, start, start + len(term)
            start = text.find(term, start + 1)


def _is_nested(terms: Sequence[str]) -> bool:
    """Return whether terms end with so many others ("a", "aa", "aaa" ...) that a text could hold millions of matches."""
    ends: list[str] = []
    for term in sorted(term[::-1] for term in terms):
        while ends and not term.startswith(ends[-1]):
            ends.pop()
        ends.append(term)
        if len(ends) > _MAX_NESTED:
            return True
    return False


def _word(terms: Sequence[str]) -> Search:
    if len(terms) <= _FEW:
        return functools.partial(_whole, _contains(terms))
    if _is_nested(terms):
        return functools.partial(_between_boundaries, {term: index for index, term in enumerate(terms)})
    automaton = AhoCorasick(terms, store_patterns=False)
    find = functools.partial(automaton.find_matches_as_indexes, overlapping=True)
    return lambda text: sorted(_whole(find, text))


def _whole(search: Search, text: str) -> Iterator[Place]:
    """Yield the places that begin and end where words do."""
    for place in search(text):
        if is_boundary(text, place[1]) and is_boundary(text, place[2]):
            yield place


def _between_boundaries(terms: Mapping[str, int], text: str) -> list[Place]:
    """Return where terms stand as words, from what is between any two boundaries: for terms that match nearly everywhere."""
    lengths = {len(term) for term in terms}
    places = [place for place in range(len(text) + 1) if is_boundary(text, place)]
    ends = set(places)
    spans = ((start, start + length) for start in places for length in lengths if start + length in ends)
    return sorted((terms[text[start:end]], start, end) for start, end in spans if text[start:end] in terms)


_SEARCHES: Final[dict[str, Callable[[Sequence[str]], Search]]] = {
    "exact": _exact,
    "contains": _contains,
    "starts_with": _starts_with,
    "word": _word,
}


def _regex(patterns: Sequence[str], *, case_sensitive: bool) -> Search:
    """Return the search for patterns.

    A filter finds, in one pass, the words without which a pattern can't match, and only those that are left are tried. If
    there are too many words for the filter's memory, every pattern is tried.
    """
    if len(patterns) > MAX_PATTERNS:
        raise ValueError(
            f"{len(patterns)} patterns, expected at most {MAX_PATTERNS}; join some with `|`, or use `word`"
        )
    options = re2.Options()
    options.max_mem = MAX_PATTERN_BYTES
    options.log_errors = False
    options.case_sensitive = case_sensitive
    possible = re2.Filter()
    for pattern in patterns:
        try:
            possible.Add(pattern, options)
        except re2.error:
            raise _refusal(pattern, options) from None
    try:
        possible.Compile()
    except re2.error:
        everything = range(len(patterns))
        return lambda text: _matches(possible, everything, text)
    return lambda text: _matches(possible, possible.Match(text, potential=True) or (), text)


def _refusal(pattern: str, options: re2.Options) -> ValueError:
    """Return what is wrong with a pattern; the filter doesn't say."""
    why = ""
    try:
        re2.compile(pattern, options)
    except re2.error as error:
        why = error.args[0].decode() if isinstance(error.args[0], bytes) else str(error)
    return ValueError(
        f"the pattern {pattern!r} is no RE2 pattern: {why}; RE2 has no back-references and no look-around"
    )


def _matches(patterns: re2.Filter, indexes: Iterable[int], text: str) -> Iterator[Place]:
    for index in indexes:
        for match in patterns.re(index).finditer(text):
            yield index, *match.span()


def is_boundary(text: str, index: int) -> bool:
    """Return whether a word can begin or end before ``text[index]``."""
    if index in {0, len(text)}:
        return True
    left, right = text[index - 1], text[index]
    return not (_is_letter(left) and _is_letter(right)) or is_unspaced(left) or is_unspaced(right)


def _is_letter(char: str) -> bool:
    """Return whether a character continues a word: letters, digits, underscores, joiners, and marks (vowels in Hindi)."""
    return char.isalnum() or char == "_" or char in _JOINERS or unicodedata.category(char)[0] == "M"


def _unfolded(view: View, start: int, end: int) -> tuple[int, int]:
    """Return the span in the normalised text that a span in its folded form stands for (``ß`` folds to two letters)."""
    text = view.normalised
    if len(text) == len(view.folded) == len(text.casefold()):
        return start, end
    lengths = _folded_lengths(text)
    last = lengths[min(bisect_left(lengths, end), len(text))]
    return bisect_right(lengths, start) - 1, bisect_right(lengths, last) - 1


def _folded_lengths(text: str) -> list[int]:
    """Return the length, folded, of each beginning of a text, from none of it to all; a letter and its marks may become one."""
    lengths = [0]
    begin = before = 0
    for place, char in enumerate(text):
        if not unicodedata.combining(char) or place - begin > _MAX_MARKS:
            begin, before = place, lengths[-1]
        lengths.append(before + len(unicodedata.normalize("NFKC", text[begin : place + 1].casefold())))
    return lengths
