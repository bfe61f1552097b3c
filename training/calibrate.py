"""Fits what ``models.calibration`` applies: on the calibration split, on the logits of the int8 graphs that are served."""

from __future__ import annotations

import numpy as np
from sklearn.linear_model import LogisticRegression

from models.calibration import Logistic, Platt, Temperature, softmax
from models.scorer import COMBINER_FEATURES
from training.metrics import precision_recall_f1

# A label with fewer positives or negatives than this shares the fit of all labels together.
MIN_EXAMPLES = 25


def fit_platt(logits: np.ndarray, targets: np.ndarray, weights: np.ndarray | None = None) -> Platt:
    """Fit one slope and intercept per column by logistic regression on its logit.

    Args:
        logits: float32, (rows, labels).
        targets: float32, (rows, labels), NaN where not labelled; soft targets count as both classes, by share.
        weights: float32, (rows,).

    Source: Platt 1999; the regularisation is weak (C = 100), the slope is kept positive.
    """
    weights = np.ones(len(logits), dtype=np.float32) if weights is None else weights
    known = ~np.isnan(targets) & (weights[:, None] > 0)
    rows = np.broadcast_to(weights[:, None], logits.shape)
    shared = _fit(logits[known], targets[known], rows[known]) or (1.0, 0.0)
    pairs = []
    for column in range(logits.shape[1]):
        mask = known[:, column]
        found = targets[mask, column]
        enough = min((found >= 0.5).sum(), (found < 0.5).sum()) >= MIN_EXAMPLES
        own = _fit(logits[mask, column], found, weights[mask]) if enough else None
        pairs.append(own or shared)
    return Platt(slope=tuple(slope for slope, _ in pairs), intercept=tuple(shift for _, shift in pairs))


def _fit(logits: np.ndarray, targets: np.ndarray, weights: np.ndarray) -> tuple[float, float] | None:
    if not len(targets) or targets.min() >= 0.5 or targets.max() < 0.5:
        return None
    doubled = np.concatenate([logits, logits])[:, None]
    classes = np.concatenate([np.ones_like(targets), np.zeros_like(targets)])
    shares = np.concatenate([targets, 1.0 - targets]) * np.concatenate([weights, weights])
    kept = shares > 0
    model = LogisticRegression(C=100.0).fit(doubled[kept], classes[kept], sample_weight=shares[kept])
    slope = float(model.coef_[0, 0])
    return (slope, float(model.intercept_[0])) if slope > 0 else None


def fit_sentiment(logits: np.ndarray, ratings: np.ndarray, weights: np.ndarray | None = None) -> Temperature:
    """Choose the temperature whose score P(positive) - P(negative) is nearest to people's ratings, by squared error.

    Args:
        logits: float32, (rows, 3): negative, neutral, positive.
        ratings: float32, (rows,) in [-1, 1].
        weights: float32, (rows,); all alike by default.
    """
    grid = np.geomspace(0.4, 4.0, 60)
    errors = [np.average((_score(logits / value) - ratings) ** 2, weights=weights) for value in grid]
    return Temperature(temperature=float(grid[int(np.argmin(errors))]))


def _score(logits: np.ndarray) -> np.ndarray:
    probabilities = softmax(logits)
    return np.asarray(probabilities[:, 2] - probabilities[:, 0])


def fit_combiner(features: np.ndarray, good: np.ndarray, weights: np.ndarray) -> Logistic:
    """Fit P(the answer should be sent) on the combiner's features, (rows, 3); ``good`` may be a share of raters.

    A slope that comes out negative would punish better evidence; such features are dropped (weight 0) and the rest
    fitted again. Features are logarithms of probabilities, at most 0, so no answer gets more than sigmoid(intercept).

    Raises:
        ValueError: there are only good or only bad answers.
    """
    classes = np.concatenate([np.ones(len(good)), np.zeros(len(good))])
    shares = np.concatenate([good, 1.0 - good]) * np.concatenate([weights, weights])
    doubled = np.concatenate([features, features])
    used = list(range(features.shape[1]))
    kept = shares > 0
    if len(np.unique(classes[kept])) < 2:
        raise ValueError("found only good or only bad answers; expected both in the calibration split")
    while used:
        model = LogisticRegression(C=10.0, max_iter=1000).fit(
            doubled[kept][:, used], classes[kept], sample_weight=shares[kept]
        )
        coefficients = dict(zip(used, model.coef_[0], strict=True))
        negative = [column for column, value in coefficients.items() if value < 0]
        if not negative:
            break
        used.remove(min(negative, key=coefficients.__getitem__))
    else:  # nothing that the network says goes with goodness: what is left is the rate of good answers
        rate = float(shares[: len(good)].sum() / shares.sum())
        return Logistic(features=COMBINER_FEATURES, weights=(0.0,) * 3, intercept=float(np.log(rate / (1.0 - rate))))
    values = tuple(float(coefficients.get(column, 0.0)) for column in range(features.shape[1]))
    return Logistic(features=COMBINER_FEATURES, weights=values, intercept=float(model.intercept_[0]))


def choose_thresholds(
    labels: tuple[str, ...], probabilities: np.ndarray, targets: np.ndarray, *, precision: float
) -> dict[str, float]:
    """Per label, the lowest threshold that reaches ``precision`` on the calibration split; else the best F1.

    Args:
        labels: of the columns.
        probabilities: calibrated, (rows, labels).
        targets: (rows, labels), NaN where not labelled.
        precision: wanted share of right firings.

    Returns:
        Thresholds in [0.3, 0.95]; 0.8 for a label with fewer than ten labelled positives.
    """
    chosen = {}
    for column, label in enumerate(labels):
        known = ~np.isnan(targets[:, column])
        truth, values = targets[known, column] >= 0.5, probabilities[known, column]
        if truth.sum() < 10:
            chosen[label] = 0.8
            continue
        grid = np.round(np.arange(0.3, 0.951, 0.01), 2)
        scored = [precision_recall_f1(truth, values >= value) for value in grid]
        reached = [
            value for value, (found, recall, _) in zip(grid, scored, strict=True) if found >= precision and recall > 0
        ]
        best = reached[0] if reached else grid[int(np.argmax([f1 for _, _, f1 in scored]))]
        chosen[label] = float(best)
    return chosen
