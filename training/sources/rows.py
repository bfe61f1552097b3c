"""What all adapters share: ids, groups, duplicates and caps."""

from __future__ import annotations

import hashlib
import random
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from models.records import LabelledMessage, Split
from models.text import fold, normalise
from training.sources.mapping import ClassTable

# a text this short ("yes", "thanks a lot") is the same in every corpus: train keeps it, and no test counts it
GLUE_WORDS = 3


@dataclass(frozen=True)
class Classed:
    """A row with the class that its corpus gave it, for caps per class."""

    category: str
    row: LabelledMessage


def text_hash(text: str) -> str:
    """Return the SHA-256 of a text's normalised form."""
    return hashlib.sha256(fold(text).encode()).hexdigest()


def hash_share(key: str) -> float:
    """Return a number in [0, 1) that depends on nothing but the key."""
    return int.from_bytes(hashlib.sha256(key.encode()).digest()[:8], "big") / 2**64


def build_row(
    mapping: ClassTable, names: Sequence[str], *, text: str, key: str, split: Split | None = None, **fields: Any
) -> Classed | None:
    """Build the row of a text with these corpus classes; ``None`` when the mapping ignores it or nothing is left of it.

    Args:
        mapping: the table of the corpus.
        names: classes that the corpus gave the text.
        text: the message.
        key: what makes the row's id unique inside the corpus.
        split: the corpus' own split, if it has one.
        fields: further fields of the row, over those of the mapping.
    """
    text = normalise(text)
    if not text:
        return None
    identity = f"{mapping.corpus}:{key}"
    targets = mapping.targets(names, text=text, share=hash_share(identity))
    if targets is None:
        return None
    digest = text_hash(text)
    verdict = mapping.reviewed.get(digest)
    if verdict is not None:
        if verdict.drop:
            return None
        targets |= mapping.reviewed_targets(verdict)
    values = {"group": f"text:{digest[:20]}", **targets, **fields}
    row = LabelledMessage(id=identity, source=mapping.corpus, text=text, split=split, **values)
    return Classed("+".join(sorted(names)), row)


def keep_one(rows: Iterable[Classed]) -> list[Classed]:
    """Keep one row of each normalised text, in the corpus' order.

    A text in two splits stays in the test, so that no test text is trained on; glue of at most ``GLUE_WORDS`` words
    stays in train. Inside a split the class that the text has most often wins: "ok" is a yes, whatever one click says.
    """
    found = list(rows)
    keys = [text_hash(classed.row.text) for classed in found]
    votes = Counter(zip(keys, (classed.category for classed in found), strict=True))
    best: dict[str, tuple[int, int, int]] = {}
    for index, (key, classed) in enumerate(zip(keys, found, strict=True)):
        rank = (precedence(classed.row), -votes[key, classed.category], index)
        best[key] = min(best.get(key, rank), rank)
    kept = {index for _, _, index in best.values()}
    return [classed for index, classed in enumerate(found) if index in kept]


def precedence(row: LabelledMessage) -> int:
    """Return the place of a row among equal texts of other splits; the lowest stays."""
    order = {"test": 0, "calibration": 1, "train": 2, None: 3}
    place = order[row.split]
    return 3 - place if len(row.text.split()) <= GLUE_WORDS else place


def sample(
    rows: Iterable[Classed], per_class_cap: int, seed: int, *, caps: Mapping[str, int] = MappingProxyType({})
) -> list[Classed]:
    """Keep at most so many rows of a class in train, a third of it in other splits; same seed, same rows.

    Args:
        rows: all rows of a corpus.
        per_class_cap: how many rows of a class train keeps.
        seed: of the choice.
        caps: other caps of single classes.
    """
    groups: dict[tuple[str, Split | None], list[tuple[int, Classed]]] = defaultdict(list)
    for index, classed in enumerate(rows):
        groups[classed.category, classed.row.split].append((index, classed))
    kept: list[tuple[int, Classed]] = []
    for (category, split), members in groups.items():
        cap = caps.get(category, per_class_cap)
        cap = cap if split in (None, "train") else -(-cap // 3)
        # a string seeds the generator by its bytes: the same on every machine
        chosen = random.Random(f"{seed}:{category}:{split}").sample(members, min(cap, len(members)))  # noqa: S311
        kept.extend(chosen)
    return [classed for _, classed in sorted(kept, key=lambda item: item[0])]
