"""Logits to probabilities. It only applies what ``training.calibrate`` fitted; parameters are plain JSON.

Sources: Platt scaling, Platt 1999; temperature scaling, Guo et al. 2017 (arXiv 1706.04599).
"""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator


class _Parameters(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Platt(_Parameters):
    """One slope and intercept per label: ``sigmoid(slope * logit + intercept)``."""

    kind: Literal["platt"] = "platt"
    slope: tuple[float, ...]
    intercept: tuple[float, ...]

    @model_validator(mode="after")
    def _one_of_each(self) -> Platt:
        if len(self.slope) != len(self.intercept):
            raise ValueError(f"{len(self.slope)} slopes but {len(self.intercept)} intercepts")
        return self


class Temperature(_Parameters):
    """``softmax(logits / temperature)`` over mutually exclusive labels."""

    kind: Literal["temperature"] = "temperature"
    temperature: float = Field(gt=0)


class Logistic(_Parameters):
    """A logistic regression over named features: ``sigmoid(weights . features + intercept)``."""

    kind: Literal["logistic"] = "logistic"
    features: tuple[str, ...]
    weights: tuple[float, ...]
    intercept: float

    @model_validator(mode="after")
    def _one_of_each(self) -> Logistic:
        if len(self.features) != len(self.weights):
            raise ValueError(f"{len(self.features)} features but {len(self.weights)} weights")
        return self


Calibration = Annotated[Platt | Temperature | Logistic, Field(discriminator="kind")]


def sigmoid(logits: np.ndarray) -> np.ndarray:
    """Return ``1 / (1 + exp(-logits))`` in float64, without overflow."""
    return 0.5 * (1.0 + np.tanh(0.5 * logits.astype(np.float64)))


def softmax(logits: np.ndarray) -> np.ndarray:
    """Return the softmax over the last axis in float64."""
    shifted = logits.astype(np.float64) - logits.max(axis=-1, keepdims=True)
    powers = np.exp(shifted)
    return np.asarray(powers / powers.sum(axis=-1, keepdims=True))


def apply(calibration: Platt | Temperature | Logistic, logits: np.ndarray) -> np.ndarray:
    """Turn logits (n, labels), or the combiner's features (n, features), into probabilities.

    Returns:
        float64, (n, labels); (n,) for the combiner.

    Raises:
        ValueError: the last dimension isn't the number of parameters.
    """
    match calibration:
        case Temperature():
            return softmax(logits / calibration.temperature)
        case Platt():
            _require_width(logits, len(calibration.slope))
            return sigmoid(logits * np.asarray(calibration.slope) + np.asarray(calibration.intercept))
        case Logistic():
            _require_width(logits, len(calibration.weights))
            return sigmoid(logits @ np.asarray(calibration.weights) + calibration.intercept)


def _require_width(values: np.ndarray, expected: int) -> None:
    if values.shape[-1] != expected:
        raise ValueError(f"found {values.shape[-1]} columns, the calibration has {expected}")
