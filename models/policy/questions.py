"""Questions and answers as keys: when are two messages the same one?"""

from __future__ import annotations

import hashlib
import re
from typing import Final

from models.contracts import Scores
from models.text import fold, is_unspaced

# what keeps a chat going, or lets off steam, but asks nothing; a message is glue when that is more likely than not
GLUE: Final = frozenset(
    {"affirm", "deny", "greeting", "thanks_bye", "provide_info", "express_frustration", "abusive_language"}
)
_MORE_LIKELY_THAN_NOT: Final = 0.5

_NUMBERS: Final = re.compile(r"\d+")
# in a key, between the digest of the words and those of the numbers
_AND_NUMBERS: Final = "#"
_MAX_NUMBERS: Final = 16

# blanks and punctuation, ASCII, Latin, Arabic, Devanagari and CJK; marks stay, they are vowels in some scripts
_SEPARATORS: Final = re.compile(
    r"[\s\x00-\x2f\x3a-\x40\x5b-\x60\x7b-\xa9\xab-\xb1\xb4\xb6-\xb8\xbb-\xbf"
    r"\u060c\u061b\u061f\u06d4\u0964\u0965\u2000-\u206f\u3000-\u303f]+"
)


def best_intent(scores: Scores | None) -> tuple[str, float] | None:
    """Return the most probable intent and its probability; ``None`` when intents weren't scored."""
    if scores is None or not scores.intents:
        return None
    best = scores.intents[0]
    return best.label, best.probability


def question_key(folded: str) -> str | None:
    """Return the key under which two folded texts are the same question, ``None`` for a text too short to be one.

    Case, punctuation and spacing don't matter. Fewer than two words are no question; scripts without blanks count two
    letters as a word. The numbers in a text are a part of its key of their own, see ``is_same_question``.
    """
    words = _words(folded)
    if len(words) >= 2 or (words and len(words[0]) >= 4 and is_unspaced(words[0][0])):
        said = " ".join(words)
        numbers = sorted(set(_NUMBERS.findall(said)))[:_MAX_NUMBERS]
        if numbers:
            return f"{_digest(said)}{_AND_NUMBERS}{','.join(_digest(number)[:4] for number in numbers)}"
        return _digest(said)
    return None


def is_same_question(key: str, other: str, *, is_similar: bool) -> bool:
    """Return whether two keys stand for one question: the same words, or similar ones that name no different numbers.

    "Where is my order 1001?" and "... 2002?" are two questions. Naming fewer numbers than before isn't naming others.
    """
    words, _, numbers = key.partition(_AND_NUMBERS)
    other_words, _, other_numbers = other.partition(_AND_NUMBERS)
    if words == other_words:
        return True
    if not is_similar or not numbers or not other_numbers:
        return is_similar
    mine, others = set(numbers.split(",")), set(other_numbers.split(","))
    return mine <= others or others <= mine


def answer_key(text: str) -> str:
    """Return the key under which two answers of the bot are the same."""
    return _digest(" ".join(_words(fold(text))))


def asks(folded: str, scores: Scores | None) -> str | None:
    """Return the question key of a customer's folded message, ``None`` where it is glue such as "yes" or "thanks"."""
    best = best_intent(scores)
    if best is not None and best[0] in GLUE and best[1] >= _MORE_LIKELY_THAN_NOT:
        return None
    return question_key(folded)


def _words(folded: str) -> list[str]:
    return _SEPARATORS.sub(" ", folded).split()


def _digest(text: str) -> str:
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()
