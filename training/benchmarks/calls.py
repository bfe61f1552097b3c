"""BETOLD: does a call to a bot break down? Intents only, no text, so no message model can read it; a baseline stands in."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_predict

from training import metrics
from training.benchmarks.baselines import fit_logistic
from training.benchmarks.jobs import Job, Measured
from training.benchmarks.records import Row, figure
from training.sources.benchmarks import Call

LONGEST = 3


def intent_runs(call: Call) -> list[str]:
    """Return the runs of one to three intents in a row that a call holds."""
    return [
        " ".join(call.turns[start : start + length])
        for length in range(1, LONGEST + 1)
        for start in range(len(call.turns) - length + 1)
    ]


def calls_job(train: Sequence[Call], test: Sequence[Call]) -> Job:
    """Return the job that fits TF-IDF of intent runs with logistic regression and measures it on other calls."""

    def measure() -> Measured:
        vectoriser = TfidfVectorizer(analyzer=intent_runs, min_df=2, sublinear_tf=True).fit(train)
        broken = np.asarray([call.broken for call in train])
        model = fit_logistic(vectoriser.transform(train), broken, 1.0)
        threshold = _best_threshold(vectoriser.transform(train), broken)
        truth = np.asarray([call.broken for call in test])
        probabilities = model.predict_proba(vectoriser.transform(test))[:, 1]
        majority = np.full(len(test), broken.mean())
        rows = (
            Row(
                subject="betold",
                metric="auroc",
                ours=figure(metrics.auroc, truth, probabilities),
                majority=figure(metrics.auroc, truth, majority),
            ),
            Row(
                subject="betold",
                metric="f1",
                ours=figure(lambda a, b: metrics.precision_recall_f1(a, b)[2], truth, probabilities >= threshold),
                majority=figure(lambda a, b: metrics.precision_recall_f1(a, b)[2], truth, majority >= 0.5),
            ),
        )
        notes = (
            "betold: calls come as intents without text, so no message model reads them; under ours stands a baseline of whole "
            "conversations, TF-IDF of one to three intents in a row with logistic regression; both it and its threshold are "
            "fitted on the validation file; the bot's last turns are cut off, since they tell the outcome",
        )
        return Measured(rows, notes, {"train": len(train), "test": len(test), "threshold": threshold})

    calls = [[*call.turns, str(call.broken)] for call in [*train, *test]]
    decisive = {"calls": hashlib.sha256(json.dumps(calls).encode()).hexdigest(), "longest": LONGEST}
    return Job("betold", "conversations", decisive, measure)


def _best_threshold(features: Any, broken: np.ndarray) -> float:
    """Return the probability from which on F1 is best, on calls that the model in question wasn't fitted on."""
    folds = StratifiedKFold(5, shuffle=True, random_state=7)
    held_out = cross_val_predict(LogisticRegression(max_iter=300), features, broken, cv=folds, method="predict_proba")
    values = np.unique(held_out[:, 1])
    return float(max(values, key=lambda value: metrics.precision_recall_f1(broken, held_out[:, 1] >= value)[2]))
