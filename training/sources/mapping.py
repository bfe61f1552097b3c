"""Tables that say which of our labels a class of a corpus means, and which labels its silence denies.

One file per corpus in ``mappings/``. Keys before the tables: ``out_of_scope``, ``ignore`` and ``scope_unclear`` list
classes; ``absent`` and ``co_occurs`` list labels. Tables: ``[classes]`` class -> labels (a key ``a+b`` stands for rows
with both classes), ``[co_occurs_in]`` class -> labels, ``[frustration]`` class -> number, ``[polarity]`` class ->
polarity; ``[reviewed]`` SHA-256 of a normalised text -> what a person made of that row, so that no text of a corpus
lies here. ``"*"`` is any class not named, or, in ``absent``, any label.

The mask: a row's ``known`` are the labels that some class of the corpus means, and those it surely lacks (``absent``),
without those that its annotators may have passed over (``co_occurs``, ``co_occurs_in``, and what a text says in passing).
A corpus never teaches the absence of a label that its annotation couldn't have expressed.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from models.text import fold
from training.labels import LABELS
from training.sources.catalog import SourceError

FOLDER = Path(__file__).parent / "mappings"
ANY = "*"

# Every corpus gives "hi, I lost my card, thanks" the one class that matters and leaves the greeting unsaid.
_IN_PASSING = {
    "greeting": re.compile(r"^(?:hi+|hai|hello|hey|dear|greetings|good (?:morning|afternoon|evening|day))\b"),
    "thanks_bye": re.compile(r"\b(?:thanks?|thankyou|thx|cheers|appreciated?|bye|goodbye)\b"),
    "affirm": re.compile(r"^(?:yes|yeah|yep|yup|ya|ok|okay|sure|right|fine)\b"),
    "deny": re.compile(r"^(?:no|nope|nah|not)\b"),
    "provide_info": re.compile(r"\d{4}|\b(?:my name is|this is)\b"),
}

Polarity = Literal["negative", "neutral", "positive"]


class Verdict(BaseModel):
    """What a person made of a row that the corpus' classes don't fit."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    drop: bool = False
    labels: tuple[str, ...] = ()
    explicit: bool | None = None
    frustration: float | None = None


class ClassTable(BaseModel):
    """How one corpus' classes become our targets."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    corpus: str
    out_of_scope: frozenset[str] = frozenset()
    ignore: frozenset[str] = frozenset()
    scope_unclear: frozenset[str] = frozenset()
    absent: tuple[str, ...] = ()
    co_occurs: frozenset[str] = frozenset()
    polarity_share: float = 1.0
    classes: dict[str, tuple[str, ...]] = {}
    co_occurs_in: dict[str, tuple[str, ...]] = {}
    frustration: dict[str, float] = {}
    polarity: dict[str, Polarity] = {}
    reviewed: dict[str, Verdict] = {}

    def targets(self, names: Sequence[str], *, text: str = "", share: float = 0.0) -> dict[str, Any] | None:
        """Return the target fields of a row with these classes, or ``None`` when it is to be dropped.

        Args:
            names: the row's classes, at least one.
            text: the row's text, for what it says in passing.
            share: a number in [0, 1) that belongs to the row; polarity is told where it lies below ``polarity_share``.

        Raises:
            SourceError: a class is in no list of the table.
        """
        for name in names:
            self._require(name)
        if self.ignore.intersection(names):
            return None
        present = {label for key in self._keys(names) for label in self.classes[key]}
        known = (self._known(names) - said_in_passing(text)) | present
        return {
            **_label_fields(present, known),
            "out_of_scope": self._scope(names),
            "frustration": self._frustration(names),
            "polarity": self._polarity(names) if share < self.polarity_share else None,
        }

    def reviewed_targets(self, verdict: Verdict) -> dict[str, Any]:
        """Return the target fields that a verdict replaces; who read the row also looked for frustration in it."""
        known = {*self.absent, *self.means(), *verdict.labels, "express_frustration"} - {ANY}
        if verdict.explicit is None:
            known.discard("request_human")
        present = set(verdict.labels)
        return {**_label_fields(present, known), "out_of_scope": False, "frustration": verdict.frustration}

    def means(self) -> frozenset[str]:
        """Return the labels that some class of the corpus means."""
        return frozenset(label for labels in self.classes.values() for label in labels)

    def _require(self, name: str) -> None:
        listed = self.classes.keys() | self.out_of_scope | self.ignore
        if name not in listed and ANY not in listed:
            raise SourceError(f"class {name!r} of {self.corpus} is in no list of its mapping; add it to mappings/")

    def _keys(self, names: Iterable[str]) -> list[str]:
        found = set(names)
        return [key for key in self.classes if found.issuperset(key.split("+"))]

    def _known(self, names: Iterable[str]) -> set[str]:
        absent = set(LABELS) if ANY in self.absent else set(self.absent)
        silent = set(self.co_occurs)
        for name in names:
            silent.update(self.co_occurs_in.get(name, ()))
        return (absent | self.means()) - silent

    def _scope(self, names: Sequence[str]) -> bool | None:
        if self.scope_unclear.intersection(names):
            return None
        listed = self.classes.keys() | self.out_of_scope
        return all(name in self.out_of_scope or (name not in listed and ANY in self.out_of_scope) for name in names)

    def _frustration(self, names: Sequence[str]) -> float | None:
        found = [self.frustration[name] for name in names if name in self.frustration]
        return max(found) if found else self.frustration.get(ANY)

    def _polarity(self, names: Sequence[str]) -> Polarity | None:
        found = {self.polarity[name] for name in names if name in self.polarity}
        return found.pop() if len(found) == 1 else None if found else self.polarity.get(ANY)


@cache
def read_mapping(corpus: str, folder: Path = FOLDER) -> ClassTable:
    """Return the mapping table of a corpus.

    Raises:
        SourceError: there is none, it doesn't hold together, or it names a label outside the taxonomy.
    """
    path = folder / f"{corpus}.toml"
    if not path.is_file():
        raise SourceError(f"no mapping {path}; expected one TOML file per corpus")
    try:
        mapping = ClassTable.model_validate({"corpus": corpus, **tomllib.loads(path.read_text(encoding="utf-8"))})
    except (tomllib.TOMLDecodeError, ValidationError) as error:
        raise SourceError(f"mapping {path.name} doesn't hold together: {error}") from error
    verdicts = [verdict.labels for verdict in mapping.reviewed.values()]
    told = [mapping.means(), mapping.absent, mapping.co_occurs, *mapping.co_occurs_in.values(), *verdicts]
    strange = {label for labels in told for label in labels} - set(LABELS) - {ANY}
    if strange:
        raise SourceError(f"{path.name} names {', '.join(sorted(strange))}; expected labels of training/labels.py")
    return mapping


def said_in_passing(text: str) -> set[str]:
    """Return the labels that a text may show beside the class that its corpus chose, and that no one annotated."""
    folded = fold(text)
    return {label for label, pattern in _IN_PASSING.items() if pattern.search(folded)}


def in_order(labels: Iterable[str]) -> tuple[str, ...]:
    """Return labels once each, in the order of the taxonomy."""
    chosen = set(labels)
    return tuple(label for label in LABELS if label in chosen)


def _label_fields(present: set[str], known: set[str]) -> dict[str, Any]:
    """Return labels, mask and whether a person is asked for, which the label says too."""
    human = "request_human"
    return {
        "labels": in_order(present),
        "known": "all" if known == set(LABELS) else in_order(known),
        "explicit": True if human in present else False if human in known else None,
    }
