"""decide(): order of rules, offers, suppression, epochs, errors (rows S-01, S-02, M-14, S-13, A-01, A-04)."""

import pytest

from models.contracts import Action, Phase, ReasonCode, ScoreStatus, Suppression, TriggerStatus
from models.policy.engine import Turn, decide
from models.policy.state import NEW, return_to_bot
from tests.models.policy.builders import (
    OFFERING,
    A,
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

# rules


def test_a_rule_is_trigger_action_and_message():
    """S-01, A-04: what a rule says is in the decision at once: text, action, reason with rule id and sentence."""
    action = {"type": "queue", "topic": "human-review", "priority": 5}
    policy = policy_of(
        rule({"topic": {"labels": ["legal_threat"], "threshold": 0.8}}, message="Hold on.", action=action)
    )
    decision = take(policy, customer(), scored(topics={"legal_threat": 0.9})).decision
    assert (Action.ESCALATE, "Hold on.", action) == (decision.decision, decision.text, decision.action)
    assert ("topic", "r", "The message is about legal threat.") == (
        decision.reason.code, decision.reason.rule_id, decision.reason.sentence,
    )  # fmt: skip
    assert policy.label == decision.policy


def test_the_higher_priority_decides_and_all_are_reported():
    """S-02: the higher number wins; the other firing rule is among the reasons, every trigger among the reports."""
    policy = policy_of(
        rule(A, id="low", priority=1, message="low"),
        rule(A, id="high", priority=9, message="high"),
        rule(B, id="quiet", priority=5),
    )
    decision = take(policy, customer("alpha")).decision
    assert ("high", ["high", "low"]) == (decision.text, [reason.rule_id for reason in decision.reasons])
    assert ["high", "quiet", "low"] == [report.rule_id for report in decision.triggers]


def test_ties_keep_the_order_of_creation():
    """S-02: of rules with one priority the first written decides."""
    policy = policy_of(*(rule(A, id=f"r{n}") for n in range(5)))
    assert [f"r{n}" for n in range(5)] == [
        reason.rule_id for reason in take(policy, customer("alpha")).decision.reasons
    ]


def test_nothing_fires():
    """Without a firing rule the bot goes on, with no text and no action."""
    decision = take(policy_of(rule(A)), customer("beta")).decision
    assert (Action.CONTINUE, None, None, None, ()) == (
        decision.decision, decision.reason, decision.text, decision.action, decision.reasons,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("when", "code"),
    [
        (A, ReasonCode.POLICY),
        (
            {"all": [{"field": "channel", "exists": False}, {"explicit": {"threshold": 0.1}}]},
            ReasonCode.EXPLICIT_REQUEST,
        ),
        ({"turn": {"offer_made": True}}, ReasonCode.POLICY),
        ({"frustration": {"at_least": 0.1}}, ReasonCode.SENTIMENT),
        ({"repetition": {"max_fallbacks": 1}}, ReasonCode.REPETITION),
        ({"time": {"max_messages": 0}}, ReasonCode.TIME_LIMIT),
        ({"not": A}, ReasonCode.POLICY),
    ],
)
def test_the_reason_comes_from_the_trigger(when, code):
    """A-01: the code is that of the first trigger with one, and a rule's own reason overrides it."""
    program = policy_of(rule(when), rule(when, id="own", reason="missing_information")).program
    codes = {compiled.rule.id: compiled.code for phase in Phase for compiled in program[phase]}
    assert {"r": code, "own": ReasonCode.MISSING_INFORMATION} == codes


def test_a_policy_can_be_switched_off():
    """M-14: a disabled policy looks at nothing and decides nothing, even when scoring failed."""
    outcome = decide(Turn(message=customer("alpha"), scores=None), NEW, policy_of(rule(A), enabled=False))
    assert (Action.CONTINUE, ()) == (outcome.decision.decision, outcome.decision.triggers)


def test_the_handoff_action_is_fresh_every_time():
    """What a caller does to a decision's action does not reach the policy."""
    policy = policy_of(rule(A, action={"type": "inbox", "tags": ["x"], "priority": "P1"}))
    take(policy, customer("alpha")).decision.action["tags"].append("y")
    assert {"type": "inbox", "tags": ["x"], "priority": "urgent"} == take(policy, customer("alpha")).decision.action


def test_messages_are_picked_by_language():
    """The customer's own language first, then the message's, then the policy's locale."""
    policy = policy_of(rule(A, message={"en": "Hello", "pt": "Olá"}), messages={"escalate": {"de": "Hallo", "en": "-"}})
    known = [{"language": "pt-BR"}, {"language": "de"}, {}, {"language": "fr"}]
    assert ["Olá", "Hallo", "Hello", "Hello"] == [
        take(policy, customer("alpha"), customer=one).decision.text for one in known
    ]


# what the customer reads


def test_the_policys_text_is_what_the_bot_said():
    """After an offer or an escalation the state holds the policy's text, since that is what the customer read."""
    policy = policy_of(rule(A, "offer", id="a", message="Shall I?"), rule(B, id="b", message="One moment."))
    for text, expected in (("alpha", "Shall I?"), ("beta", "One moment.")):
        assert expected == take(policy, customer(text)).state.last_bot_text


def test_an_escalated_draft_was_never_said():
    """The policy's text takes the draft's place, in the state too; the draft is counted all the same."""
    policy = policy_of(rule({"repetition": {"max_fallbacks": 1}}, message="One moment."))
    said, unsaid = take(policy, bot("Two days.")), take(policy, bot("Pardon?", fallback=True))
    assert [("Two days.", 1), ("One moment.", 1)] == [
        (outcome.state.last_bot_text, outcome.state.n_bot_responses) for outcome in (said, unsaid)
    ]


def test_without_a_text_what_the_bot_said_stays():
    """A message that changes nothing, or that a person is to answer, leaves what the customer read last."""
    first, *rest = play(policy_of(rule(A, message="One moment.")), bot("Hi."), customer("x"), customer("alpha"))
    assert ["Hi.", "Hi.", "One moment."] == [outcome.state.last_bot_text for outcome in (first, *rest)]
    held = take(policy_of(rule(A, message="One moment.")), customer("alpha"), state=first.state)
    again = take(policy_of(rule(A, message="Another.")), customer("alpha"), state=held.state)
    assert (Suppression.HANDOFF_PENDING, "One moment.") == (again.decision.suppressed, again.state.last_bot_text)


def test_an_epoch_begins_without_a_bots_message():
    """After a return to the bot nothing was said before."""
    state = return_to_bot(take(policy_of(rule(A, message="One moment.")), customer("alpha")).state)
    assert (None, None, None) == (state.last_bot_text, state.last_customer_text, state.earlier_customer_text)


# who is in charge


def test_while_a_handoff_is_pending_nothing_is_decided():
    """S-13: later messages still arrive, are evaluated and reported, but the decision is continue."""
    first, second, draft = play(policy_of(rule(A)), customer("alpha"), customer("alpha"), bot())
    assert Suppression.HANDOFF_PENDING is second.decision.suppressed is draft.decision.suppressed
    assert (Action.CONTINUE, None, None) == (second.decision.decision, second.decision.text, second.decision.action)
    assert TriggerStatus.FIRED is report_of(second, "keyword").status
    assert ["r"] == [reason.rule_id for reason in second.decision.reasons]
    assert first.decision.suppressed is None


def test_while_a_person_has_the_conversation_nothing_is_decided():
    """S-13: an agent's message puts the agent in charge; from then on decisions are suppressed but scored."""
    spoken, after = play(policy_of(rule(A)), agent(), customer("alpha"))
    assert ("agent", Suppression.HUMAN_IN_CONTROL) == (spoken.state.control, spoken.decision.suppressed)
    assert (Action.CONTINUE, Suppression.HUMAN_IN_CONTROL) == (after.decision.decision, after.decision.suppressed)
    assert (TriggerStatus.FIRED, "agent") == (report_of(after, "keyword").status, after.state.control)


def test_a_suppressed_message_makes_no_offer():
    """No offer is remembered that was never shown."""
    assert play(OFFERING, agent(), customer("alpha"))[-1].state.offer is None


def test_the_bot_gets_the_conversation_back_as_new():
    """After return_to_bot the next epoch has begun and nothing of the last one is left."""
    state = return_to_bot(play(policy_of(rule(A)), customer("alpha"), agent())[-1].state)
    assert (NEW.epoch + 1, "bot", (), None, 0) == (
        state.epoch,
        state.control,
        state.questions,
        state.offer,
        state.n_messages,
    )
    assert Action.ESCALATE is take(policy_of(rule(A)), customer("alpha"), state=state).decision.decision


# errors


@pytest.mark.parametrize("action", ["continue", "offer", "escalate"])
def test_on_error_says_what_follows_a_failure(action):
    """When scoring failed and no rule decides, the policy's on_error does, with the reason error."""
    policy = policy_of(rule({"intent": {"labels": ["a"], "threshold": 0.5}}), on_error=action)
    decision = decide(Turn(message=customer(), scores=None), NEW, policy).decision
    assert (action, ("scores",)) == (decision.decision, decision.degraded)
    assert (None if action == "continue" else ("error", "on_error")) == (
        decision.reason and (decision.reason.code, decision.reason.rule_id)
    )


def test_rules_that_need_no_model_come_before_on_error():
    """A keyword still decides when the models failed."""
    policy = policy_of(rule(A), rule({"explicit": {"threshold": 0.8}}, id="e"), on_error="offer")
    decision = decide(Turn(message=customer("alpha"), scores=None), NEW, policy).decision
    assert (Action.ESCALATE, "r") == (decision.decision, decision.reason.rule_id)


def test_a_policy_without_models_does_not_mind_their_failure():
    """When no rule would have asked a model, its failure changes nothing."""
    assert Action.CONTINUE is decide(Turn(message=customer(), scores=None), NEW, policy_of(rule(A))).decision.decision


def test_one_failed_head_is_enough():
    """A failed score that a rule looks at counts; one that no rule looks at, or that merely doesn't exist, doesn't."""
    policy = policy_of(rule({"topic": {"labels": ["a"], "threshold": 0.5}}))
    statuses = [
        {"topics": ScoreStatus.FAILED},
        {"intents": ScoreStatus.FAILED},
        {"topics": ScoreStatus.UNSUPPORTED_LANGUAGE},
    ]
    outcomes = [take(policy, customer(), scored(status=status)) for status in statuses]
    assert ["offer", "continue", "continue"] == decisions(outcomes)
    assert [("topics",), ("intents",), ()] == [outcome.decision.degraded for outcome in outcomes]


def test_errors_offer_once():
    """A lasting failure offers a person once, not with every message; a yes to it escalates."""
    policy = policy_of(rule({"intent": {"labels": ["a"], "threshold": 0.5}}))
    failing = [(customer(text, id=text), None) for text in ("hello there", "hello again", "hello?")]
    assert ["offer", "continue", "continue"] == decisions(play(policy, *failing))
    outcome = play(policy, failing[0], (customer("yes please"), None))[-1]
    assert ("escalate", "error") == (outcome.decision.decision, outcome.decision.reason.code)


@pytest.mark.parametrize("action", ["continue", "offer", "escalate"])
@pytest.mark.parametrize("scores", [None, scored(status={"confidence": ScoreStatus.FAILED})])
def test_on_error_holds_for_drafts(scores, action):
    """A draft whose scoring failed is counted, and the policy's on_error says what then."""
    policy = policy_of(rule({"confidence": {"threshold": 0.5}}), on_error=action)
    outcome = decide(Turn(message=bot(), scores=scores), NEW, policy)
    assert (action, Phase.POST, 1) == (
        outcome.decision.decision,
        outcome.decision.phase,
        outcome.state.n_bot_responses,
    )


def test_a_failure_that_matters_to_no_draft():
    """No rule looks at drafts, the bot sent a number of its own, or the score merely doesn't exist: the draft goes on."""
    judged, unjudged = (
        policy_of(rule({"confidence": {"threshold": 0.5}})),
        policy_of(rule({"explicit": {"threshold": 0.8}})),
    )
    turns = [
        (unjudged, Turn(message=bot(), scores=None)),
        (judged, Turn(message=bot(confidence=0.9), scores=None)),
        (judged, Turn(message=bot(), scores=scored())),
    ]
    assert ["continue"] * 3 == decisions(decide(turn, NEW, policy) for policy, turn in turns)


@pytest.mark.parametrize("messages", [{}, {"messages": {}}, {"messages": {"escalate": None, "offer": None}}])
def test_there_is_always_something_to_say(messages):
    """A policy without messages, or with null for them, says the schema's own, and is one policy with one fingerprint."""
    policy = policy_of(rule(A, "offer", id="a"), rule(B, id="b"), **messages)
    offered, escalated = (take(policy, customer(text)).decision.text for text in ("alpha", "beta"))
    assert (
        "Would you like me to bring in a colleague?",
        "Let me bring in a colleague who can help you with this.",
    ) == (
        offered,
        escalated,
    )
    assert policy.label == policy_of(rule(A, "offer", id="a"), rule(B, id="b")).label


def test_deciding_changes_nothing_it_was_given():
    """Deciding is pure: the same turn and state give the same outcome again."""
    turn = Turn(message=customer("alpha"), scores=scored(explicit=0.3))
    assert decide(turn, NEW, OFFERING) == decide(turn, NEW, OFFERING)


def test_rules_that_held_are_remembered_once():
    """However often a rule holds, the state names it once, in the order of the first time."""
    policy = policy_of(rule(B, id="b"), rule(A, id="a"))
    state = play(policy, customer("alpha"), customer("alpha beta"), customer("alpha"))[-1].state
    assert ("a", "b") == state.fired
