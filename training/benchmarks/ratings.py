"""Benchmarks of the released sentiment head: readers' ratings, and polarity on corpora that it wasn't trained on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np
from sklearn.linear_model import Ridge, RidgeCV

from models.contracts import Scores
from models.records import LabelledMessage
from training import metrics
from training.baseline import text_vectoriser
from training.benchmarks.baselines import Embed
from training.benchmarks.jobs import Job, Measured
from training.benchmarks.records import Row, changed_share, figure
from training.benchmarks.released import Released
from training.evaluate import score_messages
from training.sources.benchmarks import POLARITIES, ClassedTexts, thin

VADER = "vader-ground-truth"
# what the kinds of VADER's texts are called in the report; the editorials have no test share
KINDS = {"tweets": "tweets", "amazon": "reviews"}


def vader_job(
    released: Released, rows: Callable[[], Sequence[LabelledMessage]], embed: Embed, *, limit: int | None = None
) -> Job:
    """Return the job that correlates sentiment scores with the ratings of about twenty readers, on the fixed test shares.

    Args:
        released: the bundle.
        rows: loads the split messages.
        embed: texts to float32 (texts, size), by the pretrained encoder.
        limit: about how many rows of each kind to measure.
    """

    def measure() -> Measured:
        of_source = [row for row in rows() if row.source == VADER]
        train = [row for row in of_source if row.split == "train"]
        guess = _ridges(train, embed)
        measured, unscored = [], 0
        for kind, name in KINDS.items():
            test = thin([row for row in of_source if row.split == "test" and _kind(row) == kind], limit)
            scores = {column: score_messages(scorer, test) for column, scorer in released.scorers().items()}
            known = [place for place, score in enumerate(scores["ours"]) if score.sentiment is not None]
            unscored += len(test) - len(known)
            ratings = np.asarray([test[place].sentiment or 0.0 for place in known])
            found = {column: _sentiments(scored, known) for column, scored in scores.items()}
            found |= {column: values(test)[known] for column, values in guess.items()}
            labels = {column: np.asarray(_polarities(scored)) for column, scored in scores.items()}
            changed = changed_share(labels["fp32"], labels["ours"]) if "fp32" in labels else None
            figures = {column: figure(metrics.pearson, ratings, values) for column, values in found.items()}
            measured.append(Row(subject=f"vader {name}", metric="pearson", changed=changed, **figures))
        notes = (
            f"vader: ratings of test texts that training never saw; {unscored} texts taken for another language are left out; "
            "the baselines are ridge regressions on the training texts; int8 changes: the most probable polarity",
        )
        return Measured(tuple(measured), notes, released.details)

    return Job("vader", "sentiment", released.decisive | {"limit": limit}, measure)


def _kind(row: LabelledMessage) -> str:
    """Return the kind of a text of VADER, which its id begins with."""
    return row.id.split(":")[1].split("-")[0]


def _sentiments(scores: Sequence[Scores], places: Iterable[int]) -> np.ndarray:
    found = (scores[place].sentiment for place in places)
    return np.asarray([sentiment.score if sentiment else 0.0 for sentiment in found])


def _polarities(scores: Iterable[Scores]) -> list[str]:
    return [score.sentiment.label if score.sentiment else "none" for score in scores]


def _ridges(
    train: Sequence[LabelledMessage], embed: Embed
) -> dict[str, Callable[[Sequence[LabelledMessage]], np.ndarray]]:
    """Fit ridge regressions of ratings and return what they say of rows, by column of the report."""
    texts, ratings = [row.text for row in train], np.asarray([row.sentiment or 0.0 for row in train])
    vectoriser = text_vectoriser().fit(texts)
    words = Ridge(alpha=1.0).fit(vectoriser.transform(texts), ratings)
    frozen = RidgeCV(alphas=(0.1, 0.3, 1.0, 3.0, 10.0)).fit(embed(texts), ratings)
    return {
        "tfidf": lambda rows: np.asarray(words.predict(vectoriser.transform([row.text for row in rows]))),
        "frozen": lambda rows: np.asarray(frozen.predict(embed([row.text for row in rows]))),
    }


def polarity_job(
    released: Released, corpora: Mapping[str, Callable[[], ClassedTexts]], *, limit: int | None = None
) -> Job:
    """Return the job that measures the sentiment head on benchmarks that it wasn't trained for.

    With two classes the sign of the score decides, with three the most probable polarity.

    Args:
        released: the bundle.
        corpora: load the benchmarks, by name.
        limit: about how many rows of each to measure.
    """

    def measure() -> Measured:
        measured, notes = [], []
        for name, load in corpora.items():
            data = load().limited(limit)
            rows = [
                LabelledMessage(id=f"{name}:{place}", source=name, text=row.text, group=f"{name}:{place}")
                for place, row in enumerate(data.test)
            ]
            scores = {column: score_messages(scorer, rows) for column, scorer in released.scorers().items()}
            truth = np.asarray([row.label for row in data.test])
            found = {column: np.asarray(_named(scored, data.classes)) for column, scored in scores.items()}
            train = [row.label for row in data.train]
            found["majority"] = np.full(len(truth), max(data.classes, key=train.count))
            measure_it = metrics.accuracy if data.metric == "accuracy" else metrics.macro_recall
            changed = changed_share(found["fp32"], found["ours"]) if "fp32" in found else None
            figures = {column: figure(measure_it, truth, values) for column, values in found.items()}
            measured.append(Row(subject=f"{name}, bundle", metric=data.metric, changed=changed, **figures))
            n_unscored = int((found["ours"] == "none").sum())
            notes.append(
                f"{name}, bundle: the released sentiment head, not trained on it; {n_unscored} texts taken for another "
                "language count as wrong"
            )
        return Measured(tuple(measured), tuple(notes), released.details)

    return Job("polarity-zero-shot", "sentiment", released.decisive | {"limit": limit}, measure)


def _named(scores: Iterable[Scores], classes: Sequence[str]) -> list[str]:
    if len(classes) == len(POLARITIES):
        return _polarities(scores)
    return [
        "none" if score.sentiment is None else "positive" if score.sentiment.score > 0 else "negative"
        for score in scores
    ]
