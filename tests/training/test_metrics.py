"""Metrics against values worked out by hand, and relations that hold for any data."""

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from training.metrics import (
    aurc,
    auroc,
    average_precision,
    brier,
    ece,
    figure,
    interval,
    mean,
    pearson,
    precision_recall_f1,
    rounded,
)

# scores on a coarse grid, so that ties are common
GRID = st.integers(min_value=0, max_value=20)
ROWS = st.lists(st.tuples(st.booleans(), GRID), min_size=2, max_size=30)


def columns(rows):
    """Truth and scores in [0, 1] of drawn rows."""
    truth, scores = zip(*rows, strict=True)
    return np.asarray(truth), np.asarray(scores) / 20


def both_classes(rows):
    """Truth and scores of rows in which both classes occur."""
    truth, scores = columns(rows)
    assume(truth.any() and not truth.all())
    return truth, scores


# auroc


def test_auroc_by_hand():
    """Of the four pairs of positive and negative three are in order: 0.75."""
    assert auroc(np.asarray([0, 0, 1, 1]), np.asarray([0.1, 0.4, 0.35, 0.8])) == 0.75


def test_auroc_counts_a_tie_half():
    """Two pairs, one in order and one tied: 0.75; nothing but ties: one half."""
    assert auroc(np.asarray([0, 0, 1]), np.asarray([0.2, 0.5, 0.5])) == 0.75
    assert auroc(np.asarray([0, 1, 1, 0]), np.zeros(4)) == 0.5


@pytest.mark.parametrize("truth", [[0, 0], [1, 1], []])
def test_auroc_of_one_class_is_not_defined(truth):
    """Without a pair to compare there is no number."""
    assert math.isnan(auroc(np.asarray(truth), np.linspace(0, 1, len(truth))))


@given(ROWS)
def test_auroc_is_the_share_of_pairs_in_order(rows):
    """The ranks give what counting every pair gives."""
    truth, scores = both_classes(rows)
    pairs = [(good > bad) + (good == bad) / 2 for good in scores[truth] for bad in scores[~truth]]
    assert auroc(truth, scores) == pytest.approx(np.mean(pairs), abs=1e-12)


@given(ROWS, st.floats(min_value=0.1, max_value=5), st.floats(min_value=-3, max_value=3))
def test_auroc_does_not_change_under_monotone_maps(rows, slope, shift):
    """Only the order of scores counts: calibrating them changes nothing."""
    truth, scores = both_classes(rows)
    mapped = 1 / (1 + np.exp(-(slope * scores + shift)))
    assert auroc(truth, mapped) == auroc(truth, scores)


@given(ROWS)
def test_auroc_of_the_opposite_is_the_rest(rows):
    """Turning the scores round, or the classes, gives one minus the area."""
    truth, scores = both_classes(rows)
    assert auroc(truth, -scores) == pytest.approx(1 - auroc(truth, scores), abs=1e-12)
    assert auroc(~truth, scores) == pytest.approx(1 - auroc(truth, scores), abs=1e-12)


# average precision


def test_average_precision_by_hand():
    """Positives at places 1 and 3: (1/1 + 2/3) / 2."""
    found = average_precision(np.asarray([1, 0, 1, 0]), np.asarray([0.9, 0.8, 0.7, 0.6]))
    assert found == pytest.approx(5 / 6, abs=1e-12)


def test_average_precision_of_equal_scores_is_the_share_of_positives():
    """A model that says the same of all finds positives as often as they occur, in whatever order the rows lie."""
    assert average_precision(np.asarray([1, 0, 0, 0]), np.zeros(4)) == 0.25
    assert average_precision(np.asarray([0, 0, 0, 1]), np.zeros(4)) == 0.25


def test_average_precision_without_positives_is_not_defined():
    """Nothing to find, no number."""
    assert math.isnan(average_precision(np.asarray([0, 0]), np.asarray([0.1, 0.2])))


@given(ROWS, st.randoms(use_true_random=False))
def test_ranked_metrics_do_not_depend_on_the_order_of_rows(rows, random):
    """Ties are settled by the metric, not by how a file was sorted."""
    truth, scores = both_classes(rows)
    order = list(range(len(truth)))
    random.shuffle(order)
    for measure in (auroc, average_precision, aurc):
        assert measure(truth[order], scores[order]) == pytest.approx(measure(truth, scores), abs=1e-12)


