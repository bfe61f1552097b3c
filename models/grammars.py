"""Grammars of requests: a language's table compiled into patterns, and a text as the clauses that they are run over.

How an entry is written: words in lower case, with or without accents; ``a|b`` for either of two words, ``*`` for any
letters at that end of a word, ``word?`` for one that may be missing. In languages without blanks an entry matches inside
longer words and distances count letters.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from typing import Any, Final

from models.text import fold

# what ends a clause, as a class of characters
_ENDS: Final = '.,;:!?¡¿…()\\[\\]"«»„“”/\\\\|~*—–،؛؟۔।॥。、「」・'
SEPARATORS: Final = re.compile(f"[{_ENDS}]+")
WORDS: Final = re.compile(rf"[^\s{_ENDS}]+")

# typed or left out, these make no other word: Latin accents, Arabic vowels and stretching
_MARKS: Final = re.compile("[\u0300-\u036f\u064b-\u065f\u0670\u0640]")
_LETTERS: Final = str.maketrans({"ł": "l", "ı": "i", "ø": "o", "ى": "ي", "ة": "ه", "’": "'", "`": "'", "-": " "})
_WHOLE: Final = {"only", "yes", "no", "declined"}
_ANY_WORD: Final = "[^ ]++"


class Table:
    """One language's grammar, compiled; see the module's docstring for the entries and ``en.toml`` for the fields.

    ``blank`` is what stands between words: nothing in languages without blanks.
    """

    def __init__(self, language: str, data: dict[str, Any]) -> None:
        self.language = language
        self.blank = "" if data.get("unspaced", False) else " "
        # what an apostrophe stands for
        self.apostrophe = " " if data.get("elides", False) else ""
        self.talk_window, self.want_window, self.negation_window = data["windows"]
        entries = {name: data.get(name, ()) for name in _ENTRIES}
        entries["anyone"] = (*data["person"], *entries["anyone"])
        compiled = {name: self._compile(entries[name], whole=name in _WHOLE) for name in _ENTRIES}
        self.lookalike, self.phrase = compiled["lookalike"], compiled["phrase"]
        self.person, self.anyone = compiled["person"], compiled["anyone"]
        self.talk, self.talk_after = compiled["talk"], compiled["talk_after"]
        self.want, self.want_after = compiled["want"], compiled["want_after"]
        self.negation, self.negation_after = compiled["negation"], compiled["negation_after"]
        self.only, self.filler = compiled["only"], compiled["filler"]
        self.yes, self.no, self.declined = compiled["yes"], compiled["no"], compiled["declined"]

    def clauses(self, text: str) -> Iterator[str]:
        """Yield a simplified text's clauses: words parted by one blank and with one at each end; without blanks if unspaced."""
        for part in SEPARATORS.split(text):
            words = part.replace("'", self.apostrophe).split()
            if words:
                yield f"{self.blank}{self.blank.join(words)}{self.blank}"

    def _compile(self, entries: Iterable[str], *, whole: bool = False) -> re.Pattern[str]:
        """Return one pattern for any of the entries, as words of a clause or as a whole text; no entry never matches."""
        patterns = [self._pattern(entry) for entry in sorted(entries, key=len, reverse=True)]
        if not patterns:
            return re.compile("(?!)")
        before, after = ("(?<= )", "(?= )") if self.blank and not whole else ("", "")
        return re.compile(f"{before}(?:{'|'.join(patterns)}){after}")

    def _pattern(self, entry: str) -> str:
        pattern, blank = "", ""
        for word in entry.split():
            forms = "|".join(self._word(form) for form in word.removesuffix("?").split("|"))
            if not word.endswith("?"):
                pattern += f"{blank}(?:{forms})"
                blank = self.blank
            elif pattern:
                pattern += f"(?:{blank}(?:{forms}))?"
            else:
                pattern = f"(?:(?:{forms}){self.blank})?"
        return pattern

    def _word(self, form: str) -> str:
        if form == "*":
            return _ANY_WORD
        before = "[^ ]*" if form[0] == "*" else ""
        after = "[^ ]*+" if form[-1] == "*" else ""  # possessive: a long word is read once
        plain = simplified(form.strip("*")).replace("'", self.apostrophe)
        return f"{before}{re.escape(plain)}{after}"


_ENTRIES: Final = (
    "lookalike", "phrase", "person", "anyone", "talk", "talk_after", "want", "want_after", "negation", "negation_after",
    "only", "filler", "yes", "no", "declined",
)  # fmt: skip


def simplified(text: str) -> str:
    """Return a text folded further than for keywords: without accents, with one form of each letter."""
    return without_accents(fold(text))


def without_accents(folded: str) -> str:
    """Return a folded text simplified."""
    if folded.isascii():
        return folded.translate(_LETTERS)
    bare = _MARKS.sub("", unicodedata.normalize("NFD", folded))
    return unicodedata.normalize("NFC", bare).translate(_LETTERS)
