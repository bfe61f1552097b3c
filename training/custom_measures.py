"""Measures custom labels as a policy would bring them: described, or shown by 1, 5 and 10 examples, or both.

One class after another of a corpus that training has never seen becomes a label, to be found among the rows of its trade, one
against all others. Beside what is served stand the same method on the bundle's embedding as it is, the same method on the
pretrained encoder, and cosines of TF-IDF.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from models.contracts import Role
from models.custom import CustomLabel, as_said
from models.encoding import Encoder
from models.records import LabelledMessage
from models.scorer import Scorer, ScoreRequest
from models.similarity import CustomModel, as_bytes, evidence_of
from training import metrics
from training.baseline import text_vectoriser
from training.custom_labels import Read, Teach, fit_custom, graph_reader, space_rows
from training.sources.described import DescribedTexts, read_adjusting, read_unseen

# numbers of examples, and whether there is a description too
EVIDENCE = ((0, True), (1, False), (1, True), (5, False), (5, True), (10, False), (10, True))
SEEDS = (11, 12, 13)
# a class takes part when so many of its rows are left to be found
MIN_LEFT = 5
BINS = 15
# without a map the other texts only say where the middle lies: every so manieth of them is enough
COARSE = 10

# probabilities, or scores, of every row of a corpus for every label: (rows, labels)
Score = Callable[[DescribedTexts, Sequence[CustomLabel]], np.ndarray]


@dataclass(frozen=True, slots=True)
class Method:
    """A way to score custom labels; ``thresholds`` by kind of evidence when its scores are probabilities."""

    score: Score
    thresholds: Mapping[str, float] | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """What a method said of the rows that were searched for one label."""

    label: str
    truth: np.ndarray
    scores: np.ndarray


def served(scorer: Scorer) -> Method:
    """Return what serves: a message that wasn't scored, being taken for another language, has probability 0."""
    known: dict[str, np.ndarray] = {}

    def score(corpus: DescribedTexts, labels: Sequence[CustomLabel]) -> np.ndarray:
        if corpus.name not in known:
            scores = scorer.score([ScoreRequest(role=Role.CUSTOMER, text=text) for text in corpus.texts])
            silent = bytes(scorer.bundle.manifest.embedding_size)
            known[corpus.name] = np.stack([np.frombuffer(row.embedding or silent, dtype=np.int8) for row in scores])
        vectors = known[corpus.name]
        scored = np.any(vectors, axis=1, keepdims=True)
        return np.asarray(scorer.compile(labels).probabilities(vectors) * scored)

    custom = scorer.bundle.manifest.custom
    return Method(score, {} if custom is None else custom.thresholds)


def unmapped(
    read: Read, rows: Sequence[LabelledMessage], adjusting: Sequence[DescribedTexts], unseen: Sequence[DescribedTexts]
) -> Method:
    """Return the same method on an embedding as it is, calibrated on the same rows."""
    texts = [text for corpus in unseen for text in corpus.texts]
    texts += [as_said(corpus.label(name).description or "") for corpus in unseen for name in corpus.descriptions]
    known = dict(zip(texts, read(texts), strict=True))
    fitted = fit_custom(read, rows, adjusting, teacher=None)
    model = CustomModel(fitted.head, fitted.matrix, fitted.background)

    def look_up(wanted: Sequence[str]) -> np.ndarray:
        return np.stack([known[text] for text in wanted])

    def score(corpus: DescribedTexts, labels: Sequence[CustomLabel]) -> np.ndarray:
        compiled = model.compile(labels, look_up, bundle="")
        return compiled.probabilities(look_up(corpus.texts))

    return Method(score, fitted.head.thresholds)


def tfidf(rows: Sequence[LabelledMessage]) -> Method:
    """Return TF-IDF of words and characters: mean of the largest and the mean cosine to what shows the label."""
    vectoriser = text_vectoriser().fit([row.text for row in rows])

    def score(corpus: DescribedTexts, labels: Sequence[CustomLabel]) -> np.ndarray:
        texts = vectoriser.transform(corpus.texts)
        columns = []
        for label in labels:
            shown = [*label.examples, *([label.description] if label.description else [])]
            # each half of the features has length 1
            cosines = (texts @ vectoriser.transform(shown).T).toarray() / 2.0
            columns.append((cosines.max(axis=1) + cosines.mean(axis=1)) / 2.0)
        return np.stack(columns, axis=1)

    return Method(score)


def measure_bundle(
    scorer: Scorer, encoder: Encoder, rows: Sequence[LabelledMessage], *, teacher: Teach
) -> dict[str, Any] | None:
    """Return the figures of a bundle's custom labels beside others' on a corpus that nothing was fitted on.

    ``served`` is what serves, ``plain`` the same without the space, ``pretrained`` the same on the encoder before fine-tuning.

    Args:
        scorer: of the bundle.
        encoder: its tokenizer with its windows.
        rows: all labelled messages that the bundle was made of.
        teacher: the pretrained encoder.

    Returns:
        ``None`` when the bundle can't score custom labels.
    """
    if scorer.bundle.manifest.custom is None:
        return None
    adjusting, unseen, texts = read_adjusting(), read_unseen(), space_rows(rows)
    read = graph_reader(scorer.bundle.file("message.onnx"), encoder)
    methods = {
        "served": served(scorer),
        "plain": unmapped(read, texts[::COARSE], adjusting, unseen),
        "pretrained": unmapped(_reader(teacher), texts[::COARSE], adjusting, unseen),
        "tfidf": tfidf(texts),
    }
    return measure_custom(methods, unseen)


