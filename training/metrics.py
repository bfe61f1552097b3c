"""What we report, in NumPy, each with its formula and source. Inputs are one-dimensional unless a shape is given."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np


def auroc(truth: np.ndarray, scores: np.ndarray) -> float:
    """Probability that a positive scores above a negative, ties half; NaN with one class only.

    Source: Mann-Whitney U; Hanley and McNeil 1982.
    """
    positive = int(truth.sum())
    negative = len(truth) - positive
    if not positive or not negative:
        return float("nan")
    values, inverse, counts = np.unique(scores, return_inverse=True, return_counts=True)
    del values
    ranks = (np.cumsum(counts) - (counts - 1) / 2.0)[inverse]
    return float((ranks[truth.astype(bool)].sum() - positive * (positive + 1) / 2.0) / (positive * negative))


def average_precision(truth: np.ndarray, scores: np.ndarray) -> float:
    """Mean precision at each positive, best score first (step-wise, no interpolation); NaN without positives.

    Equal scores are one step, so the order of rows doesn't matter.
    """
    if not truth.any():
        return float("nan")
    _, place, counts = np.unique(-scores, return_inverse=True, return_counts=True)
    hits = np.bincount(place, weights=truth.astype(np.float64))
    precision = np.cumsum(hits) / np.cumsum(counts)
    return float((precision * hits).sum() / hits.sum())


def accuracy(truth: np.ndarray, predicted: np.ndarray) -> float:
    """Share of rows whose class is the true one; NaN of nothing."""
    return mean(truth == predicted)


def macro_recall(truth: np.ndarray, predicted: np.ndarray) -> float:
    """Mean recall of the classes that occur in ``truth``; with two classes this is the balanced accuracy.

    Source: Brodersen et al. 2010; the measure of SemEval-2017 task 4A (Rosenthal et al. 2017).
    """
    return mean([float(np.mean(predicted[truth == label] == label)) for label in np.unique(truth)])


def precision_recall_f1(truth: np.ndarray, predicted: np.ndarray) -> tuple[float, float, float]:
    """Precision, recall and their harmonic mean for one label; 0 where a denominator is empty."""
    both = float(np.logical_and(truth, predicted).sum())
    precision = both / predicted.sum() if predicted.any() else 0.0
    recall = both / truth.sum() if truth.any() else 0.0
    f1 = 2 * precision * recall / (precision + recall) if both else 0.0
    return float(precision), float(recall), float(f1)


def brier(truth: np.ndarray, probabilities: np.ndarray) -> float:
    """Mean squared error of probabilities. Source: Brier 1950."""
    return float(np.mean((probabilities - truth) ** 2))


def ece(truth: np.ndarray, probabilities: np.ndarray, *, bins: int = 15) -> float:
    """Expected calibration error over equal-width bins: share-weighted |mean probability - observed rate|.

    Source: Naeini et al. 2015; Guo et al. 2017 use 15 bins.
    """
    curve = reliability(truth, probabilities, bins=bins)
    return float(sum(count * abs(said - seen) for said, seen, count in curve) / len(truth)) if curve else 0.0


def reliability(truth: np.ndarray, probabilities: np.ndarray, *, bins: int = 15) -> list[tuple[float, float, int]]:
    """Return mean probability, observed rate and n of each bin of equal width that holds anything: a reliability diagram."""
    place = np.minimum((probabilities * bins).astype(int), bins - 1)
    return [
        (float(probabilities[inside].mean()), float(truth[inside].mean()), int(inside.sum()))
        for inside in (place == number for number in range(bins))
        if inside.any()
    ]


def brier_parts(truth: np.ndarray, probabilities: np.ndarray, *, bins: int = 15) -> dict[str, float | None]:
    """Return *reliability* (0 is best), *resolution* (the higher the better) and *uncertainty* of a Brier score.

    ``Brier = reliability - resolution + uncertainty``, up to the spread of probabilities inside a bin.
    Source: Murphy 1973, "A New Vector Partition of the Probability Score".
    """
    rate = float(truth.mean())
    curve = reliability(truth, probabilities, bins=bins)
    off = sum(count * (said - seen) ** 2 for said, seen, count in curve) / len(truth)
    apart = sum(count * (seen - rate) ** 2 for _, seen, count in curve) / len(truth)
    return {
        "reliability": rounded(off, 5),
        "resolution": rounded(apart, 5),
        "uncertainty": rounded(rate * (1 - rate), 5),
    }


def risk_coverage(truth_good: np.ndarray, confidence: np.ndarray, *, points: int = 50) -> list[tuple[float, float]]:
    """Return (coverage, error rate among the most confident share), at so many coverages; ties count with their mean."""
    errors = _errors_by_confidence(truth_good, confidence)
    sizes = np.unique(np.linspace(1, len(errors), points).round().astype(int))
    risks = np.cumsum(errors)[sizes - 1] / sizes
    return [(float(size / len(errors)), float(risk)) for size, risk in zip(sizes, risks, strict=True)]


def aurc(truth_good: np.ndarray, confidence: np.ndarray) -> float:
    """Area under the risk-coverage curve: mean error rate over all coverages, most confident first.

    Rows of equal confidence count with their mean error, so their order doesn't matter.

    Source: Geifman and El-Yaniv 2017.
    """
    errors = _errors_by_confidence(truth_good, confidence)
    return float(np.mean(np.cumsum(errors) / np.arange(1, len(errors) + 1)))


def _errors_by_confidence(truth_good: np.ndarray, confidence: np.ndarray) -> np.ndarray:
    """Return each row's error, most confident first; rows of equal confidence share their mean."""
    _, place, counts = np.unique(-confidence, return_inverse=True, return_counts=True)
    means = np.bincount(place, weights=1.0 - truth_good.astype(np.float64)) / counts
    return np.repeat(means, counts)


