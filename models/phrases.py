"""Phrases that ask for a person, in thirteen languages: small grammars over words, without a model.

A locale's table (``models/policy/locales/<language>.toml``) lists *verbs* and *persons*. A verb near a person is a request,
and so is a fixed phrase, or a message that says nothing but "agent, please". A negation nearby turns a request into its
opposite ("no need for an agent"); lookalikes ("travel agent") are no persons. Where the model's head reads the language it
decides, and these tables speak where it can't.

How an entry is written: words in lower case, with or without accents; ``a|b`` for either of two words, ``*`` for any
letters at that end of a word, ``word?`` for one that may be missing. In languages without blanks an entry matches inside
longer words and distances count letters.
"""

from __future__ import annotations

import functools
import re
import tomllib
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from models.text import fold

FOLDER: Final = Path(__file__).parent / "policy" / "locales"
LANGUAGES: Final = ("en", "es", "fr", "de", "it", "pt", "nl", "pl", "tr", "ar", "hi", "ja", "zh")

# people ask for a person early or late; what lies between in a very long message isn't read
_READ_AT_EACH_END: Final = 1000
# stands for a lookalike: no word of any table
_MASK: Final = "\u25a0"

# typed or left out, these make no other word: Latin accents, Arabic vowels and stretching
_MARKS: Final = re.compile("[\u0300-\u036f\u064b-\u065f\u0670\u0640]")
_LETTERS: Final = str.maketrans({"ł": "l", "ı": "i", "ø": "o", "ى": "ي", "ة": "ه", "’": "'", "`": "'", "-": " "})
_CLAUSES: Final = re.compile('[.,;:!?¡¿…()\\[\\]"«»„“”/\\\\|~*—–،؛؟۔।॥。、「」・]+')


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
    for table in _tables(language):
        found = table.find(text)
        if found is not None:
            return found
    return None


def find_answer(text: str, language: str | None) -> bool | None:
    """Return whether a short text says yes (true) or no (false) to an offer; ``None`` when it is neither, or more."""
    for table in _tables(language):
        answer = table.answer(text)
        if answer is not None:
            return answer
    return None


def _tables(language: str | None) -> Iterator[_Table]:
    if language is not None and language in LANGUAGES:
        yield _table(language)
    if language != "en":
        yield from (_table(other) for other in LANGUAGES if other != language)


@dataclass(frozen=True, slots=True)
class _Found:
    """A possible request within a clause: from ``start`` to ``end``."""

    start: int
    end: int


