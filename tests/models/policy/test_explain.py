"""would_flip_if: the smallest change of one score that changes the decision, verified by deciding again."""

import pytest

from models.contracts import Action, Flip
from models.policy.engine import Turn, decide
from models.policy.explain import MAX_TRIALS, changed, smallest
from models.policy.schema import default_policy
from models.policy.state import NEW
from models.policy.triggers.check import Move, over
from tests.models.policy.builders import bot, customer, play, policy_of, rule, scored, take

TWO = policy_of(
    rule({"explicit": {"threshold": 0.8}}, id="clear", priority=900),
    rule({"explicit": {"threshold": 0.4}}, "offer", id="half"),
)


def flips(outcome):
    """The flips of a decision as plain values."""
    return [(flip.what, flip.value, flip.to, flip.decision.value) for flip in outcome.decision.would_flip_if]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0.99, [("scores.explicit", 0.99, 0.79, "offer")]),
        (0.7, [("scores.explicit", 0.7, 0.8, "escalate")]),
        (0.45, [("scores.explicit", 0.45, 0.39, "continue")]),
        (0.3, [("scores.explicit", 0.3, 0.4, "offer")]),
    ],
)
def test_the_nearest_threshold_flips_the_decision(value, expected):
    """The change goes just below a threshold that holds, or up to the nearest one that doesn't."""
    assert expected == flips(take(TWO, customer(), scored(explicit=value)))


def test_a_change_that_another_rule_makes_up_for_is_no_flip():
    """When two rules escalate on different scores no single change undoes it."""
    policy = policy_of(
        rule({"explicit": {"threshold": 0.8}}), rule({"topic": {"labels": ["a"], "threshold": 0.8}}, id="t")
    )
    assert [] == flips(take(policy, customer(), scored(explicit=0.9, topics={"a": 0.9})))


def test_at_most_three_smallest_first():
    """Of many possible changes the three smallest are told, one for each score."""
    labels = {f"l{n}": 0.1 * n for n in range(6)}
    policy = policy_of(rule({"intent": {"labels": list(labels), "threshold": 0.8}}))
    found = flips(take(policy, customer(), scored(intents=labels)))
    assert ["scores.intents.l5", "scores.intents.l4", "scores.intents.l3"] == [what for what, *_ in found]


@pytest.mark.parametrize(
    ("when", "scores", "expected"),
    [
        ({"sentiment": {"below": -0.6}}, scored(sentiment=-0.7), ("scores.sentiment", -0.7, -0.6, "continue")),
        ({"sentiment": {"below": -0.6}}, scored(sentiment=-0.6), ("scores.sentiment", -0.6, -0.61, "escalate")),
        ({"frustration": {"at_least": 0.8}}, scored(frustration=0.8), ("scores.frustration", 0.8, 0.79, "continue")),
    ],
)
def test_sentiment_and_frustration_flip_too(when, scores, expected):
    """Below fires below: at the threshold is the nearest value that doesn't."""
    assert [expected] == flips(take(policy_of(rule(when)), customer(), scores))


def test_a_window_flips_by_its_last_message():
    """The change of this message's sentiment that carries the mean over the threshold, if one can."""
    policy = policy_of(rule({"sentiment": {"window": {"messages": 2, "below": -0.5}}}))
    steps = [(customer(id=str(n)), scored(sentiment=value)) for n, value in enumerate((-0.75, -0.5))]
    assert [("scores.sentiment", -0.5, -0.25, "continue")] == flips(play(policy, *steps)[-1])
    assert [] == flips(play(policy, (customer(), scored(sentiment=1.0)), steps[1])[-1])


def test_confidence_flips_in_the_post_phase():
    """A low answer would have stood at the threshold."""
    policy = policy_of(rule({"confidence": {"threshold": 0.5}}))
    count = ("rules.r.confidence.consecutive_low_turns", 1, 2, "continue")
    assert [("scores.confidence", 0.3, 0.5, "continue"), count] == flips(take(policy, bot(), scored(confidence=0.3)))


