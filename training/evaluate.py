"""Metrics of a *bundle* on the test split, through the kernel's scorer: what is measured is what serves."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from tqdm import tqdm

from models.bundle import DIALOGUE_HEAD, Head
from models.contracts import LabelScore, Role, Scores
from models.records import AnswerExample, LabelledMessage
from models.scorer import Scorer, ScoreRequest
from training import metrics
from training.labels import ANSWER_PARTS, DIALOGUE, LABELS, dialogue_matrix, truth_matrix

MIN_ROWS = 30
EXPLICIT_THRESHOLD = 0.6
_CHUNK = 256


def score_messages(scorer: Scorer, rows: Sequence[LabelledMessage]) -> list[Scores]:
    """Score messages, each with what was said before it, with a progress bar."""
    requests = [ScoreRequest(role=Role(row.role), text=row.text, before=row.before) for row in rows]
    return _score(scorer, requests, "test messages")


def score_answers(scorer: Scorer, rows: Sequence[AnswerExample]) -> list[Scores]:
    """Score draft answers with their passages, each on its own."""
    requests = [
        ScoreRequest(
            role=Role.BOT,
            text=row.answer or "",
            question=row.message,
            earlier_question=row.earlier,
            passages=row.passages,
        )
        for row in rows
    ]
    return _score(scorer, requests, "test answers")


def _score(scorer: Scorer, requests: Sequence[ScoreRequest], what: str) -> list[Scores]:
    found: list[Scores] = []
    with tqdm(total=len(requests), desc=what, unit="row", mininterval=5.0) as bar:
        for start in range(0, len(requests), _CHUNK):
            chunk = requests[start : start + _CHUNK]
            found += scorer.score(chunk)
            bar.update(len(chunk))
    return found


def label_matrix(scores: Sequence[Sequence[LabelScore] | None], labels: Sequence[str]) -> np.ndarray:
    """Return float64 (rows, labels) in the order of ``labels``; a message that wasn't scored has 0 everywhere."""
    matrix = np.zeros((len(scores), len(labels)))
    column = {label: number for number, label in enumerate(labels)}
    for number, row in enumerate(scores):
        for entry in row or ():
            matrix[number, column[entry.label]] = entry.probability
    return matrix


def evaluate_messages(
    rows: Sequence[LabelledMessage], scores: Sequence[Scores], heads: Mapping[str, Head]
) -> dict[str, Any]:
    """Return the message heads' metrics: a group per head, in it one per source, each with interval and n.

    A message that wasn't scored, being in another language, counts as missed by the heads that find something. It has no
    sentiment, not a neutral one: there it is left out, and ``unscored`` says how many were.

    Args:
        rows: the test split.
        scores: of the same rows, in order.
        heads: of the bundle, for the thresholds that it recommends.
    """
    sources: dict[str, list[int]] = defaultdict(list)
    for number, row in enumerate(rows):
        sources[row.source].append(number)
    sources["all"] = list(range(len(rows)))
    # a bot's message has no such scores to begin with, and of other languages nobody expects them
    unscored = sum(
        row.role == "customer" and row.language == "en" and score.intents is None
        for row, score in zip(rows, scores, strict=True)
    )
    report: dict[str, Any] = {"n": len(rows), "unscored": unscored}
    columns: dict[str, tuple[list[Any], list[Any]]] = {
        "explicit": ([row.explicit for row in rows], [score.explicit for score in scores]),
        "out_of_scope": ([row.out_of_scope for row in rows], [score.out_of_scope for score in scores]),
        "frustration": ([row.frustration for row in rows], [score.frustration for score in scores]),
        "sentiment": (
            [row.sentiment for row in rows],
            [score.sentiment.score if score.sentiment else None for score in scores],
        ),
    }
    for head, (truth, found) in columns.items():
        report[head] = {}
        for source, numbers in sorted(sources.items()):
            known = [number for number in numbers if truth[number] is not None]
            groups = [rows[number].group for number in known]
            if head == "sentiment":
                measured = _rated([truth[number] for number in known], [found[number] for number in known], groups)
            else:
                values = np.asarray([float(truth[number]) for number in known])
                guess = np.asarray([float(found[number] or 0.0) for number in known])
                measured = _binary(values, guess, head, groups)
            if measured:
                report[head][source] = measured
    report["intents"] = {
        source: _intents([rows[number] for number in numbers], [scores[number] for number in numbers], heads["intents"])
        for source, numbers in sorted(sources.items())
        if len(numbers) >= MIN_ROWS and any(rows[number].labels for number in numbers)
    }
    report["dialogue"] = {
        source: _dialogue(
            [rows[number] for number in numbers], [scores[number] for number in numbers], heads[DIALOGUE_HEAD]
        )
        for source, numbers in sorted(sources.items())
        if sum(rows[number].dialogue is not None for number in numbers) >= MIN_ROWS
    }
    return report


