"""Out of scope or not: scores from the logits of a classifier, and a threshold chosen where the test isn't seen."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from models.calibration import softmax
from training import metrics

# of the messages that are in scope, the share that may be rejected
REJECTED_SHARE = 0.05


@dataclass(frozen=True, slots=True)
class Rejection:
    """Which score rejects a message, and above what."""

    score: str
    threshold: float


def scope_scores(logits: np.ndarray, *, n_inside: int) -> dict[str, np.ndarray]:
    """Return scores that are higher the less a message belongs to any class, each float64 (rows,).

    ``max_probability`` and ``energy`` look at the classes in scope alone; ``out_of_scope_class``, where the classifier has that
    class, is its probability.

    Sources: maximum softmax probability, Hendrycks and Gimpel 2017; energy, Liu et al. 2020 (arXiv 2010.03759).

    Args:
        logits: (rows, classes), classes in scope first.
        n_inside: how many those are.
    """
    inside = logits[:, :n_inside].astype(np.float64)
    scores = {
        "max_probability": 1.0 - softmax(inside).max(axis=1, initial=0.0),
        "energy": -np.logaddexp.reduce(inside, axis=1),
    }
    if logits.shape[1] > n_inside:
        scores["out_of_scope_class"] = softmax(logits)[:, n_inside:].sum(axis=1)
    return scores


def choose_rejection(logits: np.ndarray, outside: np.ndarray, *, n_inside: int) -> Rejection:
    """Choose the score of the best AUROC, and the lowest threshold that rejects at most 5 % of what is in scope.

    Args:
        logits: (rows, classes) of validation rows.
        outside: bool, (rows,).
        n_inside: how many classes are in scope.
    """
    scores = scope_scores(logits, n_inside=n_inside)
    best = max(scores, key=lambda name: np.nan_to_num(metrics.auroc(outside, scores[name])))
    threshold = np.quantile(scores[best][~outside], 1.0 - REJECTED_SHARE, method="higher")
    return Rejection(best, float(threshold))
