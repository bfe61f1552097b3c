"""Torch against ONNX: logits of the fp32 graph, then scores and *decisions* of the int8 graph on held-out messages."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from models.bundle import ANSWER_HEAD, INPUTS, MESSAGE_HEADS
from models.contracts import Message, Role, Scores
from models.encoding import Encoded, Encoder
from models.errors import BatonError
from models.policy.engine import Turn, decide
from models.policy.schema import Policy
from models.policy.state import NEW
from models.records import LabelledMessage
from models.session import Session
from training.metrics import mean, rounded
from training.networks import AnswerNetwork

# fp32 arithmetic in another order: differences beyond this mean that the export is wrong
LOGIT_TOLERANCE = 1e-3


class ParityError(BatonError):
    """An exported graph doesn't compute what the network computes."""


def check_export(
    network: nn.Module, graph: Path, encoder: Encoder, rows: Sequence[Encoded], *, outputs: tuple[str, ...] = ()
) -> float:
    """Compare logits of the network and its fp32 graph on encoded rows.

    Args:
        network: in torch.
        graph: the same, exported.
        encoder: pads the rows.
        rows: encoded texts.
        outputs: names of the outputs to compare; by default the heads of a bundle's graph.

    Returns:
        The largest absolute difference.

    Raises:
        ParityError: it is larger than ``LOGIT_TOLERANCE``.
    """
    outputs = outputs or ((ANSWER_HEAD,) if isinstance(network, AnswerNetwork) else MESSAGE_HEADS)
    session = Session(graph, inputs=INPUTS, outputs=outputs)
    network.eval()
    differences = []
    for row in rows:
        batch = encoder.batch([row])
        with torch.no_grad():
            expected = network(**{name: torch.from_numpy(values) for name, values in batch.items()})
        for name, found in session.run(batch).items():
            differences.append(float(np.abs(found - expected[name].numpy()).max()))
    worst = float(np.max(differences))
    if not worst <= LOGIT_TOLERANCE:  # a logit that is no number fails too
        raise ParityError(
            f"{graph.name} differs from the network by {worst:.5f} in a logit; allowed is {LOGIT_TOLERANCE}; export it again"
        )
    return worst


def compare_scores(
    rows: Sequence[LabelledMessage], reference: Sequence[Scores], found: Sequence[Scores], policy: Policy
) -> dict[str, Any]:
    """Compare two bundles' scores of the same messages, down to what the policy decides on each as an opening message.

    Args:
        rows: the messages; a bot's decide nothing and are left out.
        reference: scores of the fp32 graph.
        found: scores of the int8 graph.
        policy: decides.

    Returns:
        n, the share of messages whose decision or best label differs, and the largest and mean differences; ``None`` where
        no message was scored by both.
    """
    pairs = [
        (row.text, a, b) for row, a, b in zip(rows, reference, found, strict=True) if row.role == Role.CUSTOMER.value
    ]
    flips = sum(_decision(text, a, policy) != _decision(text, b, policy) for text, a, b in pairs)
    best = [a.intents[0].label != b.intents[0].label for _, a, b in pairs if a.intents and b.intents]
    explicit = [abs((a.explicit or 0) - (b.explicit or 0)) for _, a, b in pairs]
    sentiment = [abs(a.sentiment.score - b.sentiment.score) for _, a, b in pairs if a.sentiment and b.sentiment]
    return {
        "n": len(pairs),
        "decision_flips": flips,
        "decision_flip_share": rounded(flips / len(pairs) if pairs else math.nan, 5),
        "best_label_share": rounded(mean(best), 5),
        "explicit_mean_difference": rounded(mean(explicit), 5),
        "explicit_max_difference": rounded(max(explicit, default=math.nan), 5),
        "sentiment_mean_difference": rounded(mean(sentiment), 5),
    }


def compare_answers(reference: Sequence[Scores], found: Sequence[Scores]) -> dict[str, Any]:
    """Compare the fp32 and int8 graphs' confidence in the same answers: differences, and changes of side at 0.5."""
    pairs = [(a.confidence, b.confidence) for a, b in zip(reference, found, strict=True)]
    both = np.asarray([(a, b) for a, b in pairs if a is not None and b is not None])
    if not len(both):
        return {"n": 0, "flip_share": None, "mean_difference": None, "max_difference": None}
    difference = np.abs(both[:, 0] - both[:, 1])
    return {
        "n": len(both),
        "flip_share": round(float(np.mean((both[:, 0] < 0.5) != (both[:, 1] < 0.5))), 5),
        "mean_difference": round(float(difference.mean()), 5),
        "max_difference": round(float(difference.max()), 5),
    }


def _decision(text: str, scores: Scores, policy: Policy) -> str:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    turn = Turn(message=Message(id="m", role=Role.CUSTOMER, text=text, at=at), scores=scores)
    return decide(turn, NEW, policy).decision.decision.value
