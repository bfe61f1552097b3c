"""The report of a benchmark as its JSON file holds it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from training import metrics

Family = Literal["intents", "sentiment", "answers", "conversations"]
# the columns of a row: the served int8 graph, its fp32 twin, and the simple models beside them
COLUMNS = ("ours", "fp32", "majority", "tfidf", "frozen")


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Figure(_Part):
    """A measure with its 95 % bootstrap interval and n; ``None`` is not defined."""

    value: float | None
    low: float | None
    high: float | None
    n: int


class Row(_Part):
    """One measure of all models on the same rows; ``changed`` is the share of predictions that int8 changes."""

    subject: str
    metric: str
    ours: Figure | None = None
    fp32: Figure | None = None
    majority: Figure | None = None
    tfidf: Figure | None = None
    frozen: Figure | None = None
    changed: float | None = None


class Report(_Part):
    """A benchmark's rows, what a reader must know of them, and what they were made from (``key``, ``details``)."""

    version: Literal[1] = 1
    name: str
    family: Family
    key: str
    created_at: AwareDatetime
    rows: tuple[Row, ...]
    notes: tuple[str, ...] = ()
    details: Mapping[str, Any] = Field(default_factory=dict)

    def write(self, path: Path) -> None:
        """Write the report, whole or not at all."""
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".json.part")
        part.write_text(self.model_dump_json(indent=1) + "\n", encoding="utf-8")
        part.replace(path)


def read_report(path: Path) -> Report | None:
    """Return the report that lies at a path, ``None`` where there is none."""
    return Report.model_validate_json(path.read_bytes()) if path.is_file() else None


def figure(measure: Callable[..., float], *columns: np.ndarray) -> Figure:
    """Measure columns of equal length, with interval and n."""
    return Figure.model_validate(metrics.figure(measure, *columns))


def changed_share(reference: np.ndarray, found: np.ndarray) -> float | None:
    """Return the share of rows whose prediction differs; ``None`` of nothing."""
    return metrics.rounded(metrics.mean(reference != found) if len(found) else math.nan, 5)
