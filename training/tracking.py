"""The one file that speaks MLflow: a run's parameters, metrics and artefacts in a local SQLite file."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any


class Run:
    """A tracked run; values that are no numbers are left out of metrics."""

    def __init__(self, client: Any, run_id: str) -> None:
        """Wrap an MLflow client and the id of an open run."""
        self._client = client
        self.run_id = run_id

    def parameters(self, values: Mapping[str, Any]) -> None:
        """Record parameters; nested mappings become dotted names."""
        for name, value in _flat(values):
            self._client.log_param(self.run_id, name, str(value)[:500])

    def metrics(self, values: Mapping[str, Any], *, step: int = 0) -> None:
        """Record numbers; nested mappings become dotted names."""
        for name, value in _flat(values):
            if isinstance(value, int | float) and not isinstance(value, bool) and value == value:  # noqa: PLR0124 - not NaN
                self._client.log_metric(self.run_id, name, float(value), step=step)

    def artefact(self, path: Path) -> None:
        """Keep a file, or the files of a folder, with the run."""
        if path.is_dir():
            self._client.log_artifacts(self.run_id, str(path))
        else:
            self._client.log_artifact(self.run_id, str(path))


@contextmanager
def track(experiment: str, name: str, folder: Path) -> Iterator[Run]:
    """Open a run in ``folder/mlflow.db``; it is marked failed when the block raises.

    Args:
        experiment: MLflow experiment.
        name: of the run.
        folder: where the database and the artefacts lie.
    """
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("DO_NOT_TRACK", "1")
    from mlflow.tracking import MlflowClient  # noqa: PLC0415 - a second to import

    folder.mkdir(parents=True, exist_ok=True)
    client = MlflowClient(tracking_uri=f"sqlite:///{folder / 'mlflow.db'}")
    found = client.get_experiment_by_name(experiment)
    number = (
        found.experiment_id
        if found
        else client.create_experiment(experiment, artifact_location=(folder / "artefacts").resolve().as_uri())
    )
    run = client.create_run(number, run_name=name)
    try:
        yield Run(client, run.info.run_id)
    except BaseException:
        client.set_terminated(run.info.run_id, status="FAILED")
        raise
    client.set_terminated(run.info.run_id)


def _flat(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield prefix + name, value
