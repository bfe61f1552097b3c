"""The adapters for what we wrote ourselves, ``data/written/messages`` and ``answers``: every label told, or absent."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from pydantic import ValidationError

from models.records import AnswerExample, LabelledMessage
from training.labels import LABELS
from training.sources.catalog import ROOT, SourceError

SOURCE = "written"
FOLDER = ROOT / "data" / "written" / "messages"
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
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
            if line.strip():
                yield _row(line, f"{path.name}, line {number}")


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
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
            if line.strip():
                yield _answer(line, f"{path.name}, line {number}", path.stem)


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
