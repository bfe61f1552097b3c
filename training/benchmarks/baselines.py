"""The simple models beside ours on benchmarks: majority, TF-IDF and frozen pretrained embeddings, both with regressions."""

from __future__ import annotations

import hashlib
import json
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

from training import metrics
from training.baseline import text_vectoriser
from training.sources.benchmarks import ClassedTexts, Example, hold_out

VERSION = 1
# inverse strengths of regularisation, of which validation rows choose one
STRENGTHS = (1.0, 10.0, 100.0)
# the logit of a class that the training rows don't have
ABSENT = -1e4

Embed = Callable[[Sequence[str]], np.ndarray]


@dataclass(frozen=True, slots=True)
class Logits:
    """What a classifier says of two splits: float (rows, classes) each."""

    validation: np.ndarray
    test: np.ndarray


def class_baselines(
    data: ClassedTexts, classes: Sequence[str], embed: Embed, *, encoder: str, cache: Path
) -> dict[str, Logits]:
    """Return the logits of ``majority``, ``tfidf`` and ``frozen``, fitted on the rows of these classes.

    Args:
        data: the corpus.
        classes: in column order.
        embed: texts to float32 (texts, size).
        encoder: the name of what embeds.
        cache: folder in which finished work is kept.
    """
    truth = np.asarray([classes.index(row.label) for row in data.train if row.label in classes])
    prior = np.log(np.maximum(np.bincount(truth, minlength=len(classes)), 0.5) / len(truth))
    found = {"majority": Logits(*(np.tile(prior, (len(rows), 1)) for rows in (data.validation, data.test)))}
    makers: dict[str, Callable[[], Logits]] = {
        "tfidf": lambda: _fitted(data, classes, _tfidf(data, classes)),
        "frozen": lambda: _fitted(data, classes, embed),
    }
    for name, make in makers.items():
        decisive = [VERSION, name, data.fingerprint, list(classes), encoder, STRENGTHS]
        key = hashlib.sha256(json.dumps(decisive).encode()).hexdigest()[:8]
        found[name] = _kept(cache / f"{data.name}-{name}-{key}.npz", make)
    return found


def _kept(path: Path, make: Callable[[], Logits]) -> Logits:
    if path.is_file():
        with np.load(path) as arrays:
            return Logits(arrays["validation"], arrays["test"])
    made = make()
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part.npz")
    np.savez_compressed(part, validation=made.validation.astype(np.float32), test=made.test.astype(np.float32))
    part.replace(path)
    return made


def _tfidf(data: ClassedTexts, classes: Sequence[str]) -> Callable[[Sequence[str]], Any]:
    vectoriser = text_vectoriser().fit([row.text for row in data.train if row.label in classes])
    transform: Callable[[Sequence[str]], Any] = vectoriser.transform
    return transform


def _fitted(data: ClassedTexts, classes: Sequence[str], features: Callable[[Sequence[str]], Any]) -> Logits:
    """Fit logistic regressions, choose one on validation rows, or on held-out training rows, and return its logits."""
    train, validation = ([row for row in rows if row.label in classes] for rows in (data.train, data.validation))
    kept, judges = (train, validation) if validation else hold_out(train)
    fitted, truth = features([row.text for row in kept]), _truth(kept, classes)
    judged, judged_truth = features([row.text for row in judges]), _truth(judges, classes)
    models = [fit_logistic(fitted, truth, strength) for strength in STRENGTHS]
    best = int(np.argmax([metrics.accuracy(judged_truth, model.predict(judged)) for model in models]))
    model = models[best]
    if not validation:
        model = fit_logistic(features([row.text for row in train]), _truth(train, classes), STRENGTHS[best])
    return Logits(*(_apply(model, features, rows, len(classes)) for rows in (data.validation, data.test)))


def fit_logistic(features: Any, truth: np.ndarray, strength: float = 10.0) -> LogisticRegression:
    """Fit a logistic regression; one that hasn't quite converged is as good a baseline."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return LogisticRegression(C=strength, max_iter=300).fit(features, truth)


def _apply(
    model: LogisticRegression, features: Callable[[Sequence[str]], Any], rows: Sequence[Example], n_classes: int
) -> np.ndarray:
    """Return logits (rows, classes); a model of two classes has one number a row, which is half of each side's."""
    logits = np.full((len(rows), n_classes), ABSENT)
    if rows:
        scores = model.decision_function(features([row.text for row in rows]))
        logits[:, model.classes_] = scores if scores.ndim > 1 else np.stack([-scores / 2, scores / 2], axis=1)
    return logits


def _truth(rows: Sequence[Example], classes: Sequence[str]) -> np.ndarray:
    return np.asarray([classes.index(row.label) for row in rows])