class _Table:
    """One language's grammar, compiled; see the module's docstring for the entries and ``en.toml`` for the fields."""

    def __init__(self, language: str, data: dict[str, Any]) -> None:
        self.language = language
        self._blank = "" if data.get("unspaced", False) else " "
        self._elides = bool(data.get("elides", False))
        self._talk_window, self._want_window, self._negation_window = data["windows"]
        compiled = {name: self._compile(data.get(name, ()), whole=name in _WHOLE) for name in _ENTRIES}
        self._lookalike, self._phrase = compiled["lookalike"], compiled["phrase"]
        self._person, self._anyone = compiled["person"], self._compile((*data["person"], *data.get("anyone", ())))
        self._talk, self._talk_after = compiled["talk"], compiled["talk_after"]
        self._want, self._want_after = compiled["want"], compiled["want_after"]
        self._negation, self._negation_after = compiled["negation"], compiled["negation_after"]
        self._only, self._filler = compiled["only"], compiled["filler"]
        self._yes, self._no, self._declined = compiled["yes"], compiled["no"], compiled["declined"]

    def find(self, text: str) -> PhraseMatch | None:
        """Return the first request of a text, else the first declined one."""
        declined = None
        clauses = [self._masked(clause) for clause in self._clauses(text)]
        for clause in clauses:
            for found in self._candidates(clause):
                match = PhraseMatch(
                    clause[found.start : found.end].strip(), self.language, self._is_negated(clause, found)
                )
                if not match.negated:
                    return match
                declined = declined or match
        declined = declined or self._outright(clauses)
        if declined is None and self._is_only(self._only, clauses):
            return PhraseMatch(self._blank.join(clause.strip() for clause in clauses), self.language, negated=False)
        return declined

    def _outright(self, clauses: list[str]) -> PhraseMatch | None:
        """Return a clause that is nothing but "no human": the first, or after one word; later it tells of something.

        Who names another person elsewhere ("not an agent, a manager") declines none.
        """
        for place, clause in enumerate(clauses[:2]):
            words = clause.strip()
            if (place == 0 or len(clauses[0].split()) == 1) and self._declined.fullmatch(words):
                if any(self._anyone.search(other) for other in clauses if other != clause):
                    return None
                return PhraseMatch(words, self.language, negated=True)
        return None

    def answer(self, text: str) -> bool | None:
        """Return what a text says that is nothing but yes or no."""
        clauses = list(self._clauses(text))
        if self._is_only(self._yes, clauses):
            return True
        return False if self._is_only(self._no, clauses) else None

    def _clauses(self, text: str) -> Iterator[str]:
        """Yield the folded clauses, words parted by one blank and with one at each end; without blanks if unspaced."""
        if len(text) > 2 * _READ_AT_EACH_END:
            text = f"{text[:_READ_AT_EACH_END]}. {text[-_READ_AT_EACH_END:]}"
        for part in _CLAUSES.split(_simplified(text)):
            words = part.replace("'", " " if self._elides else "").split()
            if words:
                yield f"{self._blank}{self._blank.join(words)}{self._blank}"

    def _masked(self, clause: str) -> str:
        return self._lookalike.sub(_MASK, clause)

    def _candidates(self, clause: str) -> Iterator[_Found]:
        """Yield verbs with persons in reach, and fixed phrases."""
        yield from self._pairs(clause, self._anyone, self._talk, self._talk_after, self._talk_window)
        yield from self._pairs(clause, self._person, self._want, self._want_after, self._want_window)
        yield from (_Found(*match.span()) for match in self._phrase.finditer(clause))

    def _pairs(
        self, clause: str, person: re.Pattern[str], verb: re.Pattern[str], verb_after: re.Pattern[str], window: int
    ) -> Iterator[_Found]:
        persons = [match.span() for match in person.finditer(clause)]
        if not persons:
            return
        for before in verb.finditer(clause):
            for start, end in persons:
                if before.end() <= start and self._distance(clause, before.end(), start) <= window:
                    yield _Found(before.start(), end)
        for after in verb_after.finditer(clause):
            for start, end in persons:
                if end <= after.start() and self._distance(clause, end, after.start()) <= window:
                    yield _Found(start, after.end())

    def _is_negated(self, clause: str, found: _Found) -> bool:
        """Return whether a negation stands shortly before or within a request, or in some languages after it."""
        for match in self._negation.finditer(clause):
            if match.start() < found.end and self._distance(clause, match.end(), found.start) <= self._negation_window:
                return True
        for match in self._negation_after.finditer(clause):
            if match.end() > found.start and self._distance(clause, found.end, match.start()) <= self._negation_window:
                return True
        return False

    def _is_only(self, entries: re.Pattern[str], clauses: Iterable[str]) -> bool:
        """Return whether a text is one of the entries and nothing else but politeness."""
        words = self._blank.join(clause.strip() for clause in clauses)
        if len(words) > _LONGEST_ANSWER:
            return False
        bare = self._blank.join(self._filler.sub("", f"{self._blank}{words}{self._blank}").split())
        # "please" alone is politeness and an answer
        return bool(words) and entries.fullmatch(bare or words) is not None

    def _distance(self, clause: str, start: int, end: int) -> int:
        """Return the words between two places, letters if there are no blanks; 0 if they overlap."""
        between = clause[start:end]
        return len(between.split()) if self._blank else len(between)

    def _compile(self, entries: Iterable[str], *, whole: bool = False) -> re.Pattern[str]:
        """Return one pattern for any of the entries, as words of a clause or as a whole text; no entry never matches."""
        patterns = [self._pattern(entry) for entry in sorted(entries, key=len, reverse=True)]
        if not patterns:
            return re.compile("(?!)")
        before, after = ("(?<= )", "(?= )") if self._blank and not whole else ("", "")
        return re.compile(f"{before}(?:{'|'.join(patterns)}){after}")

    def _pattern(self, entry: str) -> str:
        pattern, blank = "", ""
        for word in entry.split():
            forms = "|".join(self._word(form) for form in word.removesuffix("?").split("|"))
            if not word.endswith("?"):
                pattern += f"{blank}(?:{forms})"
                blank = self._blank
            elif pattern:
                pattern += f"(?:{blank}(?:{forms}))?"
            else:
                pattern = f"(?:(?:{forms}){self._blank})?"
        return pattern

    def _word(self, form: str) -> str:
        if form == "*":
            return _ANY_WORD
        before = "[^ ]*" if form[0] == "*" else ""
        after = "[^ ]*+" if form[-1] == "*" else ""  # possessive: a long word is read once
        plain = _simplified(form.strip("*")).replace("'", " " if self._elides else "")
        return f"{before}{re.escape(plain)}{after}"


_ENTRIES: Final = (
    "lookalike", "phrase", "person", "talk", "talk_after", "want", "want_after", "negation", "negation_after", "only",
    "filler", "yes", "no", "declined",
)  # fmt: skip
_WHOLE: Final = {"only", "yes", "no", "declined"}
_ANY_WORD: Final = "[^ ]++"
# in letters, with politeness; what is longer says more than yes, no or "agent"
_LONGEST_ANSWER: Final = 60


def _simplified(text: str) -> str:
    """Return a text folded further than for keywords: without accents, with one form of each letter."""
    folded = fold(text)
    if folded.isascii():
        return folded.translate(_LETTERS)
    bare = _MARKS.sub("", unicodedata.normalize("NFD", folded))
    return unicodedata.normalize("NFC", bare).translate(_LETTERS)


@functools.cache
def _table(language: str) -> _Table:
    return _Table(language, tomllib.loads((FOLDER / f"{language}.toml").read_text(encoding="utf-8")))
