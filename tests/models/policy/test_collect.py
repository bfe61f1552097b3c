"""Details first, then the handoff (rows A-10, A-02): ``collect``, and the second step, ``also``."""

import json
from datetime import timedelta

import pytest
from hypothesis import given, settings

from models.contracts import Action, Phase, ReasonCode, Role, Suppression
from models.conversation import wants_draft
from models.policy.engine import Turn, decide, recheck
from models.policy.state import NEW, from_json, return_to_bot, to_json
from tests.models.policy.anything import any_conversation, any_policy, chances
from tests.models.policy.builders import (
    NO,
    START,
    YES,
    A,
    B,
    agent,
    bot,
    customer,
    decisions,
    play,
    policy_of,
    ranked,
    report_of,
    rule,
    scored,
    take,
)

ASKING = rule(A, id="ask", message="I get someone.", priority=5, collect=["customer.phone", "context.order.number"])
POLICY = policy_of(ASKING, messages={"collecting_info": {"en": "Which order?", "de": "Welche Bestellung?"}})
RESOLVED = scored(dialogue=ranked({"resolved": 0.5}))


def after_question(policy=POLICY, **known):
    """The state after the policy has asked."""
    return take(policy, customer("alpha"), **known).state


def test_what_is_missing_is_asked_for_first():
    """A-10: no handoff yet: the decision names the fields, the text asks, the reason is missing information."""
    outcome = take(POLICY, customer("alpha"))
    decision = outcome.decision
    assert (Action.CONTINUE, "Which order?", None) == (decision.decision, decision.text, decision.action)
    assert ("customer.phone", "context.order.number") == decision.collect
    assert (ReasonCode.MISSING_INFORMATION, "ask") == (decision.reason.code, decision.reason.rule_id)
    assert ("bot", "ask", ReasonCode.POLICY) == (
        outcome.state.control, outcome.state.collecting.rule_id, outcome.state.collecting.code,
    )  # fmt: skip
    assert ("Which order?", False) == (outcome.state.last_bot_text, wants_draft(decision))


def test_a_policy_that_was_switched_off_asks_for_nobody():
    """`enabled: false` ends what waits for an answer too, on a message as on the clock."""
    off = POLICY.model_copy(update={"enabled": False})
    assert Action.CONTINUE is take(off, customer("4711", id="m-2"), state=after_question()).decision.decision


@pytest.mark.parametrize("text", ["4711", "why do you need that?", "alpha", "beta", "no"])
def test_the_next_message_brings_the_handoff(text):
    """A-10: whatever the customer answers, the rule escalates now, with its own words, action and reason."""
    outcome = take(POLICY, customer(text, id="m-2"), state=after_question())
    decision = outcome.decision
    assert (Action.ESCALATE, "I get someone.", {"type": "inbox"}, ()) == (
        decision.decision, decision.text, decision.action, decision.collect,
    )  # fmt: skip
    assert (ReasonCode.POLICY, "ask") == (decision.reason.code, decision.reason.rule_id)
    assert ("pending_handoff", None) == (outcome.state.control, outcome.state.collecting)


@pytest.mark.parametrize(
    ("known", "expected"),
    [
        ({}, ("customer.phone", "context.order.number")),
        ({"customer": {"phone": "1"}}, ("context.order.number",)),
        ({"context": {"order": {"number": 0}}}, ("customer.phone",)),
        ({"context": {"order": 4711}, "customer": {"phone": None}}, ("customer.phone", "context.order.number")),
        ({"customer": {"phone": ""}, "context": {"order": {"number": False}}}, ()),
    ],
)
def test_only_what_the_caller_did_not_send_is_asked_for(known, expected):
    """A-10: what is there isn't asked for, however small; with nothing missing the handoff comes at once."""
    decision = take(POLICY, customer("alpha"), **known).decision
    assert (expected, "continue" if expected else "escalate") == (decision.collect, decision.decision)


def test_it_asks_in_the_customers_language():
    """A-10: the policy's ``collecting_info``, as all its texts."""
    decision = take(POLICY, customer("alpha"), customer={"language": "de"}).decision
    assert "Welche Bestellung?" == decision.text
    plain = take(policy_of(ASKING), customer("alpha")).decision
    assert "Before I bring in a colleague, could you tell me a little more about it?" == plain.text


