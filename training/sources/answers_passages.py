"""Adapters for questions with passages: Amazon's ePQA, SQuAD 2, BEGIN and DelucionQA's refusals."""

from __future__ import annotations

import csv
import json
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from models.records import AnswerExample, Split
from models.text import fold
from training.sources.rows import hash_share

AMAZON, SQUAD2 = "amazon_product_qa", "squad2_dev_half"
BEGIN, DELUCIONQA = "begin", "delucionqa_nonanswers"
SQUAD2_ROWS = 3_000
SQUAD2_SILENT = 0.25
# irrelevant passages of one question that are enough
AMAZON_IRRELEVANT = 3
BEGIN_WEIGHT = 0.5


def read_amazon(folder: Path) -> Iterator[AnswerExample]:
    """Yield ePQA's product questions with fitting and unfitting passages and answers; a product has one split."""
    questions: dict[str, list[dict[str, str]]] = defaultdict(list)
    with (folder / "ePQA" / "dev.csv").open(encoding="utf-8", newline="") as file:
        for record in csv.DictReader(file):
            questions[record["qid"]].append(record)
    qids = sorted(questions)
    products = {qid: f"{AMAZON}:{questions[qid][0]['ASIN']}" for qid in qids}
    splits = {qid: _share_split(products[qid], calibration=0.10, test=0.15) for qid in qids}
    for place, qid in enumerate(qids):
        # the answer of another question comes from the same split, lest train shows what test asks
        fellows = [other for other in qids[place + 1 :] + qids[:place] if splits[other] == splits[qid]]
        foreign = next((r["answer"] for other in fellows for r in questions[other] if _answered(r)), None)
        for record, targets in _amazon_pairs(questions[qid], foreign):
            yield AnswerExample(
                id=f"{AMAZON}:{qid}-{record['qa_pair_id']}-{targets.pop('kind')}",
                source=AMAZON,
                message=record["question"],
                passages=(f"{record['title']}: {record['candidate']}".strip(),),
                group=products[qid],
                split=splits[qid],
                **targets,
            )


def _amazon_pairs(
    records: list[dict[str, str]], foreign: str | None
) -> Iterator[tuple[dict[str, str], dict[str, Any]]]:
    """Yield the records of one question with answer and targets, by what they show."""
    full = [record for record in records if _answered(record)]
    irrelevant = sorted(
        (record for record in records if record["label"] == "0"), key=lambda r: hash_share(r["qa_pair_id"])
    )
    for record in full:
        yield record, _targets("full", answer=record["answer"], sufficient=1, grounded=1, answers=1, good=1)
    if foreign is not None:
        for record in full[:2]:
            yield record, _targets("foreign", answer=foreign, sufficient=1, grounded=0, answers=0, good=0)
    for record in irrelevant[:AMAZON_IRRELEVANT]:
        yield record, _targets("irrelevant", sufficient=0)
        if full:
            answer = full[0]["answer"]
            yield record, _targets("unfounded", answer=answer, sufficient=0, grounded=0, answers=1, good=0)
    for record in records:
        if record["label"] == "1":
            yield record, _targets("partial", sufficient=0.5)


def _answered(record: dict[str, str]) -> bool:
    return record["label"] == "2" and bool(record["answer"].strip())


def _targets(kind: str, **targets: Any) -> dict[str, Any]:
    return {"kind": kind, **targets}


def read_squad2(folder: Path) -> Iterator[AnswerExample]:
    """Yield a sample of SQuAD 2's questions with their paragraph, answerable or not, by article.

    The answer is the longest span that an annotator marked; for an impossible question the plausible span.
    A share of the rows goes without an answer, as a bot does that asks before it writes.
    """
    articles = json.loads((folder / "data" / "dev-v2.0.json").read_text(encoding="utf-8"))["data"]
    rows = [row for article in articles for row in _squad2_article(article)]
    rows.sort(key=lambda row: hash_share(row.id))
    yield from rows[:SQUAD2_ROWS]


def _squad2_article(article: dict[str, Any]) -> Iterator[AnswerExample]:
    group = f"{SQUAD2}:{article['title']}"
    split = _share_split(group, calibration=0.1, test=0.2)
    for paragraph in article["paragraphs"]:
        for question in paragraph["qas"]:
            key = f"{SQUAD2}:{question['id']}"
            impossible = question["is_impossible"]
            spans = [answer["text"] for answer in question["plausible_answers" if impossible else "answers"]]
            silent = not spans or hash_share(f"{key}:silent") < SQUAD2_SILENT
            told = {} if silent else _squad2_answer(max(spans, key=len), impossible=impossible)
            yield AnswerExample(
                id=key,
                source=SQUAD2,
                message=question["question"],
                passages=(paragraph["context"],),
                sufficient=0.0 if impossible else 1.0,
                group=group,
                split=split,
                **told,
            )


def _squad2_answer(span: str, *, impossible: bool) -> dict[str, Any]:
    """Return a span as a short answer, with its targets: the plausible one speaks to the question, unfounded."""
    founded = 0.0 if impossible else 1.0
    return {"answer": _sentence(span), "grounded": founded, "answers": 1.0, "good": founded}


def _sentence(span: str) -> str:
    """Return a bare span as a short answer."""
    return f"{span[0].upper()}{span[1:].rstrip('.')}."


def read_begin(folder: Path) -> Iterator[AnswerExample]:
    """Yield BEGIN's chit-chat replies: whether the knowledge supports them, and nothing else."""
    targets = {"Fully attributable": 1.0, "Not fully attributable": 0.0}
    for path in sorted(folder.rglob("*.tsv")):
        with path.open(encoding="utf-8", newline="") as file:
            for number, record in enumerate(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)):
                # a generic reply claims nothing that could be grounded
                grounded = targets.get(record["begin_label"])
                if grounded is None or not record["response"].strip():
                    continue
                # one piece of knowledge is one document, however a system wrote its capitals and blanks
                group = f"{BEGIN}:{fold(record['knowledge'])}"
                yield AnswerExample(
                    id=f"{BEGIN}:{path.stem}-{number}",
                    source=BEGIN,
                    message=record["message"],
                    answer=record["response"],
                    passages=(record["knowledge"],),
                    grounded=grounded,
                    weight=BEGIN_WEIGHT,
                    group=f"{BEGIN}:{hash_share(group)}",
                )


def read_delucionqa(folder: Path) -> Iterator[AnswerExample]:
    """Yield DelucionQA's refusals, which answer nothing; the manual isn't published, so there are no passages."""
    with (folder / "data" / "DelucionQA_final" / "unanswerable.csv").open(encoding="utf-8", newline="") as file:
        for number, record in enumerate(csv.DictReader(file)):
            yield AnswerExample(
                id=f"{DELUCIONQA}:{number}",
                source=DELUCIONQA,
                message=record["Question"],
                answer=record["Answer"],
                answers=0.0,
                good=0.0,
                group=f"{DELUCIONQA}:{hash_share(record['Question'])}",
            )


def _share_split(key: str, *, calibration: float, test: float) -> Split:
    share = hash_share(key)
    if share < test:
        return "test"
    return "calibration" if share < test + calibration else "train"
