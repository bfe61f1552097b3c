"""The simple models that ours is measured beside: majority, TF-IDF with logistic regression, word overlap."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import FeatureUnion

from models.phrases import find_request
from models.records import AnswerExample, LabelledMessage
from models.text import fold
from training import metrics
from training.evaluate import EXPLICIT_THRESHOLD, MIN_ROWS
from training.labels import LABELS, truth_matrix


def text_vectoriser() -> FeatureUnion:
    """Return TF-IDF of words and of characters, not yet fitted."""
    return FeatureUnion(
        [
            ("words", TfidfVectorizer(ngram_range=(1, 2), min_df=2, sublinear_tf=True)),
            ("characters", TfidfVectorizer(analyzer="char_wb", ngram_range=(3, 5), min_df=3, sublinear_tf=True)),
        ]
    )


def message_baselines(
    train: Sequence[LabelledMessage], test: Sequence[LabelledMessage], *, source: str
) -> dict[str, Any]:
    """Fit TF-IDF (words and characters) with logistic or ridge regression per head; report on one source's test messages."""
    # turns of conversations say nothing of what these heads find
    test = [row for row in test if row.source == source and row.known == "all"]
    if len(test) < MIN_ROWS:
        return {}
    vectoriser = text_vectoriser()
    fitted = vectoriser.fit_transform([row.text for row in train])
    applied = vectoriser.transform([row.text for row in test])
    report: dict[str, Any] = {"n": len(test)}
    for head in ("explicit", "out_of_scope", "frustration"):
        known = [n for n, row in enumerate(train) if getattr(row, head) is not None]
        truth = np.asarray([float(getattr(train[n], head)) >= 0.5 for n in known])
        if not truth.any():
            continue
        model = LogisticRegression(C=10.0, max_iter=300).fit(fitted[known], truth)
        guess = model.predict_proba(applied)[:, 1]
        real = np.asarray([float(getattr(row, head) or 0) >= 0.5 for row in test])
        cut = EXPLICIT_THRESHOLD if head == "explicit" else 0.5
        report[head] = {
            "auroc": metrics.rounded(metrics.auroc(real, guess)),
            "f1": metrics.rounded(metrics.precision_recall_f1(real, guess >= cut)[2]),
            "best_f1": metrics.rounded(
                max(metrics.precision_recall_f1(real, guess >= value)[2] for value in np.arange(0.1, 0.95, 0.05))
            ),
        }
        if head == "explicit":
            asked = [find_request(row.text, row.language) for row in test]
            guess = np.asarray([match is not None and not match.negated for match in asked])
            report[head]["phrases_f1"] = metrics.rounded(metrics.precision_recall_f1(real, guess)[2])
    rated = [n for n, row in enumerate(train) if row.sentiment is not None]
    ridge = Ridge(alpha=1.0).fit(fitted[rated], [train[n].sentiment for n in rated])
    ratings = np.asarray([row.sentiment or 0.0 for row in test])
    report["sentiment"] = {"pearson": metrics.rounded(metrics.pearson(ratings, ridge.predict(applied)))}
    report["intents"] = _label_baseline(fitted, applied, truth_matrix(train), truth_matrix(test))
    return report


def _label_baseline(fitted: Any, applied: Any, train: np.ndarray, test: np.ndarray) -> dict[str, Any]:
    precisions, predicted = [], np.zeros(test.shape, dtype=bool)
    for column in range(len(LABELS)):
        known = ~np.isnan(train[:, column])
        truth = train[known, column] >= 0.5
        if truth.sum() < 5:
            continue
        guess = LogisticRegression(C=10.0, max_iter=200).fit(fitted[known], truth).predict_proba(applied)[:, 1]
        predicted[:, column] = guess >= 0.5
        real = test[:, column] >= 0.5
        if real.any():
            precisions.append(metrics.average_precision(real, guess))
    real = np.nan_to_num(test) >= 0.5
    return {
        "micro_f1": metrics.rounded(metrics.precision_recall_f1(real.ravel(), predicted.ravel())[2]),
        "macro_average_precision": metrics.rounded(metrics.mean(precisions)),
    }


def overlap_features(row: AnswerExample) -> list[float]:
    """Shares of words that question, answer and passages have in common, and lengths: a lexical judge of an answer."""
    question, answer = set(fold(row.message).split()), set(fold(row.answer or "").split())
    source = set(fold(" ".join(row.passages)).split())
    numbers = {word for word in answer if any(char.isdigit() for char in word)}
    return [
        len(answer & source) / max(1, len(answer)),
        len(question & source) / max(1, len(question)),
        len(question & answer) / max(1, len(question)),
        len(numbers - source) / max(1, len(numbers)),
        float(len(answer)),
        float(len(source)),
        float(not row.passages),
        float("not" in answer or "no" in answer) - float("not" in source or "no" in source),
    ]


def answer_baselines(train: Sequence[AnswerExample], test: Sequence[AnswerExample]) -> dict[str, Any]:
    """Fit gradient boosting on word overlap to *good*; report AUC, AP of bad answers and AURC per source."""
    from sklearn.ensemble import HistGradientBoostingClassifier  # noqa: PLC0415 - slow to import

    rows = [row for row in train if row.good is not None]
    if not rows:
        return {}
    model = HistGradientBoostingClassifier(random_state=7, max_depth=4, max_iter=200).fit(
        [overlap_features(row) for row in rows],
        [float(row.good or 0) > 0.5 for row in rows],
        sample_weight=[row.weight for row in rows],
    )
    report: dict[str, Any] = {}
    for source in sorted({row.source for row in test}):
        chosen = [row for row in test if row.source == source and row.good is not None]
        if len(chosen) < MIN_ROWS:
            continue
        truth = np.asarray([float(row.good or 0) > 0.5 for row in chosen])
        guess = model.predict_proba([overlap_features(row) for row in chosen])[:, 1]
        report[source] = {
            "n": len(chosen),
            "auroc": metrics.rounded(metrics.auroc(truth, guess)),
            "average_precision_of_bad": metrics.rounded(metrics.average_precision(~truth, -guess)),
            "aurc": metrics.rounded(metrics.aurc(truth, guess)),
        }
    return report