@given(ROWS)
def test_a_perfect_ranking_is_the_best_possible(rows):
    """Scores that are the truth give 1 for both areas."""
    truth, _ = both_classes(rows)
    assert auroc(truth, truth.astype(float)) == 1.0
    assert average_precision(truth, truth.astype(float)) == 1.0


# precision, recall, F1


def test_precision_recall_f1_by_hand():
    """Two of three firings right, two of four positives found: 2/3, 1/2, 4/7."""
    truth = np.asarray([True, True, True, True, False, False])
    predicted = np.asarray([True, True, False, False, True, False])
    assert precision_recall_f1(truth, predicted) == pytest.approx((2 / 3, 1 / 2, 4 / 7), abs=1e-12)


@pytest.mark.parametrize(
    ("truth", "predicted", "expected"),
    [
        ([True, False], [False, False], (0.0, 0.0, 0.0)),
        ([False, False], [True, False], (0.0, 0.0, 0.0)),
        ([False, False], [False, False], (0.0, 0.0, 0.0)),
        ([True, False], [False, True], (0.0, 0.0, 0.0)),
        ([True, False], [True, False], (1.0, 1.0, 1.0)),
    ],
)
def test_precision_recall_f1_of_empty_classes(truth, predicted, expected):
    """An empty denominator counts as zero and never divides."""
    assert precision_recall_f1(np.asarray(truth), np.asarray(predicted)) == expected


# calibration


def test_brier_by_hand():
    """Errors 0.2, 0.4, 0: (0.04 + 0.16 + 0) / 3."""
    found = brier(np.asarray([1.0, 0.0, 1.0]), np.asarray([0.8, 0.4, 1.0]))
    assert found == pytest.approx(0.2 / 3, abs=1e-12)


def test_ece_by_hand():
    """Two bins of two: |0.1 - 0| * 1/2 + |0.8 - 0.5| * 1/2."""
    truth = np.asarray([0.0, 0.0, 1.0, 0.0])
    found = ece(truth, np.asarray([0.1, 0.1, 0.8, 0.8]), bins=10)
    assert found == pytest.approx(0.2, abs=1e-12)


def test_ece_puts_one_into_the_last_bin():
    """P = 1 is no bin of its own."""
    assert ece(np.asarray([1.0, 1.0]), np.asarray([0.99, 1.0]), bins=10) == pytest.approx(0.005, abs=1e-12)


@given(st.lists(st.booleans(), min_size=1, max_size=30))
def test_a_perfect_forecaster_has_no_calibration_error(truth):
    """Who says 1 of what happens and 0 of what doesn't is off by nothing."""
    values = np.asarray(truth, dtype=float)
    assert ece(values, values) == 0.0
    assert brier(values, values) == 0.0


@given(st.integers(min_value=1, max_value=9), st.integers(min_value=1, max_value=5))
def test_a_true_rate_has_no_calibration_error(tenths, times):
    """Who says 0.3 of things of which three in ten happen is calibrated."""
    truth = np.asarray(([1.0] * tenths + [0.0] * (10 - tenths)) * times)
    assert ece(truth, np.full(len(truth), tenths / 10)) == pytest.approx(0.0, abs=1e-12)


@given(ROWS)
def test_ece_lies_between_nothing_and_all(rows):
    """The error is a mean of distances between probabilities, never above the mean absolute error."""
    truth, scores = columns(rows)
    assert -1e-12 <= ece(truth.astype(float), scores) <= np.mean(np.abs(scores - truth)) + 1e-12


# risk and coverage


def test_aurc_by_hand():
    """Right, wrong, right in order of confidence: errors 0, 1/2, 1/3 over the coverages, mean 5/18."""
    found = aurc(np.asarray([True, False, True]), np.asarray([0.9, 0.8, 0.1]))
    assert found == pytest.approx(5 / 18, abs=1e-12)


@given(ROWS)
def test_aurc_of_equal_confidence_is_the_error_rate(rows):
    """Who can't tell good answers from bad ones has the same risk at any coverage."""
    truth, _ = columns(rows)
    assert aurc(truth, np.full(len(truth), 0.5)) == pytest.approx(np.mean(~truth), abs=1e-12)


@given(ROWS)
def test_aurc_is_least_for_the_best_order(rows):
    """No order of confidence is better than good answers first, none worse than bad answers first."""
    truth, scores = columns(rows)
    best, worst = aurc(truth, truth.astype(float)), aurc(truth, -truth.astype(float))
    assert best - 1e-12 <= aurc(truth, scores) <= worst + 1e-12


# correlation and recall


