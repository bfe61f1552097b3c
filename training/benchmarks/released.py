"""A released bundle as benchmarks need it: its scorer, its fp32 twin's, and the rows that its training never saw."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from models.bundle import MANIFEST, Bundle, sha256
from models.errors import BatonError, BundleError
from models.records import AnswerExample, LabelledMessage
from models.scorer import Scorer
from training.config import Experiment
from training.sources.answers import load_answers
from training.sources.messages import load_messages
from training.splits import assign_splits


class BenchmarkError(BatonError):
    """A benchmark can't be measured as asked; nothing was written."""


@dataclass(frozen=True, slots=True)
class Released:
    """A bundle with its scorer, the scorer of its fp32 twin where there is one, and the experiment that made it."""

    bundle: Bundle
    scorer: Scorer
    reference: Scorer | None
    experiment: Experiment

    @property
    def decisive(self) -> dict[str, str | None]:
        """What decides about a figure of this bundle: its manifest, which holds every file's hash, and the twin's."""
        twin = self.reference.bundle if self.reference else None
        return {
            "bundle": sha256(self.bundle.file(MANIFEST)),
            "twin": sha256(twin.file(MANIFEST)) if twin else None,
        }

    @property
    def details(self) -> dict[str, object]:
        """What a report says of the bundle."""
        return {"bundle": self.bundle.label, "twin": self.reference is not None}

    def scorers(self) -> dict[str, Scorer]:
        """Return the scorers by column of the report."""
        return {"ours": self.scorer} | ({"fp32": self.reference} if self.reference else {})


def load_released(folder: Path, *, twin: Path | None = None, threads: int = 1) -> Released:
    """Load a bundle and its fp32 twin.

    Args:
        folder: of the bundle.
        twin: folder of the twin; by default where ``baton train`` left it, if it is still that bundle's.
        threads: how many texts are scored side by side.

    Raises:
        BundleError: there is no bundle, or it can't be trusted.
        BenchmarkError: the bundle doesn't say how it was made, or ``twin`` is another bundle's.
    """
    bundle = Bundle.load(folder)
    try:
        experiment = Experiment.model_validate(bundle.manifest.training["experiment"])
    except (KeyError, ValidationError) as error:
        raise BenchmarkError(
            f"{bundle.label} doesn't say which experiment made it, nor so which rows it never saw ({error}); release it again"
        ) from error
    found = _find_twin(bundle) if twin is None else Bundle.load(twin)
    if found is not None and not _is_twin(bundle, found):
        raise BenchmarkError(
            f"{twin} is no twin of {bundle.label}, their calibrations differ; expected bundle-fp32 of the same training"
        )
    reference = Scorer(found, threads=threads) if found else None
    return Released(bundle, Scorer(bundle, threads=threads), reference, experiment)


def _find_twin(bundle: Bundle) -> Bundle | None:
    """Return the fp32 twin that the bundle's training left, unless another training has taken its place."""
    try:
        found = Bundle.load(Path("runs") / bundle.manifest.name / "bundle-fp32")
    except BundleError:
        return None
    return found if _is_twin(bundle, found) else None


def _is_twin(bundle: Bundle, other: Bundle) -> bool:
    """Tell whether two bundles share their calibration, which no two trainings do."""
    left, right = ({name: head.calibration for name, head in found.manifest.heads.items()} for found in (bundle, other))
    return left == right and bundle.manifest.combiner == other.manifest.combiner


def split_messages(experiment: Experiment) -> list[LabelledMessage]:
    """Return the labelled messages of an experiment, split as its training split them."""
    return assign_splits(load_messages(experiment.data.messages), seed=experiment.seed)[0]


def split_answers(experiment: Experiment) -> list[AnswerExample]:
    """Return the rated answers of an experiment, split as its training split them."""
    return assign_splits(load_answers(experiment.data.answers), seed=experiment.seed)[0]
