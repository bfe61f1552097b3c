"""Logits to probabilities, against values worked out by hand."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from models.calibration import Calibration, Logistic, Platt, Temperature, apply, sigmoid, softmax

FINITE = st.floats(min_value=-1e4, max_value=1e4)


def test_sigmoid_by_hand():
    """sigmoid(ln 3) is 3/4, sigmoid(0) a half, sigmoid(-ln 3) a quarter."""
    logits = np.asarray([-math.log(3), 0.0, math.log(3)])
    assert sigmoid(logits) == pytest.approx([0.25, 0.5, 0.75], abs=1e-15)


@given(FINITE)
def test_sigmoid_of_opposite_logits_adds_to_one(logit):
    """However large the logit, nothing overflows and P and 1 - P agree."""
    both = sigmoid(np.asarray([logit, -logit]))
    assert both.sum() == pytest.approx(1.0, abs=1e-12)


def test_softmax_by_hand():
    """softmax(0, ln 2, ln 5) is 1/8, 2/8, 5/8."""
    logits = np.asarray([[0.0, math.log(2), math.log(5)]])
    assert softmax(logits)[0] == pytest.approx([0.125, 0.25, 0.625], abs=1e-15)


@given(st.lists(FINITE, min_size=2, max_size=5), FINITE)
def test_softmax_sees_differences_only(logits, shift):
    """A constant added to all logits changes nothing, and the sum is one."""
    row = np.asarray([logits])
    assert softmax(row + shift)[0] == pytest.approx(softmax(row)[0], abs=1e-9)
    assert softmax(row).sum() == pytest.approx(1.0, abs=1e-12)


def test_platt_by_hand():
    """Each column has its own slope and intercept: sigmoid(2 * ln 2 + 0) = 4/5, sigmoid(0 * x - ln 3) = 1/4."""
    platt = Platt(slope=(2.0, 0.0), intercept=(0.0, -math.log(3)))
    logits = np.asarray([[math.log(2), 7.0], [-math.log(2), -7.0]], dtype=np.float64)
    assert apply(platt, logits) == pytest.approx(np.asarray([[0.8, 0.25], [0.2, 0.25]]), abs=1e-12)


def test_temperature_by_hand():
    """Temperature 2 halves the logits: softmax(0, ln 4) becomes 1/3, 2/3."""
    found = apply(Temperature(temperature=2.0), np.asarray([[0.0, math.log(4)]]))
    assert found[0] == pytest.approx([1 / 3, 2 / 3], abs=1e-12)


def test_logistic_by_hand():
    """sigmoid(1 * ln 2 + 2 * ln 3 - ln 6) is sigmoid(ln 3), three quarters."""
    combiner = Logistic(features=("a", "b"), weights=(1.0, 2.0), intercept=-math.log(6))
    found = apply(combiner, np.asarray([[math.log(2), math.log(3)]]))
    assert found.shape == (1,)
    assert found[0] == pytest.approx(0.75, abs=1e-12)


@given(st.lists(FINITE, min_size=3, max_size=3))
def test_calibration_keeps_the_order_of_logits(logits):
    """A positive slope or temperature never turns two columns' order round."""
    row = np.asarray([sorted(logits)])
    for calibration in (Temperature(temperature=0.7), Platt(slope=(1.3,) * 3, intercept=(0.2,) * 3)):
        assert (np.diff(apply(calibration, row)[0]) >= 0).all()


@pytest.mark.parametrize(
    ("calibration", "expected"),
    [
        (Platt(slope=(1.0, 1.0), intercept=(0.0, 0.0)), "found 3 columns, the calibration has 2"),
        (Logistic(features=("a",), weights=(1.0,), intercept=0.0), "found 3 columns, the calibration has 1"),
    ],
)
def test_a_wrong_width_is_refused(calibration, expected):
    """Logits of another width are an error that gives both widths, never a broadcast."""
    with pytest.raises(ValueError, match=expected):
        apply(calibration, np.zeros((4, 3)))


@pytest.mark.parametrize(
    ("kind", "fields", "expected"),
    [
        (Platt, {"slope": (1.0, 1.0), "intercept": (0.0,)}, "2 slopes but 1 intercepts"),
        (Logistic, {"features": ("a", "b"), "weights": (1.0,), "intercept": 0.0}, "2 features but 1 weights"),
        (Temperature, {"temperature": 0.0}, "greater than 0"),
        (Temperature, {"temperature": math.nan}, "finite"),
        (Platt, {"slope": (math.inf,), "intercept": (0.0,)}, "finite"),
        (Platt, {"slope": (1.0,), "intercept": (0.0,), "shift": 1}, "Extra inputs"),
    ],
)
def test_parameters_that_contradict_themselves_are_refused(kind, fields, expected):
    """Parameters of unequal number, infinite or unknown never reach a score."""
    with pytest.raises(ValidationError, match=expected):
        kind(**fields)


@pytest.mark.parametrize(
    "calibration",
    [
        Platt(slope=(0.1,), intercept=(-0.3,)),
        Temperature(temperature=1.7),
        Logistic(features=("a",), weights=(2.0,), intercept=0.5),
    ],
)
def test_parameters_survive_json(calibration):
    """Written to a manifest and read again, parameters are the same to the last bit."""
    adapter = TypeAdapter(Calibration)
    assert adapter.validate_json(adapter.dump_json(calibration)) == calibration
