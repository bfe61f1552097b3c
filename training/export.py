"""Torch to ONNX to int8: the only way a graph enters a bundle."""

from __future__ import annotations

import logging
import warnings
from pathlib import Path

import onnx
import torch
from onnxruntime.quantization import QuantType, quantize_dynamic
from torch import nn

from models.bundle import ANSWER_HEAD, INPUTS, MESSAGE_HEADS
from models.scorer import EMBEDDING
from training.networks import AnswerNetwork, ClassNetwork, MessageNetwork

OPSET = 18


class _Tuple(nn.Module):
    """A network with positional inputs and outputs, as the exporter wants them."""

    def __init__(self, network: nn.Module, outputs: tuple[str, ...]) -> None:
        super().__init__()
        self.network = network
        self.outputs = outputs

    def forward(self, *inputs: torch.Tensor) -> tuple[torch.Tensor, ...]:
        found = self.network(*inputs)
        return tuple(found[name] for name in self.outputs)


def export(
    network: MessageNetwork | AnswerNetwork | ClassNetwork, path: Path, *, outputs: tuple[str, ...] = ()
) -> Path:
    """Write the fp32 graph of a network.

    Inputs int64 of shape (batch, tokens), both dynamic; outputs float32 (batch, columns).

    Args:
        network: to be written.
        path: of the graph.
        outputs: names of the outputs; by default those that a bundle's graph has.
    """
    outputs = outputs or ((ANSWER_HEAD,) if isinstance(network, AnswerNetwork) else (*MESSAGE_HEADS, EMBEDDING))
    wrapper = _Tuple(network, outputs).eval()
    sample = tuple(torch.ones((2, 9), dtype=torch.int64) for _ in INPUTS)
    sizes = {0: torch.export.Dim("batch"), 1: torch.export.Dim("tokens", max=512)}
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # the exporter warns about its own deprecations
        program = torch.onnx.export(
            wrapper,
            sample,
            dynamo=True,
            opset_version=OPSET,
            input_names=list(INPUTS),
            output_names=list(outputs),
            dynamic_shapes=(tuple(sizes for _ in INPUTS),),
            verbose=False,
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    program.save(str(path))  # type: ignore[union-attr]
    return path


def _forget_origin(graph: onnx.ModelProto) -> None:
    """Drop the exporter's notes: stack traces with the paths of the machine that trained, which are nobody's business."""
    del graph.metadata_props[:]
    for part in (graph.graph, *graph.graph.node, *graph.graph.input, *graph.graph.output, *graph.graph.initializer):
        del part.metadata_props[:]
    for function in graph.functions:
        for node in function.node:
            del node.metadata_props[:]


def quantise(source: Path, target: Path) -> Path:
    """Write the int8 graph: weights int8 per channel, activations quantised as they come (dynamic)."""
    graph = onnx.load(str(source))
    # shapes that the exporter recorded contradict the quantised graph's
    del graph.graph.value_info[:]
    _forget_origin(graph)
    logging.getLogger().setLevel(logging.ERROR)
    quantize_dynamic(
        graph,
        str(target),
        weight_type=QuantType.QInt8,
        per_channel=True,
        extra_options={"DefaultTensorType": onnx.TensorProto.FLOAT},
    )
    return target