def pearson(left: np.ndarray, right: np.ndarray) -> float:
    """Linear correlation; NaN when one side is constant."""
    if len(left) < 2 or np.ptp(left) == 0 or np.ptp(right) == 0:
        return float("nan")
    return float(np.corrcoef(left, right)[0, 1])


def interval(
    measure: Callable[..., float],
    *columns: np.ndarray,
    groups: Sequence[str] | None = None,
    rounds: int = 500,
    seed: int = 7,
    level: float = 0.95,
) -> tuple[float, float]:
    """Percentile bootstrap interval of ``measure(*columns)`` over rows, or over ``groups`` of rows that belong together.

    Rows of one group (a batch, an entity) resemble each other, so drawing rows would make intervals too narrow.
    Sources: Efron 1979; Field and Welsh 2007 for groups. Rounds in which the measure isn't defined are left out.
    """
    rng = np.random.default_rng(seed)
    draw = _drawer(len(columns[0]), groups)
    values = []
    for _ in range(rounds):
        drawn = draw(rng)
        value = measure(*(column[drawn] for column in columns))
        if np.isfinite(value):
            values.append(value)
    if not values:
        return float("nan"), float("nan")
    tail = (1.0 - level) / 2.0
    low, high = np.quantile(values, [tail, 1.0 - tail])
    return float(low), float(high)


def _drawer(count: int, groups: Sequence[str] | None) -> Callable[[np.random.Generator], np.ndarray]:
    """Return what draws row numbers for one round: rows, or whole groups, with replacement."""
    if groups is None or len(set(groups)) == count:
        return lambda rng: rng.integers(0, count, count)
    _, place = np.unique(np.asarray(groups), return_inverse=True)
    order = np.argsort(place, kind="stable")
    lengths = np.bincount(place)
    starts = np.cumsum(lengths) - lengths

    def draw(rng: np.random.Generator) -> np.ndarray:
        chosen = rng.integers(0, len(lengths), len(lengths))
        sizes = lengths[chosen]
        offsets = np.arange(sizes.sum()) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        return np.asarray(order[np.repeat(starts[chosen], sizes) + offsets])

    return draw


def figure(
    measure: Callable[..., float], *columns: np.ndarray, groups: Sequence[str] | None = None, rounds: int = 300
) -> dict[str, float | int | None]:
    """Return a measure as it is reported: value, 95 % interval and n; what isn't defined is ``None``."""
    low, high = interval(measure, *columns, groups=groups, rounds=rounds)
    return {"value": rounded(measure(*columns)), "low": rounded(low), "high": rounded(high), "n": len(columns[0])}


def rounded(value: float, digits: int = 4) -> float | None:
    """Return a number as it is reported: rounded, and ``None`` where it isn't defined, since JSON has no NaN."""
    return round(float(value), digits) if math.isfinite(value) else None


def mean(values: Sequence[float] | np.ndarray) -> float:
    """Arithmetic mean; NaN of nothing."""
    return float(np.mean(values)) if len(values) else float("nan")
