"""Benchmark networks as graphs: fine-tuned by the one trainer, exported and quantised as a bundle's graphs are."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch

from models.scorer import EMBEDDING
from training import graphs
from training.batches import text_batches
from training.benchmarks.losses import CLASSES, TARGET, class_loss
from training.benchmarks.recipes import Recipe
from training.export import export
from training.finetune import finetune
from training.graphs import served_encoder
from training.logits import text_logits
from training.networks import ClassNetwork, build_encoder
from training.sources.benchmarks import Example, thin


@dataclass(frozen=True, slots=True)
class Graphs:
    """The served int8 graph, its fp32 twin, and by how much the export differs from torch in a logit."""

    int8: Path
    fp32: Path
    difference: float


def weights_key(rows: Sequence[Example], classes: Sequence[str], recipe: Recipe) -> str:
    """Return a name for what decides about a network's weights: training rows, classes, recipe."""
    decisive = [sorted(rows), list(classes), recipe.model_dump(mode="json", exclude={"checkpoint_seconds"})]
    return hashlib.sha256(json.dumps(decisive, sort_keys=True).encode()).hexdigest()[:8]


def train_classes(
    name: str, rows: Sequence[Example], classes: Sequence[str], recipe: Recipe, work: Path
) -> tuple[ClassNetwork, Path]:
    """Fine-tune the network of a benchmark, or load it where these rows and this recipe were trained before.

    Returns:
        The network, ready to be exported, and its folder.
    """
    torch.manual_seed(recipe.seed)
    encoder = build_encoder(recipe.encoder.name, dropout=recipe.encoder.dropout)
    network = ClassNetwork(encoder, len(classes), dropout=recipe.encoder.dropout)
    truth = np.asarray([classes.index(row.label) for row in rows], dtype=np.int64)
    folder = work / f"{name}-{weights_key(rows, classes, recipe)}"
    finetune(
        network,
        text_batches(
            [(row.text, None) for row in rows],
            {TARGET: truth},
            served_encoder(),
            batch_size=recipe.batch_size,
            noise=recipe.noise,
        ),
        class_loss(recipe),
        recipe,
        steps_per_epoch=math.ceil(len(rows) / recipe.batch_size),
        folder=folder,
        seed=recipe.seed,
    )
    return network.eval(), folder


def write_graphs(network: ClassNetwork, texts: Sequence[str], folder: Path) -> Graphs:
    """Smooth, export, check and quantise a network.

    Args:
        network: fine-tuned.
        texts: training texts; the smoothing and the check look at some of them.
        folder: where the graphs go.

    Raises:
        ParityError: the exported graph differs from the network.
    """
    encoder = served_encoder()
    fp32, int8 = folder / "fp32.onnx", folder / "int8.onnx"
    difference = graphs.write_graphs(
        network,
        encoder,
        seen=[encoder.message(text) for text in thin(texts, graphs.SMOOTHING_SAMPLE)],
        checked=[encoder.message(text) for text in thin(texts, graphs.PARITY_SAMPLE)],
        fp32=fp32,
        int8=int8,
        outputs=(CLASSES, EMBEDDING),
    )
    return Graphs(int8, fp32, difference)


def class_logits(graph: Path, texts: Sequence[str], *, threads: int) -> np.ndarray:
    """Return float32 (texts, classes), each text scored alone."""
    if not texts:
        return np.zeros((0, 0), dtype=np.float32)
    return text_logits(graph, served_encoder(), texts, outputs=(CLASSES,), threads=threads)[CLASSES]


@dataclass(slots=True)
class FrozenEncoder:
    """Unit embeddings of the pretrained encoder, as it was before any training of ours; a text is embedded once.

    Args:
        name: of the encoder, as ``training.networks.build_encoder`` takes it.
        folder: where its graph goes.
        threads: how many texts run side by side.
    """

    name: str
    folder: Path
    threads: int = 1
    _known: dict[str, np.ndarray] = field(default_factory=dict)

    def embed(self, texts: Sequence[str]) -> np.ndarray:
        """Return float32 (texts, size) from the fp32 graph."""
        fresh = sorted(set(texts) - self._known.keys())
        if fresh:
            found = text_logits(self._graph(), served_encoder(), fresh, outputs=(EMBEDDING,), threads=self.threads)
            self._known |= dict(zip(fresh, found[EMBEDDING], strict=True))
        return np.stack([self._known[text] for text in texts])

    def _graph(self) -> Path:
        path = self.folder / f"frozen-{hashlib.sha256(self.name.encode()).hexdigest()[:8]}.onnx"
        if not path.is_file():
            torch.manual_seed(0)
            part = path.with_suffix(".part.onnx")
            export(ClassNetwork(build_encoder(self.name), 2).eval(), part, outputs=(EMBEDDING,))
            part.replace(path)
        return path
