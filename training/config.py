"""Experiments: one TOML file says seeds, data, network and optimiser; nothing is read from anywhere else."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from models.errors import BatonError

CONFIGS = Path(__file__).parent / "configs"


class ConfigError(BatonError):
    """An experiment file doesn't hold together."""


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Data(_Section):
    """Which sources are read, and how rows are balanced.

    ``repeat`` multiplies a source's rows in an epoch; ``limit`` thins all sources together to about
    so many rows, for smoke runs.
    """

    messages: tuple[str, ...]
    answers: tuple[str, ...]
    repeat: dict[str, Annotated[int, Field(ge=1)]] = Field(default_factory=dict)
    limit: int | None = Field(default=None, ge=1)


class Encoder(_Section):
    """The pretrained encoder: a folder, ``minilm`` for the packaged all-MiniLM-L6-v2, or ``tiny`` for smoke runs."""

    name: str = "minilm"
    dropout: float = Field(default=0.1, ge=0, lt=1)


class Training(_Section):
    """One fine-tuning run. Learning rates are per step of AdamW; ``layer_decay`` multiplies them per layer downwards.

    ``warmup`` is a share of all steps, ``noise`` a share of the texts; ``checkpoint_seconds`` of 0 saves after every step.
    """

    epochs: float = Field(default=3, gt=0)
    batch_size: int = Field(default=64, ge=1)
    encoder_rate: float = Field(default=8e-5, gt=0)
    head_rate: float = Field(default=1e-3, gt=0)
    layer_decay: float = Field(default=0.9, gt=0, le=1)
    weight_decay: float = Field(default=0.01, ge=0)
    warmup: float = Field(default=0.06, ge=0, le=1)
    max_gradient: float = Field(default=1.0, gt=0)
    bf16: bool = True
    noise: float = Field(default=0.0, ge=0, le=1)
    checkpoint_seconds: float = Field(default=120.0, ge=0)


class Gate(_Section):
    """A bound on one number of the report, named by its dotted path; a candidate beyond it is not released."""

    metric: str
    minimum: float | None = None
    maximum: float | None = None

    @model_validator(mode="after")
    def _bounds_something(self) -> Gate:
        if self.minimum is None and self.maximum is None:
            raise ValueError(f"the gate on {self.metric} has neither minimum nor maximum; give it one")
        return self


class Experiment(_Section):
    """Everything that decides what a training run produces, besides the code and the data."""

    name: str
    seed: int = 20261120
    data: Data
    encoder: Encoder = Encoder()
    message: Training = Training()
    confidence: Training = Training()
    gates: tuple[Gate, ...] = ()


def experiment_names() -> list[str]:
    """Return the names of the shipped experiments; the other files of the folder belong to ``training.benchmarks``."""
    return sorted(file.stem for file in CONFIGS.glob("*.toml") if file.stem not in {"benchmarks", "published"})


def load_experiment(name_or_path: str) -> Experiment:
    """Read ``training/configs/<name>.toml`` or the file at a path.

    Raises:
        ConfigError: there is no such file, or a field is wrong; names the field and what was expected.
    """
    path = Path(name_or_path)
    if path.suffix != ".toml":
        path = CONFIGS / f"{name_or_path}.toml"
    if not path.is_file():
        known = ", ".join(experiment_names())
        raise ConfigError(f"no experiment {name_or_path!r}; expected a .toml file or one of: {known}")
    try:
        return Experiment.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except (ValidationError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"{path.name} doesn't hold together: {error}") from error
