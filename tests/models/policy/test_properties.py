"""What must hold for every policy and every conversation."""

from dataclasses import replace
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from models.contracts import Action
from models.policy.engine import Turn, decide
from models.policy.schema import default_policy
from models.policy.state import NEW, from_json, to_json
from tests.models.policy.builders import agent, bot, customer, policy_of, rule, scored

unit = st.floats(0, 1).map(lambda value: round(value, 3))
signed = st.floats(-1, 1).map(lambda value: round(value, 3))
LABELS = ("affirm", "deny", "order_status", "ask_contact_info", "demand_refund")
TOPICS = ("demand_refund", "legal_threat", "billing_dispute")


@st.composite
def customer_turns(draw):
    """A customer's message with scores, some of them missing."""
    text = draw(st.sampled_from(["where is my order", "yes", "no thanks", "I want a human", "why is that so", "hmm"]))
    scores = scored(
        intents={label: draw(unit) for label in LABELS},
        topics={label: draw(unit) for label in TOPICS},
        sentiment=draw(signed),
        explicit=draw(st.none() | unit),
        frustration=draw(unit),
        repeats=tuple(draw(st.lists(unit, max_size=3))),
    )
    return customer(text, seconds=draw(st.integers(-100, 2000))), draw(st.sampled_from([scores, scores, scores, None]))


@st.composite
def bot_turns(draw):
    """A bot's draft with its confidence."""
    text = draw(st.sampled_from(["On its way.", "I don't know."]))
    return bot(text, fallback=draw(st.booleans())), scored(confidence=draw(st.none() | unit))


conversations = st.lists(customer_turns() | bot_turns(), min_size=1, max_size=10)
with_agents = st.lists(customer_turns() | bot_turns() | st.just((agent(), None)), min_size=1, max_size=10)


def fold(policy, steps, state=NEW):
    """Every outcome of a conversation."""
    outcomes = []
    for message, scores in steps:
        outcomes.append(decide(Turn(message=message, scores=scores), state, policy))
        state = outcomes[-1].state
    return outcomes


def escalating(threshold, below):
    """A policy of escalating rules, all as strict as one number in [0, 1] says."""
    return policy_of(
        rule({"explicit": {"threshold": threshold}}, id="explicit"),
        rule({"topic": {"labels": list(TOPICS), "threshold": threshold}}, id="topic"),
        rule({"frustration": {"at_least": threshold}}, id="frustration"),
        rule({"sentiment": {"below": below, "window": {"messages": 2, "below": below}}}, id="sentiment"),
        rule({"repetition": {"max_retries": 2, "similarity": max(threshold, 0.01)}}, id="repetition"),
        on_error="continue",
    )


@given(conversations, unit, unit)
def test_a_stricter_threshold_never_escalates_more(steps, one, two):
    """Raising every threshold never turns a message that went on into one that escalates."""
    low, high = sorted((one, two))
    lax, strict = escalating(low, -low), escalating(high, -high)
    for n in range(len(steps)):
        before = fold(policy_of(), steps[:n])
        state = before[-1].state if before else NEW
        message, scores = steps[n]
        turn = Turn(message=message, scores=scores)
        if decide(turn, state, strict).decision.decision is Action.ESCALATE:
            assert Action.ESCALATE is decide(turn, state, lax).decision.decision


@given(customer_turns(), unit)
def test_a_higher_score_never_escalates_less(step, raised):
    """Raising the explicit score never turns an escalation into less."""
    message, scores = step
    if scores is None or scores.explicit is None:
        return
    policy = escalating(0.5, -0.5)
    higher = replace(scores, explicit=max(scores.explicit, raised))
    if decide(Turn(message=message, scores=scores), NEW, policy).decision.decision is Action.ESCALATE:
        assert Action.ESCALATE is decide(Turn(message=message, scores=higher), NEW, policy).decision.decision


@given(with_agents)
def test_a_replay_gives_the_same_bit_for_bit(steps):
    """The same messages and scores give equal decisions and states, also when the state was stored in between."""
    policy = default_policy()
    first = fold(policy, steps)
    state = NEW
    for (message, scores), outcome in zip(steps, first, strict=True):
        again = decide(Turn(message=message, scores=scores), from_json(to_json(state)), policy)
        assert outcome == again
        state = again.state


@given(with_agents, st.integers(1, 10**6))
def test_the_wall_clock_does_not_matter(steps, days):
    """The whole conversation at another time is decided alike: only differences of time count."""
    policy = policy_of(rule({"time": {"max_duration_seconds": 900}}), *[])
    moved = [(replace(message, at=message.at + timedelta(days=days % 3000)), scores) for message, scores in steps]
    assert [o.decision for o in fold(policy, steps)] == [o.decision for o in fold(policy, moved)]


@given(customer_turns(), st.permutations(range(5)))
def test_rules_of_different_priority_may_stand_in_any_order(step, order):
    """Where no two priorities are equal the order of the document changes nothing."""
    rules = [
        rule({"explicit": {"threshold": 0.5}}, id="a", priority=5),
        rule({"topic": {"labels": list(TOPICS), "threshold": 0.5}}, "offer", id="b", priority=4),
        rule({"sentiment": {"below": -0.2}}, id="c", priority=3),
        rule({"intent": {"labels": ["deny"], "threshold": 0.5}}, "offer", id="d", priority=2),
        rule({"frustration": {"at_least": 0.5}}, id="e", priority=1),
    ]
    turn = Turn(message=step[0], scores=step[1])
    straight = decide(turn, NEW, policy_of(*rules))
    mixed = decide(turn, NEW, policy_of(*(rules[n] for n in order)))
    assert replace(straight.decision, policy="") == replace(mixed.decision, policy="")
    assert straight.state == mixed.state


@given(with_agents)
def test_offers_come_at_most_once_in_an_epoch(steps):
    """However a conversation goes, nobody is asked twice."""
    outcomes = fold(default_policy(), steps)
    assert 1 >= sum(outcome.decision.decision is Action.OFFER for outcome in outcomes)


@given(with_agents)
def test_after_an_escalation_nothing_more_is_decided(steps):
    """There is at most one escalation in an epoch, and suppression from then on."""
    outcomes = fold(default_policy(), steps)
    places = [n for n, outcome in enumerate(outcomes) if outcome.decision.decision is Action.ESCALATE]
    assert len(places) <= 1
    assert all(outcome.decision.suppressed for n in places for outcome in outcomes[n + 1 :])


@given(with_agents)
def test_margins_agree_with_statuses(steps):
    """Where a single comparison is reported, it fired exactly if its margin says so."""
    for outcome in fold(default_policy(), steps):
        for report in outcome.decision.triggers:
            if report.margin is None or report.name in {"confidence", "offer"}:
                continue
            holds = report.margin > 0 if report.operator in {"<", ">"} else report.margin >= 0
            assert holds == (report.status == "fired")


@given(with_agents)
def test_every_flip_is_true(steps):
    """What would_flip_if names really flips the decision."""
    from models.policy.explain import changed

    state = NEW
    for message, scores in steps:
        outcome = decide(Turn(message=message, scores=scores), state, default_policy())
        for flip in outcome.decision.would_flip_if:
            turn = Turn(message=message, scores=changed(scores, flip.what, flip.to))
            again = decide(turn, state, default_policy(), explain=False).decision.decision
            assert flip.decision is again is not outcome.decision.decision
        state = outcome.state
