"""Guidelines in plain language: heard through a score of their own, cited by id (X-21: reason ``guideline``)."""

import pytest

from models.contracts import Action, ReasonCode, ScoreStatus, TriggerStatus
from tests.models.policy.builders import bot, customer, policy_of, ranked, report_of, rule, scored, take

TEXT = "The customer is angry about billing"


def guided(policy, **probabilities):
    """Scores in which the policy's guidelines, in their order, have these probabilities."""
    names = [label.name for label in policy.custom_labels]
    return scored(custom=ranked(dict(zip(names, probabilities.values(), strict=True))))


@pytest.mark.parametrize(("value", "expected"), [(0.5999, "continue"), (0.6, "escalate"), (0.6001, "escalate")])
def test_a_guideline_applies_from_its_threshold_on(value, expected):
    """X-16, X-21: a probability fires at and above the threshold; the reason is guideline and the report cites it."""
    policy = policy_of(rule({"guideline": {"text": TEXT, "threshold": 0.6}}, id="billing"))
    outcome = take(policy, customer(), guided(policy, it=value))
    found = report_of(outcome, "guideline", "billing")
    assert (expected, value, ">=", 0.6) == (outcome.decision.decision, found.value, found.operator, found.threshold)
    assert {"guideline": "billing"} == found.evidence
    if expected == "escalate":
        assert (ReasonCode.GUIDELINE, "The guideline “billing” applies.") == (
            outcome.decision.reason.code, outcome.decision.reason.sentence,
        )  # fmt: skip


def test_a_guideline_may_have_an_id_of_its_own():
    """It is cited by its id, else by its rule's."""
    policy = policy_of(rule({"guideline": {"text": TEXT, "id": "G-7", "threshold": 0.5}}))
    outcome = take(policy, customer(), guided(policy, it=0.5))
    assert ("G-7", "The guideline “G-7” applies.") == (
        report_of(outcome, "guideline").evidence["guideline"],
        outcome.decision.reason.sentence,
    )


def test_without_a_threshold_the_bundles_counts():
    """X-01: the bundle knows which probability of a description alone is enough; without one it takes 0.8."""
    policy = policy_of(rule({"guideline": {"text": TEXT}}))
    (label,) = policy.custom_labels
    bound = policy.bound({label.name: 0.39})
    assert [0.39, 0.8] == [report_of(take(one, customer()), "guideline").threshold for one in (bound, policy)]
    assert ["escalate", "continue"] == [
        take(one, customer(), guided(one, it=0.39)).decision.decision for one in (bound, policy)
    ]


def test_the_same_words_are_scored_once():
    """Two rules with one guideline share a label; other words are another one, and names follow from the words alone."""
    same = [rule({"guideline": {"text": TEXT, "threshold": value}}, id=f"r{value}") for value in (0.3, 0.9)]
    other = rule({"guideline": {"text": TEXT + " again"}}, id="other")
    policy = policy_of(*same, other)
    assert [TEXT, TEXT + " again"] == [label.description for label in policy.custom_labels]
    assert policy.custom_labels[0].name == policy_of(same[0]).custom_labels[0].name
    outcome = take(policy, customer(), guided(policy, it=0.5, other=0.1))
    assert ["r0.3"] == [reason.rule_id for reason in outcome.decision.reasons]


def test_guidelines_combine_with_other_triggers():
    """In ``all`` and ``not`` a guideline is a trigger like any other."""
    policy = policy_of(
        rule({"all": [{"guideline": {"text": TEXT, "threshold": 0.5}}, {"field": "customer.tier", "equals": "vip"}]}),
    )
    vip, free = (take(policy, customer(), guided(policy, it=0.5), customer={"tier": tier}) for tier in ("vip", "free"))
    assert (Action.ESCALATE, Action.CONTINUE) == (vip.decision.decision, free.decision.decision)


@pytest.mark.parametrize("scores", [None, scored(), scored(status={"custom": ScoreStatus.UNSUPPORTED_LANGUAGE})])
def test_a_guideline_that_nobody_scored_is_not_available(scores):
    """It never applies by silence, nor does its opposite."""
    when = {"guideline": {"text": TEXT, "threshold": 0.5}}
    policy = policy_of(rule(when), rule({"not": when}, id="not"), on_error="continue")
    outcome = take(policy, customer(), scores)
    assert (Action.CONTINUE, TriggerStatus.NOT_AVAILABLE) == (
        outcome.decision.decision,
        report_of(outcome, "guideline").status,
    )


def test_a_guideline_flips_by_its_score():
    """What would have changed the decision is its probability."""
    policy = policy_of(rule({"guideline": {"text": TEXT, "threshold": 0.6}}))
    (label,) = policy.custom_labels
    flips = take(policy, customer(), guided(policy, it=0.5)).decision.would_flip_if
    assert [(f"scores.custom.{label.name}", 0.5, 0.6)] == [(flip.what, flip.value, flip.to) for flip in flips]


def test_a_guideline_is_about_customers():
    """A bot's draft is no matter for it."""
    policy = policy_of(rule({"guideline": {"text": TEXT, "threshold": 0.0}}))
    assert () == take(policy, bot(), scored(custom=None)).decision.triggers


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"text": " "}, "no visible character"),
        ({"text": ""}, "no visible character"),
        ({}, "text"),
        ({"text": TEXT, "threshold": 2}, "less than or equal to 1"),
        ({"text": TEXT, "id": ""}, "no visible character"),
        ({"text": TEXT, "examples": ["x"]}, "examples"),
    ],
)
def test_a_guideline_that_says_nothing_is_refused(body, message):
    """Words are needed, and examples belong to labels."""
    with pytest.raises(ValueError, match=message):
        policy_of(rule({"guideline": body}))
