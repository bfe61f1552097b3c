"""Adapters for corpora of customers and support: Bitext, Banking77, NLU++, MultiDoGO and Watson's bank."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from models.records import Split
from training.sources.mapping import ClassTable, read_mapping
from training.sources.rows import GLUE_WORDS, Classed, build_row, text_hash

# the half of NLU++'s twenty folds that we use
NLUPP_FOLDS = range(10)
# labels that a turn of one word can carry
GLUE = frozenset({"affirm", "deny", "greeting", "thanks_bye", "provide_info"})


def read_bitext(folder: Path) -> Iterator[Classed]:
    """Yield Bitext's synthetic requests, one intent each."""
    mapping = read_mapping("bitext-customer-support")
    parts: tuple[tuple[str, Split], ...] = (("Testing", "test"), ("Validation", "calibration"), ("Training", "train"))
    for part, split in parts:
        for record in _csv(folder / f"Bitext_Sample_Customer_Service_{part}_Dataset.csv"):
            text = record["utterance"]
            row = build_row(mapping, [record["intent"]], text=text, key=text_hash(text)[:16], split=split)
            if row:
                yield row


def read_banking77(folder: Path) -> Iterator[Classed]:
    """Yield Banking77's questions to a banking app."""
    mapping = read_mapping("banking77")
    parts: tuple[tuple[str, Split], ...] = (("test", "test"), ("train", "train"))
    for part, split in parts:
        for record in _csv(folder / f"{part}.csv"):
            text = record["text"]
            row = build_row(mapping, [record["category"]], text=text, key=text_hash(text)[:16], split=split)
            if row:
                yield row


def read_nlupp(folder: Path) -> Iterator[Classed]:
    """Yield NLU++'s multi-label turns to a bank and a hotel."""
    mapping = read_mapping("nlupp")
    for domain in ("banking", "hotels"):
        for fold in NLUPP_FOLDS:
            for number, record in enumerate(json.loads((folder / domain / f"fold{fold}.json").read_text("utf-8"))):
                # a row without modules is still a turn at the counter
                names = record.get("intents") or ["nothing"]
                row = build_row(mapping, names, text=record["text"], key=f"{domain}-{fold}-{number}")
                if row:
                    yield Classed("handoff" if row.row.explicit else "other", row.row)


def read_multidogo(folder: Path) -> Iterator[Classed]:
    """Yield MultiDoGO's customer turns; a category is a trade and a class, for the cap."""
    mapping = read_mapping("multidogo")
    parts: tuple[tuple[str, Split], ...] = (("test", "test"), ("dev", "calibration"), ("train", "train"))
    for domain in sorted(path.name for path in (folder / "turn_level").iterdir()):
        for part, split in parts:
            path = folder / "turn_level" / domain / f"{part}.tsv"
            for record in _csv(path, delimiter="\t", quoting=csv.QUOTE_NONE):
                names = (record["intent"] or "").split("<div>")
                # a few lines are broken: slot tags or nothing stand where the intent belongs
                if not all(name in mapping.classes for name in names):
                    continue
                # an intent stays on while its slots are filled: "2012" and "yes" carry it and don't show it
                if not _shows(names, record["utterance"], mapping):
                    continue
                row = build_row(
                    mapping,
                    names,
                    text=record["utterance"],
                    key=f"{domain}:{record['utteranceId']}",
                    split=split,
                    group=f"multidogo:{record['conversationId']}",
                )
                if row:
                    yield Classed(f"{domain}:{row.category}", row.row)


def _shows(names: list[str], text: str, mapping: ClassTable) -> bool:
    """Tell whether a turn is long enough to show what it asks for; glue may be short."""
    glue = all(GLUE.intersection(mapping.classes[name]) for name in names)
    return glue or len(text.split()) > GLUE_WORDS


def read_watson(folder: Path) -> Iterator[Classed]:
    """Yield the examples of Watson's banking workspace."""
    mapping = read_mapping("watson-banking-workspace")
    workspace = json.loads((folder / "banking_workspace.json").read_text(encoding="utf-8"))
    for intent in workspace["intents"]:
        for example in intent["examples"]:
            text = example["text"]
            row = build_row(mapping, [intent["intent"]], text=text, key=text_hash(text)[:16])
            if row:
                yield row


def _csv(path: Path, **dialect: Any) -> Iterator[dict[str, str]]:
    """Yield the records of a table with a header."""
    with path.open(encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file, **dialect)
