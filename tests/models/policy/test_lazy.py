"""``evaluation: lazy`` (S-14, X-07, X-18): it stops at the first rule that decides and asks for no score that no rule needs."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.contracts import Action, Role, ScoreStatus, TriggerStatus
from models.conversation import Prepared, next_request
from models.policy.engine import Turn, decide
from models.policy.state import NEW
from tests.models.policy.anything import (
    TEXT,
    any_conversation,
    any_policy,
    any_state,
    any_turn,
    chances,
    eager,
    fetch,
)
from tests.models.policy.builders import agent, bot, customer, play, policy_of, ranked, rule, scored, take

KEYWORD = {"keyword": {"terms": ["alpha"]}}
EXPLICIT = {"explicit": {"threshold": 0.8}}
INSISTS = {"dialogue": {"labels": ["insists"], "threshold": 0.5}}
LOW = {"confidence": {"threshold": 0.5}}
ALL = scored(
    intents={"order_status": 0.9},
    topics={"legal_threat": 0.1},
    explicit=0.1,
    sentiment=-0.1,
    frustration=0.1,
    custom=(),
    dialogue=ranked({"insists": 0.1}),
    out_of_scope=0.0,
    embedding=b"\x01",
)


def asks(policy, message, scores=ALL, state=NEW):
    """What a lazy policy asks for, step by step."""
    return [set(heads) for heads in fetch(Turn(message=message, scores=scores), state, policy)[1]]


def conclusion(outcome):
    """What a caller does about a decision."""
    decision = outcome.decision
    reason = None if decision.reason is None else (decision.reason.code, decision.reason.rule_id)
    return (
        decision.decision,
        reason,
        decision.text,
        decision.action,
        decision.also,
        decision.collect,
        decision.suppressed,
    )


@settings(max_examples=400)
@given(chances, st.booleans())
def test_lazy_decides_as_full(chance, together):
    """S-14, X-07: asking only for what is needed, step by step, a lazy policy takes the decision of the full one."""
    policy = any_policy(chance, evaluation="lazy")
    state = any_state(chance, policy)
    turn = any_turn(chance, policy, state)
    found, _ = fetch(turn, state, policy, together=together)
    assert conclusion(decide(turn, state, eager(policy))) == conclusion(decide(found, state, policy))


@settings(max_examples=150)
@given(chances, st.booleans())
def test_a_lazy_conversation_goes_as_a_full_one_until_something_is_decided(chance, together):
    """S-14: what rules look at later is scored while nothing is decided, so streaks, repetitions and the bot's last message count."""
    policy = any_policy(chance, evaluation="lazy")
    full = lazy = NEW
    for drawn in any_conversation(chance, eager(policy)):
        if drawn.scores is None:  # what failed is left out, so the questions before aren't those that it was drawn for
            continue
        repeats = (*drawn.scores.repeats, *[0.5] * len(full.questions))[: len(full.questions)]
        turn = replace(drawn, scores=replace(drawn.scores, repeats=repeats))
        found, _ = fetch(turn, lazy, policy, together=together)
        expected, outcome = decide(turn, full, eager(policy)), decide(found, lazy, policy)
        assert conclusion(expected) == conclusion(outcome)
        if expected.decision.text is not None:
            return
        full, lazy = expected.state, outcome.state


def test_nothing_is_asked_for_that_no_rule_needs():
    """S-14: a keyword decides before any graph has run, and the rules behind it are reported as skipped."""
    policy = policy_of(rule(KEYWORD, id="cheap", priority=9), rule(EXPLICIT, id="dear", priority=1), evaluation="lazy")
    assert [set()] == asks(policy, customer("alpha"))
    assert [set(), {"explicit"}] == asks(policy, customer("beta"))
    found, _ = fetch(Turn(message=customer("alpha"), scores=ALL), NEW, policy)
    reports = take(policy, customer("alpha"), found.scores).decision.triggers
    assert [("cheap", TriggerStatus.FIRED), ("dear", TriggerStatus.SKIPPED)] == [(r.rule_id, r.status) for r in reports]


