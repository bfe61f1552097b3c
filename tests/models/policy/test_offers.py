"""Offers: asked once in an epoch, accepted, declined, lapsed, and what they give way to."""

import pytest

from models.contracts import Action
from models.policy.state import return_to_bot
from tests.models.policy.builders import (
    ELSE,
    NO,
    OFFER,
    OFFERING,
    YES,
    B,
    agent,
    bot,
    customer,
    decisions,
    play,
    policy_of,
    report_of,
    rule,
    scored,
    take,
)


def test_an_accepted_offer_escalates_in_the_name_of_its_rule():
    """Yes to an offer is a handoff: the offering rule's id and code, the policy's words, evidence offer_accepted."""
    offered, accepted = play(OFFERING, customer("alpha"), (customer("yes please"), YES))
    assert ("offer", "Shall I get someone?", None) == (
        offered.decision.decision,
        offered.decision.text,
        offered.decision.action,
    )
    assert ("escalate", "One moment.", {"type": "inbox"}) == (
        accepted.decision.decision, accepted.decision.text, accepted.decision.action,
    )  # fmt: skip
    assert ("policy", "offer") == (accepted.decision.reason.code, accepted.decision.reason.rule_id)
    assert report_of(accepted, "offer", "offer").evidence["offer_accepted"] is True
    assert ("accepted", "pending_handoff") == (accepted.state.offer.status, accepted.state.control)


@pytest.mark.parametrize(("probability", "expected"), [(0.4999, "continue"), (0.5, "escalate")])
def test_yes_counts_at_its_threshold(probability, expected):
    """An offer is accepted when the best intent is a yes at or above accept_threshold."""
    answer = (customer("mm hm"), scored(intents={"affirm": probability, "order_status": 0.1}))
    assert ["offer", expected] == decisions(play(OFFERING, customer("alpha"), answer))


def test_yes_counts_only_as_the_best_intent():
    """A yes beside something stronger is no acceptance."""
    answer = (customer("yes my order"), scored(intents={"affirm": 0.8, "order_status": 0.9}))
    assert ["offer", "continue"] == decisions(play(OFFERING, customer("alpha"), answer))


@pytest.mark.parametrize(
    ("text", "expected"),
    [("Ja, bitte!", "escalate"), ("はい、お願いします", "escalate"), ("no, gracias", "continue"), ("hmm", "continue")],
)
def test_short_answers_are_understood_without_a_model(text, expected):
    """Where intents were not scored, the phrase lists understand a plain yes or no."""
    assert ["offer", expected] == decisions(play(OFFERING, customer("alpha"), customer(text)))


@pytest.mark.parametrize(("answer", "status"), [(NO, "declined"), (ELSE, "lapsed")])
def test_an_offer_is_made_once_in_an_epoch(answer, status):
    """Declined or ignored, it is remembered and never asked again; the rule is still reported, and says so."""
    outcomes = play(OFFERING, customer("alpha"), (customer("hmm well then"), answer), customer("alpha again"))
    assert (["offer", "continue", "continue"], status) == (decisions(outcomes), outcomes[2].state.offer.status)
    assert "offer_made" == report_of(outcomes[2], "keyword", "offer").evidence["yields"]
    assert (None, ["offer"]) == (
        outcomes[2].decision.reason,
        [reason.rule_id for reason in outcomes[2].decision.reasons],
    )


def test_a_new_epoch_may_offer_again():
    """After a return to the bot the offer is possible again."""
    state = play(OFFERING, customer("alpha"), (customer("no"), NO))[-1].state
    assert Action.OFFER is take(OFFERING, customer("alpha"), state=return_to_bot(state)).decision.decision


def test_an_offer_waits_for_the_customer():
    """What the bot says in between neither accepts nor lapses an offer."""
    outcomes = play(OFFERING, customer("alpha"), bot("Shall I?"), bot("Well?"), (customer("yes"), YES))
    assert ["offer", "continue", "continue", "escalate"] == decisions(outcomes)


def test_a_spent_offer_gives_way_to_the_next_rule():
    """A rule that may not offer any more does not hold back an escalating rule below it."""
    policy = policy_of(OFFER, rule(B, id="below", priority=1))
    outcomes = play(policy, customer("alpha"), (customer("no thanks"), NO), customer("alpha beta"))
    assert ("escalate", "below") == (outcomes[2].decision.decision, outcomes[2].decision.reason.rule_id)


def test_a_more_important_rule_decides_beside_a_yes():
    """An accepted offer stands at its rule's priority: what is more important routes the handoff."""
    policy = policy_of(OFFER, rule(B, id="urgent", priority=99), rule(B, id="minor", priority=1))
    outcome = play(policy, customer("alpha"), (customer("yes, and beta"), YES))[-1]
    assert ["urgent", "offer", "minor"] == [reason.rule_id for reason in outcome.decision.reasons]
    assert ("escalate", "urgent", "accepted") == (
        outcome.decision.decision, outcome.decision.reason.rule_id, outcome.state.offer.status,
    )  # fmt: skip


def test_an_offer_outlives_its_policy():
    """A yes counts even when the policy changed and lost the rule that offered."""
    state = take(OFFERING, customer("alpha")).state
    outcome = take(policy_of(rule(B)), customer("yes"), YES, state)
    assert ("escalate", "offer") == (outcome.decision.decision, outcome.decision.reason.rule_id)


def test_an_answer_can_offer():
    """A rule over the bot's draft may offer instead of it; the customer's yes escalates as low confidence."""
    policy = policy_of(rule({"confidence": {"threshold": 0.5}}, "offer", message="Shall I?"))
    outcomes = play(policy, customer(), (bot(), scored(confidence=0.1)), (customer("yes"), YES))
    assert ["continue", "offer", "escalate"] == decisions(outcomes)
    assert "low_confidence" == outcomes[2].decision.reason.code


@pytest.mark.parametrize(("probability", "status"), [(0.4999, "lapsed"), (0.5, "declined")])
def test_no_counts_at_its_threshold(probability, status):
    """An offer is declined when the best intent is a no at or above decline_threshold; otherwise it lapses."""
    answer = (customer("mm well"), scored(intents={"deny": probability}))
    assert status == play(OFFERING, customer("alpha"), answer)[-1].state.offer.status


def test_a_yes_goes_before_rules_of_its_own_priority():
    """Between equals, the accepted offer comes first."""
    policy = policy_of(rule(B, id="equal", priority=10), OFFER)
    outcome = play(policy, customer("alpha"), (customer("yes beta"), YES))[-1]
    assert ["offer", "equal"] == [reason.rule_id for reason in outcome.decision.reasons]


def test_an_offer_stays_open_while_an_agent_talks():
    """A yes that is said to the agent is no answer to the bot's offer."""
    outcome = play(OFFERING, customer("alpha"), agent(), (customer("yes"), YES))[-1]
    assert (Action.CONTINUE, "pending") == (outcome.decision.decision, outcome.state.offer.status)
