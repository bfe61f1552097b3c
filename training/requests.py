"""Fits ``models.requests``: who asks for a person in the languages that the encoder wasn't made for.

The witnesses are measured alone and together. The n-grams' weights come from the training rows; how much each witness counts
comes from the calibration rows, which taught neither n-grams nor encoder; the figures come from the test rows, whose writers
saw no phrase list and no training row.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy.sparse import csr_matrix
from sklearn.linear_model import LogisticRegression

from models.calibration import sigmoid
from models.language import identify
from models.phrases import PhraseMatch, find_request
from models.records import LabelledMessage
from models.requests import FILE, RequestHead, buckets_of, logit
from training import metrics
from training.evaluate import EXPLICIT_THRESHOLD as THRESHOLD

# the inverse regularisation of the n-grams' weights; chosen on the calibration rows
STRENGTHS = (4.0, 16.0, 64.0, 256.0)
ENGLISH = "en"


def phrase_of(row: LabelledMessage) -> PhraseMatch | None:
    """Return what the phrase lists find in a message, as the scorer asks them."""
    language = identify(row.text)
    return find_request(row.text, language.code if language else None)


def features(rows: Sequence[LabelledMessage], head: RequestHead) -> csr_matrix:
    """Return (rows, buckets + 2): n-grams, each at one over the root of their number, then *asked* and *declined*."""
    places, columns, values = [], [], []
    for number, row in enumerate(rows):
        buckets = buckets_of(row.text, head)
        columns += buckets.tolist()
        values += [1.0 / np.sqrt(max(1, len(buckets)))] * len(buckets)
        places += [number] * len(buckets)
        phrase = phrase_of(row)
        if phrase is not None:
            places.append(number)
            columns.append(head.buckets + int(phrase.negated))
            values.append(1.0)
    return csr_matrix((values, (places, columns)), shape=(len(rows), head.buckets + 2))


@dataclass(frozen=True, slots=True)
class Ngrams:
    """The fitted n-grams: float32 (buckets + 2,) weights, the intercept, and the logits of the calibration rows."""

    weights: np.ndarray
    intercept: float
    held: np.ndarray


def fit_ngrams(rows: Sequence[LabelledMessage], head: RequestHead) -> Ngrams:
    """Fit n-grams and phrases on the training rows; the calibration rows choose how strongly they are regularised.

    Raises:
        ValueError: a split has only one class.
    """
    train, held = ([row for row in rows if row.split == split] for split in ("train", "calibration"))
    truth, target = (np.asarray([bool(row.explicit) for row in part]) for part in (train, held))
    if len(set(truth)) < 2 or len(set(target)) < 2:
        raise ValueError("expected rows that ask for a person and rows that don't in train and in calibration")
    known, wanted = features(train, head), features(held, head)
    models = [LogisticRegression(C=strength, max_iter=2000).fit(known, truth) for strength in STRENGTHS]
    best = min(models, key=lambda model: _log_loss(target, model.predict_proba(wanted)[:, 1]))
    return Ngrams(best.coef_[0].astype(np.float32), float(best.intercept_[0]), best.decision_function(wanted))


def fit_requests(
    rows: Sequence[LabelledMessage], encoder: np.ndarray, *, grams: bool = True, ngrams: Ngrams | None = None
) -> tuple[RequestHead, np.ndarray]:
    """Fit the n-grams on the training rows, and the weights of the witnesses on the calibration rows.

    Args:
        rows: of all splits, labelled ``explicit``.
        encoder: float, (rows,): the logits of the message graph's ``explicit`` head.
        grams: use the n-grams; without them the encoder is alone.
        ngrams: of these rows, where they are fitted already.

    Returns:
        The head, and float32 (buckets,) weights.

    Raises:
        ValueError: a split has only one class.
    """
    head = RequestHead(languages=tuple(sorted({row.language for row in rows})))
    found = ngrams or fit_ngrams(rows, head)
    held = [number for number, row in enumerate(rows) if row.split == "calibration"]
    witnesses = np.stack([found.held * grams, encoder[held]], axis=1)
    joint = LogisticRegression(C=10.0).fit(witnesses, [bool(rows[number].explicit) for number in held])
    fitted = head.model_copy(
        update={
            "intercept": found.intercept,
            "asked": float(found.weights[head.buckets]),
            "declined": float(found.weights[head.buckets + 1]),
            "slope": float(joint.coef_[0, 0]) * grams,
            "encoder": float(joint.coef_[0, 1]),
            "shift": float(joint.intercept_[0]),
        }
    )
    return fitted, found.weights[: head.buckets]


def _log_loss(truth: np.ndarray, found: np.ndarray) -> float:
    clipped = np.clip(found, 1e-6, 1 - 1e-6)
    return float(-np.mean(np.where(truth, np.log(clipped), np.log(1 - clipped))))


def probabilities(
    rows: Sequence[LabelledMessage], encoder: np.ndarray, head: RequestHead, weights: np.ndarray
) -> np.ndarray:
    """Return float64 (rows,): what the head says of messages."""
    logits = np.asarray([logit(row.text, phrase_of(row), head, weights) for row in rows])
    return sigmoid(head.slope * logits + head.encoder * encoder + head.shift)


def write_requests(folder: Path, weights: np.ndarray) -> None:
    """Write the weights where the bundle expects them."""
    np.save(folder / FILE, weights.astype(np.float32))


def compare_witnesses(
    rows: Sequence[LabelledMessage], encoder: np.ndarray, served: Mapping[str, float]
) -> dict[str, Any]:
    """Return the figures on the test rows by language (``all`` for all but English) and witness.

    ``phrases`` are the phrase lists alone, ``ngrams`` n-grams and phrase lists, ``encoder`` the encoder alone, ``together``
    all of them, and ``served`` what the scorer said, by id: it takes some messages for English, and English has a head of its
    own.
    """
    places = [number for number, row in enumerate(rows) if row.split == "test"]
    test = [rows[number] for number in places]
    truth = np.asarray([bool(row.explicit) for row in test])
    found = {
        "phrases": np.asarray([(match := phrase_of(row)) is not None and not match.negated for row in test], float)
    }
    silent = np.zeros(len(rows))
    ngrams = fit_ngrams(rows, RequestHead(languages=()))
    for name, said, grams in (("ngrams", silent, True), ("encoder", encoder, False), ("together", encoder, True)):
        found[name] = probabilities(test, said[places], *fit_requests(rows, said, grams=grams, ngrams=ngrams))
    found["served"] = np.asarray([served[row.id] for row in test])
    languages, batches = np.asarray([row.language for row in test]), np.asarray([row.group for row in test])
    groups = {"all": languages != ENGLISH} | {name: languages == name for name in sorted(set(languages))}
    return {
        group: {name: _measured(truth[mask], values[mask], batches[mask].tolist()) for name, values in found.items()}
        for group, mask in groups.items()
    }


def _measured(truth: np.ndarray, values: np.ndarray, batches: Sequence[str]) -> dict[str, Any]:
    """Return n, positives, precision, recall, F1 at ``THRESHOLD`` and at 0.5, AUROC, ECE and Brier."""
    precision, recall, _ = metrics.precision_recall_f1(truth, values >= THRESHOLD)
    # one batch a language: then rows are all there is to draw
    groups = batches if len(set(batches)) > 1 else None
    return {
        "n": len(truth),
        "n_positive": int(truth.sum()),
        "precision": metrics.rounded(precision),
        "recall": metrics.rounded(recall),
        "f1": metrics.figure(_f1_at(THRESHOLD), truth, values, groups=groups),
        "f1_at_half": metrics.figure(_f1_at(0.5), truth, values, groups=groups),
        "auroc": metrics.rounded(metrics.auroc(truth, values)),
        "ece": metrics.rounded(metrics.ece(truth.astype(float), values)),
        "brier": metrics.rounded(metrics.brier(truth.astype(float), values)),
    }


def _f1_at(threshold: float) -> Any:
    return lambda real, guess: metrics.precision_recall_f1(real, guess >= threshold)[2]
