"""The price of a decision."""

import timeit

import pytest

from models.policy.engine import Turn, decide
from models.policy.schema import default_policy
from models.policy.state import NEW
from tests.models.policy.builders import customer, scored
from training.labels import LABELS, TOPICS


@pytest.mark.bench
def test_a_decision_takes_at_most_fifty_microseconds():
    """The default policy, all triggers, without explain: the best of five rounds."""
    values = dict.fromkeys(LABELS, 0.1)
    scores = scored(intents=values, topics=dict.fromkeys(TOPICS, 0.1), explicit=0.1, sentiment=0.0, frustration=0.1)
    turn = Turn(message=customer("where is my order number 12, it has not arrived yet"), scores=scores)
    policy = default_policy()
    rounds = timeit.repeat(lambda: decide(turn, NEW, policy, explain=False), number=2000, repeat=5)
    assert min(rounds) / 2000 < 50e-6
