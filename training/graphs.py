"""From a fine-tuned network to the graphs that serve and are compared: smoothed, exported, checked, quantised.

The one way there, for the bundle's networks and for the benchmarks'.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch

from models.bundle import Windows
from models.encoding import Encoded, Encoder
from training.export import export, quantise
from training.networks import AnswerNetwork, ClassNetwork, MessageNetwork, tokenizer_file
from training.parity import check_export
from training.smoothing import smooth

# training rows whose activations say how to prepare a network for int8, and rows that torch and the graph are compared on
SMOOTHING_SAMPLE, PARITY_SAMPLE = 500, 64


def served_encoder() -> Encoder:
    """Return the tokenizer with the windows that a bundle has."""
    return Encoder(tokenizer_file(), **Windows().model_dump())


def write_graphs(
    network: MessageNetwork | AnswerNetwork | ClassNetwork,
    encoder: Encoder,
    *,
    seen: Sequence[Encoded],
    checked: Sequence[Encoded],
    fp32: Path,
    int8: Path,
    outputs: tuple[str, ...] = (),
) -> float:
    """Smooth a network by what it sees, export it, compare the graph with the network as it was, and quantise it.

    Args:
        network: fine-tuned.
        encoder: pads the rows.
        seen: encoded training rows, for the smoothing.
        checked: encoded rows, for the comparison.
        fp32: where the exported graph goes.
        int8: where the served graph goes.
        outputs: names of the graph's outputs; by default those of a bundle's graph.

    Returns:
        The largest difference between torch and the fp32 graph in a logit.

    Raises:
        ParityError: it is larger than allowed.
    """
    batches = ({name: torch.from_numpy(values) for name, values in encoder.batch([row]).items()} for row in seen)
    graph = export(smooth(network, batches), fp32, outputs=outputs)
    difference = check_export(network, graph, encoder, checked, outputs=outputs)
    quantise(graph, int8)
    return difference
