"""Benchmarks of texts with one class each: intents with or without out-of-scope, and polarity."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from training import metrics
from training.benchmarks.baselines import Logits, class_baselines
from training.benchmarks.graphs import FrozenEncoder, class_logits, train_classes, weights_key, write_graphs
from training.benchmarks.jobs import Job, Measured
from training.benchmarks.recipes import Recipe
from training.benchmarks.records import Family, Figure, Row, changed_share, figure
from training.benchmarks.scope import REJECTED_SHARE, choose_rejection, scope_scores
from training.sources.benchmarks import ClassedTexts

FAMILIES: dict[str, Family] = {"tweeteval-sentiment": "sentiment", "sst2": "sentiment"}
_NOTES = {
    "sst2": "trained on the 6,920 sentences; GLUE's SST-2 trains on 67,349 phrases of them and reports another split",
    "tweeteval-sentiment": "trained on the tweets of SemEval 2013 to 2016, of which TweetEval's training split is made",
}


def class_job(data: ClassedTexts, recipe: Recipe, work: Path, *, threads: int = 1) -> Job:
    """Return the job that trains a network on a corpus' training rows and measures it beside the simple models.

    Args:
        data: the corpus; its test is what gets measured.
        recipe: how to train.
        work: folder for weights, graphs and baselines.
        threads: how many texts are scored side by side.
    """
    classes = trained_classes(data, recipe)
    rows = [row for row in data.train if row.label in classes]

    def measure() -> Measured:
        network, folder = train_classes(data.name, rows, classes, recipe, work / "weights")
        graphs = write_graphs(network, [row.text for row in rows], folder)
        frozen = FrozenEncoder(recipe.encoder.name, work / "weights", threads)
        models = {
            name: Logits(
                *(
                    class_logits(graph, [row.text for row in split], threads=threads)
                    for split in (data.validation, data.test)
                )
            )
            for name, graph in (("ours", graphs.int8), ("fp32", graphs.fp32))
        }
        cache = work / "baselines"
        models |= class_baselines(data, classes, frozen.embed, encoder=frozen.name, cache=cache)
        measured, details = measure_classes(data, classes, models)
        details |= {
            "recipe": recipe.model_dump(mode="json"),
            "weights": folder.name,
            "export_difference": graphs.difference,
            "rows": {"train": len(rows), "validation": len(data.validation), "test": len(data.test)},
            "facts": dict(data.facts),
        }
        notes = tuple(f"{data.name}: {note}" for note in [_NOTES.get(data.name)] if note)
        return Measured(tuple(measured), notes, details)

    decisive = {"data": data.fingerprint, "weights": weights_key(rows, classes, recipe)}
    return Job(data.name, FAMILIES.get(data.name, "intents"), decisive, measure)


def trained_classes(data: ClassedTexts, recipe: Recipe) -> tuple[str, ...]:
    """Return the classes that the network has: all, or those in scope."""
    return data.classes if recipe.out_of_scope_class else tuple(c for c in data.classes if c != data.out_of_scope)


def measure_classes(
    data: ClassedTexts, classes: Sequence[str], models: Mapping[str, Logits]
) -> tuple[list[Row], dict[str, object]]:
    """Return the rows of the report, and details of what was chosen on validation rows.

    Args:
        data: the corpus.
        classes: the columns of the logits.
        models: logits by column of the report.
    """
    if data.out_of_scope is not None:
        return _measure_scope(data, classes, models)
    truth = np.asarray([classes.index(row.label) for row in data.test])
    predicted = {name: logits.test.argmax(axis=1) for name, logits in models.items()}
    measure = metrics.accuracy if data.metric == "accuracy" else metrics.macro_recall
    return [_row(data.name, data.metric, predicted, lambda found: figure(measure, truth, found))], {}


def _measure_scope(
    data: ClassedTexts, classes: Sequence[str], models: Mapping[str, Logits]
) -> tuple[list[Row], dict[str, object]]:
    """Accuracy among the classes in scope without rejection, and how well what is out of scope is found.

    The score and its threshold are chosen per model on validation rows.
    """
    n_inside = sum(name != data.out_of_scope for name in classes)
    outside, validation = (
        np.asarray([row.label == data.out_of_scope for row in rows]) for rows in (data.test, data.validation)
    )
    truth = np.asarray([classes.index(row.label) for row in data.test if row.label != data.out_of_scope])
    chosen = {name: choose_rejection(found.validation, validation, n_inside=n_inside) for name, found in models.items()}
    scores = {name: scope_scores(found.test, n_inside=n_inside)[chosen[name].score] for name, found in models.items()}
    rejected = {name: found > chosen[name].threshold for name, found in scores.items()}
    best = {name: found.test[~outside, :n_inside].argmax(axis=1) for name, found in models.items()}
    kept = {name: np.where(rejected[name][~outside], -1, found) for name, found in best.items()}
    share = metrics.mean
    rows = [
        _row(data.name, "in_scope_accuracy", best, lambda found: figure(metrics.accuracy, truth, found)),
        _row(
            data.name, "in_scope_accuracy_after_rejection", kept, lambda found: figure(metrics.accuracy, truth, found)
        ),
        _row(data.name, "oos_auroc", scores, lambda found: figure(metrics.auroc, outside, found)),
        _row(data.name, "oos_recall", rejected, lambda found: figure(share, found[outside])),
        _row(data.name, "in_scope_rejection", rejected, lambda found: figure(share, found[~outside])),
    ]
    details = {
        "rejection": {name: {"score": found.score, "threshold": found.threshold} for name, found in chosen.items()},
        "rejected_share_on_validation": REJECTED_SHARE,
    }
    return rows, details


def _row(subject: str, metric: str, models: Mapping[str, np.ndarray], measure: Callable[[np.ndarray], Figure]) -> Row:
    predictions = models["ours"].dtype.kind in "ib"
    changed = changed_share(models["fp32"], models["ours"]) if predictions and "fp32" in models else None
    return Row(
        subject=subject, metric=metric, changed=changed, **{name: measure(found) for name, found in models.items()}
    )
