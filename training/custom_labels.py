"""Fits and measures ``models.similarity``: labels that a policy brings along, scored without training.

Fitted on classes of public corpora, each in its turn a custom label: some of its rows become examples, the others are to be
found among the rows of all classes. The rows come from splits that no network was trained on, yet the encoder learned from
other rows of these corpora (under our labels, not under their classes), so what is reported comes from a corpus of which
nothing was ever trained, fitted or chosen (``training.custom_measures``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from sklearn.linear_model import LogisticRegression

from models.calibration import Logistic, apply
from models.custom import as_said
from models.encoding import Encoder
from models.records import LabelledMessage
from models.scorer import EMBEDDING
from models.similarity import (
    BACKGROUND_FILE,
    EVIDENCE,
    FEATURES,
    SPACE_FILE,
    CustomHead,
    LabelVectors,
    Space,
    as_bytes,
    evidence_of,
    unit,
)
from training import metrics
from training.logits import text_logits
from training.sources.described import ADJUSTING, DescribedTexts, read_adjusting

# returns the embeddings of texts, int8 (texts, size)
Read = Callable[[Sequence[str]], np.ndarray]
# float (messages, size) of unit length
Teach = Callable[[Sequence[LabelledMessage]], np.ndarray]

# the share of messages that mean a label, as probabilities suppose it: a policy with some twenty labels
SHARE = 0.04
NEIGHBOURS = 10
BACKGROUND = 256
# messages that the space is fitted on
SPACE_ROWS = 20_000
# ridge, and what is added to the variance of every direction before it is evened out; shares of the mean variance
RIDGE, FLOOR = 0.003, 0.1
# how far the spread of directions is evened out: 0 leaves it, 1 makes all alike; ``None`` is no map at all, centred only
WHITENINGS = (None, 0.0, 0.25, 0.5)
# numbers of examples of an episode
EXAMPLES = (0, 1, 2, 3, 4, 5, 7, 10, 20)
# a class takes part with so many examples when so many other rows of it are left to be found
MIN_LEFT = 6
# rows of other classes that teach, of each episode
NEGATIVES = 400
SEEDS = (1, 2)
# more of these never makes a label less probable
_SUPPORTING = ("nearest", "centre", "description")


@dataclass(frozen=True, slots=True)
class FittedCustom:
    """What a bundle holds for custom labels: the head, the space's matrix and the background, int8 (messages, size)."""

    head: CustomHead
    matrix: np.ndarray
    background: np.ndarray


@dataclass(frozen=True, slots=True)
class EmbeddedTexts:
    """A described corpus with the embeddings of its rows, and of its descriptions by class."""

    corpus: DescribedTexts
    rows: np.ndarray
    descriptions: dict[str, np.ndarray]


@dataclass(frozen=True, slots=True)
class Episode:
    """One class as a custom label: features of the rows to be searched, (rows, features), which of them are meant."""

    features: np.ndarray
    truth: np.ndarray

    @property
    def weights(self) -> np.ndarray:
        """A weight for each row, together 1, so that rows that are meant have the share ``SHARE``."""
        found = int(self.truth.sum())
        return np.where(self.truth, SHARE / found, (1.0 - SHARE) / (len(self.truth) - found))


def graph_reader(graph: Path, encoder: Encoder) -> Read:
    """Return what embeds texts as the scorer does."""
    return lambda texts: as_bytes(text_logits(graph, encoder, texts, outputs=(EMBEDDING,))[EMBEDDING])


