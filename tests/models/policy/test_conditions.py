"""all, any, not; what the caller knows; what the conversation remembers (row A-10)."""

import itertools

import pytest

from models.contracts import Action, TriggerStatus
from models.policy.triggers.combine import All, AnyOf, Leaf, Not
from tests.models.policy.builders import bot, customer, play, policy_of, report_of, rule, scored, take

A, B = {"keyword": {"terms": ["alpha"]}}, {"keyword": {"terms": ["beta"]}}


def fires(when, text="", **known):
    """Whether a condition holds for a message."""
    return take(policy_of(rule(when)), customer(text or "hello there"), **known).decision.decision is Action.ESCALATE


@pytest.mark.parametrize(
    ("when", "expected"),
    [
        ({"all": [A, B]}, [False, False, False, True]),
        ({"any": [A, B]}, [False, True, True, True]),
        ({"not": A}, [True, False, True, False]),
        ({"all": [A, {"not": B}]}, [False, True, False, False]),
        ({"any": [{"all": [A, B]}, {"not": {"any": [A, B]}}]}, [True, False, False, True]),
    ],
)
def test_conditions_combine(when, expected):
    """A-10: all, any and not nest and mean what they say."""
    assert expected == [fires(when, text) for text in ("none", "alpha", "beta", "alpha beta")]


@pytest.mark.parametrize("truths", list(itertools.product([True, False, None], repeat=2)))
def test_logic_has_three_values(truths):
    """Unknown stays unknown unless the other part settles it, and unknown is its own negation."""
    parts = (Leaf(0), Leaf(1))
    everything, something = All(parts).holds(truths), AnyOf(parts).holds(truths)
    assert (False if False in truths else None if None in truths else True) is everything
    assert (True if True in truths else None if None in truths else False) is something
    assert (None if everything is None else not everything) is Not(All(parts)).holds(truths)


def test_silence_of_a_model_is_no_negation():
    """A not over a trigger without a value does not fire: nobody knows."""
    when = {"not": {"explicit": {"threshold": 0.8}}}
    unknown = {"not": {"intent": {"labels": ["a"], "threshold": 0.8}}}
    assert (True, False) == (fires(when, "hello"), fires(unknown, "hello"))


def test_every_part_is_reported():
    """A-10: each trigger of a combined rule has a report under the rule's id, also when another settled the rule."""
    outcome = take(policy_of(rule({"all": [A, B]})), customer("gamma"))
    assert [TriggerStatus.EVALUATED] * 2 == [report.status for report in outcome.decision.triggers]


@pytest.mark.parametrize(
    ("comparison", "expected"),
    [
        ({"equals": "enterprise"}, [True, False, False]),
        ({"in": ["enterprise", "premium"]}, [True, True, False]),
        ({"not_in": ["enterprise"]}, [False, True, True]),
        ({"exists": True}, [True, True, False]),
        ({"exists": False}, [False, False, True]),
    ],
)
def test_fields_of_the_customer(comparison, expected):
    """A-10: a rule may depend on the customer's tier; a missing field holds nothing."""
    customers = ({"tier": "enterprise"}, {"tier": "premium"}, {})
    assert expected == [fires({"field": "customer.tier", **comparison}, customer=known) for known in customers]


@pytest.mark.parametrize(
    ("comparison", "expected"),
    [
        ({"at_least": 100}, [False, True, True]),
        ({"above": 100}, [False, False, True]),
        ({"at_most": 100}, [True, True, False]),
        ({"below": 100}, [True, False, False]),
    ],
)
def test_numbers_are_compared_at_their_boundary(comparison, expected):
    """A-10: a cart of 99, 100 and 101 against 100; text and truths are no numbers."""
    when = {"field": "context.cart.total", **comparison}
    assert expected == [fires(when, context={"cart": {"total": total}}) for total in (99, 100, 101)]
    assert [False] * 3 == [fires(when, context={"cart": total}) for total in ({"total": "100"}, {"total": True}, 100)]


