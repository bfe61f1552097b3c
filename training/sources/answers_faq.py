"""Answers made from DSTC9's FAQ snippets, for training only: the right one, a neighbour's, one without support.

The rated answers hold few wrong retrievals; 12,000 question-and-body pairs by entity hold as many as wanted. Only the
entities of the training split are used, and a neighbour is another FAQ of the same entity, so names give nothing away.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from models.records import AnswerExample
from training.sources.answers_rated import SOURCE, entity_group, entity_split
from training.sources.rows import hash_share

# FAQs of one entity that are used; each becomes one row
PER_ENTITY = 14
_RIGHT = {"sufficient": 1.0, "grounded": 1.0, "answers": 1.0, "good": 1.0}
_NEIGHBOUR = {"sufficient": 0.0, "grounded": 1.0, "answers": 0.0, "good": 0.0}
_UNFOUNDED = {"sufficient": 0.0, "grounded": 0.0, "answers": 1.0, "good": 0.0}


def read_dstc9_faq(folder: Path) -> Iterator[AnswerExample]:
    """Yield one row a snippet: right, beside the point, unfounded, or right behind an irrelevant first passage."""
    knowledge = json.loads((folder / "data_eval" / "knowledge.json").read_text(encoding="utf-8"))
    for domain, entities in knowledge.items():
        for entity_id, entity in entities.items():
            docs = sorted(entity["docs"].items(), key=lambda pair: hash_share(f"{domain}{entity_id}{pair[0]}"))
            for place, (doc_id, doc) in enumerate(docs[:PER_ENTITY]):
                at = {"domain": domain, "entity_id": entity_id, "doc_id": doc_id}
                if len(docs) > 1 and entity_split(at) == "train":
                    yield _row(at, place, doc, docs[place - 1][1], entity["name"] or domain)


def _row(at: dict[str, Any], place: int, doc: dict[str, str], other: dict[str, str], name: str) -> AnswerExample:
    right, wrong = f"{name}: {doc['body']}", f"{name}: {other['body']}"
    answer, passages, targets = (
        (doc["body"], (right,), _RIGHT),
        (other["body"], (wrong,), _NEIGHBOUR),
        (doc["body"], (wrong,), _UNFOUNDED),
        (doc["body"], (wrong, right), _RIGHT),
    )[place % 4]
    key = ":".join(str(part) for part in at.values())
    return AnswerExample(
        id=f"{SOURCE}:faq:{key}",
        source=SOURCE,
        message=doc["title"],
        answer=answer,
        passages=passages,
        group=entity_group(at),
        split="train",
        **targets,
    )
