"""The benchmark of answer confidence: answers of eleven bots to customers' questions, each rated by three people."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from models.records import AnswerExample
from training import metrics
from training.baseline import answer_baselines, text_vectoriser
from training.benchmarks.baselines import Embed, fit_logistic
from training.benchmarks.jobs import Job, Measured
from training.benchmarks.records import Row, changed_share, figure
from training.benchmarks.released import Released
from training.evaluate import score_answers
from training.sources.benchmarks import thin

DSTC9 = "dstc9_track1_human_eval"


def dstc9_job(
    released: Released, rows: Callable[[], Sequence[AnswerExample]], embed: Embed, *, limit: int | None = None
) -> Job:
    """Return the job that measures how well confidence tells good answers from bad ones, on entities that training never saw.

    Args:
        released: the bundle.
        rows: loads the split answers.
        embed: texts to float32 (texts, size), by the pretrained encoder.
        limit: about how many answers to measure.
    """

    def measure() -> Measured:
        every = rows()
        rated = [row for row in every if row.source == DSTC9 and row.good is not None and row.passages]
        train, test = ([row for row in rated if row.split == split] for split in ("train", "test"))
        test = list(thin(test, limit))
        scores = {column: score_answers(scorer, test) for column, scorer in released.scorers().items()}
        known = [place for place, score in enumerate(scores["ours"]) if score.confidence is not None]
        truth = np.asarray([(test[place].good or 0.0) > 0.5 for place in known])
        found = {
            column: np.asarray([scored[place].confidence or 0.0 for place in known])
            for column, scored in scores.items()
        }
        sides = {column: values >= 0.5 for column, values in found.items()}
        changed = changed_share(sides["fp32"], sides["ours"]) if "fp32" in sides else None
        found["majority"] = np.zeros(len(truth))
        found |= {column: values[known] for column, values in _answer_regressions(train, test, embed).items()}
        measured = [
            Row(
                subject="dstc9",
                metric=metric,
                changed=changed,
                **{column: figure(measure_it, truth, values) for column, values in found.items()},
            )
            for metric, measure_it in _ANSWER_MEASURES.items()
        ]
        overlap = answer_baselines([row for row in every if row.split == "train"], test).get(DSTC9)
        notes = [
            f"dstc9: {int((~truth).sum())} bad answers of {len(truth)}, about entities that training never saw; "
            f"{len(test) - len(known)} taken for another language are left out; int8 changes: which side of 0.5"
        ]
        if overlap:
            measures = (f"{name} {overlap[name]}" for name in _ANSWER_MEASURES)
            notes.append(f"dstc9: word overlap with gradient boosting, on the same rows: {', '.join(measures)}")
        return Measured(tuple(measured), tuple(notes), released.details | {"overlap": overlap})

    return Job("dstc9", "answers", released.decisive | {"limit": limit}, measure)


_ANSWER_MEASURES: dict[str, Callable[[np.ndarray, np.ndarray], float]] = {
    "auroc": metrics.auroc,
    "average_precision_of_bad": lambda good, confidence: metrics.average_precision(~good, -confidence),
    "aurc": metrics.aurc,
}


def _answer_regressions(
    train: Sequence[AnswerExample], test: Sequence[AnswerExample], embed: Embed
) -> dict[str, np.ndarray]:
    """Fit logistic regressions to good or bad and return P(good) of the test rows, by column of the report."""
    truth = np.asarray([(row.good or 0.0) > 0.5 for row in train])
    vectoriser = text_vectoriser().fit([_joined(row) for row in train])
    words = fit_logistic(vectoriser.transform([_joined(row) for row in train]), truth)
    frozen = fit_logistic(_embedded(train, embed), truth)
    return {
        "tfidf": words.predict_proba(vectoriser.transform([_joined(row) for row in test]))[:, 1],
        "frozen": frozen.predict_proba(_embedded(test, embed))[:, 1],
    }


def _joined(row: AnswerExample) -> str:
    return "\n".join([row.message, row.answer or "", *row.passages])


def _embedded(rows: Sequence[AnswerExample], embed: Embed) -> np.ndarray:
    """Return question, answer and passage, and how the answer differs from either: float32 (rows, 5 * size)."""
    question, answer = embed([row.message for row in rows]), embed([row.answer or "" for row in rows])
    passage = embed([row.passages[0] for row in rows])
    return np.concatenate([question, answer, passage, np.abs(answer - passage), np.abs(answer - question)], axis=1)
