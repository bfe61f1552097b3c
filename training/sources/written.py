"""The adapters for what we wrote ourselves, ``data/written``: messages, exchanges, requests, answers, conversations."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from models.records import AnswerExample, LabelledMessage, Split
from training.labels import BOT_DIALOGUE, CUSTOMER_DIALOGUE, LABELS
from training.sources.catalog import ROOT, SourceError

SOURCE = "written"
# our messages in other languages: a source of their own, since they only teach who asks for a person
REQUESTS_SOURCE = "written-requests"
FOLDER = ROOT / "data" / "written" / "messages"
CONVERSATIONS = ROOT / "data" / "written" / "conversations"
EXCHANGES = ROOT / "data" / "written" / "exchanges"
# The conversations that teach networks, by file, with the batch of the tuning half that calibrates them. The tuning half of
# every other file stays unseen by the networks, so that policies can be tuned on scores as they are for new customers.
TAUGHT = {"services": "-11", "shops": "-11"}
ANSWERS = ROOT / "data" / "written" / "answers"
_TAKEN = ("id", "text", "language", "labels", "out_of_scope", "explicit", "sentiment", "frustration", "split")
REQUESTS = ROOT / "data" / "written" / "requests"
_TAKEN_REQUEST = ("id", "text", "language", "explicit", "split")
_TAKEN_EXCHANGE = ("id", "role", "before", "text", "language", "dialogue", "split")
_TAKEN_CONVERSATION = ("id", "language", "turns", "batch", "split")
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


def read_exchanges(folder: Path = EXCHANGES) -> Iterator[LabelledMessage]:
    """Yield our own exchanges: a message, what was said before it, and its dialogue labels; a batch is one group.

    Raises:
        SourceError: a line isn't a row, or names a label that its role can't have.
    """
    for path in sorted(folder.glob("*.jsonl")):
        for number, line in enumerate(_lines(path), start=1):
            where = f"{path.name}, line {number}"
            try:
                record = json.loads(line)
                fields = {key: record[key] for key in _TAKEN_EXCHANGE}
                # a bot's message is judged on its own: what it does stands in it
                before = record["before"] if record["role"] == "customer" else None
                group = f"{SOURCE}:{record['batch']}"
                row = LabelledMessage.model_validate({**fields, "before": before, "source": SOURCE, "group": group})
            except (ValueError, KeyError, TypeError, ValidationError) as error:
                expected = f"expected an exchange: {', '.join(_TAKEN_EXCHANGE)}, batch"
                raise SourceError(f"{where}: {error}; {expected}") from error
            strange = set(row.dialogue or ()) - set(BOT_DIALOGUE if row.role == "bot" else CUSTOMER_DIALOGUE)
            if strange:
                raise SourceError(f"{where}: a {row.role}'s message can't be {', '.join(sorted(strange))}")
            yield row


def read_requests(folder: Path = REQUESTS) -> list[LabelledMessage]:
    """Return our own messages in other languages: does each ask for a person? A batch is one group.

    Raises:
        SourceError: a line isn't a row.
    """
    rows = []
    for path in sorted(folder.glob("*.jsonl")):
        for number, line in enumerate(_lines(path), start=1):
            try:
                record = json.loads(line)
                fields = {key: record[key] for key in _TAKEN_REQUEST}
                group = f"{REQUESTS_SOURCE}:{record['batch']}"
                rows.append(LabelledMessage(**fields, source=REQUESTS_SOURCE, group=group))
            except (ValueError, KeyError, TypeError, ValidationError) as error:
                expected = f"expected a request: {', '.join(_TAKEN_REQUEST)}, batch"
                raise SourceError(f"{path.name}, line {number}: {error}; {expected}") from error
    return rows


def read_written_turns(folder: Path = CONVERSATIONS) -> Iterator[LabelledMessage]:
    """Yield the turns of our own English conversations with their dialogue labels; a conversation is one group.

    Customers' first messages are left out: nothing stands before them. For the splits see ``_conversations``.

    Raises:
        SourceError: a line isn't a conversation.
    """
    for conversation, split in _conversations(folder):
        bot: str | None = None
        for number, turn in enumerate(conversation["turns"]):
            role, before = turn["role"], bot if turn["role"] == "customer" else None
            if role == "bot":
                bot = turn["text"]
            if role == "agent" or (role == "customer" and before is None):
                continue
            yield LabelledMessage.model_validate(
                {
                    "id": f"{conversation['id']}-{number}",
                    "source": SOURCE,
                    "role": role,
                    "before": before,
                    "text": turn["text"],
                    "dialogue": turn["dialogue"],
                    "group": f"{SOURCE}:{conversation['id']}",
                    "split": split,
                }
            )


def _conversations(folder: Path) -> Iterator[tuple[dict[str, Any], Split]]:
    """Yield the English conversations that teach or test networks, each with its split.

    The half that policies are held out from is the test. Of the other half, the files in ``TAUGHT`` are for training and, of
    one batch, calibration; the rest is nobody's.
    """
    for name, conversation in read_written_conversations(folder):
        if conversation["language"] != "en":
            continue
        if conversation["split"] == "held_out":
            yield conversation, "test"
        elif name in TAUGHT:
            is_last = conversation["batch"].endswith(TAUGHT[name])
            yield conversation, "calibration" if is_last else "train"


def read_written_conversations(folder: Path = CONVERSATIONS) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield our own conversations as they are written, each with its file's name.

    Raises:
        SourceError: a line isn't a conversation.
    """
    for path in sorted(folder.glob("*.jsonl")):
        for number, line in enumerate(_lines(path), start=1):
            yield path.stem, _conversation(line, f"{path.name}, line {number}")


