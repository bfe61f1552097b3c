"""One ONNX graph: threads, input and output names checked. The only importer of ONNX Runtime while serving."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import onnxruntime as ort

from models.errors import BundleCorrupt, ScoringError


class Session:
    """A graph that turns int64 ids of shape (batch, tokens) into float32 arrays of shape (batch, ...).

    Safe to call from several threads: ONNX Runtime releases the GIL and keeps no state between runs.
    """

    def __init__(self, path: Path, *, inputs: Sequence[str], outputs: Sequence[str], threads: int = 1) -> None:
        """Load the graph.

        Raises:
            BundleCorrupt: the file is no ONNX graph, or its input or output names aren't the manifest's.
        """
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        # message lengths vary: without these two the arena keeps the largest batch's memory for every shape it has seen
        options.enable_cpu_mem_arena = False
        options.enable_mem_pattern = False
        options.log_severity_level = 3
        try:
            self._session = ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        except Exception as error:
            raise BundleCorrupt(f"{path.name} can't be loaded as an ONNX graph: {error}; release it again") from error
        self._check(path.name, sorted(inputs), outputs)
        self._name = path.name
        self._outputs = list(outputs)
        self._widths = {node.name: node.shape[-1] for node in self._session.get_outputs()}

    def _check(self, name: str, inputs: Sequence[str], outputs: Sequence[str]) -> None:
        found_inputs = sorted(node.name for node in self._session.get_inputs())
        if found_inputs != inputs:
            raise BundleCorrupt(f"{name} takes inputs {found_inputs}, expected {inputs}; release it again")
        found_outputs = [node.name for node in self._session.get_outputs()]
        missing = sorted(set(outputs) - set(found_outputs))
        if missing:
            raise BundleCorrupt(f"{name} has outputs {found_outputs}, {missing} are missing; release it again")
        kinds = [(node, "tensor(int64)") for node in self._session.get_inputs()]
        kinds += [(node, "tensor(float)") for node in self._session.get_outputs() if node.name in outputs]
        for node, kind in kinds:
            if node.type != kind or len(node.shape) != 2:
                found = f"{node.type} of shape {node.shape}"
                raise BundleCorrupt(
                    f"{node.name} of {name} is a {found}, expected {kind} (batch, ...); release it again"
                )

    def width(self, output: str) -> int | None:
        """Return the last dimension of an output, ``None`` where the graph leaves it open."""
        width = self._widths[output]
        return width if isinstance(width, int) else None

    def run(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Run the graph on one batch.

        Raises:
            ScoringError: ONNX Runtime refused or failed.
        """
        try:
            results = self._session.run(self._outputs, dict(inputs))
        except Exception as error:
            raise ScoringError(f"{self._name} failed on a batch: {error}") from error
        return dict(zip(self._outputs, results, strict=True))
