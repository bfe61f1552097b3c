"""How terms are found in a text: the five ways to match, compiled once, linear in the text whatever the term."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final, Literal

import re2

from models.policy.triggers.view import View
from models.text import fold, is_unspaced, normalise

Match = Literal["exact", "contains", "starts_with", "word", "regex"]
Span = tuple[int, int]
Find = Callable[[str], Span | None]

# bounds the memory of a pattern's automaton
MAX_PATTERN_BYTES: Final = 1 << 20

_JOINERS: Final = {"\u200c", "\u200d"}


@dataclass(frozen=True, slots=True)
class Matcher:
    """Terms, compiled; finds the first of them, in the order given, that a message holds."""

    match: Match
    is_folded: bool
    finders: tuple[tuple[str, Find], ...]

    def find(self, view: View) -> dict[str, Any] | None:
        """Return the term found, the text it matched and the span of that text in the normalised message."""
        text = view.folded if self.is_folded else view.normalised
        for term, find in self.finders:
            span = find(text)
            if span is not None:
                start, end = _unfolded(view.normalised, span) if self.is_folded else span
                return {"term": term, "text": view.normalised[start:end], "span": [start, end]}
        return None


def compile_terms(terms: Iterable[str], match: Match, *, case_sensitive: bool) -> Matcher:
    """Compile terms.

    Raises:
        ValueError: a term is empty once normalised, or no valid RE2 pattern.
    """
    # A pattern meets the text as it stands and ignores case itself: folding the pattern would turn \W into \w.
    is_folded = not case_sensitive and match != "regex"
    finders = []
    for term in terms:
        if match == "regex":
            finders.append((term, _pattern(term, case_sensitive=case_sensitive)))
            continue
        wanted = fold(term) if is_folded else normalise(term)
        if not wanted:
            raise ValueError(f"the term {term!r} is empty once normalised; remove it or write a word")
        finders.append((term, _FINDERS[match](wanted)))
    return Matcher(match, is_folded, tuple(finders))


def _exact(term: str) -> Find:
    return lambda text: (0, len(text)) if text == term else None


def _starts_with(term: str) -> Find:
    return lambda text: (0, len(term)) if text.startswith(term) else None


def _contains(term: str) -> Find:
    def find(text: str) -> Span | None:
        start = text.find(term)
        return None if start < 0 else (start, start + len(term))

    return find


def _word(term: str) -> Find:
    def find(text: str) -> Span | None:
        start = text.find(term)
        while start >= 0:
            end = start + len(term)
            if _is_boundary(text, start) and _is_boundary(text, end):
                return start, end
            start = text.find(term, start + 1)
        return None

    return find


_FINDERS: Final[dict[str, Callable[[str], Find]]] = {
    "exact": _exact,
    "contains": _contains,
    "starts_with": _starts_with,
    "word": _word,
}


def _pattern(pattern: str, *, case_sensitive: bool) -> Find:
    options = re2.Options()
    options.max_mem = MAX_PATTERN_BYTES
    options.log_errors = False
    options.case_sensitive = case_sensitive
    try:
        compiled = re2.compile(pattern, options)
    except re2.error as error:
        why = error.args[0].decode() if isinstance(error.args[0], bytes) else str(error)
        message = f"the pattern {pattern!r} is no RE2 pattern: {why}; RE2 has no back-references and no look-around"
        raise ValueError(message) from error

    def find(text: str) -> Span | None:
        match = compiled.search(text)
        return None if match is None else match.span()

    return find


def _is_boundary(text: str, index: int) -> bool:
    """Return whether a word can begin or end before ``text[index]``."""
    if index in {0, len(text)}:
        return True
    left, right = text[index - 1], text[index]
    return not (_is_letter(left) and _is_letter(right)) or is_unspaced(left) or is_unspaced(right)


def _is_letter(char: str) -> bool:
    """Return whether a character continues a word: letters, digits, underscores, joiners, and marks (vowels in Hindi)."""
    return char.isalnum() or char == "_" or char in _JOINERS or unicodedata.category(char)[0] == "M"


def _unfolded(text: str, span: Span) -> Span:
    """Return the span in a normalised text that a span in its folded form stands for (``ß`` folds to two letters)."""
    folded_length, start, end = 0, 0, len(text)
    for index, char in enumerate(text):
        if folded_length <= span[0]:
            start = index
        folded_length += len(char.casefold())
        if folded_length >= span[1]:
            end = index + 1
            break
    return start, end
