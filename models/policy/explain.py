"""would_flip_if: the smallest change of one score, or of a count, that changes the decision, found by deciding again.

Margins propose, the decision logic disposes: a change that only brings the next rule to the same decision is no flip.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Any, Final

from models.contracts import Action, Flip, LabelScore, Phase, Scores, Sentiment, TriggerStatus
from models.policy.judge import Verdict, judge
from models.policy.schema import Policy
from models.policy.state import advance
from models.policy.triggers.check import Move
from models.policy.triggers.view import View

MAX_FLIPS: Final = 3
# how often a decision is taken again to explain it, at most
MAX_TRIALS: Final = 6

# scores that change what the state remembers of a message, and rules look at
_REMEMBERED: Final = frozenset({"intents", "sentiment", "dialogue", "confidence"})

# the smallest value a score can have; 0 for the probabilities
_LEAST: Final = {"scores.sentiment": -1.0}


def find_flips(view: View, policy: Policy, phase: Phase, verdict: Verdict) -> tuple[Flip, ...]:
    """Return at most three changes that flip the decision, smallest first, each of another value."""

    def decide_again(move: Move) -> Action:
        again = _judge_again(view, policy, phase, verdict, move)
        return verdict.action if again.lacks else again.action  # unknown is no flip

    return smallest(_moves(view, policy, phase, verdict), verdict.action, decide_again)


def smallest(moves: Iterable[Move], action: Action, decide_again: Callable[[Move], Action]) -> tuple[Flip, ...]:
    """Return the flips among some moves, smallest first, at most ``MAX_FLIPS`` of at most ``MAX_TRIALS``."""
    flips: dict[str, Flip] = {}
    possible = {move for move in moves if move.check is not None or _LEAST.get(move.what, 0.0) <= move.to <= 1.0}
    for trial, move in enumerate(sorted(possible, key=lambda move: (abs(move.to - move.value), move.what, move.to))):
        if trial == MAX_TRIALS or len(flips) == MAX_FLIPS:
            break
        if move.what in flips:
            continue
        flipped = decide_again(move)
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


def _judge_again(view: View, policy: Policy, phase: Phase, verdict: Verdict, move: Move) -> Verdict:
    """Judge with one thing changed; looked at again are rules that see it, and those that a lazy policy didn't come to."""
    is_lazy = policy.evaluation == "lazy"
    if move.check is not None:
        rule_id, place = move.check
        compiled = policy.compiled[rule_id]
        turned = list(verdict.looks[rule_id][0])
        is_fired = turned[place].status is TriggerStatus.FIRED
        turned[place] = turned[place]._replace(status=TriggerStatus.EVALUATED if is_fired else TriggerStatus.FIRED)
        known = {**verdict.looks, rule_id: compiled.judge(turned)}
        return judge(view, policy, phase, known=known, stops=is_lazy)
    if view.scores is None:
        return verdict
    head = move.what.split(".", 2)[1]
    scores = changed(view.scores, move.what, move.to)
    after = advance(view.before, view.message, scores, folded=view.folded) if head in _REMEMBERED else view.after
    blind = {rule.rule.id for rule in policy.program[phase] if head not in rule.sees}
    known = {name: look for name, look in verdict.looks.items() if name in blind}
    return judge(view.changed(scores, after), policy, phase, known=known, stops=is_lazy)


def _moves(view: View, policy: Policy, phase: Phase, verdict: Verdict) -> Iterator[Move]:
    """Yield the changes that could matter: of the rule that decided, and of rules before it that would decide otherwise."""
    decider = verdict.decider
    for compiled in policy.program[phase]:
        look = verdict.looks.get(compiled.rule.id)
        if look is None:
            return  # a lazy policy looked no further
        if decider is None or compiled.action is not decider.action or compiled.rule.id == decider.rule_id:
            for check in compiled.movable:
                yield from check.moves(view)
            for place, counting in compiled.countable:
                move = counting.count_move(look[0][place])
                if move is not None:
                    yield move._replace(check=(compiled.rule.id, place))
        if decider is not None and compiled.rule.id == decider.rule_id:
            return