def test_a_full_policy_reports_every_trigger():
    """X-07: with ``full``, the default, what stands behind the deciding rule is evaluated all the same."""
    policy = policy_of(rule(KEYWORD, id="cheap", priority=9), rule(EXPLICIT, id="dear", priority=1))
    reports = take(policy, customer("alpha"), ALL).decision.triggers
    assert [TriggerStatus.FIRED, TriggerStatus.EVALUATED] == [report.status for report in reports]
    assert [None] == [
        request.heads for request in [next_request(Turn(message=customer(), scores=None), NEW, Prepared(policy))]
    ]


def test_rules_of_the_deciders_own_priority_are_not_looked_at():
    """X-07: of equals the first decides, so the second needs no model."""
    policy = policy_of(rule(KEYWORD, id="a"), rule(EXPLICIT, id="b"), evaluation="lazy")
    assert [set()] == asks(policy, customer("alpha"))
    turned = policy_of(rule(EXPLICIT, id="b"), rule(KEYWORD, id="a"), evaluation="lazy")
    assert [set(), {"explicit"}] == asks(turned, customer("alpha"))


def test_a_rule_that_is_false_without_its_scores_needs_none():
    """S-14: one part of ``all`` that is false, one of ``any`` that is true, and the rest need not be known."""
    both = policy_of(rule({"all": [EXPLICIT, KEYWORD]}), evaluation="lazy")
    either = policy_of(rule({"any": [EXPLICIT, KEYWORD]}), evaluation="lazy")
    neither = policy_of(rule({"not": {"any": [EXPLICIT, KEYWORD]}}), evaluation="lazy")
    assert [[set()], [set(), {"explicit"}]] == [asks(both, customer(text)) for text in ("beta", "alpha")]
    assert [[set(), {"explicit"}], [set()]] == [asks(either, customer(text)) for text in ("beta", "alpha")]
    assert [[set(), {"explicit"}], [set()]] == [asks(neither, customer(text)) for text in ("beta", "alpha")]


def test_every_graph_is_asked_for_on_its_own():
    """S-14: what the dialogue's run gives is asked for when a rule needs it, after the message's own."""
    policy = policy_of(rule(EXPLICIT, id="a", priority=9), rule(INSISTS, id="b", priority=1), evaluation="lazy")
    assert [set(), {"explicit"}, {"dialogue"}] == asks(policy, customer())
    assert [set(), {"explicit"}] == asks(policy, customer(), replace(ALL, explicit=0.9))


def test_an_offers_answer_needs_the_intents():
    """While an offer is open the customer's message is read as its answer, whatever the rules need."""
    policy = policy_of(rule(KEYWORD, "offer"), evaluation="lazy")
    state = take(policy, customer("alpha")).state
    assert [set(), {"intents"}] == asks(policy, customer("beta"), state=state)


def test_what_could_settle_a_matter_is_asked_for():
    """While a rule waits, and where one begins to, the labels that settle the matter are needed; an asked question needs one."""
    waiting = policy_of(rule(KEYWORD, timing={"mode": "after_wait", "wait_seconds": 60}), evaluation="lazy")
    assert [set(), {"intents", "dialogue"}] == asks(waiting, customer("alpha"))
    state = take(waiting, customer("alpha"), ALL).state
    assert [set(), {"intents", "dialogue"}] == asks(waiting, customer("beta"), state=state)
    asking = policy_of(rule(KEYWORD, collect=["customer.order"]), evaluation="lazy")
    state = take(asking, customer("alpha"), ALL).state
    assert [set(), {"dialogue"}] == asks(asking, customer("beta"), state=state)