def _conversation(line: str, where: str) -> dict[str, Any]:
    try:
        record: dict[str, Any] = json.loads(line)
        missing = [key for key in _TAKEN_CONVERSATION if key not in record]
        for number, turn in enumerate(record["turns"] if not missing else ()):
            needed = ("role", "text") if turn["role"] == "agent" else ("role", "text", "dialogue")
            missing += [f"{key} of turn {number}" for key in needed if key not in turn]
    except (ValueError, KeyError, TypeError) as error:
        raise SourceError(f"{where}: {error}; expected a conversation: {', '.join(_TAKEN_CONVERSATION)}") from error
    if missing:
        raise SourceError(
            f"{where}: no {', '.join(missing)}; expected a conversation: {', '.join(_TAKEN_CONVERSATION)}"
        )
    return record


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

    A question for details and an offer of a person fit; a fallback doesn't. What nobody judged is left out.

    Raises:
        SourceError: a line isn't a conversation.
    """
    for conversation, split in _conversations(folder):
        yield from _drafts(conversation, split)


def _drafts(conversation: dict[str, Any], split: Split) -> Iterator[AnswerExample]:
    question = earlier = None
    for number, turn in enumerate(conversation["turns"]):
        if turn["role"] == "customer":
            earlier, question = question, turn["text"]
            continue
        fits = _fits(turn) if turn["role"] == "bot" else None
        if fits is None or question is None:
            continue
        # the test is measured on what somebody judged, not on what follows from a label
        good = fits if split != "test" or "answer_good" in turn else None
        yield AnswerExample.model_validate(
            {
                "id": f"{SOURCE}:{conversation['id']}-{number}",
                "source": SOURCE,
                "message": question,
                "earlier": earlier,
                "answer": turn["text"],
                "passages": turn.get("passages", ()),
                "answers": fits,
                "good": good,
                "group": f"{SOURCE}:{conversation['id']}",
                "split": split,
            }
        )


def _fits(turn: dict[str, Any]) -> float | None:
    if "answer_good" in turn:
        return None if turn["answer_good"] is None else float(turn["answer_good"])
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
