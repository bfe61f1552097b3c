"""The adapters for what we wrote ourselves, ``data/written/messages`` and ``answers``: every label told, or absent."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from models.records import AnswerExample, LabelledMessage
from training.labels import LABELS
from training.sources.catalog import ROOT, SourceError

SOURCE = "written"
FOLDER = ROOT / "data" / "written" / "messages"
CONVERSATIONS = ROOT / "data" / "written" / "conversations"
CALIBRATION_BATCH = "-11"
ANSWERS = ROOT / "data" / "written" / "answers"
_TAKEN = ("id", "text", "language", "labels", "out_of_scope", "explicit", "sentiment", "frustration", "split")
_TARGETS = ("sufficient", "grounded", "answers", "good")
_TAKEN_ANSWER = ("id", "message", "answer", "passages", "split", *_TARGETS)


def read_written(folder: Path = FOLDER) -> Iterator[LabelledMessage]:
    """Yield our own messages; a batch, written in one go, is one group.

    Raises:
        SourceError: a line isn't a row, or names a label outside the taxonomy.
    """
    for path in sorted(folder.glob("*.jsonl")):
        for number, line in enumerate(_lines(path), start=1):
            yield _row(line, f"{path.name}, line {number}")


def _lines(path: Path) -> Iterator[str]:
    """Yield a file's lines, ended by line feeds only: a text may hold other separators. A blank one is a mistake."""
    yield from path.read_text(encoding="utf-8").removesuffix("\n").split("\n")


def _row(line: str, where: str) -> LabelledMessage:
    try:
        record = json.loads(line)
        fields = {key: record[key] for key in _TAKEN}
        row = LabelledMessage.model_validate(
            {**fields, "source": SOURCE, "known": "all", "group": f"{SOURCE}:{record['batch']}"}
        )
    except (ValueError, KeyError, TypeError, ValidationError) as error:
        raise SourceError(f"{where}: {error}; expected a written message: {', '.join(_TAKEN)}, batch") from error
    strange = set(row.labels) - set(LABELS)
    if strange:
        raise SourceError(f"{where}: {', '.join(sorted(strange))}; expected labels of training/labels.py")
    return row


def read_written_answers(folder: Path = ANSWERS) -> Iterator[AnswerExample]:
    """Yield our own answers; all variants of a situation are one group.

    Raises:
        SourceError: a line isn't a row.
    """
    for path in sorted(folder.glob("*.jsonl")):
        for number, line in enumerate(_lines(path), start=1):
            yield _answer(line, f"{path.name}, line {number}", path.stem)


def read_written_drafts(folder: Path = CONVERSATIONS) -> Iterator[AnswerExample]:
    """Yield the bot's messages of our own English conversations as drafts: does each fit what the customer just said?

    A question for details and an offer of a person fit; a fallback doesn't. What nobody judged is left out. The half
    that policies are tuned on is for training and, of its last batch, calibration; the held-out half is for the test.
    """
    for path in sorted(folder.glob("*.jsonl")):
        for line in _lines(path):
            conversation = json.loads(line)
            if conversation["language"] == "en":
                yield from _drafts(conversation)


def _drafts(conversation: dict[str, Any]) -> Iterator[AnswerExample]:
    last = conversation["batch"].endswith(CALIBRATION_BATCH)
    split = "test" if conversation["split"] == "held_out" else "calibration" if last else "train"
    question = None
    for number, turn in enumerate(conversation["turns"]):
        if turn["role"] == "customer":
            question = turn["text"]
            continue
        fits = _fits(turn) if turn["role"] == "bot" else None
        if fits is None or question is None:
            continue
        yield AnswerExample.model_validate(
            {
                "id": f"{SOURCE}:{conversation['id']}-{number}",
                "source": SOURCE,
                "message": question,
                "answer": turn["text"],
                "passages": turn.get("passages", ()),
                "answers": fits,
                "good": fits,
                "group": f"{SOURCE}:{conversation['id']}",
                "split": split,
            }
        )


def _fits(turn: dict[str, Any]) -> float | None:
    if turn.get("answer_good") is not None:
        return float(turn["answer_good"])
    said = set(turn.get("dialogue", ()))
    if said & {"bot_asks_details", "bot_offers_person"}:
        return 1.0
    return 0.0 if "bot_fallback" in said else None


def _answer(line: str, where: str, file: str) -> AnswerExample:
    try:
        record = json.loads(line)
        fields = {key: record[key] for key in _TAKEN_ANSWER}
        # a good answer is written as true
        fields |= {key: None if record[key] is None else float(record[key]) for key in _TARGETS}
        group = f"{SOURCE}:{file}:{record['situation']}"
        return AnswerExample.model_validate({**fields, "source": SOURCE, "group": group})
    except (ValueError, KeyError, TypeError, ValidationError) as error:
        raise SourceError(
            f"{where}: {error}; expected a written answer: {', '.join(_TAKEN_ANSWER)}, situation"
        ) from error
