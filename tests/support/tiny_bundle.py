"""A bundle of some 50 kB with seeded random weights: real files, real graphs, no meaning. Needs `onnx`, no torch."""

from __future__ import annotations

import string
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

from models.bundle import ANSWER_HEAD, INPUTS, MESSAGE_HEADS, Head, write_manifest
from models.calibration import Logistic, Platt, Temperature
from models.requests import FILE as REQUESTS
from models.requests import RequestHead
from models.scorer import COMBINER_FEATURES, EMBEDDING
from models.similarity import BACKGROUND_FILE, EVIDENCE, FEATURES, SPACE_FILE, CustomHead, as_bytes, unit
from training.labels import ANSWER_PARTS, DIALOGUE, LABELS, POLARITIES, TOPICS

SIZE = 16
WIDTHS = {
    "intents": len(LABELS), "out_of_scope": 1, "explicit": 1, "polarity": 3, "frustration": 1, "dialogue": len(DIALOGUE),
    EMBEDDING: SIZE,
}  # fmt: skip
REQUEST_HEAD = RequestHead(
    languages=("de", "en", "es"),
    buckets=509,
    intercept=0.1,
    asked=2.0,
    declined=-2.0,
    slope=0.7,
    encoder=0.3,
    shift=-0.2,
)
CUSTOM_HEAD = CustomHead(
    evidence=dict.fromkeys(
        EVIDENCE, Logistic(features=FEATURES, weights=(2.0, 3.0, 3.0, -1.0, -0.5, -0.25), intercept=-2.0)
    ),
    thresholds=dict.fromkeys(EVIDENCE, 0.4),
    share=0.04,
    neighbours=5,
)


def build_tiny_bundle(
    folder: Path,
    *,
    seed: int = 5,
    answers: bool = True,
    requests: bool = False,
    custom: bool = False,
    widths: dict[str, int] | None = None,
    fill: float | None = None,
    filled: tuple[str, ...] = (*WIDTHS, ANSWER_HEAD),
) -> Path:
    """Write the bundle and return its folder.

    Args:
        folder: where it goes.
        seed: of the weights.
        answers: with the graph for answers.
        requests: with weights for requests in other languages, ``REQUEST_HEAD``.
        custom: with what scores custom labels, ``CUSTOM_HEAD``, in the embedding as it is.
        widths: of outputs, to make graphs that contradict the manifest.
        fill: what every weight of the outputs ``filled`` is, to make graphs that give no numbers.
        filled: names of outputs.
    """
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    vocabulary = _write_tokenizer(folder / "tokenizer.json")
    wanted = WIDTHS | (widths or {})
    fills = {} if fill is None else dict.fromkeys(filled, fill)
    _write_graph(folder / "message.onnx", INPUTS, wanted, vocabulary, rng, fills)
    heads = {name: Head(labels=_labels(name), calibration=_calibration(name)) for name in MESSAGE_HEADS}
    if answers:
        _write_graph(folder / "confidence.onnx", INPUTS, {ANSWER_HEAD: len(ANSWER_PARTS)}, vocabulary, rng, fills)
        heads[ANSWER_HEAD] = Head(labels=ANSWER_PARTS, calibration=_platt(len(ANSWER_PARTS)))
    if requests:
        np.save(folder / REQUESTS, rng.normal(size=REQUEST_HEAD.buckets).astype(np.float32))
    if custom:
        np.save(folder / SPACE_FILE, np.vstack([np.zeros(SIZE), np.eye(SIZE)]).astype(np.float16))
        np.save(folder / BACKGROUND_FILE, as_bytes(unit(rng.normal(size=(32, SIZE)))))
    write_manifest(
        folder,
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
        name="tiny",
        version="1",
        languages=("en",),
        labels_version=1,
        topics=TOPICS,
        embedding_size=SIZE,
        heads=heads,
        combiner=Logistic(features=COMBINER_FEATURES, weights=(0.5, 0.5, 1.0), intercept=0.0) if answers else None,
        requests=REQUEST_HEAD if requests else None,
        custom=CUSTOM_HEAD if custom else None,
    )
    return folder


def _labels(head: str) -> tuple[str, ...]:
    return {"intents": LABELS, "polarity": POLARITIES, "dialogue": DIALOGUE}.get(head, (head,))


def _platt(width: int) -> Platt:
    return Platt(slope=(1.0,) * width, intercept=(0.0,) * width)


def _calibration(head: str) -> Platt | Temperature:
    return Temperature(temperature=1.0) if head == "polarity" else _platt(len(_labels(head)))


def _write_tokenizer(path: Path) -> int:
    pieces = [
        "[PAD]",
        "[UNK]",
        "[CLS]",
        "[SEP]",
        "[MASK]",
        *string.ascii_lowercase,
        *string.digits,
        *string.punctuation,
    ]
    pieces += ["##" + char for char in string.ascii_lowercase + string.digits]
    pieces += ["human", "person", "agent", "refund", "order", "useless", "thanks", "please", "card", "the", "my", "is"]
    tokenizer = Tokenizer(models.WordPiece({piece: number for number, piece in enumerate(pieces)}, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.save(str(path))
    return len(pieces)


def _write_graph(
    path: Path,
    inputs: tuple[str, ...],
    outputs: dict[str, int],
    vocabulary: int,
    rng: np.random.Generator,
    fills: dict[str, float],
) -> None:
    """Embedding, masked mean over tokens, one matrix per output; ``fills`` says what some of them hold instead."""
    weights = [_constant("embedding", rng.normal(size=(vocabulary, SIZE))), _constant("last", [-1], np.int64)]
    nodes = [
        helper.make_node("Gather", ["embedding", "input_ids"], ["tokens"]),
        helper.make_node("Cast", ["attention_mask"], ["mask"], to=TensorProto.FLOAT),
        helper.make_node("Unsqueeze", ["mask", "last"], ["mask_3d"]),
        helper.make_node("Mul", ["tokens", "mask_3d"], ["masked"]),
        helper.make_node("ReduceMean", ["masked", "middle"], ["pooled"], keepdims=0),
    ]
    weights.append(_constant("middle", [1], np.int64))
    for name, width in outputs.items():
        drawn = rng.normal(size=(SIZE, width)) * 2
        weights.append(_constant(f"{name}_weight", np.full_like(drawn, fills[name]) if name in fills else drawn))
        nodes.append(helper.make_node("MatMul", ["pooled", f"{name}_weight"], [name]))
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info(name, TensorProto.INT64, ["batch", "tokens"]) for name in inputs],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", width]) for name, width in outputs.items()],
        weights,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    onnx.checker.check_model(model)
    onnx.save(model, str(path))


def _constant(name: str, values: object, kind: type = np.float32) -> onnx.TensorProto:
    return numpy_helper.from_array(np.asarray(values, dtype=kind), name)
