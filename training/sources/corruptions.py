"""Rows made from rows: wrong answers from right ones (another number, a reversed yes or no), answers without passages.

Rated corpora hold few answers that look right and aren't; a bot's dangerous ones are of that kind. Source of the idea:
Kryscinski et al. 2020, "Evaluating the Factual Consistency of Abstractive Text Summarization" (arXiv 1910.12840).
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterable, Iterator

from models.records import AnswerExample
from training.sources.rows import hash_share

# of the answers that could be corrupted, the share that is
SHARE = 0.45
# of the answers with passages, the share that is seen once more without them
STRIPPED_SHARE = 0.15

_NUMBER = re.compile(r"\d+")
# a pair reads both ways; the first that occurs is reversed
_REVERSALS: tuple[tuple[str, str], ...] = (
    ("Yes, ", "No, "),
    (" is not ", " is "),
    (" are not ", " are "),
    (" isn't ", " is "),
    (" aren't ", " are "),
    (" does not ", " does "),
    (" do not ", " do "),
    (" don't ", " do "),
    (" doesn't ", " does "),
    (" cannot ", " can "),
    (" can't ", " can "),
    (" no ", " "),
    (" has ", " doesn't have "),
    (" have ", " don't have "),
    (" offers ", " doesn't offer "),
    (" accepts ", " doesn't accept "),
    (" is ", " is not "),
    (" are ", " are not "),
    (" can ", " can't "),
    (" will ", " will not "),
)


def corrupt(answer: str, rng: random.Random) -> str | None:
    """Return the answer with one fact changed, or ``None`` where nothing in it can be changed safely."""
    numbers = list(_NUMBER.finditer(answer))
    if numbers and rng.random() < 0.5:
        chosen = rng.choice(numbers)
        return answer[: chosen.start()] + _other_number(chosen.group(), rng) + answer[chosen.end() :]
    padded = f" {answer}"
    for found, instead in _REVERSALS:
        if found.startswith(" ") and found in padded:
            return padded.replace(found, instead, 1).strip()
        if answer.startswith((found, instead)):
            head, swap = (found, instead) if answer.startswith(found) else (instead, found)
            return swap + answer.removeprefix(head)
    return None


def stripped_rows(rows: Iterable[AnswerExample]) -> Iterator[AnswerExample]:
    """Yield a share of the rows again without passages: whether an answer addresses its question shows without them."""
    for row in rows:
        if row.split == "test" or row.answers is None or not row.answer or not row.passages:
            continue
        if hash_share(f"{row.id}:strip") < STRIPPED_SHARE:
            fields = {"id": f"{row.id}:stripped", "passages": (), "sufficient": None, "grounded": None, "good": None}
            yield row.model_copy(update=fields)


def _other_number(digits: str, rng: random.Random) -> str:
    low = 10 ** (len(digits) - 1) if len(digits) > 1 else 0
    other = str(rng.randrange(low, 10 ** len(digits)))
    return other if other != digits else _other_number(digits, rng)


def corrupted_rows(rows: Iterable[AnswerExample]) -> Iterator[AnswerExample]:
    """Yield a wrong twin for a share of the good, grounded training answers: it answers, but nothing supports it."""
    for row in rows:
        if row.split != "train" or row.good != 1.0 or row.grounded != 1.0 or not row.answer:
            continue
        if hash_share(f"{row.id}:corrupt") >= SHARE:
            continue
        wrong = corrupt(row.answer, random.Random(row.id))  # noqa: S311 - reproducible, not secret
        if wrong is None or wrong == row.answer:
            continue
        yield row.model_copy(update={"id": f"{row.id}:corrupted", "answer": wrong, "grounded": 0.0, "good": 0.0})
