"""would_flip_if: the smallest change of one score that changes the decision, found by deciding again.

Margins propose, the decision logic disposes: a change that only brings the next rule to the same decision is no flip.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any, Final

from models.contracts import Action, Flip, LabelScore, Scores, Sentiment
from models.policy.triggers.check import Move

MAX_FLIPS: Final = 3
# how often a decision is taken again to explain it, at most
MAX_TRIALS: Final = 6

# the smallest value a score can have; 0 for the probabilities
_LEAST: Final = {"scores.sentiment": -1.0}


def find_flips(
    scores: Scores, moves: Iterable[Move], action: Action, decide_again: Callable[[Scores], Action]
) -> tuple[Flip, ...]:
    """Return at most three changes that flip the decision, smallest first, each of another score."""
    flips: dict[str, Flip] = {}
    possible = {move for move in moves if _LEAST.get(move.what, 0.0) <= move.to <= 1.0}
    for trial, move in enumerate(sorted(possible, key=lambda move: (abs(move.to - move.value), move.what, move.to))):
        if trial == MAX_TRIALS or len(flips) == MAX_FLIPS:
            break
        if move.what in flips:
            continue
        flipped = decide_again(changed(scores, move.what, move.to))
        if flipped is not action:
            flips[move.what] = Flip(what=move.what, value=move.value, to=move.to, decision=flipped)
    return tuple(flips.values())


def changed(scores: Scores, what: str, to: float) -> Scores:
    """Return the scores with one of them changed; ``what`` is a path such as ``scores.topics.legal_threat``.

    A sentiment keeps its label, labels their order of rank.
    """
    _, name, *label = what.split(".", 2)
    value: Any = to
    if name == "sentiment":
        value = Sentiment(score=to, label=scores.sentiment.label if scores.sentiment else "neutral")
    elif label:
        entries = getattr(scores, name)
        moved = [
            LabelScore(label=label[0], probability=to) if entry.label == label[0] else entry for entry in entries or ()
        ]
        value = tuple(sorted(moved, key=lambda entry: -entry.probability))
    return replace(scores, **{name: value})