def test_pearson_by_hand():
    """(1, 2, 3) against (1, 3, 2) correlates by one half."""
    assert pearson(np.asarray([1.0, 2.0, 3.0]), np.asarray([1.0, 3.0, 2.0])) == pytest.approx(0.5, abs=1e-12)


@given(arrays.arrays(np.float64, 8, elements=st.integers(-50, 50)), st.floats(0.1, 9), st.floats(-9, 9))
def test_pearson_does_not_see_scale_or_shift(values, scale, shift):
    """A straight line up is 1, a straight line down is -1."""
    assume(np.ptp(values) > 0)
    assert pearson(values, scale * values + shift) == pytest.approx(1.0, abs=1e-9)
    assert pearson(values, -scale * values + shift) == pytest.approx(-1.0, abs=1e-9)


@pytest.mark.parametrize(("left", "right"), [([1.0], [1.0]), ([1.0, 1.0], [0.0, 1.0]), ([0.0, 1.0], [2.0, 2.0])])
def test_pearson_of_a_constant_is_not_defined(left, right):
    """A side that doesn't move correlates with nothing."""
    assert math.isnan(pearson(np.asarray(left), np.asarray(right)))


# intervals


def test_an_interval_holds_its_value_and_is_repeatable():
    """The bootstrap is seeded: the same data give the same interval, around the value."""
    rng = np.random.default_rng(3)
    truth = rng.random(400) < 0.3
    scores = np.clip(truth * 0.3 + rng.random(400) * 0.7, 0, 1)
    low, high = interval(auroc, truth, scores)
    assert (low, high) == interval(auroc, truth, scores)
    assert low < auroc(truth, scores) < high


def test_an_interval_narrows_with_more_rows():
    """Ten times the rows, about a third of the width."""
    rng = np.random.default_rng(3)
    widths = []
    for count in (200, 2000):
        low, high = interval(lambda values: float(values.mean()), rng.random(count))
        widths.append(high - low)
    assert widths[1] < widths[0] / 2


def test_an_interval_covers_as_often_as_it_says():
    """Of a hundred 90 % intervals of a mean, about ninety hold the true one."""
    rng = np.random.default_rng(11)
    hits = 0
    for number in range(100):
        low, high = interval(lambda v: float(v.mean()), rng.random(80), rounds=200, seed=number, level=0.9)
        hits += low <= 0.5 <= high
    assert 80 <= hits <= 97


def test_an_interval_of_what_is_never_defined_is_not_defined():
    """One class only: no round gives a number, so there is no interval."""
    low, high = interval(auroc, np.zeros(5), np.linspace(0, 1, 5))
    assert (math.isnan(low), math.isnan(high)) == (True, True)


def test_a_figure_is_value_interval_and_n():
    """What is reported carries its interval and the number of rows it stands on."""
    truth, scores = np.asarray([0, 1] * 50), np.asarray([0.25, 0.75] * 50)
    assert figure(auroc, truth, scores) == {"value": 1.0, "low": 1.0, "high": 1.0, "n": 100}


def test_a_figure_that_is_not_defined_is_none():
    """JSON has no NaN: value and interval are None where there is no number, and n is still told."""
    assert {"value": None, "low": None, "high": None, "n": 5} == figure(auroc, np.zeros(5), np.linspace(0, 1, 5))


@pytest.mark.parametrize(
    ("value", "expected"),
    [(0.123456, 0.1235), (np.float32(0.5), 0.5), (2, 2.0), (math.nan, None), (math.inf, None), (-math.inf, None)],
)
def test_a_number_is_rounded_or_none(value, expected):
    """A reported number has four digits, and is None where it isn't one."""
    found = rounded(value)
    assert (expected, type(expected)) == (found, type(found))


def test_the_mean_of_nothing_is_not_defined():
    """Nothing has no mean, and nobody is warned; 1 and 2 have one and a half."""
    assert math.isnan(mean([]))
    assert 1.5 == mean(np.asarray([1, 2]))


@pytest.mark.slow
@given(ROWS)
def test_the_areas_are_those_of_scikit_learn(rows):
    """AUROC and average precision agree with the reference implementation, ties included."""
    reference = pytest.importorskip("sklearn.metrics")
    truth, scores = both_classes(rows)
    assert auroc(truth, scores) == pytest.approx(reference.roc_auc_score(truth, scores), abs=1e-12)
    assert average_precision(truth, scores) == pytest.approx(
        reference.average_precision_score(truth, scores), abs=1e-12
    )
