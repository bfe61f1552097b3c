"""How near a message is to a custom label, as a calibrated probability: from the encoder's embedding, without training.

The encoder was fine-tuned for the bundle's own labels, and what those don't tell apart lies close together in its embedding. A
fitted linear map, the *space*, pulls it apart again, and there a message is compared with a label's examples, their centre and
its description. Some messages are near to everything, and so are some labels: how near each is to *background* messages is
weighed against it (as in cross-domain similarity local scaling, Conneau et al. 2018, arXiv 1710.04087). A logistic regression
for each kind of evidence makes a probability of it. ``training.custom_labels`` fits all of this.

A message's embedding is taken as the bytes that its scores hold, so custom labels can be scored anew from a record.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator

from models.calibration import Logistic, sigmoid
from models.custom import CustomLabel, as_said
from models.errors import BundleCorrupt, InputError

SPACE_FILE: Final = "space.npy"
BACKGROUND_FILE: Final = "background.npy"
# nearest: of the examples' cosines the largest. centre: cosine to their mean. cohesion: mean cosine of two examples.
# message_background, label_background: mean cosine to the nearest background messages.
FEATURES: Final = ("nearest", "centre", "description", "message_background", "label_background", "cohesion")
# by the number of examples, at least so many; each alone and with a description
_COUNTS: Final = ((10, "10+"), (5, "5-9"), (2, "2-4"), (1, "1"))
_DESCRIBED: Final = " and description"
EVIDENCE: Final = (
    "description", *(name + described for _, name in reversed(_COUNTS) for described in ("", _DESCRIBED))
)  # fmt: skip

Embed = Callable[[Sequence[str]], np.ndarray]


def evidence_of(n_examples: int, *, described: bool) -> str:
    """Return the kind of evidence, one of ``EVIDENCE``, that so many examples and a description are."""
    for least, name in _COUNTS:
        if n_examples >= least:
            return name + _DESCRIBED * described
    return "description"


class CustomHead(BaseModel):
    """What a manifest says of custom labels; the space lies in ``space.npy``, the background in ``background.npy``.

    ``evidence`` has a logistic regression over ``FEATURES`` (or some of them) for each kind of evidence. Its probabilities
    suppose that one message in ``1 / share`` means the label. ``thresholds`` are those of the best F1 where it was fitted, by
    evidence. ``neighbours`` is how many of the nearest background messages count.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    evidence: Mapping[str, Logistic]
    thresholds: Mapping[str, float] = Field(default_factory=dict)
    share: float = Field(gt=0, lt=1)
    neighbours: int = Field(gt=0)
    metrics: dict[str, object] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _knows_every_evidence(self) -> CustomHead:
        missing = [name for name in EVIDENCE if name not in self.evidence]
        if missing:
            raise ValueError(f"custom labels have no calibration for the evidence {', '.join(missing)}")
        strange = {name for logistic in self.evidence.values() for name in logistic.features} - set(FEATURES)
        if strange:
            raise ValueError(f"features {', '.join(sorted(strange))}, expected some of {', '.join(FEATURES)}")
        return self


def as_bytes(embedding: np.ndarray) -> np.ndarray:
    """Return unit vectors as int8: value / 127 per dimension."""
    return np.asarray(np.rint(embedding * 127).astype(np.int8))


def unit(vectors: np.ndarray) -> np.ndarray:
    """Return vectors (..., width) at length 1, float64; a vector of zeros stays one."""
    wide = vectors.astype(np.float64)
    return np.asarray(wide / np.maximum(np.linalg.norm(wide, axis=-1, keepdims=True), 1e-9))