def test_channel_and_language_are_fields():
    """A-10: channel and detected language, and one is not one's truth."""
    assert fires({"field": "channel", "equals": "whatsapp"}, channel="whatsapp")
    assert fires({"field": "language", "in": ["de"]}, customer={"language": "de"})
    assert not fires({"field": "customer.vip", "equals": True}, customer={"vip": 1})


@pytest.mark.parametrize(
    ("when", "message"),
    [
        ({"field": "customer", "exists": True}, "unknown field 'customer'"),
        ({"field": "price.total", "exists": True}, "unknown field 'price.total'"),
        ({"field": "channel"}, "0 comparisons"),
        ({"field": "channel", "equals": "a", "in": ["b"]}, "2 comparisons"),
        ({}, "no trigger in one condition"),
        ({**A, "explicit": {"threshold": 0.5}}, r"2 triggers \(keyword, explicit\)"),
        ({"all": []}, "at least 1 item"),
        ({"turn": {}}, "0 conditions"),
        ({"turn": {"offer_made": True, "after_fallback": True}}, "2 conditions"),
        ({"all": [{"confidence": {"threshold": 0.5}}, A]}, "never at once"),
        ({"turn": {"fired": ["ghost"]}}, "names 'ghost', which is no rule here"),
    ],
)
def test_conditions_that_make_no_sense_are_refused(when, message):
    """Each mistake is named together with what was expected."""
    with pytest.raises(ValueError, match=message):
        policy_of(rule(when))


def test_a_rule_can_remember_another():
    """The condition fired holds from the message after the one where the named rule held."""
    policy = policy_of(rule(A, "offer", id="first"), rule({"all": [A, {"turn": {"fired": ["first"]}}]}, id="again"))
    outcomes = play(policy, customer("alpha"), customer("no, something else"), customer("alpha!"))
    assert ["offer", "continue", "escalate"] == [outcome.decision.decision for outcome in outcomes]
    assert {"rules": ["first"]} == report_of(outcomes[2], "turn.fired", "again").evidence


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (bot(fallback=True), [True, False]),
        (bot(confidence=0.4999), [False, True]),
        (bot(confidence=0.5), [False, False]),
        (bot(), [False, False]),
    ],
)
def test_a_rule_can_look_at_the_last_answer(answer, expected):
    """after_fallback and after_confidence_below look at the bot's last answer, not at earlier ones."""
    conditions = ({"after_fallback": True}, {"after_confidence_below": 0.5})
    policies = [policy_of(rule({"all": [{"keyword": {"terms": ["what"]}}, {"turn": turn}]})) for turn in conditions]
    played = [play(policy, bot(fallback=True, confidence=0.1), answer, customer("what?"))[-1] for policy in policies]
    assert expected == [outcome.decision.decision is Action.ESCALATE for outcome in played]


def test_a_rule_over_counts_alone_is_looked_at_in_both_phases():
    """What needs neither the message nor the answer is evaluated with either."""
    policy = policy_of(
        rule({"time": {"max_messages": 100}}), rule(A, id="pre"), rule({"confidence": {"threshold": 0.5}}, id="post")
    )
    before, after = (take(policy, message, scored()) for message in (customer(), bot()))
    assert (["r", "pre"], ["r", "post"]) == tuple(
        [report.rule_id for report in outcome.decision.triggers] for outcome in (before, after)
    )


def test_a_memory_that_is_null_is_no_condition():
    """YAML's `offer_pending:` says nothing; alone it is refused, beside a condition it is as if it weren't there."""
    with pytest.raises(ValueError, match="0 conditions, expected exactly one of offer_pending"):
        policy_of(rule({"turn": {"offer_pending": None}}))
    policy = policy_of(rule({"turn": {"offer_pending": None, "after_fallback": True}}))
    outcomes = play(policy, bot(fallback=True), customer())
    assert Action.ESCALATE is outcomes[1].decision.decision


def test_a_long_value_is_shown_in_short():
    """A caller's text of any length is compared whole and reported as an excerpt."""
    policy = policy_of(rule({"field": "context.note", "equals": "x" * 5000}))
    outcome = take(policy, customer(), context={"note": "x" * 5000})
    assert outcome.decision.decision == "escalate"
    assert len(report_of(outcome, "context.note").value) == 60