def space_rows(rows: Sequence[LabelledMessage]) -> list[LabelledMessage]:
    """Return customers' messages of all training sources for the space: English, alone, each text once."""
    known = {
        row.text: row
        for row in rows
        if row.split == "train" and row.role == "customer" and row.before is None and row.language == "en"
    }
    found = list(known.values())
    return found[:: max(1, len(found) // SPACE_ROWS)]


def fit_bundle(
    graph: Path, encoder: Encoder, rows: Sequence[LabelledMessage], *, teacher: Teach
) -> FittedCustom | None:
    """Fit what a bundle needs for custom labels; ``None`` when it isn't trained on the corpora that this is calibrated on.

    Args:
        graph: the served ``message.onnx``.
        encoder: its tokenizer with its windows.
        rows: all labelled messages; the space is fitted on those of the training split.
        teacher: the pretrained encoder.
    """
    names = adjusting_of(rows)
    if not names:
        return None
    return fit_custom(graph_reader(graph, encoder), space_rows(rows), read_adjusting(names), teacher=teacher)


def adjusting_of(rows: Sequence[LabelledMessage]) -> tuple[str, ...]:
    """Return the corpora to calibrate on that training knows too, all or none."""
    sources = {row.source for row in rows}
    return ADJUSTING if sources.issuperset(ADJUSTING) else ()


def fit_custom(
    read: Read, rows: Sequence[LabelledMessage], corpora: Sequence[DescribedTexts], *, teacher: Teach | None
) -> FittedCustom:
    """Fit space, background, calibration and thresholds.

    What decides about the space is measured with spaces that haven't read the corpus they are measured on, and so is the
    calibration fitted.

    Args:
        read: the encoder.
        rows: for space and background, as ``space_rows`` returns them.
        corpora: to calibrate on, two at least.
        teacher: the pretrained encoder, whose likeness the space restores; without it there is no map.

    Raises:
        ValueError: there are fewer than two corpora.
    """
    if len(corpora) < 2:
        raise ValueError(
            f"found {len(corpora)} corpora, expected two or more: each is judged by what the others taught"
        )
    embedded = [embed(corpus, read) for corpus in corpora]
    vectors = read([row.text for row in rows])
    target = None if teacher is None else teacher(rows)
    background = vectors[:: max(1, len(rows) // BACKGROUND)][:BACKGROUND]

    def spaces(whitening: float | None) -> list[Space]:
        """Return for each corpus a space that was fitted without it."""
        found = []
        for corpus in corpora:
            other = np.asarray([row.source != corpus.name for row in rows])
            kept = None if target is None else target[other]
            matrix = fit_space(vectors[other], kept, whitening=whitening)
            found.append(Space(matrix, background, neighbours=NEIGHBOURS))
        return found

    tried = {whitening: spaces(whitening) for whitening in (WHITENINGS if teacher else WHITENINGS[:1])}
    chosen = max(tried, key=lambda whitening: _separation(embedded, tried[whitening]))
    head = _fit_head(embedded, tried[chosen])
    return FittedCustom(head, fit_space(vectors, target, whitening=chosen), background)


def embed(corpus: DescribedTexts, read: Read) -> EmbeddedTexts:
    """Read a corpus."""
    names = list(corpus.descriptions)
    told = read([as_said(corpus.label(name).description or "") for name in names])
    return EmbeddedTexts(corpus, read(corpus.texts), dict(zip(names, told, strict=True)))


def fit_space(vectors: np.ndarray, target: np.ndarray | None, *, whitening: float | None) -> np.ndarray:
    """Fit the map from an embedding to the teacher's, by ridge regression, and even out the spread of its directions.

    Args:
        vectors: int8, (messages, size).
        target: the teacher's embeddings of the same messages, float (messages, width).
        whitening: power of the evening out, in [0, 1]; ``None`` for no map, centred only.

    Returns:
        float16, (size + 1, width): the shift, then the map, as ``models.similarity.Space`` takes it.

    Source: ridge regression, Hoerl and Kennard 1970; whitening of sentence embeddings, Su et al. 2021 (arXiv 2103.15316).
    """
    placed = unit(vectors)
    mean = placed.mean(axis=0)
    if target is None or whitening is None:
        return np.vstack([-mean, np.eye(len(mean))]).astype(np.float16)
    centred = placed - mean
    moments = centred.T @ centred
    ridge = RIDGE * np.trace(moments) / len(moments)
    learned = np.linalg.solve(moments + ridge * np.eye(len(moments)), centred.T @ (target - target.mean(axis=0)))
    variances, directions = np.linalg.eigh(np.cov((centred @ learned).T))
    variances = np.maximum(variances, 0.0) + FLOOR * variances.mean()
    learned = learned @ (directions * variances ** (-whitening / 2))
    # float16 is fine for numbers around one
    learned /= np.linalg.norm(centred @ learned, axis=1).mean()
    return np.vstack([-mean @ learned, learned]).astype(np.float16)


def episodes(texts: EmbeddedTexts, space: Space, *, examples: int, described: bool, seed: int) -> Iterator[Episode]:
    """Yield each class that has rows enough as a custom label, with examples drawn from its rows."""
    rng = np.random.default_rng(seed)
    classes = np.asarray(texts.corpus.classes)
    drawn = {}
    for name in texts.corpus.descriptions:
        own = np.flatnonzero(classes == name)
        if len(own) >= examples + MIN_LEFT:
            drawn[name] = rng.choice(own, examples, replace=False)
    if not drawn:
        return
    told = [texts.descriptions[name] if described or not examples else None for name in drawn]
    labels = LabelVectors(space, [texts.rows[places] for places in drawn.values()], told)
    features = labels.features(texts.rows)
    for number, (name, places) in enumerate(drawn.items()):
        searched = np.ones(len(classes), dtype=bool)
        searched[places] = False
        yield Episode(features[searched, number], classes[searched] == name)


def _separation(embedded: Sequence[EmbeddedTexts], spaces: Sequence[Space]) -> float:
    """Return how well a space tells classes apart: mean average precision of the centre of five, and of the description."""
    found = []
    for examples, feature in ((5, "centre"), (0, "description")):
        column = FEATURES.index(feature)
        for texts, space in zip(embedded, spaces, strict=True):
            tried = episodes(texts, space, examples=examples, described=False, seed=SEEDS[0])
            found.append(
                metrics.mean([metrics.average_precision(each.truth, each.features[:, column]) for each in tried])
            )
    return metrics.mean(found)


def _fit_head(embedded: Sequence[EmbeddedTexts], spaces: Sequence[Space]) -> CustomHead:
    """Fit the calibration of each kind of evidence on all corpora; thresholds come from what the other corpora taught."""
    evidence, thresholds = {}, {}
    for kind in EVIDENCE:
        groups = [list(_of_kind(texts, space, kind)) for texts, space in zip(embedded, spaces, strict=True)]
        evidence[kind] = fit_logistic(kind, [each for group in groups for each in group])
        judged = []
        for group in groups:
            others = fit_logistic(kind, [each for other in groups if other is not group for each in other])
            judged += [(each, probabilities(others, each.features)) for each in group]
        thresholds[kind] = _best_threshold(judged)
    return CustomHead(evidence=evidence, thresholds=thresholds, share=SHARE, neighbours=NEIGHBOURS)


def _of_kind(texts: EmbeddedTexts, space: Space, kind: str) -> Iterator[Episode]:
    """Yield the episodes of a kind of evidence, without most of the rows that aren't meant."""
    for examples in EXAMPLES:
        for described in (False, True):
            if evidence_of(examples, described=described) != kind or (not examples and not described):
                continue
            for seed in SEEDS:
                rng = np.random.default_rng(seed)
                for each in episodes(texts, space, examples=examples, described=described, seed=seed):
                    others = np.flatnonzero(~each.truth)
                    chosen = rng.choice(others, min(NEGATIVES, len(others)), replace=False)
                    kept = np.concatenate([np.flatnonzero(each.truth), chosen])
                    yield Episode(each.features[kept], each.truth[kept])


def features_of(kind: str) -> tuple[str, ...]:
    """Return the features that say something for a kind of evidence."""
    silent = set()
    if "description" not in kind:
        silent = {"description"}
    elif kind == "description":
        silent = {"nearest", "centre", "cohesion"}
    if kind.startswith("1") and not kind.startswith("10"):
        silent |= {"nearest", "cohesion"}  # a single example is its own centre
    return tuple(name for name in FEATURES if name not in silent)


def fit_logistic(kind: str, found: Sequence[Episode]) -> Logistic:
    """Fit P(the label is meant) for a kind of evidence; being nearer to what shows the label never counts against it."""
    names = list(features_of(kind))
    values = np.concatenate([each.features for each in found])
    truth = np.concatenate([each.truth for each in found])
    weights = np.concatenate([each.weights for each in found])
    weights *= len(weights) / weights.sum()
    while True:
        columns = values[:, [FEATURES.index(name) for name in names]]
        mean, spread = columns.mean(axis=0), columns.std(axis=0) + 1e-6
        model = LogisticRegression(C=1.0, max_iter=500).fit((columns - mean) / spread, truth, sample_weight=weights)
        slopes = dict(zip(names, model.coef_[0] / spread, strict=True))
        against = [name for name in names if name in _SUPPORTING and slopes[name] < 0]
        if not against:
            break
        names.remove(min(against, key=slopes.__getitem__))
    shift = float(model.intercept_[0]) - float(np.sum(model.coef_[0] * mean / spread))
    return Logistic(features=tuple(names), weights=tuple(float(slopes[name]) for name in names), intercept=shift)


def probabilities(logistic: Logistic, features: np.ndarray) -> np.ndarray:
    """Return what a calibration says of features, (rows, ``FEATURES``): float64, (rows,)."""
    return apply(logistic, features[:, [FEATURES.index(name) for name in logistic.features]])


def _best_threshold(judged: Sequence[tuple[Episode, np.ndarray]]) -> float:
    """Return the threshold of the best F1 over all episodes, each counting the same, at the share ``SHARE``."""
    truth = np.concatenate([each.truth for each, _ in judged])
    weights = np.concatenate([each.weights for each, _ in judged])
    found = np.concatenate([values for _, values in judged])
    grid = np.round(np.arange(0.05, 0.951, 0.01), 2)
    scores = []
    for threshold in grid:
        fired = found >= threshold
        right = float(weights[fired & truth].sum())
        scores.append(2.0 * right / float(weights[fired].sum() + weights[truth].sum()))
    return float(grid[int(np.argmax(scores))])


def write_custom(folder: Path, fitted: FittedCustom | None) -> None:
    """Write space and background where the bundle expects them; nothing where nothing was fitted."""
    if fitted is None:
        return
    np.save(folder / SPACE_FILE, fitted.matrix)
    np.save(folder / BACKGROUND_FILE, fitted.background)