class Space:
    """Where messages are compared: an affine map of the embedding, and background messages to compare with.

    Args:
        matrix: (embedding size + 1, width): the shift, then the map.
        background: int8, (messages, embedding size).
        neighbours: how many of the nearest background messages count.
    """

    def __init__(self, matrix: np.ndarray, background: np.ndarray, *, neighbours: int) -> None:
        # float64 throughout: a label's probability may not depend on which others are compared in the same product
        self._shift, self._map = matrix[0].astype(np.float64), matrix[1:].astype(np.float64)
        self._neighbours = min(neighbours, len(background))
        self._background = self.place(background)

    def place(self, vectors: np.ndarray) -> np.ndarray:
        """Return where embeddings, int8 (n, size), lie: float64, (n, width), of length 1."""
        return unit(unit(vectors) @ self._map + self._shift)

    def commonness(self, placed: np.ndarray) -> np.ndarray:
        """Return how near what was placed, (n, width), is to the background: mean cosine to the nearest, (n,)."""
        cosines = placed @ self._background.T
        nearest = np.partition(cosines, -self._neighbours, axis=-1)[..., -self._neighbours :]
        return np.asarray(nearest.mean(axis=-1))


class LabelVectors:
    """Labels placed in a space.

    Args:
        space: where.
        examples: for each label the embeddings of its examples, int8 (examples, size), perhaps none.
        descriptions: for each label the embedding of its description, int8 (size,), or ``None``.
    """

    def __init__(self, space: Space, examples: Sequence[np.ndarray], descriptions: Sequence[np.ndarray | None]) -> None:
        self._space = space
        counts = np.asarray([len(part) for part in examples])
        self._shown = np.flatnonzero(counts)
        self._starts = np.concatenate([[0], np.cumsum(counts[self._shown])[:-1]]).astype(np.int64)
        self._told = np.flatnonzero([vector is not None for vector in descriptions])
        own = np.zeros((len(counts), 2))  # label_background, cohesion
        if len(self._told):
            self._descriptions = space.place(np.stack([vector for vector in descriptions if vector is not None]))
            own[self._told, 0] = space.commonness(self._descriptions)
        if len(self._shown):
            self._examples = space.place(np.concatenate([part for part in examples if len(part)]))
            sums = np.add.reduceat(self._examples, self._starts, axis=0)
            self._centres = unit(sums)
            own[self._shown, 0] = space.commonness(self._centres)
            own[self._shown, 1] = _cohesion(sums, counts[self._shown])
        self._own = own

    def features(self, vectors: np.ndarray) -> np.ndarray:
        """Return the features of messages, int8 (n, size), for every label: float64, (n, labels, ``FEATURES``)."""
        placed = self._space.place(vectors)
        found = np.zeros((len(placed), len(self._own), len(FEATURES)))
        if len(self._shown):
            found[:, self._shown, 0] = np.maximum.reduceat(placed @ self._examples.T, self._starts, axis=1)
            found[:, self._shown, 1] = placed @ self._centres.T
        if len(self._told):
            found[:, self._told, 2] = placed @ self._descriptions.T
        found[:, :, 3] = self._space.commonness(placed)[:, None]
        found[:, :, 4:] = self._own
        return found


