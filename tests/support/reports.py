"""An evaluation report of the shape that `training.pipeline.measure` writes, with small invented figures."""

from __future__ import annotations

from typing import Any

from training.evaluate import EXPLICIT_THRESHOLD

WITNESSES = ("phrases", "ngrams", "encoder", "together", "served")
NO_FIGURE = {"value": None, "low": None, "high": None, "n": 100}


def figure(value: float, n: int = 100) -> dict[str, float | int]:
    """A figure as reports hold it: value, interval, n."""
    return {"value": value, "low": round(value - 0.02, 4), "high": round(value + 0.02, 4), "n": n}


def _binary(value: float) -> dict[str, Any]:
    names = ("auroc", "average_precision", "ece", "brier", "precision", "recall", "f1", "false_positive_rate")
    return {"n": 100, "n_positive": 40, "threshold": EXPLICIT_THRESHOLD, **{name: figure(value) for name in names}}


def build_report(*, f1: float = 0.9) -> dict[str, Any]:
    """A report in which every measure of `explicit` on `written` is ``f1``, of its fp32 twin 0.01 more; the rest is fixed."""
    return _measured(f1) | {"fp32": {name: _measured(f1 + 0.01)[name] for name in ("messages", "answers")}}


def _witness(f1: float) -> dict[str, Any]:
    return {
        "n": 50,
        "n_positive": 20,
        "precision": 0.9,
        "recall": 0.8,
        "f1": figure(f1, 50),
        "f1_at_half": figure(0.86, 50),
        "auroc": 0.95,
        "ece": 0.06,
        "brier": 0.07,
    }


def _measured(f1: float) -> dict[str, Any]:
    label = {"n_positive": 12, "n": 100, "precision": 0.81, "recall": 0.72, "f1": 0.76, "average_precision": 0.79}
    intents = {
        "n": 100,
        "micro_f1": figure(0.77),
        "macro_f1": 0.71,
        "macro_average_precision": 0.74,
        "ece": figure(0.03),
        "labels": {"request_human": label, "invoice": label},
    }
    dialogue = intents | {"labels": {"not_helped": label, "bot_cannot": label}}
    witnesses = {name: _witness(f1) for name, f1 in zip(WITNESSES, (0.5, 0.6, 0.7, 0.85, 0.8), strict=True)}
    part = {"n": 60, "auroc": figure(0.83, 60), "ece": figure(0.05, 60)}
    good = {
        "n": 60,
        "unscored": 0,
        "n_bad": 21,
        **dict.fromkeys(("auroc", "average_precision_of_bad"), figure(0.78, 60)),
    }
    good |= {"aurc": figure(0.12, 60), "ece": figure(0.04, 60), "brier": figure(0.17, 60)}
    return {
        "messages": {
            "n": 300,
            "unscored": 2,
            "explicit": {"written": _binary(f1), "all": _binary(0.88)},
            "out_of_scope": {"clinc150": _binary(0.95), "all": _binary(0.93)},
            # a corpus of one class has no AUROC: only what can be said of it is there
            "frustration": {"written": {"n": 100, "n_positive": 0, "false_positive_rate": figure(0.01)}},
            "sentiment": {
                "written": {"n": 98, "unscored": 2, "pearson": figure(0.8, 98), "mean_absolute_error": figure(0.15, 98)}
            },
            "intents": {"written": intents, "all": intents},
            "dialogue": {"written": dialogue, "all": dialogue},
        },
        "requests": {"all": witnesses, "de": witnesses},
        "answers": {"n": 60, "dstc9_track1_human_eval": {"good": good, "sufficient": part, "grounded": part}},
        "answer_parity": {"n": 40, "flip_share": 0.025, "mean_difference": 0.004, "max_difference": 0.08},
        "parity": {
            "n": 300,
            "decision_flips": 3,
            "decision_flip_share": 0.01,
            "best_label_share": 0.02,
            "explicit_mean_difference": 0.004,
            "explicit_max_difference": 0.11,
            "sentiment_mean_difference": 0.006,
        },
        "baselines": {
            "tfidf_on_written": {
                "n": 100,
                "explicit": {"auroc": 0.9, "f1": 0.6, "best_f1": 0.7},
                "sentiment": {"pearson": 0.5},
                "intents": {"micro_f1": 0.5, "macro_average_precision": 0.55},
            },
            "overlap_on_answers": {
                "dstc9_track1_human_eval": {"n": 60, "auroc": 0.6, "average_precision_of_bad": 0.5, "aurc": 0.3}
            },
        },
    }


DATA: dict[str, Any] = {
    "messages_fingerprint": "a" * 64,
    "answers_fingerprint": "b" * 64,
    "sources": [
        {"name": "written", "url": "", "licence": "Apache-2.0", "rows": {"train": 80, "calibration": 10, "test": 10}},
        {
            "name": "clinc150",
            "url": "https://example.org/clinc",
            "licence": "CC-BY-3.0",
            "rows": {"train": 7, "test": 3},
        },
    ],
}
