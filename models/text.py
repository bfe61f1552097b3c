"""The only text preprocessing there is: training, serving and replay call these functions and no others."""

from __future__ import annotations

import re
import unicodedata

# the longest message the service takes, in characters
MAX_CHARACTERS = 8192

# Zero-width joiners keep emoji and several scripts together, so they stay; other control and format characters go.
_KEPT_FORMAT = {"\u200c", "\u200d"}
_SPACES = re.compile(r"\s+")
_DROPPED_CATEGORIES = {"Cc", "Cf", "Cs", "Co"}


def normalise(text: str) -> str:
    """Return the text that models, keywords and phrases see.

    NFKC, line breaks and tabs to blanks, control, format, private and lone surrogate characters removed (joiners and
    emoji kept), runs of blanks to one, trimmed. Idempotent. Case stays: the tokenizer decides about it.
    """
    if text.isascii() and text.isprintable():
        return _SPACES.sub(" ", text).strip()
    text = unicodedata.normalize("NFKC", _SPACES.sub(" ", text))
    kept = (char for char in text if char in _KEPT_FORMAT or unicodedata.category(char) not in _DROPPED_CATEGORIES)
    return _SPACES.sub(" ", unicodedata.normalize("NFKC", "".join(kept))).strip()


# Thai, Lao, Burmese, Khmer; kana and Han
_UNSPACED = (("\u0e00", "\u0eff"), ("\u1000", "\u109f"), ("\u1780", "\u17ff"), ("\u3040", "\u9fff"))


def is_unspaced(char: str) -> bool:
    """Return whether a letter belongs to a script that writes no blanks between words."""
    return any(first <= char <= last for first, last in _UNSPACED)


def fold(text: str) -> str:
    """Return the text as comparisons see it: normalised and case-folded (``Straße`` equals ``STRASSE``)."""
    return unicodedata.normalize("NFKC", normalise(text).casefold())


def excerpt(text: str, limit: int = 60) -> str:
    """Return at most ``limit`` characters for a person to recognise a text by; an ellipsis marks a cut."""
    return text if len(text) <= limit else text[: limit - 1] + "…"
