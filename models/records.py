"""The JSON Lines rows that cross rooms, with their versions: labelled data in, recorded turns out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from models.errors import InputError

R = TypeVar("R", bound="Record")
Split = Literal["train", "calibration", "test"]


class Record(BaseModel):
    """A row of a JSON Lines file: strict about unknown fields, immutable once read."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class LabelledMessage(Record):
    """One message with what an annotator, or a corpus, says of it; a customer's unless ``role`` says otherwise.

    ``labels`` are present. ``known`` says which labels the source speaks about: ``"all"`` when a label that isn't listed is
    absent, else the names whose absence is known. A label outside ``labels`` and ``known`` is *not labelled here* and never
    taught. The other targets are ``None`` where the source is silent. ``group`` keeps rows together that must not be
    divided between splits (a conversation, a cluster of near-duplicates). ``dialogue`` are the labels that a message has as
    part of a conversation, all that its role can have or ``None``; ``before`` is what the other side said right before it.
    """

    version: Literal[1] = 1
    id: str
    source: str
    text: str
    role: Literal["customer", "bot"] = "customer"
    before: str | None = None
    dialogue: tuple[str, ...] | None = None
    language: str = "en"
    labels: tuple[str, ...] = ()
    known: Literal["all"] | tuple[str, ...] = ()
    out_of_scope: bool | None = None
    explicit: bool | None = None
    sentiment: float | None = Field(default=None, ge=-1, le=1)
    polarity: Literal["negative", "neutral", "positive"] | None = None
    frustration: float | None = Field(default=None, ge=0, le=1)
    weight: float = Field(default=1.0, gt=0)
    group: str
    split: Split | None = None


class AnswerExample(Record):
    """A customer message, a bot's draft answer and its passages, with targets in [0, 1]; ``None`` is not labelled.

    ``sufficient``: the passages hold what is needed. ``grounded``: the passages support the answer. ``answers``: the answer
    addresses the message. ``good``: the answer should be sent. ``earlier`` is what the customer had said before ``message``.
    """

    version: Literal[1] = 1
    id: str
    source: str
    message: str
    earlier: str | None = None
    answer: str | None = None
    passages: tuple[str, ...] = ()
    sufficient: float | None = Field(default=None, ge=0, le=1)
    grounded: float | None = Field(default=None, ge=0, le=1)
    answers: float | None = Field(default=None, ge=0, le=1)
    good: float | None = Field(default=None, ge=0, le=1)
    weight: float = Field(default=1.0, gt=0)
    group: str
    split: Split | None = None


def read_records(path: Path, kind: type[R]) -> Iterator[R]:
    """Yield the rows of a JSON Lines file.

    Raises:
        InputError: a line isn't a row of this kind; names the file and the line.
    """
    with path.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            try:
                yield kind.model_validate_json(line)
            except ValidationError as error:
                first = error.errors()[0]
                where = ".".join(str(part) for part in first["loc"]) or "row"
                message = f"{path.name}, line {number}: {where}: {first['msg']}; expected a {kind.__name__} row"
                raise InputError(message) from error


def write_records(path: Path, rows: Iterable[Record]) -> int:
    """Write rows as JSON Lines, whole or not at all; return how many."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(path.suffix + ".part")
    count = 0
    with part.open("w", encoding="utf-8") as out:
        for row in rows:
            out.write(row.model_dump_json(exclude_defaults=True) + "\n")
            count += 1
    part.replace(path)
    return count
