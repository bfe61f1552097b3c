"""Intents and topics: thresholds, best label, labels nobody knows, terms (rows L-06 to L-08, L-17 to L-19, S-05)."""

import pytest

from models.contracts import Action, ScoreStatus, TriggerStatus
from tests.models.policy.builders import customer, policy_of, report_of, rule, scored, take

INTENTS = ["request_human", "express_frustration", "demand_refund", "report_bug"]


@pytest.mark.parametrize(
    ("threshold", "value", "expected"),
    [
        (0.8, 0.7999, "continue"),
        (0.8, 0.8, "escalate"),
        (0.7, 0.6999, "continue"),
        (0.7, 0.7, "escalate"),
        (0.7, 0.71, "escalate"),
    ],
)
def test_an_intent_fires_at_its_threshold(threshold, value, expected):
    """L-08, S-05: probabilities fire at and above the threshold."""
    policy = policy_of(rule({"intent": {"labels": INTENTS, "threshold": threshold}}))
    assert expected == take(policy, customer(), scored(intents={"report_bug": value})).decision.decision


@pytest.mark.parametrize("label", INTENTS)
def test_any_of_the_labels_is_enough(label):
    """L-07: each listed label fires, and the reason names it."""
    policy = policy_of(rule({"intent": {"labels": INTENTS, "threshold": 0.8}}))
    outcome = take(policy, customer(), scored(intents={label: 0.9, "other": 0.95}))
    assert outcome.decision.reason.sentence == f"The customer's intent is {label.replace('_', ' ')}."


def test_the_report_holds_the_best_label_and_all_values():
    """L-06: the value is the best label's probability; the evidence holds every label's."""
    policy = policy_of(rule({"intent": {"labels": ["a", "b"], "threshold": 0.8}}))
    found = report_of(take(policy, customer(), scored(intents={"a": 0.2, "b": 0.6, "c": 0.9})), "intent")
    assert (0.6, 0.8, {"label": "b", "labels": {"a": 0.2, "b": 0.6}}) == (found.value, found.threshold, found.evidence)


def test_a_label_may_have_a_threshold_of_its_own():
    """With thresholds per label, the label with the best margin is the value."""
    policy = policy_of(rule({"intent": {"labels": ["a", "b"], "threshold": 0.9, "thresholds": {"a": 0.3}}}))
    found = report_of(take(policy, customer(), scored(intents={"a": 0.35, "b": 0.8})), "intent")
    assert ("a", 0.3, TriggerStatus.FIRED) == (found.evidence["label"], found.threshold, found.status)


def test_unknown_labels_are_not_available():
    """A label that the bundle was not trained on has no probability, not a low one."""
    policy = policy_of(rule({"intent": {"labels": ["ours"], "threshold": 0.5}}))
    found = report_of(take(policy, customer(), scored(intents={"a": 0.9})), "intent")
    assert (TriggerStatus.NOT_AVAILABLE, None, "unknown_label") == (found.status, found.value, found.evidence["status"])


def test_missing_scores_are_not_available():
    """Without the head's output the trigger says why and does not fire."""
    policy = policy_of(rule({"topic": {"labels": ["a"], "threshold": 0.5}}))
    scores = scored(status={"topics": ScoreStatus.UNSUPPORTED_LANGUAGE})
    found = report_of(take(policy, customer(), scores), "topic")
    assert (TriggerStatus.NOT_AVAILABLE, "unsupported_language") == (found.status, found.evidence["status"])


@pytest.mark.parametrize("topic", ["billing_dispute", "account_cancellation", "security_incident", "harassment_report"])
def test_topics_by_the_classifier(topic):
    """L-17, L-18, L-19: a listed topic at its threshold escalates with the reason topic, just below it does not."""
    labels = ["billing_dispute", "account_cancellation", "security_incident", "harassment_report"]
    policy = policy_of(rule({"topic": {"labels": labels, "use_model": True, "threshold": 0.8}}))
    hit, miss = (take(policy, customer(), scored(topics={topic: value})).decision for value in (0.8, 0.7999))
    assert (Action.ESCALATE, "topic", Action.CONTINUE) == (hit.decision, hit.reason.code, miss.decision)


def test_topics_by_terms():
    """L-19: without the model a topic is found by its terms, as whole words."""
    policy = policy_of(
        rule({"topic": {"labels": ["billing_dispute"], "use_model": False, "terms": ["charge back", "dispute"]}})
    )
    hit, miss = (take(policy, customer(text), None) for text in ("I DISPUTE this", "undisputed"))
    assert (Action.ESCALATE, "topic") == (hit.decision.decision, hit.decision.reason.code)
    assert report_of(hit, "topic.terms").evidence["term"] == "dispute"
    assert report_of(miss, "topic.terms").status is TriggerStatus.EVALUATED


def test_model_and_terms_are_two_reports():
    """With the model and terms, either is enough and both are reported."""
    policy = policy_of(rule({"topic": {"labels": ["a"], "threshold": 0.5, "terms": ["alpha"]}}))
    outcome = take(policy, customer("alpha"), scored(topics={"a": 0.1}))
    assert ["topic", "topic.terms"] == [report.name for report in outcome.decision.triggers]
    assert Action.ESCALATE is outcome.decision.decision


@pytest.mark.parametrize(
    ("when", "message"),
    [
        ({"intent": {"labels": ["a"], "threshold": 0.5, "thresholds": {"b": 0.5}}}, "not among the labels"),
        ({"topic": {"labels": ["a"], "use_model": False}}, "there are no terms"),
        ({"intent": {"labels": []}}, "at least 1 item"),
    ],
)
def test_what_does_not_hold_together_is_refused(when, message):
    """A trigger that could never be compared is an error that says what to add."""
    with pytest.raises(ValueError, match=message):
        policy_of(rule(when))
