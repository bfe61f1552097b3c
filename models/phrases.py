"""Phrases that ask for a person, in thirteen languages: small grammars over words, without a model.

A locale's table (``models/policy/locales/<language>.toml``) lists *verbs* and *persons*. A verb near a person is a request,
and so is a fixed phrase, or a message that says nothing but "agent, please". A negation nearby turns a request into its
opposite ("no need for an agent"); lookalikes ("travel agent") are no persons. Where the model's head reads the language it
decides, and these tables speak where it can't. ``models.grammars`` says how an entry is written.
"""

from __future__ import annotations

import functools
import tomllib
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from re import Pattern
from typing import Final

from models.grammars import Table, simplified

FOLDER: Final = Path(__file__).parent / "policy" / "locales"
LANGUAGES: Final = ("en", "es", "fr", "de", "it", "pt", "nl", "pl", "tr", "ar", "hi", "ja", "zh")

# people ask for a person early or late; what lies between in a very long message isn't read
_READ_AT_EACH_END: Final = 1000
# in letters, with politeness; what is longer says more than yes, no or "agent"
_LONGEST_ANSWER: Final = 60
# stands for a lookalike: no word of any table
_MASK: Final = "\u25a0"

Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class PhraseMatch:
    """What was found: the words, folded; the language of the table; whether they say that no person is wanted."""

    phrase: str
    language: str
    negated: bool


def find_request(text: str, language: str | None) -> PhraseMatch | None:
    """Return the phrase that asks for a person, or that declines one (``negated``), or ``None``.

    ``language`` (ISO 639-1) is where to look first; other tables follow, unless the text is English. A text that declines
    a person and asks for one asks for one.
    """
    ends = _ends(text)
    for table in _tables(language):
        found = _find(table, ends)
        if found is not None:
            return found
    return None


def find_answer(text: str, language: str | None) -> bool | None:
    """Return whether a short text says yes (true) or no (false) to an offer; ``None`` when it is neither, or more."""
    ends = _ends(text)
    for table in _tables(language):
        clauses = list(table.clauses(ends))
        if _is_only(table, table.yes, clauses):
            return True
        if _is_only(table, table.no, clauses):
            return False
    return None


@functools.cache
def load_table(language: str) -> Table:
    """Return the grammar of one of the languages."""
    return Table(language, tomllib.loads((FOLDER / f"{language}.toml").read_text(encoding="utf-8")))


def _tables(language: str | None) -> Iterator[Table]:
    if language is not None and language in LANGUAGES:
        yield load_table(language)
    if language != "en":
        yield from (load_table(other) for other in LANGUAGES if other != language)


def _ends(text: str) -> str:
    """Return what is read of a text, simplified."""
    if len(text) > 2 * _READ_AT_EACH_END:
        text = f"{text[:_READ_AT_EACH_END]}. {text[-_READ_AT_EACH_END:]}"
    return simplified(text)


class Clause:
    """A clause as one grammar sees it: who asks for a person in it, and what is negated.

    Every pattern runs over it once and what is near is found by place, so that the work grows with its length, however
    many verbs, persons and negations it strings together.
    """

    def __init__(self, table: Table, words: str) -> None:
        self.table = table
        self.words = words

    def requests(self) -> Iterator[Span]:
        """Yield verbs with persons in reach, and fixed phrases."""
        table = self.table
        yield from self._pairs(table.anyone, table.talk, table.talk_after, table.talk_window)
        yield from self._pairs(table.person, table.want, table.want_after, table.want_window)
        yield from (match.span() for match in table.phrase.finditer(self.words))

    def is_negated(self, found: Span) -> bool:
        """Return whether a negation stands shortly before or within a request, or in some languages after it."""
        start, end = found
        window = self.table.negation_window
        # the last one that begins before its end is the nearest
        before = bisect_left(self.negations, (end,))
        if before and self.distance(self.negations[before - 1][1], start) <= window:
            return True
        after = bisect_right(self._ends_of_negations_after, start)
        return after < len(self.negations_after) and self.distance(end, self.negations_after[after][0]) <= window

    def distance(self, start: int, end: int) -> int:
        """Return the words between two places where words end and begin, letters if there are no blanks; 0 if they overlap."""
        if end <= start:
            return 0
        if not self.table.blank:
            return end - start
        return bisect_left(self._words, end) - bisect_left(self._words, start)

    @functools.cached_property
    def negations(self) -> list[Span]:
        """Where the negations stand that negate what follows."""
        return [match.span() for match in self.table.negation.finditer(self.words)]

    @functools.cached_property
    def negations_after(self) -> list[Span]:
        """Where the negations stand that negate what is before them."""
        return [match.span() for match in self.table.negation_after.finditer(self.words)]

    @functools.cached_property
    def _ends_of_negations_after(self) -> list[int]:
        return [end for _, end in self.negations_after]

    @functools.cached_property
    def _words(self) -> list[int]:
        """Where words begin."""
        return [place + 1 for place, letter in enumerate(self.words) if letter == " "]

    def _pairs(self, person: Pattern[str], verb: Pattern[str], verb_after: Pattern[str], window: int) -> Iterator[Span]:
        """Yield each verb with each person within its window."""
        persons = [match.span() for match in person.finditer(self.words)]
        if not persons:
            return
        for match in verb.finditer(self.words):
            for place in range(bisect_left(persons, (match.end(),)), len(persons)):
                start, end = persons[place]
                if self.distance(match.end(), start) > window:
                    break
                yield match.start(), end
        ends = [end for _, end in persons]
        for match in verb_after.finditer(self.words):
            last = first = bisect_right(ends, match.start())
            while first and self.distance(ends[first - 1], match.start()) <= window:
                first -= 1
            yield from ((start, match.end()) for start, _ in persons[first:last])


def _find(table: Table, text: str) -> PhraseMatch | None:
    """Return the first request of a text, else the first declined one."""
    declined = None
    clauses = [table.lookalike.sub(_MASK, words) for words in table.clauses(text)]
    for words in clauses:
        clause = Clause(table, words)
        for found in clause.requests():
            match = PhraseMatch(words[slice(*found)].strip(), table.language, clause.is_negated(found))
            if not match.negated:
                return match
            declined = declined or match
    declined = declined or _outright(table, clauses)
    if declined is None and _is_only(table, table.only, clauses):
        return PhraseMatch(table.blank.join(words.strip() for words in clauses), table.language, negated=False)
    return declined


def _outright(table: Table, clauses: list[str]) -> PhraseMatch | None:
    """Return a clause that is nothing but "no human": the first, or after one word; later it tells of something.

    Who names another person elsewhere ("not an agent, a manager") declines none.
    """
    for place, clause in enumerate(clauses[:2]):
        words = clause.strip()
        if (place == 0 or len(clauses[0].split()) == 1) and table.declined.fullmatch(words):
            if any(table.anyone.search(other) for other in clauses if other != clause):
                return None
            return PhraseMatch(words, table.language, negated=True)
    return None


def _is_only(table: Table, entries: Pattern[str], clauses: Iterable[str]) -> bool:
    """Return whether a text is one of the entries and nothing else but politeness."""
    words = table.blank.join(clause.strip() for clause in clauses)
    if len(words) > _LONGEST_ANSWER:
        return False
    bare = table.blank.join(table.filler.sub("", f"{table.blank}{words}{table.blank}").split())
    # "please" alone is politeness and an answer
    return bool(words) and entries.fullmatch(bare or words) is not None
