"""The adapter for SummEdits: sentences of summaries, faithful or with one altered fact, beside the passages that bear on them.

Only the changed sentence of an edited summary is shown, so that every row is wrong, or right, for what stands in it. The
domains nearest to support, sales calls and sales mails, are never trained on: they are the benchmark.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from models.records import AnswerExample
from models.text import fold
from training.sources.rows import hash_share

SUMMEDITS = "summedits"
BENCHMARK_DOMAINS = frozenset({"sales_call", "sales_email"})
# The passage that supports a sentence is chosen by its words, so a few of the faithful ones aren't supported by it.
WEIGHT = 0.5
PASSAGE_WORDS = 90
PASSAGES = 2
_SENTENCE = re.compile(r"(?<=[.!?])\s+(?=\S)")
_WORD = re.compile(r"\w+")
_CALIBRATION_SHARE = 0.1


def read_summedits(folder: Path) -> Iterator[AnswerExample]:
    """Yield the sentences of the domains that may be trained on; a document has one split."""
    seen: set[tuple[str, str]] = set()
    for path in sorted((folder / "data" / "summedits").glob("summedits_*.json")):
        domain = path.stem.removeprefix("summedits_")
        if domain in BENCHMARK_DOMAINS:
            continue
        for record in json.loads(path.read_text(encoding="utf-8")):
            group = f"{SUMMEDITS}:{domain}:{hash_share(record['doc'])}"
            for sentence in _told(record):
                if (group, sentence) in seen:
                    continue
                seen.add((group, sentence))
                yield AnswerExample(
                    id=f"{SUMMEDITS}:{domain}-{record['id']}-{len(seen)}",
                    source=SUMMEDITS,
                    message="",
                    answer=sentence,
                    passages=tuple(bearing_passages(record["doc"], sentence)),
                    grounded=float(record["label"]),
                    weight=WEIGHT,
                    group=group,
                    split="calibration" if hash_share(group) < _CALIBRATION_SHARE else "train",
                )


def _told(record: dict[str, Any]) -> list[str]:
    """Return the sentences that a record judges: the changed one of an edit, all of an untouched summary."""
    sentences, original = sentences_of(record["summary"]), set(sentences_of(record["original_summary"]))
    changed = [sentence for sentence in sentences if sentence not in original]
    if record["label"]:
        return changed or sentences
    # several changed sentences: nobody says which one is wrong
    return changed if len(changed) == 1 else []


def sentences_of(text: str) -> list[str]:
    """Return the sentences of a text, split at final punctuation."""
    return [sentence.strip() for sentence in _SENTENCE.split(text) if sentence.strip()]


def bearing_passages(document: str, sentence: str, *, limit: int = PASSAGES) -> Sequence[str]:
    """Return the passages of a document that share most words with a sentence, best first.

    A passage is a run of whole sentences or lines of about ``PASSAGE_WORDS`` words; rarer words count more.
    """
    passages = _passages(document)
    words = [set(_WORD.findall(fold(passage))) for passage in passages]
    wanted = set(_WORD.findall(fold(sentence)))
    counts = {word: sum(word in found for found in words) for word in wanted}
    # an exact sum: a set's order, which differs from run to run, must not decide which passage comes first
    shared = [math.fsum(1.0 / counts[word] for word in wanted & found) for found in words]
    order = sorted(range(len(passages)), key=lambda place: (-shared[place], place))
    return [passages[place] for place in order[:limit]]


def _passages(document: str) -> list[str]:
    pieces = [piece for line in document.splitlines() for piece in sentences_of(line)]
    passages: list[str] = []
    words = PASSAGE_WORDS
    for piece in pieces:
        length = len(piece.split())
        if words + length > PASSAGE_WORDS:
            passages.append(piece)
            words = length
        else:
            passages[-1] += f" {piece}"
            words += length
    return passages or [document]