def _cohesion(sums: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Return the mean cosine of two different examples, from the sums of their unit vectors; 0 for a single one."""
    pairs = np.maximum(counts * (counts - 1), 1)
    return np.asarray(np.where(counts > 1, ((sums**2).sum(axis=1) - counts) / pairs, 0.0))


@dataclass(frozen=True, slots=True)
class CompiledLabels:
    """Custom labels ready to be scored, made by ``Scorer.compile`` and good for that scorer's bundle alone.

    ``vectors`` is ``None`` when the bundle can't score custom labels. ``thresholds`` are those that the bundle recommends for
    evidence of each label's kind.
    """

    bundle: str
    names: tuple[str, ...]
    thresholds: Mapping[str, float]
    vectors: LabelVectors | None
    weights: np.ndarray
    intercepts: np.ndarray

    @classmethod
    def unread(cls, labels: Sequence[CustomLabel], *, bundle: str) -> CompiledLabels:
        """Return labels that a bundle can't score."""
        names, nothing = _names(labels), np.zeros(0)
        return cls(bundle=bundle, names=names, thresholds={}, vectors=None, weights=nothing, intercepts=nothing)

    def probabilities(self, vectors: np.ndarray) -> np.ndarray:
        """Return the calibrated probabilities of messages, int8 (n, size): float64, (n, labels).

        Raises:
            InputError: the bundle that they were compiled with can't score custom labels.
        """
        if self.vectors is None:
            raise InputError(f"{self.bundle} can't score custom labels; compile them with a bundle that can")
        return sigmoid((self.vectors.features(vectors) * self.weights).sum(axis=-1) + self.intercepts)


class CustomModel:
    """The fitted parameters of custom labels.

    Args:
        head: what the manifest says.
        matrix: of the space, (embedding size + 1, width).
        background: int8, (messages, embedding size).
    """

    def __init__(self, head: CustomHead, matrix: np.ndarray, background: np.ndarray) -> None:
        self.head = head
        self.space = Space(matrix, background, neighbours=head.neighbours)

    @classmethod
    def load(cls, head: CustomHead, space: Path, background: Path, *, size: int) -> CustomModel:
        """Read space and background.

        Raises:
            BundleCorrupt: a file holds something else.
        """
        matrix, messages = _read(space), _read(background)
        if matrix.ndim != 2 or len(matrix) != size + 1 or matrix.dtype.kind != "f" or not np.isfinite(matrix).all():
            raise _corrupt(space, matrix, f"finite numbers of shape ({size + 1}, width)")
        if messages.ndim != 2 or not len(messages) or messages.shape[1] != size or messages.dtype != np.int8:
            raise _corrupt(background, messages, f"int8 of shape (messages, {size})")
        return cls(head, matrix, messages)

    def compile(self, labels: Sequence[CustomLabel], embed: Embed, *, bundle: str) -> CompiledLabels:
        """Place labels in the space.

        Args:
            labels: of different names.
            embed: returns the embeddings of texts as int8, (texts, size).
            bundle: what the result is good for.

        Raises:
            InputError: two labels have one name.
        """
        names = _names(labels)
        examples = [label.distinct for label in labels]
        kinds = [
            evidence_of(len(texts), described=label.description is not None)
            for label, texts in zip(labels, examples, strict=True)
        ]
        thresholds = self.head.thresholds
        weights, intercepts = np.zeros((len(labels), len(FEATURES))), np.zeros(len(labels))
        for place, kind in enumerate(kinds):
            logistic = self.head.evidence[kind]
            weights[place, [FEATURES.index(name) for name in logistic.features]] = logistic.weights
            intercepts[place] = logistic.intercept
        shown = [embed(texts) if texts else np.zeros((0, 0), dtype=np.int8) for texts in examples]
        told = [embed([as_said(label.description)])[0] if label.description else None for label in labels]
        return CompiledLabels(
            bundle=bundle,
            names=names,
            thresholds={name: thresholds[kind] for name, kind in zip(names, kinds, strict=True) if kind in thresholds},
            vectors=LabelVectors(self.space, shown, told),
            weights=weights,
            intercepts=intercepts,
        )


def _names(labels: Sequence[CustomLabel]) -> tuple[str, ...]:
    """Return the names of labels, which must differ."""
    names = tuple(label.name for label in labels)
    for place, name in enumerate(names):
        if name in names[:place]:
            raise InputError(f"two custom labels are called {name!r}; give each a name of its own")
    return names


def _read(path: Path) -> np.ndarray:
    try:
        found = np.load(path, allow_pickle=False)
    except (OSError, ValueError) as error:
        raise BundleCorrupt(f"{path.name} can't be read as an array: {error}; release the bundle again") from error
    return np.asarray(found)


def _corrupt(path: Path, found: np.ndarray, expected: str) -> BundleCorrupt:
    what = f"{found.dtype} of shape {found.shape}"
    return BundleCorrupt(f"{path.name} holds {what}, expected {expected}; release the bundle again")
