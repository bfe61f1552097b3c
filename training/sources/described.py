"""Corpora whose classes are described by hand in ``descriptions.toml``: what custom labels are calibrated and measured on."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from models.custom import CustomLabel
from models.text import normalise
from training.sources.catalog import SourceError, open_corpus
from training.sources.messages import ADAPTERS
from training.sources.rows import keep_one

FILE = Path(__file__).parent / "descriptions.toml"
# calibration: rows of their test and validation splits, which taught no encoder anything
ADJUSTING = ("banking77", "clinc150", "hwu64")
# nothing is trained, fitted or chosen on it
UNSEEN = "dstc11-natcs-utterances"
_UNSEEN_FILES = {
    "natcs-development": "development",
    "natcs-banking": "test-banking",
    "natcs-finance": "test-finance",
}


@dataclass(frozen=True, slots=True)
class DescribedTexts:
    """Messages with one class each; ``descriptions`` of those classes that are labels, the others are none of them."""

    name: str
    texts: tuple[str, ...]
    classes: tuple[str, ...]
    descriptions: Mapping[str, str]

    def label(self, name: str, *, examples: Iterable[str] = (), described: bool = True) -> CustomLabel:
        """Return the custom label that stands for a class."""
        sentence = f"The customer {self.descriptions[name]}."
        return CustomLabel(name=name, description=sentence if described else None, examples=tuple(examples))


def read_descriptions(path: Path = FILE) -> dict[str, dict[str, str]]:
    """Return the descriptions by corpus and class."""
    found: dict[str, dict[str, str]] = tomllib.loads(path.read_text(encoding="utf-8"))
    return found


def read_adjusting(names: Iterable[str] = ADJUSTING) -> list[DescribedTexts]:
    """Return the rows of these corpora that lie in no training split.

    Raises:
        SourceError: a corpus is missing, or isn't the published one.
    """
    found = []
    for name in names:
        rows = [row for row in keep_one(ADAPTERS[name].read(open_corpus(name))) if row.row.split != "train"]
        found.append(_described(name, ((classed.row.text, classed.category) for classed in rows)))
    return found


def read_unseen() -> list[DescribedTexts]:
    """Return NatCS, customers' openings of calls, one group of rows for each trade: the labels of a trade compete.

    Raises:
        SourceError: the corpus is missing, or isn't the published one.
    """
    folder = open_corpus(UNSEEN)
    found = []
    for name, file in _UNSEEN_FILES.items():
        lines = (folder / f"{file}.test-utterances.jsonl").read_text(encoding="utf-8").splitlines()
        rows = [json.loads(line) for line in lines]
        found.append(_described(name, ((row["utterance"], row["intent"]) for row in rows)))
    return found


def _described(name: str, rows: Iterable[tuple[str, str]]) -> DescribedTexts:
    pairs = list(_clean(rows))
    classes = tuple(category for _, category in pairs)
    descriptions = read_descriptions()[name]
    strange = sorted(set(descriptions) - set(classes))
    if strange:
        raise SourceError(f"{FILE.name} describes {', '.join(strange)}, which {name} has no rows of; mend the names")
    return DescribedTexts(name, tuple(text for text, _ in pairs), classes, descriptions)


def _clean(rows: Iterable[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """Yield texts, normalised, of which something is left."""
    for text, category in rows:
        cleaned = normalise(text)
        if cleaned:
            yield cleaned, category
