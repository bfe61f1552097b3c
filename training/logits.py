"""Logits of an exported graph, row by row as the scorer runs it: what calibration and parity look at."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from tqdm import tqdm

from models.bundle import ANSWER_HEAD, INPUTS, MESSAGE_HEADS
from models.encoding import Encoder
from models.records import AnswerExample, LabelledMessage
from models.scorer import EMBEDDING
from models.session import Session


def message_logits(graph: Path, encoder: Encoder, rows: Sequence[LabelledMessage]) -> dict[str, np.ndarray]:
    """Return float32 (rows, columns) by head, each message scored alone."""
    texts = [(row.text, row.before) for row in rows]
    return _logits(graph, encoder, texts, outputs=(*MESSAGE_HEADS, EMBEDDING), threads=1)


def text_logits(
    graph: Path, encoder: Encoder, texts: Sequence[str], *, outputs: Sequence[str], threads: int = 1
) -> dict[str, np.ndarray]:
    """Return float32 (texts, columns) by output, each text scored alone.

    Args:
        graph: takes the inputs of a message.
        encoder: the tokenizer with its windows.
        texts: at least one.
        outputs: names of the graph's outputs.
        threads: how many texts run side by side, each on one core.
    """
    return _logits(graph, encoder, [(text, None) for text in texts], outputs=outputs, threads=threads)


def _logits(
    graph: Path,
    encoder: Encoder,
    texts: Sequence[tuple[str, str | None]],
    *,
    outputs: Sequence[str],
    threads: int,
) -> dict[str, np.ndarray]:
    """Run a graph on each text, with the one before it, alone."""
    session = Session(graph, inputs=INPUTS, outputs=outputs)

    def run(pair: tuple[str, str | None]) -> dict[str, np.ndarray]:
        return session.run(encoder.batch([encoder.message(*pair)]))

    with ThreadPoolExecutor(threads) as pool:
        running = pool.map(run, texts)
        found = list(tqdm(running, total=len(texts), desc=f"{graph.name} logits", unit="message", mininterval=5.0))
    return {name: np.concatenate([row[name] for row in found]) for name in outputs}


def answer_logits(graph: Path, encoder: Encoder, rows: Sequence[AnswerExample]) -> list[np.ndarray]:
    """Return, per row, float32 (passages, 3); one line for a row without passages."""
    session = Session(graph, inputs=INPUTS, outputs=(ANSWER_HEAD,))
    found = []
    for row in tqdm(rows, desc=f"{graph.name} logits", unit="answer", mininterval=5.0):
        encoded = encoder.answers(row.message, row.answer, row.passages, row.earlier)
        found.append(np.concatenate([session.run(encoder.batch([part]))[ANSWER_HEAD] for part in encoded]))
    return found