def test_an_escalation_needs_nothing_that_would_settle_the_matter():
    """A rule that begins to wait beside one that escalates waits for nothing."""
    policy = policy_of(
        rule(KEYWORD, id="slow", priority=9, timing={"mode": "after_wait", "wait_seconds": 60}),
        rule(KEYWORD, id="now", priority=1),
        evaluation="lazy",
    )
    assert [set()] == asks(policy, customer("alpha"))


@pytest.mark.parametrize(
    ("when", "message", "expected"),
    [
        ({"sentiment": {"streak": 2}}, customer("x"), [set(), {"sentiment"}]),
        ({"all": [KEYWORD, {"sentiment": {"streak": 2}}]}, customer("x"), [set(), {"sentiment"}]),
        ({"all": [KEYWORD, {"sentiment": {"below": -0.5}}]}, customer("x"), [set()]),
        ({"repetition": {"max_retries": 3}}, customer("x y"), [set(), {"intents"}]),
        ({"repetition": {"max_loops": 3}}, customer("x y"), [set(), {"intents"}]),
        ({"repetition": {"max_fallbacks": 3}}, customer("x y"), [set()]),
        (
            {"all": [KEYWORD, {**INSISTS, "dialogue": INSISTS["dialogue"] | {"times": 2}}]},
            customer("x"),
            [set(), {"dialogue"}],
        ),
        ({"turn": {"after_confidence_below": 0.5}}, bot(), [set(), {"confidence"}]),
        ({"turn": {"after_bot": {"labels": ["bot_cannot"], "threshold": 0.5}}}, bot(), [set(), {"dialogue"}]),
        ({"turn": {"after_bot": {"labels": ["bot_cannot"], "threshold": 0.5}}}, customer("x"), [set()]),
        ({"time": {"max_messages": 9}}, bot(), [set()]),
    ],
)
def test_what_a_rule_will_look_back_at_is_scored_in_time(when, message, expected):
    """A streak, a repetition, the bot's last message: their scores are asked for when there are any, not when it is too late."""
    scores = ALL if message.role is Role.CUSTOMER else scored(confidence=0.9, dialogue=ranked({"bot_cannot": 0.1}))
    assert expected == asks(policy_of(rule(when), evaluation="lazy"), message, scores)


def test_a_draft_needs_what_its_rules_need():
    """S-14, S-07: the confidence in a draft is asked for where a rule looks at it; the bot's own number doesn't stand in for it."""
    policy = policy_of(rule(LOW), evaluation="lazy")
    good, draft = scored(confidence=0.9, dialogue=()), bot(confidence=0.1)
    assert [set(), {"confidence"}] == asks(policy, draft, good)
    found, _ = fetch(Turn(message=draft, scores=good), NEW, policy)
    assert Action.CONTINUE is take(policy, draft, found.scores).decision.decision
    assert [set()] == asks(policy_of(rule(EXPLICIT), evaluation="lazy"), draft, good)


def test_an_agents_message_is_not_scored():
    """Nothing is asked about what a person says."""
    policy = policy_of(rule(EXPLICIT), evaluation="lazy")
    assert next_request(Turn(message=agent(), scores=None), NEW, Prepared(policy)) is None


def test_what_is_said_to_a_person_is_scored_all_the_same():
    """X-11: while a person holds the conversation nothing is decided, and everything is scored: it is a record to learn from."""
    policy = policy_of(rule(KEYWORD), evaluation="lazy")
    state = take(policy, customer("alpha")).state
    first, second = asks(policy, customer("beta"), state=state)
    assert (set(), {*TEXT, "dialogue"}) == (first, second)


def test_what_was_not_asked_cannot_fail():
    """A model that failed is asked about in full, and by a lazy policy only where a rule needs it."""
    scores = replace(ALL, explicit=None, status={"explicit": ScoreStatus.FAILED})
    rules = [rule(KEYWORD, id="a", priority=9), rule({"all": [KEYWORD, EXPLICIT]}, id="b", priority=1)]
    lazy, full = policy_of(*rules, evaluation="lazy"), policy_of(*rules)
    found, _ = fetch(Turn(message=customer(), scores=scores), NEW, lazy)
    outcomes = [take(full, customer(), scores), take(lazy, customer(), found.scores)]
    assert [Action.OFFER, Action.CONTINUE] == [outcome.decision.decision for outcome in outcomes]