def test_what_the_bot_says_in_between_changes_nothing():
    """A-10: a draft, also one on which the rule would hold, neither asks again nor answers for the customer."""
    both = policy_of(ASKING | {"when": {"time": {"max_messages": 0}}})
    state = take(both, customer("hello")).state
    said = take(both, bot("Just a moment."), state=state)
    assert (Action.CONTINUE, None, (), Phase.POST) == (
        said.decision.decision, said.decision.text, said.decision.collect, said.decision.phase,
    )  # fmt: skip
    assert "ask" == said.state.collecting.rule_id
    assert Action.ESCALATE is take(both, customer("4711", id="m-2"), state=said.state).decision.decision


def test_what_was_asked_for_may_come_with_a_draft():
    """A-10: where the caller sends all that is missing there is nothing to wait for any more."""
    both = policy_of(ASKING | {"when": {"time": {"max_messages": 0}}})
    known = {"customer": {"phone": "1"}, "context": {"order": {"number": 1}}}
    said = take(both, bot("Just a moment."), state=take(both, customer("hello")).state, **known)
    assert Action.ESCALATE is said.decision.decision


def test_another_rule_may_decide_over_a_draft():
    """A-10: the question is no shield: a rule that needs no answer escalates, and then there is nothing to ask for."""
    policy = policy_of(ASKING, rule({"repetition": {"max_fallbacks": 1}}, id="fallback"))
    outcome = take(policy, bot("Pardon?", fallback=True), state=after_question(policy))
    assert ("escalate", "fallback", None) == (
        outcome.decision.decision, outcome.decision.reason.rule_id, outcome.state.collecting,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("scores", "expected"),
    [
        (RESOLVED, "continue"),
        (scored(dialogue=ranked({"resolved": 0.4999})), "escalate"),
        (scored(intents={"thanks_bye": 1.0}), "escalate"),
        (scored(intents={"provide_info": 0.95, "thanks_bye": 0.76}), "escalate"),
        (scored(intents={"deny": 1.0}), "escalate"),
        (None, "escalate"),
    ],
)
def test_the_handoff_is_not_lost(scores, expected):
    """A-10: "thanks, it's 4711" is no farewell: of all answers only "it works now" takes the handoff back."""
    turn = Turn(message=customer("thanks, 4711", id="m-2"), scores=scores)
    outcome = decide(turn, after_question(), POLICY)
    assert (expected, None) == (outcome.decision.decision, outcome.state.collecting)


def test_what_was_taken_back_may_come_again():
    """A-10: after that the matter is closed; the next time that the rule holds it asks anew."""
    closed = take(POLICY, customer("it works", id="m-2"), RESOLVED, after_question()).state
    assert ("bot", None) == (closed.control, closed.collecting)
    assert ("customer.phone", "context.order.number") == take(
        POLICY, customer("alpha", id="m-3"), state=closed
    ).decision.collect


def test_who_holds_on_is_not_asked_twice():
    """A-10: "it works, but alpha" meets the rule again: there is no second question."""
    assert Action.ESCALATE is take(POLICY, customer("alpha", id="m-2"), RESOLVED, after_question()).decision.decision


def test_a_higher_rule_comes_first_and_the_handoff_after_it():
    """A-10: an offer of higher priority is made first; whatever the answer to it, the handoff that was asked about follows."""
    policy = policy_of(ASKING, rule(B, "offer", id="offer", priority=9))
    offered = take(policy, customer("beta", id="m-2"), state=after_question(policy))
    assert (Action.OFFER, "ask") == (offered.decision.decision, offered.state.collecting.rule_id)
    declined = take(policy, customer("no", id="m-3"), NO, offered.state)
    assert (Action.ESCALATE, "ask") == (declined.decision.decision, declined.decision.reason.rule_id)


def test_a_higher_rule_may_ask_for_something_else():
    """A-10: then its handoff follows; nobody is asked the same twice."""
    policy = policy_of(ASKING, rule(B, id="other", priority=9, collect=["context.reason"]))
    outcomes = play(policy, customer("alpha"), customer("beta", id="m-2"), customer("alpha beta", id="m-3"))
    assert ["continue", "continue", "escalate"] == decisions(outcomes)
    assert [("customer.phone", "context.order.number"), ("context.reason",), ()] == [
        o.decision.collect for o in outcomes
    ]
    assert "other" == outcomes[2].decision.reason.rule_id


def test_a_higher_rule_that_escalates_decides():
    """A-10: what is more important routes the handoff; the question is forgotten."""
    policy = policy_of(ASKING, rule(B, id="urgent", priority=9))
    outcome = take(policy, customer("beta", id="m-2"), state=after_question(policy))
    assert ("urgent", None) == (outcome.decision.reason.rule_id, outcome.state.collecting)
    assert ["urgent", "ask"] == [reason.rule_id for reason in outcome.decision.reasons]


