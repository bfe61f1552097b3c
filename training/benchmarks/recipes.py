"""What ``benchmarks.toml`` and ``published.toml`` of ``configs`` say: how networks are trained, where others stand."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from training.config import CONFIGS, ConfigError, Encoder, Training

M = TypeVar("M", bound=BaseModel)


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Recipe(Training):
    """How the network of one benchmark is trained: a fine-tuning run, its encoder and its losses.

    A weight of 0 switches a loss off. ``r_drop`` weighs the disagreement of two dropout passes; the mean of both passes'
    cross-entropy is the main loss, so it is half of the paper's alpha. ``contrastive`` weighs the supervised contrastive loss
    on the unit embeddings. ``out_of_scope_class`` trains the out-of-scope rows of a corpus as a class of their own.
    """

    seed: int = 20261120
    encoder: Encoder = Encoder()
    label_smoothing: float = Field(default=0.0, ge=0, lt=1)
    r_drop: float = Field(default=0.0, ge=0)
    contrastive: float = Field(default=0.0, ge=0)
    contrastive_temperature: float = Field(default=0.1, gt=0)
    out_of_scope_class: bool = True


class SummaryReading(_Section):
    """How a summary is held against its document.

    The document is cut at sentences into chunks of at most ``chunk_tokens``; neighbours share ``shared_sentences``. Each
    sentence of the summary is judged as a draft answer to ``question`` against every chunk.
    """

    question: str = ""
    chunk_tokens: int = Field(default=118, ge=8)
    shared_sentences: int = Field(default=1, ge=0)


class Recipes(_Section):
    """The file ``benchmarks.toml``."""

    classes: Mapping[str, Recipe]
    summaries: SummaryReading = SummaryReading()


class Published(_Section):
    """A figure that others published, or that a person, rules or a simple model reached; shares, not per cent."""

    subject: str
    metric: str
    value: float
    name: str
    source: str
    small: bool = False
    note: str = ""


class Target(_Section):
    """What we want to reach."""

    subject: str
    metric: str
    value: float


class Standing(_Section):
    """The file ``published.toml``: where others stand; ``small`` marks models of at most 33 M parameters."""

    published: tuple[Published, ...] = ()
    target: tuple[Target, ...] = ()

    def best(self, subject: str, metric: str) -> list[Published]:
        """Return the figures published for a row of the report, in the file's order."""
        return [entry for entry in self.published if (entry.subject, entry.metric) == (subject, metric)]

    def wanted(self, subject: str, metric: str) -> float | None:
        """Return the target of a row of the report."""
        found = [entry.value for entry in self.target if (entry.subject, entry.metric) == (subject, metric)]
        return found[0] if found else None


def load_recipes(path: Path = CONFIGS / "benchmarks.toml") -> Recipes:
    """Read the recipes.

    Raises:
        ConfigError: the file is missing or doesn't hold together; names the field.
    """
    return _load(path, Recipes)


def load_standing(path: Path = CONFIGS / "published.toml") -> Standing:
    """Read where others stand.

    Raises:
        ConfigError: the file is missing or doesn't hold together; names the field.
    """
    return _load(path, Standing)


def _load(path: Path, kind: type[M]) -> M:
    if not path.is_file():
        raise ConfigError(f"no file {path}; expected {path.name} of training/configs")
    try:
        return kind.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except (ValidationError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"{path.name} doesn't hold together: {error}") from error
