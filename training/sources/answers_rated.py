"""The adapter for DSTC9 track 1: answers of eleven systems, each rated by three people.

The customers' own words aren't published, so the gold FAQ's title stands for the message. The title of the FAQ that a
system retrieved is never shown: it equals the message exactly when retrieval was right. Passage: the retrieved FAQ's
body after the entity's name. Targets:

- ``good``: share of raters with accuracy >= 4 of 5. A mean of 3.67 made of 5, 5 and 1 is two people who would send the
  answer and one who wouldn't, which a scaled mean hides.
- ``sufficient``: the retrieved FAQ is the gold one.
- ``grounded`` and ``answers``: the raters judged accuracy against the *gold* FAQ. With the right FAQ and all three at
  >= 4 the answer must follow from it: both 1. With a wrong FAQ and all three at <= 2 it didn't answer: ``answers`` 0.
  All else says nothing sound: ``None``.

No answer is left out: two systems held back and the entities of the other splits leave about 11,700 rows to train on.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from models.records import AnswerExample, Split
from training.sources.rows import hash_share

SOURCE = "dstc9_track1_human_eval"
# two systems that only speak in the test, on entities that train never saw: the harder half of it
HELD_OUT_SYSTEMS = frozenset({"team18", "team10"})
TEST_SHARE, CALIBRATION_SHARE = 0.2, 0.1
GOOD_RATING, BAD_RATING = 4, 2
# the stock question at the end of nearly every answer
_CLOSING = re.compile(
    r"""
    \s*(?:
        let\ me\ know\b[^.?!]*
      | \b(?:
            (?:is|was|will)\ (?:that|there|this|it) | (?:will|would|do|did|are|have|want)\ you | you\ want
          | what\ (?:else|other) | (?:can|may|could|should|shall)\ (?:i|we) | any(?:thing)?\ (?:else|other)
          | how\ (?:else|about) | does\ (?:that|this|it)
        )\b[^.?!]*
    )\?+\s*$
    """,
    re.IGNORECASE | re.VERBOSE,
)


def read_dstc9(folder: Path) -> Iterator[AnswerExample]:
    """Yield the rated answers; of the held-out systems only those about the test's entities."""
    knowledge = _read(folder / "data_eval" / "knowledge.json")
    labels = _read(folder / "data_eval" / "test" / "labels.json")
    for system in sorted((folder / "results").iterdir()):
        entry = next(path for path in system.iterdir() if path.name.count(".") == 1)
        answers = _read(entry)
        ratings = _read(entry.with_suffix(".human_eval.json"))
        for number, (label, answer, rating) in enumerate(zip(labels, answers, ratings, strict=True)):
            if rating and label["target"] and answer.get("knowledge"):
                key = f"{system.name}-{number}"
                row = _row(key, gold=label["knowledge"][0], answer=answer, rating=rating, knowledge=knowledge)
                if row:
                    yield row


def strip_closing(answer: str) -> str:
    """Return an answer without the stock question at its end; an answer that is only a question stays."""
    stripped = _CLOSING.sub("", answer).strip()
    return stripped or answer.strip()


def _row(
    key: str, *, gold: dict[str, Any], answer: dict[str, Any], rating: dict[str, Any], knowledge: dict[str, Any]
) -> AnswerExample | None:
    """Return the example of one rated answer, or ``None`` where a held-out system speaks outside the test."""
    accuracy = rating["accuracy"]
    top = answer["knowledge"][0]
    right = all(str(top[part]) == str(gold[part]) for part in ("domain", "entity_id", "doc_id"))
    good = sum(mark >= GOOD_RATING for mark in accuracy) / len(accuracy)
    split = entity_split(gold)
    if split != "test" and key.partition("-")[0] in HELD_OUT_SYSTEMS:
        return None
    sound_good = right and good == 1.0
    return AnswerExample(
        id=f"{SOURCE}:{key}",
        source=SOURCE,
        message=_snippet(knowledge, gold)["title"],
        answer=strip_closing(answer["response"]),
        passages=(_passage(knowledge, top),),
        sufficient=float(right),
        grounded=1.0 if sound_good else None,
        answers=1.0 if sound_good else 0.0 if not right and max(accuracy) <= BAD_RATING else None,
        good=good,
        group=entity_group(gold),
        split=split,
    )


def entity_split(snippet: dict[str, Any]) -> Split:
    """Return the split of an entity; no entity lies in two."""
    share = hash_share(entity_group(snippet))
    if share < TEST_SHARE:
        return "test"
    return "calibration" if share < TEST_SHARE + CALIBRATION_SHARE else "train"


def entity_group(snippet: dict[str, Any]) -> str:
    """Return the group: an entity, or one FAQ of a whole domain ("*": trains, taxis), which holds too many for one."""
    at = f"*:{snippet['doc_id']}" if snippet["entity_id"] == "*" else snippet["entity_id"]
    return f"{SOURCE}:{snippet['domain']}:{at}"


def _snippet(knowledge: dict[str, Any], at: dict[str, Any]) -> dict[str, str]:
    snippet: dict[str, str] = knowledge[at["domain"]][str(at["entity_id"])]["docs"][str(at["doc_id"])]
    return snippet


def _passage(knowledge: dict[str, Any], at: dict[str, Any]) -> str:
    """Return the body of a snippet after its entity's name, never its title."""
    name = knowledge[at["domain"]][str(at["entity_id"])]["name"] or at["domain"]
    return f"{name}: {_snippet(knowledge, at)['body']}"


def _read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))