def test_a_question_outlives_its_policy():
    """A-10: what the customer was told holds, even when the policy lost the rule that asked."""
    decision = take(policy_of(rule(B)), customer("4711", id="m-2"), state=after_question()).decision
    assert (Action.ESCALATE, "ask") == (decision.decision, decision.reason.rule_id)


def test_a_question_survives_the_store():
    """A-10: the state keeps what was asked for."""
    state = from_json(json.loads(json.dumps(to_json(after_question()))))
    assert Action.ESCALATE is take(POLICY, customer("4711", id="m-2"), state=state).decision.decision


def test_while_a_person_has_the_conversation_nobody_is_asked():
    """A-10: suppressed, a rule asks for nothing; a new epoch has forgotten the question."""
    outcome = play(POLICY, agent(), customer("alpha"))[-1]
    assert (Suppression.HUMAN_IN_CONTROL, (), None) == (
        outcome.decision.suppressed, outcome.decision.collect, outcome.state.collecting,
    )  # fmt: skip
    assert None is return_to_bot(after_question()).collecting


def test_a_draft_can_be_the_reason_to_ask():
    """A-10, S-07: low confidence asks in the draft's place, and the answer to it brings the handoff."""
    policy = policy_of(rule({"confidence": {"threshold": 0.5}}, collect=["context.order"]))
    outcomes = play(policy, customer("x y"), (bot(), scored(confidence=0.1)), customer("4711", id="m-2"))
    assert ["continue", "continue", "escalate"] == decisions(outcomes)
    assert (("context.order",), "low_confidence") == (outcomes[1].decision.collect, outcomes[2].decision.reason.code)


def test_after_a_wait_it_asks_first_too():
    """A-10, A-05: a rule that waited asks on the next message; with nobody there to ask, the clock alone hands off."""
    policy = policy_of(ASKING | {"timing": {"mode": "after_wait", "wait_seconds": 60}})
    first = take(policy, customer("alpha"))
    asked = take(policy, customer("beta", id="m-2", seconds=60), state=first.state)
    assert (("customer.phone", "context.order.number"), ()) == (asked.decision.collect, asked.state.armed)
    assert Action.ESCALATE is take(policy, customer("4711", id="m-3", seconds=61), state=asked.state).decision.decision
    late = recheck(first.state, policy, first.decision.recheck_at)
    assert (Action.ESCALATE, ()) == (late.decision.decision, late.decision.collect)


def test_the_queue_counts_when_the_handoff_comes():
    """A-10, A-06: after the answer the queue says whether somebody calls back; an offer is no way out any more."""
    timing = {"mode": "sla_aware", "when_late": "callback", "when_closed": "offer"}
    policy, late = policy_of(ASKING | {"timing": timing}), {"queue": {"wait_seconds": 9999}}
    state = after_question(policy, context=late)
    outcomes = [
        take(policy, customer("4711", id="m-2"), state=state, context=context)
        for context in (late, {}, {"queue": {"open": False}})
    ]
    assert ["callback", "inbox", "inbox"] == [outcome.decision.action["type"] for outcome in outcomes]
    assert "callback" == report_of(outcomes[0], "timing.sla_aware", "ask").evidence["chosen"]


def test_an_accepted_offer_asks_too():
    """A-10, A-06: who accepts a person because the queue is long is asked for the details before the handoff."""
    timing = {"mode": "sla_aware", "when_late": "offer"}
    policy = policy_of(ASKING | {"timing": timing})
    offered = take(policy, customer("alpha"), context={"queue": {"wait_seconds": 9999}})
    asked = take(policy, customer("yes", id="m-2"), YES, offered.state)
    assert (Action.CONTINUE, ("customer.phone", "context.order.number"), "accepted") == (
        asked.decision.decision, asked.decision.collect, asked.state.offer.status,
    )  # fmt: skip
    assert Action.ESCALATE is take(policy, customer("4711", id="m-3"), state=asked.state).decision.decision


