"""Logits of an exported graph, row by row as the scorer runs it: what calibration and parity look at."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from tqdm import tqdm

from models.bundle import ANSWER_HEAD, ANSWER_INPUTS, MESSAGE_HEADS, MESSAGE_INPUTS
from models.encoding import Encoder
from models.records import AnswerExample, LabelledMessage
from models.scorer import EMBEDDING
from models.session import Session


def message_logits(graph: Path, encoder: Encoder, rows: Sequence[LabelledMessage]) -> dict[str, np.ndarray]:
    """Return float32 (rows, columns) by head, each message scored alone."""
    names = (*MESSAGE_HEADS, EMBEDDING)
    session = Session(graph, inputs=MESSAGE_INPUTS, outputs=names)
    found: dict[str, list[np.ndarray]] = {name: [] for name in names}
    for row in tqdm(rows, desc=f"{graph.name} logits", unit="message", mininterval=5.0):
        batch = encoder.batch([encoder.message(row.text)])
        outputs = session.run({name: batch[name] for name in MESSAGE_INPUTS})
        for name, values in outputs.items():
            found[name].append(values[0])
    return {name: np.stack(values) for name, values in found.items()}


def answer_logits(graph: Path, encoder: Encoder, rows: Sequence[AnswerExample]) -> list[np.ndarray]:
    """Return, per row, float32 (passages, 3); one line for a row without passages."""
    session = Session(graph, inputs=ANSWER_INPUTS, outputs=(ANSWER_HEAD,))
    found = []
    for row in tqdm(rows, desc=f"{graph.name} logits", unit="answer", mininterval=5.0):
        encoded = encoder.answers(row.message, row.answer, row.passages)
        found.append(np.concatenate([session.run(encoder.batch([part]))[ANSWER_HEAD] for part in encoded]))
    return found
