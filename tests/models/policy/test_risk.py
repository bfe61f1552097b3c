"""Risk: the learned probability that a conversation needs a person, where a bundle has one (X-21: reason ``risk``)."""

import pytest

from models.contracts import Action, ReasonCode, ScoreStatus, TriggerStatus
from models.policy.engine import Turn, decide
from models.policy.state import NEW
from tests.models.policy.builders import bot, customer, policy_of, report_of, rule, scored, take

POLICY = policy_of(rule({"risk": {"threshold": 0.7}}))


@pytest.mark.parametrize(("value", "expected"), [(0.6999, "continue"), (0.7, "escalate"), (0.7001, "escalate")])
@pytest.mark.parametrize("message", [customer(), bot()], ids=["customer", "bot"])
def test_risk_fires_at_its_threshold(message, value, expected):
    """X-16, X-21: before and after the draft alike, at and above the threshold, with the reason risk."""
    outcome = take(POLICY, message, scored(risk=value))
    found = report_of(outcome, "risk")
    assert (expected, value, ">=", 0.7) == (outcome.decision.decision, found.value, found.operator, found.threshold)
    if expected == "escalate":
        assert ReasonCode.RISK is outcome.decision.reason.code
        assert "probably need a person" in outcome.decision.reason.sentence


def test_a_bundle_without_such_a_model_has_no_risk():
    """Without a model that learned from outcomes it is not available, never low: neither the rule nor its opposite fires."""
    policy = policy_of(rule({"risk": {"threshold": 0.0}}), rule({"not": {"risk": {"threshold": 0.5}}}, id="not"))
    outcome = take(policy, customer(), scored(status={"risk": ScoreStatus.NOT_AVAILABLE}))
    found = report_of(outcome, "risk")
    assert (Action.CONTINUE, TriggerStatus.NOT_AVAILABLE, "not_available") == (
        outcome.decision.decision, found.status, found.evidence["status"],
    )  # fmt: skip


def test_when_scoring_failed_on_error_counts():
    """A rule that would have asked a model that failed leaves the decision to ``on_error``."""
    outcome = decide(Turn(message=customer(), scores=None), NEW, POLICY)
    assert (Action.OFFER, "on_error") == (outcome.decision.decision, outcome.decision.reason.rule_id)


def test_risk_flips_by_its_score():
    """What would have changed the decision is named to just below the threshold."""
    flips = take(POLICY, customer(), scored(risk=0.9)).decision.would_flip_if
    assert [("scores.risk", 0.9, 0.69, "continue")] == [(f.what, f.value, f.to, f.decision) for f in flips]


@pytest.mark.parametrize("body", [{}, {"threshold": 1.1}, {"threshold": "0.5"}, {"threshold": 0.5, "below": 0.1}])
def test_a_risk_without_a_bound_is_refused(body):
    """Nobody but the policy can say how much risk is too much."""
    with pytest.raises(ValueError, match=r"threshold|below"):
        policy_of(rule({"risk": body}))