def test_the_second_step_comes_with_the_handoff():
    """A-10: ``also`` is done besides: absent while it asks, there when it escalates, fresh every time."""
    steps = [{"type": "slack", "webhook_url": "https://example.org/hook"}, {"type": "email", "to": "a@example.org"}]
    policy = policy_of(ASKING | {"also": steps})
    asked = take(policy, customer("alpha"))
    handed = take(policy, customer("4711", id="m-2"), state=asked.state).decision
    assert ((), ["slack", "email"]) == (asked.decision.also, [step["type"] for step in handed.also])
    handed.also[0]["type"] = "spoilt"
    again = take(policy, customer("4711", id="m-2"), state=asked.state).decision
    assert "slack" == again.also[0]["type"]
    assert () == take(policy_of(rule(A)), customer("alpha")).decision.also


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"collect": ["phone"]}, "unknown field 'phone'"),
        ({"collect": ["channel"]}, "expected customer.<name> or context.<name>"),
        ({"collect": ["customer"]}, "unknown field 'customer'"),
        ({"then": "offer", "collect": ["customer.phone"]}, "collect is for rules that escalate"),
        ({"then": "offer", "also": [{"type": "email", "to": "a@example.org"}]}, "also is for rules that escalate"),
        ({"collect": [f"customer.f{n}" for n in range(21)]}, "at most 20"),
    ],
)
def test_what_cannot_be_asked_for_is_refused(fields, message):
    """A-10: an offer collects nothing, and only what callers send about customer and context can be asked for."""
    with pytest.raises(ValueError, match=message):
        policy_of(rule(A, **fields))


def _is_resolved(turn, policy):
    """Whether the customer says that it works now."""
    scores = turn.scores if turn.message.role is Role.CUSTOMER else None
    known = (scores and scores.dialogue) or ()
    return any(entry.label == "resolved" and entry.probability >= policy.resolution.threshold for entry in known)


@settings(max_examples=250)
@given(chances)
def test_in_any_conversation_no_rule_asks_twice_and_no_handoff_is_lost(chance):
    """A-10: until the matter is settled a rule asks once; a customer's answer escalates, or the question stands until the next."""
    policy, state, asked = any_policy(chance), NEW, set()
    for turn in any_conversation(chance, policy, most=10):
        outcome = decide(turn, state, policy)
        pending = state.collecting
        if pending is not None and _is_resolved(turn, policy):
            asked.clear()
        elif pending is not None and outcome.decision.decision is not Action.ESCALATE:
            assert outcome.state.collecting is not None
        if outcome.decision.collect:
            assert outcome.decision.reason.rule_id not in asked
            assert outcome.state.collecting.rule_id == outcome.decision.reason.rule_id
            asked.add(outcome.decision.reason.rule_id)
        if pending is not None and turn.message.role is Role.BOT and outcome.decision.text is None:
            assert pending == outcome.state.collecting
        state = outcome.state


def test_silence_is_no_way_out_of_a_handoff():
    """M-15, A-10: a customer who never answers the question is handed over all the same, when `recheck_at` says."""
    outcome = take(POLICY, customer("alpha"))
    due = START + timedelta(seconds=300)
    assert due == outcome.decision.recheck_at
    assert recheck(outcome.state, POLICY, due - timedelta(microseconds=1)) is None
    found = recheck(outcome.state, POLICY, due)
    assert (Action.ESCALATE, "ask", "pending_handoff") == (
        found.decision.decision, found.decision.reason.rule_id, found.state.control,
    )  # fmt: skip
    assert ("I get someone.", None) == (found.decision.text, found.decision.recheck_at)


@pytest.mark.parametrize(("seconds", "expected"), [(59, Action.CONTINUE), (60, Action.ESCALATE)])
def test_how_long_an_answer_is_waited_for_is_the_policys(seconds, expected):
    """A-10: `answer_seconds`; a bot that goes on talking meanwhile doesn't put it off."""
    policy = policy_of(ASKING, answer_seconds=60)
    asked = take(policy, customer("alpha")).state
    assert expected is take(policy, bot(seconds=seconds), state=asked).decision.decision


def test_after_the_answer_there_is_no_way_back_to_an_offer():
    """A-06, A-10: the customer was told of a colleague and has answered; a queue that has closed meanwhile makes no offer of it."""
    late = {"mode": "sla_aware", "when_closed": "offer"}
    policy = policy_of(rule(A, id="ask", priority=5, collect=["customer.phone"], timing=late))
    asked = take(policy, customer("alpha")).state
    outcome = take(policy, customer("0171", id="m-2"), state=asked, context={"queue": {"open": False}})
    assert Action.ESCALATE is outcome.decision.decision
    assert "escalate" == report_of(outcome, "timing.sla_aware", "ask").evidence["chosen"]