def test_a_flip_is_told_only_where_everything_for_it_is_known():
    """What would happen without the deciding rule is unknown while the rules behind it haven't got their scores."""
    rules = [rule(EXPLICIT, id="a", priority=9), rule(INSISTS, id="b", priority=1)]
    scores = replace(ALL, explicit=0.9, dialogue=ranked({"insists": 0.9}))
    lazy = policy_of(*rules, evaluation="lazy")
    found, _ = fetch(Turn(message=customer(), scores=scores), NEW, lazy)
    assert [(), ()] == [
        take(policy, customer(), one).decision.would_flip_if
        for policy, one in ((lazy, found.scores), (policy_of(*rules), scores))
    ]
    alone = policy_of(rules[0], evaluation="lazy")
    assert ["scores.explicit"] == [flip.what for flip in take(alone, customer(), found.scores).decision.would_flip_if]


def test_evaluation_is_part_of_the_document():
    """X-07: full is the default; lazy is another document with another fingerprint."""
    assert "full" == policy_of(rule(KEYWORD)).evaluation
    assert policy_of(rule(KEYWORD)).label != policy_of(rule(KEYWORD), evaluation="lazy").label
    with pytest.raises(ValueError, match="'full' or 'lazy'"):
        policy_of(rule(KEYWORD), evaluation="sometimes")


def test_the_answer_says_which_stage_decided():
    """X-18: whether a keyword or a model decided stands in the triggers: which fired, which were skipped, and what they saw."""
    rules = [rule(KEYWORD, id="word", priority=9), rule(EXPLICIT, id="model", priority=1)]
    word, model = (
        play(policy_of(*rules, evaluation="lazy"), (customer(text), replace(ALL, explicit=0.9)))[0]
        for text in ("alpha", "beta")
    )
    assert [["keyword"], ["explicit"]] == [
        [report.name for report in outcome.decision.triggers if report.status is TriggerStatus.FIRED]
        for outcome in (word, model)
    ]


def test_a_repeated_question_is_told_by_its_meaning():
    """S-14, X-20: whether a question is the same in other words takes a model, so a rule below it doesn't decide before that ran."""
    rules = [
        rule({"repetition": {"max_retries": 2}}, id="again", priority=9),
        rule(KEYWORD, id="word", priority=1),
    ]
    lazy, first = policy_of(*rules, evaluation="lazy"), customer("where is my parcel")
    state = take(lazy, first, ALL).state
    turn = Turn(message=customer("alpha hasn't come", id="m-2"), scores=replace(ALL, repeats=(0.99,)))
    found, asked = fetch(turn, state, lazy)
    assert [frozenset(), {"intents"}] == asked
    assert ["again"] * 2 == [
        take(policy, turn.message, one, state).decision.reason.rule_id
        for policy, one in ((lazy, found.scores), (policy_of(*rules), turn.scores))
    ]


@pytest.mark.parametrize("together", [True, False])
def test_a_rule_over_trained_and_own_labels_waits_for_both(together):
    """S-14, S-05: that the trained label is far from its threshold says nothing of the policy's own."""
    rules = [
        rule({"intent": {"labels": ["fees"], "threshold": 0.9}}, id="fees", priority=9),
        rule({"intent": {"labels": ["fees", "ours"], "threshold": 0.5}}, id="both", priority=1),
    ]
    lazy = policy_of(*rules, evaluation="lazy", labels={"ours": {"description": "x"}})
    turn = Turn(message=customer(), scores=replace(ALL, intents=ranked({"fees": 0.1}), custom=ranked({"ours": 0.5})))
    found, _ = fetch(turn, NEW, lazy, together=together)
    assert "both" == take(lazy, turn.message, found.scores).decision.reason.rule_id
