"""What a text negates of what it names ("I don't need an agent"), by the grammars that find requests for a person."""

from __future__ import annotations

import functools
import itertools
from bisect import bisect_left, bisect_right
from typing import Final

from models.grammars import SEPARATORS, WORDS, Table, without_accents
from models.phrases import LANGUAGES, Clause, Span, load_table
from models.text import excerpt, fold

# stands for a letter of a lookalike: no letter of any table
_MASK: Final = "\u25a0"


class Negations:
    """What is negated in a normalised text, by the table of its language; by all tables if it has none or nobody knows it.

    The work grows with the text's length, however often ``of`` is asked.
    """

    def __init__(self, text: str, language: str | None) -> None:
        self._text = text
        self._tables = [load_table(one) for one in ([language] if language in LANGUAGES else LANGUAGES)]
        self._simple: dict[str, _Simple] = {}
        self._scopes: dict[tuple[str, Span], _Scope] = {}

    def of(self, start: int, end: int) -> str | None:
        """Return the words, simplified, that negate what stands from ``start`` to ``end``; ``None`` when nothing does.

        What holds a negation itself ("no refund") is taken as it stands.
        """
        for table in self._tables:
            text = self._simple.get(table.apostrophe)
            if text is None:
                text = self._simple[table.apostrophe] = _Simple(self._text, table.apostrophe)
            span = text.places[start], text.places[end]
            around = text.clause(span)
            scope = self._scopes.get((table.language, around))
            if scope is None:
                scope = self._scopes[table.language, around] = _Scope(table, text.text, around)
            found = scope.negation(span)
            if found is not None:
                return excerpt(found)
        return None


class _Simple:
    """A text simplified letter by letter, so that each place of the text is known in it."""

    def __init__(self, text: str, apostrophe: str) -> None:
        letters = [_simple(letter).replace("'", apostrophe) for letter in text]
        self.text = "".join(letters)
        self.places = list(itertools.accumulate(map(len, letters), initial=0))
        self._separators = [match.span() for match in SEPARATORS.finditer(self.text)]
        self._ends = [end for _, end in self._separators]

    def clause(self, span: Span) -> Span:
        """Return where the clause around a span begins and ends; a separator within the span ends none."""
        before = bisect_right(self._ends, span[0])
        after = bisect_left(self._separators, (span[1],))
        begin = self._ends[before - 1] if before else 0
        return begin, self._separators[after][0] if after < len(self._separators) else len(self.text)


class _Scope:
    """One clause of a simplified text, as one table sees it."""

    def __init__(self, table: Table, text: str, around: Span) -> None:
        blank = len(table.blank)
        self._table = table
        self._spans = [match.span() for match in WORDS.finditer(text, *around)]
        lengths = [end - start + blank for start, end in self._spans]
        # where in the clause the words of the text begin
        self._places = list(itertools.accumulate(lengths, initial=blank))
        joined = table.blank.join(text[start:end] for start, end in self._spans)
        self._clause = Clause(table, f"{table.blank}{joined}{table.blank}")
        # a lookalike negates nothing ("why won't you"), but may be what is negated; masked it is as long as before
        masked = table.lookalike.sub(lambda match: _MASK * len(match[0]), self._clause.words)
        self._negating = Clause(table, masked)

    def negation(self, span: Span) -> str | None:
        """Return the words that negate what stands at a span of the text."""
        place = self._placed(span)
        if place is None or self._is_negation(place):
            return None
        words = self._clause.words
        reached = self._reached(place)
        if reached is not None:
            return words[slice(*reached)].strip()
        if self._table.declined.fullmatch(words.strip()) or self._is_declined[place[0]]:
            return words.strip()
        return None

    def _placed(self, span: Span) -> Span | None:
        """Return where in the clause a span of the text is: its words, or its letters in languages without blanks."""
        first = bisect_right(self._spans, span[0], key=lambda word: word[1])
        last = bisect_left(self._spans, span[1], key=lambda word: word[0]) - 1
        if last < first:
            return None
        (begin, _), (start, end) = self._spans[first], self._spans[last]
        if self._table.blank:
            return self._places[first], self._places[last] + end - start
        return self._places[first] + max(0, span[0] - begin), self._places[last] + min(end, span[1]) - start

    def _is_negation(self, place: Span) -> bool:
        """Return whether a place holds a negation itself."""
        clause = self._negating
        before = bisect_left(clause.negations, (place[0],))
        if before < len(clause.negations) and clause.negations[before][0] < place[1]:
            return True
        after = bisect_left(clause.negations_after, (place[0],))
        return after < len(clause.negations_after) and clause.negations_after[after][1] <= place[1]

    def _reached(self, place: Span) -> Span | None:
        """Return a place and the negation that reaches it, shortly before or after it.

        A word that negates in both directions is counted to what follows, unless it comes at once: who says "mit einem Menschen
        und nicht mit einem Bot" declines no person.
        """
        clause, window = self._negating, self._table.negation_window
        start, end = place
        before = bisect_left(clause.negations, (end,))
        if before and clause.distance(clause.negations[before - 1][1], start) <= window:
            return min(start, clause.negations[before - 1][0]), end
        first = bisect_right(clause.negations_after, start, key=lambda found: found[1])
        for index in range(first, len(clause.negations_after)):
            found = clause.negations_after[index]
            distance = clause.distance(end, found[0])
            if distance > window:
                return None
            if not distance or found not in self._both_ways:
                return start, max(end, found[1])
        return None

    @functools.cached_property
    def _both_ways(self) -> set[Span]:
        return set(self._negating.negations)

    @functools.cached_property
    def _is_declined(self) -> list[bool]:
        """Tell of each letter of the clause whether it is part of requests, all of them negated."""
        asked = [0] * (len(self._clause.words) + 1)
        declined = asked.copy()
        for start, end in self._clause.requests():
            counts = asked if self._reached((start, end)) is None else declined
            counts[start] += 1
            counts[end] -= 1
        both = zip(itertools.accumulate(asked), itertools.accumulate(declined), strict=True)
        return [not n_asked and n_declined > 0 for n_asked, n_declined in both]


@functools.lru_cache(maxsize=4096)
def _simple(letter: str) -> str:
    return letter if letter == " " else without_accents(fold(letter))