@pytest.mark.parametrize(
    ("when", "steps", "expected"),
    [
        ({"sentiment": {"streak": 2}}, [scored(mood="negative")] * 2, ("rules.r.sentiment.streak", 2, 3, "continue")),
        ({"sentiment": {"streak": 3}}, [scored(mood="negative")] * 2, ("rules.r.sentiment.streak", 3, 2, "escalate")),
        ({"repetition": {"max_retries": 3}}, [scored()] * 3, ("rules.r.repetition.max_retries", 3, 4, "continue")),
        ({"time": {"max_messages": 1}}, [scored()] * 2, ("rules.r.time.max_messages", 1, 2, "continue")),
        ({"time": {"max_messages": 2}}, [scored()] * 2, ("rules.r.time.max_messages", 2, 1, "escalate")),
    ],
)
def test_counts_flip_by_their_thresholds(when, steps, expected):
    """A streak, a repetition, a length: nobody can change what happened, so the nearest threshold is named."""
    played = play(policy_of(rule(when)), *[(customer(id=str(n)), scores) for n, scores in enumerate(steps)])
    assert [expected] == flips(played[-1])


def test_every_flip_is_true():
    """Deciding about the changed scores gives the decision that the flip names."""
    scores = scored(explicit=0.35, frustration=0.2, sentiment=-0.4, topics={"legal_threat": 0.6, "demand_refund": 0.55})
    turn = Turn(message=customer(), scores=scores)
    decision = decide(turn, NEW, default_policy()).decision
    assert decision.would_flip_if
    for flip in decision.would_flip_if:
        again = Turn(message=customer(), scores=changed(scores, flip.what, flip.to))
        assert (
            flip.decision
            is decide(again, NEW, default_policy(), explain=False).decision.decision
            is not decision.decision
        )


def test_explaining_can_be_left_out():
    """Without explain nothing is decided twice."""
    turn = Turn(message=customer(), scores=scored(explicit=0.9))
    assert () == decide(turn, NEW, TWO, explain=False).decision.would_flip_if


def test_what_is_suppressed_has_nothing_to_flip():
    """While somebody else is in charge no score changes the decision."""
    assert [] == flips(play(TWO, (customer(), scored(explicit=0.9)), (customer(), scored(explicit=0.1)))[-1])


def test_deciding_again_is_bounded():
    """However many scores there are, the decision is taken again only a handful of times."""
    trials = []
    moves = [Move(f"scores.topics.t{n}", 0.0, 0.5) for n in range(100)]

    def decide_again(move):
        trials.append(move)
        return Action.CONTINUE

    assert ((), MAX_TRIALS) == (smallest(moves, Action.CONTINUE, decide_again), len(trials))


def test_moves_stay_in_range():
    """A threshold at the edge of the range is stepped over by the smallest number there is."""
    assert 0.004999 < over("", 1.0, 0.005).to < 0.005


@pytest.mark.parametrize(
    ("when", "scores"),
    [({"explicit": {"threshold": 0.0}}, scored(explicit=0.5)), ({"sentiment": {"below": -1.0}}, scored(sentiment=0.0))],
)
def test_no_score_leaves_its_range(when, scores):
    """What only an impossible score would change is no flip."""
    assert [] == flips(take(policy_of(rule(when)), customer(), scores))


def test_a_changed_label_keeps_the_ranks():
    """Raising a label's probability may make it the best one."""
    scores = changed(scored(intents={"a": 0.5, "b": 0.2}), "scores.intents.b", 0.8)
    assert ["b", "a"] == [entry.label for entry in scores.intents]


def test_a_flip_reads_as_the_contract_says():
    """The first flip of a clear request is explicit, to just below its threshold."""
    outcome = take(TWO, customer(), scored(explicit=0.99))
    assert (Flip(what="scores.explicit", value=0.99, to=0.79, decision=Action.OFFER),) == outcome.decision.would_flip_if