def _reader(teacher: Teach) -> Read:
    return lambda texts: as_bytes(teacher([LabelledMessage(id=text, source="", text=text, group="") for text in texts]))


def measure_custom(methods: Mapping[str, Method], unseen: Sequence[DescribedTexts]) -> dict[str, Any]:
    """Return the figures by evidence and method.

    Args:
        methods: by name.
        unseen: corpora; the labels of each compete for its rows.
    """
    report: dict[str, Any] = {
        "n": sum(len(corpus.texts) for corpus in unseen),
        "n_labels": sum(len(corpus.descriptions) for corpus in unseen),
        "corpora": [corpus.name for corpus in unseen],
        "evidence": {},
    }
    for examples, described in EVIDENCE:
        name = " and ".join([str(examples)] * bool(examples) + ["description"] * described)
        kind = evidence_of(examples, described=described)
        report["evidence"][name] = {}
        for method, scored in methods.items():
            found = list(_search(scored.score, unseen, examples=examples, described=described))
            if not found:  # no label has so many rows
                continue
            threshold = None if scored.thresholds is None else scored.thresholds[kind]
            report["evidence"][name][method] = figures(found, threshold=threshold)
    return report


def _search(score: Score, unseen: Sequence[DescribedTexts], *, examples: int, described: bool) -> Iterator[Found]:
    """Yield what is found for each label of each corpus, once for each choice of examples."""
    for corpus in unseen:
        classes = np.asarray(corpus.classes)
        for seed in SEEDS if examples else SEEDS[:1]:
            rng = np.random.default_rng(seed)
            drawn = {}
            for name in corpus.descriptions:
                own = np.flatnonzero(classes == name)
                if len(own) >= examples + MIN_LEFT:
                    drawn[name] = rng.choice(own, examples, replace=False)
            labels = [
                corpus.label(name, examples=[corpus.texts[place] for place in places], described=described)
                for name, places in drawn.items()
            ]
            scores = score(corpus, labels)
            for column, (name, places) in enumerate(drawn.items()):
                searched = np.ones(len(classes), dtype=bool)
                searched[places] = False
                yield Found(f"{corpus.name}:{name}", classes[searched] == name, scores[searched, column])


def figures(found: Sequence[Found], *, threshold: float | None) -> dict[str, Any]:
    """Return means over labels, each label's own figures being means over its choices of examples; intervals are over labels.

    ``best_f1`` is at each label's best threshold, which nobody knows beforehand. ``ece`` is over all rows and labels.

    Args:
        found: by a method.
        threshold: the recommended one; ``None`` when the scores are no probabilities.
    """
    measures: dict[str, Callable[[Found], float]] = {
        "auroc": lambda each: metrics.auroc(each.truth, each.scores),
        "average_precision": lambda each: metrics.average_precision(each.truth, each.scores),
        "best_f1": lambda each: best_f1(each.truth, each.scores),
    }
    if threshold is not None:
        measures["f1_at_half"] = lambda each: metrics.precision_recall_f1(each.truth, each.scores >= 0.5)[2]
        for place, name in enumerate(("precision", "recall", "f1")):
            measures[name] = lambda each, place=place: metrics.precision_recall_f1(  # type: ignore[misc]
                each.truth, each.scores >= threshold
            )[place]
    labels = sorted({each.label for each in found})
    report: dict[str, Any] = {
        name: metrics.figure(metrics.mean, _by_label(labels, found, measure)) for name, measure in measures.items()
    }
    if threshold is not None:
        bins = np.asarray([sum(_bins(each) for each in found if each.label == label) for label in labels])
        report |= {"ece": metrics.figure(_ece, bins), "threshold": threshold}
    return report


def _by_label(labels: Sequence[str], found: Sequence[Found], measure: Callable[[Found], float]) -> np.ndarray:
    values: dict[str, list[float]] = {label: [] for label in labels}
    for each in found:
        values[each.label].append(measure(each))
    return np.asarray([metrics.mean(values[label]) for label in labels])


def best_f1(truth: np.ndarray, scores: np.ndarray) -> float:
    """Return the largest F1 that any threshold gives."""
    order = np.argsort(-scores, kind="stable")
    right = np.cumsum(truth[order])
    f1 = 2.0 * right / (np.arange(1, len(order) + 1) + truth.sum())
    # equal scores fire together
    last = np.append(np.diff(scores[order]) != 0, True)
    return float(f1[last].max())


def _bins(found: Found) -> np.ndarray:
    """Return (``BINS``, 3): rows, sum of probabilities and rows that are meant, by equal-width bin."""
    place = np.minimum((found.scores * BINS).astype(int), BINS - 1)
    columns = [np.ones(len(place)), found.scores, found.truth]
    return np.stack([np.bincount(place, weights=column, minlength=BINS) for column in columns], axis=1)


def _ece(bins: np.ndarray) -> float:
    """Expected calibration error of (labels, ``BINS``, 3) together, as ``metrics.ece`` has it."""
    rows, said, meant = bins.sum(axis=0).T
    return float(np.abs(said - meant).sum() / rows.sum())
