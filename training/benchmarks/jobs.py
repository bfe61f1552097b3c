"""A benchmark as work to be done once: what decides about its figures, and how they are measured."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from training.benchmarks.records import Family, Report, Row, read_report

# part of every report's key; to be raised when measures or baselines change
VERSION = 1


@dataclass(frozen=True, slots=True)
class Measured:
    """Rows of a report, notes for its readers, and details."""

    rows: tuple[Row, ...]
    notes: tuple[str, ...] = ()
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Job:
    """One benchmark: ``decisive`` is JSON that changes whenever its figures might, ``measure`` does the work."""

    name: str
    family: Family
    decisive: Mapping[str, Any]
    measure: Callable[[], Measured]

    @property
    def key(self) -> str:
        """A short name for what decides about the figures."""
        text = json.dumps([VERSION, self.name, self.decisive], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:12]


def run_job(job: Job, work: Path, *, again: bool = False) -> Report:
    """Return the report of a job: the one that lies in ``work``, if nothing that decides has changed, else a new one."""
    path = work / f"{job.name}.json"
    finished = read_report(path)
    if finished is not None and finished.key == job.key and not again:
        return finished
    measured = job.measure()
    report = Report(
        name=job.name,
        family=job.family,
        key=job.key,
        created_at=datetime.now(UTC),
        rows=measured.rows,
        notes=measured.notes,
        details=measured.details,
    )
    report.write(path)
    return report
