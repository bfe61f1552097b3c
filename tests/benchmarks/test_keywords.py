"""How many messages a second keywords look at, by the number of terms, beside a plain loop over them: `make bench`."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from models.contracts import Message, Role
from models.policy.state import NEW
from models.policy.triggers.matching import compile_terms
from models.policy.triggers.view import View
from models.text import fold

pytestmark = pytest.mark.bench

WRITTEN = Path(__file__).parents[2] / "data" / "written" / "messages" / "service.jsonl"
SIZES = (10, 100, 1_000, 10_000)
MESSAGES = 300
ROUNDS = 5


def _view(text: str) -> View:
    message = Message(id="m", role=Role.CUSTOMER, text=text, at=datetime(2026, 1, 1, tzinfo=UTC))
    view = View(message, None, before=NEW, after=NEW, customer={}, channel=None, context={})
    # folding is the same work for both
    assert view.folded
    return view


def _per_second(look: Callable[[View], object], views: list[View]) -> float:
    """Return the messages a second of the best round."""
    best = 0.0
    for _ in range(ROUNDS):
        start = time.perf_counter()
        for view in views:
            look(view)
        best = max(best, len(views) / (time.perf_counter() - start))
    return best


@pytest.mark.parametrize("match", ["contains", "word", "starts_with", "exact"])
def test_messages_a_second_beside_a_loop_over_the_terms(match: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Prints messages a second at each number of terms; fails when many terms aren't found much faster than by a loop."""
    chance = random.Random(1)
    texts = [json.loads(line)["text"] for line in WRITTEN.read_text("utf-8").splitlines()]
    words = sorted({word for text in texts for word in text.split()})
    views = [_view(text) for text in chance.sample(texts, MESSAGES)]
    ratios = []
    with capsys.disabled():
        print(f"\n{match}, {sum(map(len, texts)) // len(texts)} characters a message")
        for size in SIZES:
            terms = [" ".join(chance.choices(words, k=2)) for _ in range(size)]
            start = time.perf_counter()
            matcher = compile_terms(terms, match, case_sensitive=False)  # type: ignore[arg-type]
            compiled = (time.perf_counter() - start) * 1e3
            folded = [fold(term) for term in terms]

            def loop(view: View, folded: list[str] = folded) -> str | None:
                return next((term for term in folded if term in view.folded), None)

            found, plain = _per_second(matcher.find, views), _per_second(loop, views[: max(5, 20_000 // size)])
            ratios.append(found / plain)
            print(
                f"{size:6} terms {found:9.0f}/s  loop {plain:8.0f}/s  x{ratios[-1]:7.1f}  compiled in {compiled:6.1f} ms"
            )
    assert ratios[-1] > 100
