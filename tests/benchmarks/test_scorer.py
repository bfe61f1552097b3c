"""How long the kernel takes on the shipped bundle, as ratios to the bare graph in the same run: `make bench`."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from models.bundle import DEFAULT_PATH, INPUTS, MESSAGE_HEADS, Bundle
from models.contracts import Message, Role
from models.encoding import Encoder
from models.policy.engine import Turn, decide
from models.policy.schema import default_policy
from models.policy.state import NEW
from models.scorer import Scorer, ScoreRequest
from models.session import Session

pytestmark = pytest.mark.bench

TEXT = "this is the third time you get it wrong, can someone look at my order please"
ROUNDS = 300


def _milliseconds(action: Callable[[], object]) -> list[float]:
    for _ in range(20):
        action()
    found = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        action()
        found.append((time.perf_counter() - start) * 1e3)
    return sorted(found)


def _line(name: str, times: list[float], baseline: float) -> str:
    p50, p95, p99 = (times[int(len(times) * share)] for share in (0.5, 0.95, 0.99))
    return f"{name:28} p50 {p50:7.3f} ms  p95 {p95:7.3f}  p99 {p99:7.3f}  x{p50 / baseline:5.2f} of the bare graph"


def test_scoring_and_deciding_beside_the_bare_graph(capsys: pytest.CaptureFixture[str]) -> None:
    """Prints the time of one message through graph, scorer and policy; fails only when the scorer triples the graph."""
    bundle = Bundle.load(DEFAULT_PATH)
    scorer, policy = Scorer(bundle), default_policy()
    session = Session(bundle.file("message.onnx"), inputs=INPUTS, outputs=MESSAGE_HEADS)
    encoder = Encoder(bundle.file("tokenizer.json"))
    inputs = encoder.batch([encoder.message(TEXT)])
    request = ScoreRequest(role=Role.CUSTOMER, text=TEXT)
    answer = ScoreRequest(
        role=Role.BOT, text="It takes two days.", question="how long?", passages=("Delivery takes two working days.",)
    )
    message = Message(id="m", role=Role.CUSTOMER, text=TEXT, at=datetime(2026, 1, 1, tzinfo=UTC))
    turn = Turn(message=message, scores=scorer.score([request])[0])

    graph = _milliseconds(lambda: session.run(inputs))
    bare = statistics.median(graph)
    scored = _milliseconds(lambda: scorer.score([request]))
    with capsys.disabled():
        tokens = inputs["input_ids"].shape[1]
        print(f"\none message of {tokens} tokens, one core, {bundle.label}")
        print(_line("bare graph", graph, bare))
        print(_line("scorer", scored, bare))
        print(_line("scorer, answer + 1 passage", _milliseconds(lambda: scorer.score([answer])), bare))
        print(_line("decide", _milliseconds(lambda: decide(turn, NEW, policy, explain=False)), bare))
        print(_line("decide with would_flip_if", _milliseconds(lambda: decide(turn, NEW, policy)), bare))

    assert statistics.median(scored) < 3 * bare