def _calibrated(
    classes: np.ndarray, probabilities: np.ndarray, groups: Sequence[str], *, rounds: int = 300
) -> dict[str, Any]:
    """ECE, Brier score with its parts, and the curve of the reliability diagram."""
    truth = classes.astype(float)
    return {
        "ece": metrics.figure(metrics.ece, truth, probabilities, groups=groups, rounds=rounds),
        "brier": metrics.figure(metrics.brier, truth, probabilities, groups=groups, rounds=rounds),
        "brier_parts": metrics.brier_parts(truth, probabilities),
        "reliability": metrics.reliability(truth, probabilities),
    }


def _binary(truth: np.ndarray, probabilities: np.ndarray, head: str, groups: Sequence[str]) -> dict[str, Any] | None:
    """AUROC, average precision, ECE, Brier and, at a stated threshold, precision, recall, F1.

    ``explicit`` has the threshold that the default policy has, the others 0.5. Intervals are over groups of rows.
    """
    classes = truth >= 0.5
    if len(truth) < MIN_ROWS:
        return None
    report: dict[str, Any] = {"n": len(truth), "n_positive": int(classes.sum())}
    threshold = EXPLICIT_THRESHOLD if head == "explicit" else 0.5
    report["false_positive_rate"] = metrics.figure(
        lambda real, guess: metrics.mean(guess[~real] >= threshold),
        classes,
        probabilities,
        groups=groups,
    )
    if not classes.any() or classes.all():
        return report
    report["auroc"] = metrics.figure(metrics.auroc, classes, probabilities, groups=groups)
    report["average_precision"] = metrics.figure(metrics.average_precision, classes, probabilities, groups=groups)
    report |= _calibrated(classes, probabilities, groups)
    for place, name in enumerate(("precision", "recall", "f1")):
        report[name] = metrics.figure(
            lambda real, guess, place=place: metrics.precision_recall_f1(real, guess >= threshold)[place],
            classes,
            probabilities,
            groups=groups,
        )
    report["threshold"] = threshold
    return report


def _rated(ratings: Sequence[float], scores: Sequence[float | None], groups: Sequence[str]) -> dict[str, Any] | None:
    """Pearson and mean absolute error of the messages that were scored, and how many were not."""
    pairs = [(rating, score) for rating, score in zip(ratings, scores, strict=True) if score is not None]
    groups = [group for group, score in zip(groups, scores, strict=True) if score is not None]
    if len(pairs) < MIN_ROWS:
        return None
    real, guess = np.asarray(pairs, dtype=np.float64).T
    return {
        "n": len(pairs),
        "unscored": len(ratings) - len(pairs),
        "pearson": metrics.figure(metrics.pearson, real, guess, groups=groups),
        "mean_absolute_error": metrics.figure(lambda a, b: metrics.mean(np.abs(a - b)), real, guess, groups=groups),
    }


def _intents(rows: Sequence[LabelledMessage], scores: Sequence[Scores], head: Head) -> dict[str, Any]:
    found = label_matrix([row.intents for row in scores], LABELS)
    return _labels(truth_matrix(rows), found, LABELS, head, [row.group for row in rows])


def _dialogue(rows: Sequence[LabelledMessage], scores: Sequence[Scores], head: Head) -> dict[str, Any]:
    found = label_matrix([row.dialogue for row in scores], DIALOGUE)
    return _labels(dialogue_matrix(rows), found, DIALOGUE, head, [row.group for row in rows])


