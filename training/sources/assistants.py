"""Adapters for corpora of assistants and chat: CLINC150, HWU64, Rasa's and Microsoft's example bots."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from pathlib import Path

import yaml

from models.records import Split
from training.sources.mapping import read_mapping
from training.sources.rows import Classed, build_row, text_hash

# [text](entity) and [text]{"entity": ...}: Rasa's markup
_ENTITY = re.compile(r"\[([^\]]*)\](?:\([^)]*\)|\{[^}]*\})")


def read_clinc150(folder: Path) -> Iterator[Classed]:
    """Yield CLINC150's commands and its out-of-scope questions."""
    mapping = read_mapping("clinc150")
    parts = json.loads((folder / "data_full.json").read_text(encoding="utf-8"))
    order: tuple[tuple[str, Split], ...] = (("test", "test"), ("val", "calibration"), ("train", "train"))
    for part, split in order:
        for text, name in [*parts[part], *parts[f"oos_{part}"]]:
            row = build_row(mapping, [name], text=text, key=text_hash(text)[:16], split=split)
            if row:
                yield row


def read_hwu64(folder: Path) -> Iterator[Classed]:
    """Yield HWU64's commands to a home assistant."""
    mapping = read_mapping("hwu64")
    order: tuple[tuple[str, Split], ...] = (("test", "test"), ("valid", "calibration"), ("train", "train"))
    for part, split in order:
        texts = (folder / part / "seq.in").read_text(encoding="utf-8").splitlines()
        names = (folder / part / "label").read_text(encoding="utf-8").splitlines()
        for text, name in zip(texts, names, strict=True):
            row = build_row(mapping, [name], text=text, key=text_hash(text)[:16], split=split)
            if row:
                yield row


def read_rasa(folder: Path) -> Iterator[Classed]:
    """Yield the examples of Rasa's bots, without their entity markup."""
    mapping = read_mapping("rasa-apache")
    for path in sorted(folder.rglob("nlu.yml")):
        for entry in yaml.safe_load(path.read_text(encoding="utf-8"))["nlu"]:
            if "intent" not in entry:
                continue
            for line in entry["examples"].splitlines():
                text = _ENTITY.sub(r"\1", line.strip().removeprefix("-"))
                row = build_row(mapping, [entry["intent"]], text=text, key=text_hash(text)[:16])
                if row:
                    yield row


def read_ms_virtual_assistant(folder: Path) -> Iterator[Classed]:
    """Yield the English utterances of Microsoft's assistant: intents first, then blocks of chit-chat."""
    mapping = read_mapping("ms-virtual-assistant")
    utterances = [*_lu(folder / "LU" / "en-us" / "General.lu"), *_qna(folder / "QnA" / "en-us" / "Chitchat.qna")]
    for name, text in utterances:
        row = build_row(mapping, [name], text=text, key=text_hash(text)[:16])
        if row:
            yield Classed(name, row.row)


def name_block(question: str) -> str:
    """Return the name of a block of chit-chat: a hash of its first question, so that no mapping repeats the text."""
    return f"block-{hashlib.sha256(question.encode()).hexdigest()[:12]}"


def _lu(path: Path) -> Iterator[tuple[str, str]]:
    """Yield intent and utterance of a LUDown file."""
    name = ""
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("## "):
            name = line[3:].strip()
        elif line.startswith("- ") and name:
            # utterances with slots are patterns, not messages
            if "{" not in line:
                yield name, line[2:]
        elif line.startswith(("$", "@")):
            name = ""


def _qna(path: Path) -> Iterator[tuple[str, str]]:
    """Yield block name and question of a QnA file."""
    name = ""
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("## ? "):
            name = name_block(line[5:].rstrip())
            yield name, line[5:]
        elif line.startswith("- ") and name:
            yield name, line[2:]
        elif line.startswith(("**Filters", "```", ">")):
            # filters are list items too, and no questions
            name = ""
