"""Questions and answers as keys: when are two messages the same one?"""

from __future__ import annotations

import hashlib
import re
from typing import Final

from models.contracts import Message, Scores
from models.text import fold

# what keeps a chat going but asks nothing; a message counts as glue when that is more likely than not
GLUE: Final = frozenset({"affirm", "deny", "greeting", "thanks_bye", "provide_info"})
_MORE_LIKELY_THAN_NOT: Final = 0.5

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


def question_key(text: str) -> str | None:
    """Return the key under which two texts are the same question, ``None`` for a text too short to be one.

    Case, punctuation and spacing don't matter. Fewer than two words are no question; scripts without blanks count two
    letters as a word.
    """
    words = _words(fold(text))
    if len(words) >= 2 or (words and len(words[0]) >= 4 and _is_unspaced(words[0][0])):
        return _digest(" ".join(words))
    return None


def answer_key(text: str) -> str:
    """Return the key under which two answers of the bot are the same."""
    return _digest(" ".join(_words(fold(text))))


def asks(message: Message, scores: Scores | None) -> str | None:
    """Return the question key of a customer message, ``None`` where it is glue such as "yes" or "thanks"."""
    best = best_intent(scores)
    if best is not None and best[0] in GLUE and best[1] >= _MORE_LIKELY_THAN_NOT:
        return None
    return question_key(message.text)


def _words(folded: str) -> list[str]:
    return _SEPARATORS.sub(" ", folded).split()


def _is_unspaced(char: str) -> bool:
    """Return whether a letter belongs to a script that writes no blanks between words (Thai, Chinese, Japanese ...)."""
    return "\u0e00" <= char <= "\u0eff" or "\u3040" <= char <= "\u9fff"


def _digest(text: str) -> str:
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()