def _labels(
    truth: np.ndarray, probabilities: np.ndarray, labels: Sequence[str], head: Head, groups: Sequence[str]
) -> dict[str, Any]:
    """Micro and macro F1 at the recommended thresholds over labelled entries, calibration, and each label's own figures.

    Every labelled entry counts once in the calibration figures, so they are dominated by labels that are absent.
    """
    cuts = np.asarray([head.thresholds.get(label, 0.5) for label in labels])
    known = ~np.isnan(truth)
    predicted = (probabilities >= cuts) & known
    real = (np.nan_to_num(truth) >= 0.5) & known
    entries = np.repeat(np.asarray(groups), truth.shape[1]).reshape(truth.shape)[known].tolist()
    by_label = {}
    for column, label in enumerate(labels):
        mask = known[:, column]
        if not real[mask, column].any():
            continue
        precision, recall, f1 = metrics.precision_recall_f1(real[mask, column], predicted[mask, column])
        by_label[label] = {
            "n_positive": int(real[mask, column].sum()),
            "n": int(mask.sum()),
            "precision": round(precision, 4),
            "recall": round(recall, 4),
            "f1": round(f1, 4),
            "average_precision": round(metrics.average_precision(real[mask, column], probabilities[mask, column]), 4),
        }
    return {
        "n": int(known.any(axis=1).sum()),
        **_calibrated(real[known], probabilities[known], entries, rounds=100),
        "micro_f1": metrics.figure(
            lambda a, b: metrics.precision_recall_f1(a.ravel(), b.ravel())[2], real, predicted, groups=groups
        ),
        "macro_f1": metrics.rounded(metrics.mean([entry["f1"] for entry in by_label.values()])),
        "macro_average_precision": metrics.rounded(
            metrics.mean([entry["average_precision"] for entry in by_label.values()])
        ),
        "labels": by_label,
    }


def evaluate_answers(rows: Sequence[AnswerExample], scores: Sequence[Scores]) -> dict[str, Any]:
    """Return the confidence model's metrics by source: P(good) and each part.

    AUC and AP are of *finding bad answers* (as published for DSTC9); AURC is the area under the risk-coverage curve. Drafts
    without a confidence, being in another language, are left out; ``unscored`` says how many were.
    """
    sources: dict[str, list[int]] = defaultdict(list)
    for number, row in enumerate(rows):
        # without passages confidence is another quantity: whether the draft addresses the question
        sources[row.source if row.passages else f"{row.source}_without_passages"].append(number)
    report: dict[str, Any] = {"n": len(rows)}
    for source, numbers in sorted(sources.items()):
        found = {}
        judged = [n for n in numbers if rows[n].good is not None]
        good = [n for n in judged if scores[n].confidence is not None]
        if len(good) >= MIN_ROWS:
            truth = np.asarray([rows[n].good for n in good], dtype=np.float64) > 0.5
            confidence = np.asarray([scores[n].confidence for n in good], dtype=np.float64)
            groups = [rows[n].group for n in good]
            found["good"] = {
                "n": len(good),
                "unscored": len(judged) - len(good),
                "n_bad": int((~truth).sum()),
                "auroc": metrics.figure(metrics.auroc, truth, confidence, groups=groups),
                "average_precision_of_bad": metrics.figure(
                    metrics.average_precision, ~truth, -confidence, groups=groups
                ),
                "aurc": metrics.figure(metrics.aurc, truth, confidence, groups=groups),
                **_calibrated(truth, confidence, groups),
                "risk_coverage": metrics.risk_coverage(truth, confidence),
            }
        for part in ANSWER_PARTS:
            known = [n for n in numbers if getattr(rows[n], part) is not None and part in (scores[n].answer or {})]
            if len(known) < MIN_ROWS:
                continue
            real = np.asarray([getattr(rows[n], part) for n in known]) >= 0.5
            groups = [rows[n].group for n in known]
            guess = np.asarray([(scores[n].answer or {})[part] for n in known])
            if real.any() and not real.all():
                found[part] = {
                    "n": len(known),
                    "auroc": metrics.figure(metrics.auroc, real, guess, groups=groups),
                    "ece": metrics.figure(metrics.ece, real.astype(float), guess, groups=groups),
                }
        if found:
            report[source] = found
    return report
