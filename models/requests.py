"""Requests for a person in languages that the encoder wasn't made for: three witnesses, weighed together.

A phrase list knows how a language asks and declines; character n-grams know the words that stand near, and forgive typos; the
English encoder, taught on requests in these languages, knows the shape of a sentence. ``training.requests`` fits the weights;
how good each is alone is in the bundle's card.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from models.calibration import sigmoid
from models.errors import BundleCorrupt
from models.phrases import PhraseMatch
from models.text import fold

FILE = "requests.npy"
# what stands for the beginning and end of a text, and for blanks in it
_EDGE = "\u2581"
# head and tail of a long message, in characters
_READ_AT_EACH_END = 400


class RequestHead(BaseModel):
    """What a manifest says of the weights in ``requests.npy``, float32 of shape (buckets,).

    ``asked`` and ``declined`` are the weights of a phrase that asks for a person, and of one that declines one, in the
    n-grams' logit. The probability is ``sigmoid(slope * logit + encoder * the encoder's logit + shift)``, fitted on rows that
    taught none of them.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    languages: tuple[str, ...]
    sizes: tuple[int, ...] = (1, 2, 3, 4, 5)
    buckets: int = Field(default=2**17, gt=0)
    intercept: float = 0.0
    asked: float = 0.0
    declined: float = 0.0
    slope: float = 1.0
    encoder: float = 0.0
    shift: float = 0.0
    metrics: dict[str, object] = Field(default_factory=dict)


def ngrams(text: str, sizes: tuple[int, ...]) -> Iterator[str]:
    """Yield the character n-grams of a folded text; blanks and the text's ends are one sign."""
    folded = fold(text)
    if len(folded) > 2 * _READ_AT_EACH_END:
        folded = f"{folded[:_READ_AT_EACH_END]} {folded[-_READ_AT_EACH_END:]}"
    padded = f"{_EDGE}{folded.replace(' ', _EDGE)}{_EDGE}"
    for size in sizes:
        for start in range(len(padded) - size + 1):
            yield padded[start : start + size]


def buckets_of(text: str, head: RequestHead) -> np.ndarray:
    """Return the distinct buckets of a text's n-grams, int64, sorted: each n-gram hashed with CRC-32."""
    found = {zlib.crc32(gram.encode()) % head.buckets for gram in ngrams(text, head.sizes)}
    return np.fromiter(sorted(found), dtype=np.int64, count=len(found))


def logit(text: str, phrase: PhraseMatch | None, head: RequestHead, weights: np.ndarray) -> float:
    """Return the uncalibrated logit of a text: its n-grams' weights over the root of their number, and the phrase's."""
    buckets = buckets_of(text, head)
    value = head.intercept + float(weights[buckets].sum()) / float(np.sqrt(max(1, len(buckets))))
    if phrase is not None:
        value += head.declined if phrase.negated else head.asked
    return value


class RequestModel:
    """The fitted head of a bundle."""

    def __init__(self, head: RequestHead, path: Path) -> None:
        """Read the weights.

        Raises:
            BundleCorrupt: the file holds something else.
        """
        try:
            weights = np.load(path, allow_pickle=False)
        except (OSError, ValueError, EOFError) as error:
            raise BundleCorrupt(f"{path.name} can't be read as an array: {error}; release the bundle again") from error
        is_array = isinstance(weights, np.ndarray)
        found = f"{weights.dtype} of shape {weights.shape}" if is_array else "no array"
        if found != f"float32 of shape ({head.buckets},)" or not np.isfinite(weights).all():
            raise BundleCorrupt(
                f"{path.name} holds {found}, expected ({head.buckets},) finite; release the bundle again"
            )
        self.head = head
        self._weights = weights

    def probability(self, text: str, phrase: PhraseMatch | None, encoder: float) -> float:
        """Return the calibrated probability that a message asks for a person.

        Args:
            text: the message.
            phrase: what the phrase lists found.
            encoder: the logit of the message graph's ``explicit`` head.
        """
        value = logit(text, phrase, self.head, self._weights)
        return float(sigmoid(np.asarray(self.head.slope * value + self.head.encoder * encoder + self.head.shift)))
