"""Fitting calibrations: the truth is found again, and what wasn't labelled teaches nothing."""

import numpy as np
import pytest

pytest.importorskip("sklearn")

from models.calibration import Platt, apply, sigmoid, softmax
from models.scorer import COMBINER_FEATURES
from training.calibrate import (
    MIN_EXAMPLES,
    choose_thresholds,
    fit_combiner,
    fit_platt,
    fit_sentiment,
)
from training.metrics import brier, ece

pytestmark = pytest.mark.slow


def drawn(count, *, slope=1.0, shift=0.0, seed=1):
    """Logits, and 0/1 targets drawn from sigmoid(slope * logit + shift); both (count, 1)."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(scale=2.0, size=(count, 1)).astype(np.float32)
    targets = (rng.random((count, 1)) < sigmoid(slope * logits + shift)).astype(np.float32)
    return logits, targets


def close(left, right, *, by=1e-4):
    """Whether two fits are the same up to what the solver leaves open."""
    return np.allclose([*left.slope, *left.intercept], [*right.slope, *right.intercept], atol=by)


# Platt


@pytest.mark.parametrize(("slope", "shift"), [(1.0, 0.0), (0.5, 1.0), (2.0, -1.5)])
def test_platt_finds_the_truth_again(slope, shift):
    """Targets drawn from a known slope and intercept give them back."""
    fitted = fit_platt(*drawn(20_000, slope=slope, shift=shift))
    assert (fitted.slope[0], fitted.intercept[0]) == pytest.approx((slope, shift), abs=0.1)


def test_platt_makes_overconfident_logits_calibrated():
    """Logits three times too large come out calibrated on rows that weren't fitted."""
    logits, targets = drawn(8000)
    fitted = fit_platt(3 * logits[:4000], targets[:4000])
    held, truth = 3 * logits[4000:], targets[4000:, 0]
    before, after = sigmoid(held[:, 0]), apply(fitted, held)[:, 0]
    assert ece(truth, after) < 0.03 < ece(truth, before)
    assert brier(truth, after) < brier(truth, before)


def test_a_row_of_no_weight_is_a_row_removed():
    """Weight zero and absence are the same thing, for the fit and for whether there are enough examples."""
    logits, targets = drawn(400)
    weights = np.ones(400, dtype=np.float32)
    weights[200:] = 0
    assert close(fit_platt(logits, targets, weights), fit_platt(logits[:200], targets[:200]))
    few = (np.arange(400) < MIN_EXAMPLES).astype(np.float32)
    assert close(fit_platt(logits, targets, few), fit_platt(logits[:MIN_EXAMPLES], targets[:MIN_EXAMPLES]))


def test_a_row_of_weight_two_is_a_row_twice():
    """Weights count rows."""
    logits, targets = drawn(300)
    doubled = fit_platt(np.concatenate([logits, logits[:100]]), np.concatenate([targets, targets[:100]]))
    weights = np.where(np.arange(300) < 100, 2.0, 1.0).astype(np.float32)
    assert close(fit_platt(logits, targets, weights), doubled)


def test_a_row_that_is_not_labelled_teaches_nothing():
    """Whatever the logits of rows with NaN, the fit is that of the labelled rows."""
    logits, targets = drawn(300)
    strange = np.concatenate([logits, np.full((50, 1), 1000.0, dtype=np.float32)])
    unknown = np.concatenate([targets, np.full((50, 1), np.nan, dtype=np.float32)])
    assert close(fit_platt(strange, unknown), fit_platt(logits, targets))


def test_soft_targets_count_as_both_classes_by_share():
    """A target of 0.25 is a quarter of a positive and three quarters of a negative."""
    logits, _ = drawn(200)
    soft = np.full((200, 1), 0.25, dtype=np.float32)
    soft[::2] = 0.75
    hard_logits = np.concatenate([logits, logits])
    hard = np.concatenate([np.ones_like(soft), np.zeros_like(soft)])
    shares = np.concatenate([soft, 1 - soft])[:, 0]
    assert close(fit_platt(logits, soft), fit_platt(hard_logits, hard, shares))


def test_columns_are_fitted_apart():
    """A column's fit doesn't depend on its neighbours when it has enough examples of its own."""
    first, second = drawn(400, slope=0.5), drawn(400, slope=2.0, seed=2)
    both = fit_platt(np.hstack([first[0], second[0]]), np.hstack([first[1], second[1]]))
    alone = [fit_platt(*column) for column in (first, second)]
    assert both.slope == pytest.approx([fit.slope[0] for fit in alone], abs=1e-4)
    assert both.slope[0] != pytest.approx(both.slope[1], abs=0.5)


def test_a_rare_label_shares_the_fit_of_all():
    """A column with too few positives takes what all columns together say."""
    logits, targets = drawn(600)
    rare = np.zeros((600, 1), dtype=np.float32)
    rare[: MIN_EXAMPLES - 1] = 1
    columns, truth = np.hstack([logits, logits]), np.hstack([targets, rare])
    fitted = fit_platt(columns, truth)
    pooled = fit_platt(columns.reshape(-1, 1), truth.reshape(-1, 1))
    assert (fitted.slope[1], fitted.intercept[1]) == pytest.approx((pooled.slope[0], pooled.intercept[0]), abs=1e-4)


