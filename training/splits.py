"""Train, calibration and test: every row in one, no group in two, no test text in train; with a fingerprint."""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from models.records import AnswerExample, LabelledMessage, Split
from models.text import fold
from training.sources.rows import GLUE_WORDS, hash_share

Row = TypeVar("Row", LabelledMessage, AnswerExample)

CALIBRATION_SHARE, TEST_SHARE = 0.1, 0.1
# who keeps what two splits share: the test, so that nothing of it is trained on
_TEST_FIRST: tuple[Split, ...] = ("test", "calibration", "train")
_TEXTS = {"text", "before", "message", "earlier", "answer", "passages"}
_NOT_WORDS = re.compile(r"[\W_]+")
_DIGITS = re.compile(r"\d+")


@dataclass(frozen=True)
class SplitReport:
    """What the splitting did: rows by source and split, and rows dropped by source and reason.

    Reasons: ``group``: others of the row's group lie in a split that goes before. ``text``: a near-identical text does.
    ``glue``: a text as short as "yes please" that train holds too, dropped from the other split. ``passage``: a split that goes
    before shows one of the row's passages, say because a system retrieved the wrong entity's there.
    """

    counts: dict[str, dict[Split, int]]
    dropped: dict[str, dict[str, int]]

    @property
    def n_dropped(self) -> int:
        """Return how many rows were dropped in all."""
        return sum(sum(reasons.values()) for reasons in self.dropped.values())


def assign_splits(rows: Sequence[Row], *, seed: int) -> tuple[list[Row], SplitReport]:
    """Return the rows with a split each, without what would leak, and the report.

    A row without a split follows its group's other rows, else 80/10/10 by the hash of seed and group.
    """
    fixed = _group_splits(rows)
    dropped: Counter[tuple[str, str]] = Counter()
    placed: list[Row] = []
    for row in rows:
        split = fixed.get(row.group) or _hashed_split(row.group, seed)
        if row.split is not None and row.split != split:
            dropped[row.source, "group"] += 1
        else:
            placed.append(row if row.split == split else row.model_copy(update={"split": split}))
    owners = _text_owners(placed)
    kept = []
    for row in placed:
        if owners[near_key(row)] == row.split:
            kept.append(row)
        else:
            dropped[row.source, "glue" if _is_glue(row) else "text"] += 1
    clean = []
    shown = _passage_owners(kept)
    for row in kept:
        if any(shown[key] != row.split for key in _passage_keys(row)):
            dropped[row.source, "passage"] += 1
        else:
            clean.append(row)
    return clean, _report(clean, dropped)


def near_key(row: LabelledMessage | AnswerExample) -> str:
    """Return the form under which two rows are near-identical: words alone, every number the same.

    Of an answer example it covers message, answer and passages, since many customers ask the same question elsewhere; of a
    message in its conversation also the message before it.
    """
    text = _text(row)
    key = _DIGITS.sub("0", " ".join(_NOT_WORDS.sub(" ", fold(text)).split()))
    # emoji and punctuation alone
    return key or text


def fingerprint(rows: Iterable[LabelledMessage | AnswerExample]) -> str:
    """Return the SHA-256 of rows in any order: ids, texts, targets, masks, weights and splits."""
    lines = sorted(_line(row) for row in rows)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _group_splits(rows: Sequence[Row]) -> dict[str, Split]:
    """Return the split of each group that the corpora themselves split."""
    found: dict[str, Split] = {}
    for row in rows:
        if row.split is not None:
            at = found.get(row.group, row.split)
            found[row.group] = min(at, row.split, key=_TEST_FIRST.index)
    return found


def _hashed_split(group: str, seed: int) -> Split:
    share = hash_share(f"{seed}:{group}")
    if share < TEST_SHARE:
        return "test"
    return "calibration" if share < TEST_SHARE + CALIBRATION_SHARE else "train"


def _text_owners(rows: Sequence[Row]) -> dict[str, Split]:
    """Return for each text the one split that keeps it."""
    owners: dict[str, Split] = {}
    for row in rows:
        if row.split is None:
            continue
        order = _TEST_FIRST[::-1] if _is_glue(row) else _TEST_FIRST
        key = near_key(row)
        owners[key] = min(owners.get(key, row.split), row.split, key=order.index)
    return owners


def _passage_owners(rows: Sequence[Row]) -> dict[str, Split]:
    """Return for each passage the one split that may show it."""
    owners: dict[str, Split] = {}
    for row in rows:
        if row.split is None:
            continue
        for key in _passage_keys(row):
            owners[key] = min(owners.get(key, row.split), row.split, key=_TEST_FIRST.index)
    return owners


def _passage_keys(row: LabelledMessage | AnswerExample) -> set[str]:
    """Return the passages of an answer example, in the form under which two are the same."""
    return set() if isinstance(row, LabelledMessage) else {fold(passage) for passage in row.passages}


def _is_glue(row: LabelledMessage | AnswerExample) -> bool:
    return isinstance(row, LabelledMessage) and len(near_key(row).split()) <= GLUE_WORDS


def _text(row: LabelledMessage | AnswerExample) -> str:
    if isinstance(row, LabelledMessage):
        return row.text if row.before is None else f"{row.before}\n{row.text}"
    earlier = [] if row.earlier is None else [row.earlier]
    return "\n".join([*earlier, row.message, row.answer or "", *row.passages])


def _line(row: LabelledMessage | AnswerExample) -> str:
    text = hashlib.sha256(fold(_text(row)).encode()).hexdigest()
    # defaults are left out, so that a field that records get later doesn't change the name of old data
    rest = row.model_dump(mode="json", exclude_defaults=True, exclude=_TEXTS | {"id"})
    return json.dumps([row.id, text, rest], sort_keys=True)


def _report(kept: Sequence[Row], dropped: Counter[tuple[str, str]]) -> SplitReport:
    counts: dict[str, dict[Split, int]] = {}
    for row in kept:
        if row.split is not None:
            at = counts.setdefault(row.source, dict.fromkeys(_TEST_FIRST, 0))
            at[row.split] += 1
    reasons: dict[str, dict[str, int]] = {}
    for (source, reason), number in sorted(dropped.items()):
        reasons.setdefault(source, {})[reason] = number
    return SplitReport(counts=counts, dropped=reasons)