@pytest.mark.parametrize("value", [0.0, 1.0, np.nan])
def test_nothing_to_learn_leaves_logits_as_they_are(value):
    """With one class, or no label at all, probabilities are the plain sigmoid."""
    logits, targets = drawn(100)
    assert fit_platt(logits, np.full_like(targets, value)) == Platt(slope=(1.0,), intercept=(0.0,))


def test_a_slope_never_turns_the_order_round():
    """Logits that point the wrong way are not made to point the right way by the calibration."""
    logits, targets = drawn(400)
    assert fit_platt(-logits, targets) == Platt(slope=(1.0,), intercept=(0.0,))


# sentiment


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
def test_sentiment_finds_its_temperature_again(temperature):
    """Ratings made with a temperature give it back, up to the grid."""
    logits = np.random.default_rng(4).normal(scale=2.0, size=(500, 3))
    probabilities = softmax(logits / temperature)
    fitted = fit_sentiment(logits, probabilities[:, 2] - probabilities[:, 0])
    assert fitted.temperature == pytest.approx(temperature, rel=0.03)


# the combiner


def test_the_combiner_finds_the_truth_again():
    """Weights that made the targets are found, and features that say nothing get about nothing."""
    rng = np.random.default_rng(5)
    features = rng.normal(size=(20_000, len(COMBINER_FEATURES)))
    truth = np.asarray([1.0, 0.5, 0.0])
    good = (rng.random(20_000) < sigmoid(features @ truth + 0.2)).astype(float)
    fitted = fit_combiner(features, good, np.ones(20_000))
    assert fitted.features == COMBINER_FEATURES
    assert fitted.weights == pytest.approx(truth, abs=0.1)
    assert fitted.intercept == pytest.approx(0.2, abs=0.1)


@pytest.mark.parametrize("truth", [(-1.0, 1.0, 0.6), (1.0, -1.0, 0.6), (0.6, 1.0, -1.0), (1.0, -1.0, -0.2)])
def test_the_combiner_never_punishes_better_evidence(truth):
    """Features that would count against the answer are dropped, whichever they are; the others keep their say."""
    rng = np.random.default_rng(6)
    features = rng.normal(size=(5000, len(COMBINER_FEATURES)))
    good = (rng.random(5000) < sigmoid(features @ np.asarray(truth))).astype(float)
    fitted = fit_combiner(features, good, np.ones(5000))
    assert [weight == 0.0 for weight in fitted.weights] == [value < 0 for value in truth]
    assert [weight > 0.3 for weight in fitted.weights] == [value > 0 for value in truth]


def test_the_combiner_takes_shares_of_raters():
    """Two raters of three who would send it count as two thirds."""
    rng = np.random.default_rng(7)
    features = rng.normal(size=(300, len(COMBINER_FEATURES)))
    shares = rng.choice([0.0, 1 / 3, 2 / 3, 1.0], size=300)
    split = fit_combiner(
        np.concatenate([features, features]),
        np.concatenate([np.ones(300), np.zeros(300)]),
        np.concatenate([shares, 1 - shares]),
    )
    fitted = fit_combiner(features, shares, np.ones(300))
    assert fitted.weights == pytest.approx(split.weights, abs=1e-3)


# thresholds


def test_a_threshold_is_the_lowest_that_reaches_the_precision():
    """Ten positives above 0.7, ten negatives below: at precision 1 the threshold is the first above the negatives."""
    probabilities = np.asarray([[0.75]] * 10 + [[0.595]] * 10)
    targets = np.asarray([[1.0]] * 10 + [[0.0]] * 10)
    assert choose_thresholds(("a",), probabilities, targets, precision=1.0) == {"a": 0.6}
    assert choose_thresholds(("a",), probabilities, targets, precision=0.5) == {"a": 0.3}


def test_a_precision_out_of_reach_leaves_the_best_f1():
    """Where the wanted precision can't be had, the threshold with the best F1 is taken."""
    probabilities = np.asarray([[0.9]] * 10 + [[0.5]] * 10 + [[0.9]] * 10)
    targets = np.asarray([[1.0]] * 20 + [[0.0]] * 10)
    assert choose_thresholds(("a",), probabilities, targets, precision=0.9) == {"a": 0.3}


def test_a_label_without_examples_gets_a_careful_threshold():
    """Nine labelled positives are too few to choose by; rows that aren't labelled don't count."""
    probabilities = np.full((40, 1), 0.9)
    targets = np.asarray([[1.0]] * 9 + [[np.nan]] * 31)
    assert choose_thresholds(("a",), probabilities, targets, precision=0.9) == {"a": 0.8}


def test_a_combiner_without_evidence_says_the_base_rate():
    """When nothing that the network says goes with goodness, every answer gets the share of good ones."""
    good = np.asarray([1.0] * 30 + [0.0] * 10)
    features = np.repeat((1.0 - good)[:, None], 3, axis=1) - 1.0
    fitted = fit_combiner(features, good, np.ones(len(good)))
    assert fitted.weights == (0.0, 0.0, 0.0)
    assert apply(fitted, features).tolist() == pytest.approx([0.75] * 40)


def test_a_combiner_needs_good_and_bad_answers():
    """One class alone can't be told from another."""
    with pytest.raises(ValueError, match="only good or only bad"):
        fit_combiner(np.zeros((5, 3)), np.ones(5), np.ones(5))
