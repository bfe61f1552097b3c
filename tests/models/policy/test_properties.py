"""What must hold for every policy and every conversation."""

import functools
import json
import operator
import random
import sys
import time
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.contracts import Action
from models.policy.engine import Turn, decide, recheck
from models.policy.explain import changed
from models.policy.schema import Policy, default_policy
from models.policy.state import NEW, from_json, return_to_bot, to_json
from tests.models.policy.anything import (
    EVERYBODY,
    GRID,
    GUIDELINES,
    any_conversation,
    any_policy,
    any_state,
    any_turn,
    chances,
    eager,
    fetch,
)
from tests.models.policy.builders import START, agent, as_json, bot, customer, policy_of, rule, scored

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


def _with_threshold(flip):
    """The default policy with the threshold that a flip names: rules.<id>.<trigger>.<field>."""
    document = default_policy().model_dump(mode="json", by_alias=True, exclude_defaults=True)
    _, rule_id, trigger, name = flip.what.split(".")
    (rule,) = [rule for rule in document["rules"] if rule["id"] == rule_id]
    assert rule["when"][trigger][name] == flip.value
    rule["when"][trigger][name] = flip.to
    return Policy.model_validate(document)


@given(with_agents)
def test_every_flip_is_true(steps):
    """What would_flip_if names really flips the decision."""
    state = NEW
    for message, scores in steps:
        outcome = decide(Turn(message=message, scores=scores), state, default_policy())
        for flip in outcome.decision.would_flip_if:
            if flip.what.startswith("rules."):
                turn, policy = Turn(message=message, scores=scores), _with_threshold(flip)
            else:
                turn, policy = Turn(message=message, scores=changed(scores, flip.what, flip.to)), default_policy()
            again = decide(turn, state, policy, explain=False).decision.decision
            assert flip.decision is again is not outcome.decision.decision
        state = outcome.state


# any policy: all triggers, timings, questions, custom labels


def played(policy, turns, state=NEW, *, through_json=False):
    """Every outcome of a conversation, its state stored and loaded before every message or not."""
    outcomes = []
    for turn in turns:
        before = from_json(json.loads(json.dumps(to_json(state)))) if through_json else state
        outcomes.append(decide(turn, before, policy))
        state = outcomes[-1].state
    return outcomes


@settings(max_examples=150)
@given(chances)
def test_any_conversation_replays_bit_for_bit(chance):
    """From the recorded messages and scores come the same outcomes again, also when the state was stored before every message."""
    policy = any_policy(chance, evaluation=chance.choice(("full", "lazy")))
    turns = any_conversation(chance, policy, roles=EVERYBODY)
    first = played(policy, turns)
    assert first == played(policy, turns)
    assert first == played(policy, turns, through_json=True)
    assert first == played(Policy.model_validate_json(as_json(policy)).bound(policy._thresholds), turns)


@settings(max_examples=150)
@given(chances)
def test_rules_without_ties_may_stand_in_any_order(chance):
    """S-02, X-07: where no two priorities are equal, shuffling the document changes no decision and no state."""
    policy = any_policy(chance, untied=True)
    rules = list(policy.rules)
    chance.shuffle(rules)
    shuffled = policy.model_copy(update={"rules": tuple(rules)})
    state = any_state(chance, policy)
    turn = any_turn(chance, policy, state)
    one, other = decide(turn, state, policy), decide(turn, state, shuffled)
    assert replace(one.decision, policy="") == replace(other.decision, policy="")
    assert one.state == other.state


LAXER = {
    "explicit": lambda value: {"explicit": {"threshold": value}},
    "intent": lambda value: {"intent": {"labels": ["order_status", "ours"], "threshold": value}},
    "topic": lambda value: {"topic": {"labels": ["legal_threat", "theirs"], "threshold": value}},
    "dialogue": lambda value: {"dialogue": {"labels": ["insists"], "threshold": value}},
    "dialogue, twice": lambda value: {"dialogue": {"labels": ["not_helped"], "threshold": value, "times": 2}},
    "frustration": lambda value: {"frustration": {"at_least": value}},
    "guideline": lambda value: {"guideline": {"text": GUIDELINES[0], "threshold": value}},
    "risk": lambda value: {"risk": {"threshold": value}},
    "sentiment": lambda value: {"sentiment": {"below": -value}},
    "sentiment, mean": lambda value: {"sentiment": {"window": {"messages": 2, "below": -value}}},
    "sentiment, streak": lambda value: {"sentiment": {"streak": 1 + round(4 * value)}},
    "confidence": lambda value: {"confidence": {"threshold": 1 - value}},
    "confidence, turns": lambda value: {
        "confidence": {"threshold": 0.5, "consecutive_low_turns": 1 + round(4 * value)}
    },
    "retries": lambda value: {"repetition": {"max_retries": 2 + round(4 * value)}},
    "fallbacks": lambda value: {"repetition": {"max_fallbacks": 1 + round(4 * value)}},
    "loops": lambda value: {"repetition": {"max_loops": 2 + round(4 * value)}},
    "duration": lambda value: {"time": {"max_duration_seconds": 1000 * value}},
    "messages": lambda value: {"time": {"max_messages": round(6 * value)}},
    "bot responses": lambda value: {"time": {"max_bot_responses": 1 + round(4 * value)}},
}


@pytest.mark.parametrize("family", LAXER)
@settings(max_examples=40)
@given(chance=chances)
def test_a_laxer_threshold_never_escalates_less(family, chance):
    """Lowering the bar of one escalating rule, among any others, turns no escalation of a message into less, ties or not."""
    lax, strict = sorted((chance.choice(GRID), chance.choice(GRID)))
    place, others = chance.choice((1, 5, 9)), any_policy(chance)

    def policy(value):
        ours = Policy.model_validate(
            {"name": "ours", "rules": [rule(LAXER[family](value), id="ours", priority=place)]}
        ).rules
        return others.model_copy(update={"rules": (*others.rules, *ours)})

    # the state is one that the others could have come to; the guideline is scored whoever listens for it
    state = any_state(chance, others)
    turn = any_turn(chance, policy(lax), state)
    if decide(turn, state, policy(strict), explain=False).decision.decision is Action.ESCALATE:
        assert decide(turn, state, policy(lax), explain=False).decision.decision is Action.ESCALATE


@settings(max_examples=100)
@given(chances, st.sampled_from(sorted(LAXER)))
def test_a_laxer_offer_below_takes_no_escalation_away(chance, family):
    """An offering rule behind all others, at their lowest priority or lower, never stands before an escalation."""
    others, policies = any_policy(chance), []
    for value in sorted((chance.choice(GRID), chance.choice(GRID))):
        body = rule(LAXER[family](value), "offer", id="ours", priority=1)
        ours = Policy.model_validate({"name": "ours", "rules": [body]}).rules
        policies.append(others.model_copy(update={"rules": (*others.rules, *ours)}))
    state = any_state(chance, others)
    turn = any_turn(chance, policies[0], state)
    lax, strict = (decide(turn, state, policy, explain=False).decision.decision for policy in policies)
    assert (lax is Action.ESCALATE) == (strict is Action.ESCALATE)


def _unmoved(outcome, shift):
    """An outcome whose instants are moved back."""
    decision, state = outcome.decision, outcome.state
    reports = []
    for report in decision.triggers:
        since = report.evidence.get("since")
        told = {"since": (datetime.fromisoformat(since) - shift).isoformat()} if since else {}
        reports.append(report._replace(evidence={**report.evidence, **told}))
    recheck_at = decision.recheck_at and decision.recheck_at - shift
    armed = tuple(replace(item, since=item.since - shift) for item in state.armed)
    started_at = state.started_at and state.started_at - shift
    asked = state.collecting and replace(state.collecting, since=state.collecting.since - shift)
    return (
        replace(decision, triggers=tuple(reports), recheck_at=recheck_at),
        replace(state, armed=armed, collecting=asked, started_at=started_at),
    )


@settings(max_examples=100)
@given(chances, st.timedeltas(timedelta(days=-3000), timedelta(days=3000)))
def test_at_another_time_only_the_instants_differ(chance, shift):
    """All messages moved by a constant: the same decisions and states, but for the instants in them."""
    policy = any_policy(chance)
    turns = any_conversation(chance, policy, roles=EVERYBODY)
    later = [replace(turn, message=replace(turn.message, at=turn.message.at + shift)) for turn in turns]
    assert [(one.decision, one.state) for one in played(policy, turns)] == [
        _unmoved(one, shift) for one in played(policy, later)
    ]


class NoClock(datetime):
    """A datetime whose clock must not be looked at."""

    @classmethod
    def now(cls, tz=None):
        """Refuse."""
        raise AssertionError("somebody looked at the clock")

    utcnow = today = now


def test_deciding_looks_at_no_clock(monkeypatch):
    """With every clock of Python made to fail, any conversation is decided as before, and so is what waited."""
    chance, cases = random.Random(7), []
    for _ in range(40):
        policy = any_policy(chance)
        turns = any_conversation(chance, policy, roles=EVERYBODY)
        cases.append((policy, turns, played(policy, turns)))

    def refuse(*_):
        raise AssertionError("somebody looked at the clock")

    with monkeypatch.context() as patch:
        for name in ("time", "time_ns", "monotonic", "monotonic_ns", "perf_counter", "perf_counter_ns", "localtime"):
            patch.setattr(time, name, refuse)
        for name, module in list(sys.modules.items()):
            if name.startswith("models") and getattr(module, "datetime", None) is datetime:
                patch.setattr(module, "datetime", NoClock)
        again = [played(policy, turns) for policy, turns, _ in cases]
        checked = [recheck(outcomes[-1].state, policy, START) for policy, _, outcomes in cases]
    assert [outcomes for _, _, outcomes in cases] == again
    assert len(cases) == len(checked)


@settings(max_examples=150)
@given(chances)
def test_any_policy_offers_at_most_once_in_an_epoch(chance):
    """However a conversation goes, whoever waits and whatever fails: one offer an epoch, one escalation, silence after it."""
    policy = any_policy(chance)
    turns = any_conversation(chance, policy, most=10)
    state, said = NEW, {}
    for turn in turns:
        if chance.random() < 0.1:
            state = return_to_bot(state)
        outcome = decide(turn, state, policy)
        said.setdefault(state.epoch, []).append(outcome.decision)
        state = outcome.state
        late = recheck(state, policy, turn.message.at + timedelta(seconds=chance.choice((0, 30, 700))))
        if late is not None and chance.random() < 0.5:
            said[state.epoch].append(late.decision)
            state = late.state
    for decisions in said.values():
        taken = [decision.decision for decision in decisions]
        assert taken.count(Action.OFFER) <= 1
        assert taken.count(Action.ESCALATE) <= 1
        if Action.ESCALATE in taken:
            after = decisions[taken.index(Action.ESCALATE) + 1 :]
            assert all(decision.suppressed is not None and decision.text is None for decision in after)


def _applied(document, flip):
    """The documents in which a count that a flip names has its new value: one for each place where it stood."""
    _, rule_id, trigger, name = flip.what.split(".")
    found = []

    def walk(condition, path):
        for key, part in condition.items():
            if key in {"all", "any"}:
                for place, one in enumerate(part):
                    walk(one, (*path, key, place))
            elif key == "not":
                walk(part, (*path, key))
            elif key == trigger and part.get(name, 1) == flip.value:
                found.append((*path, key))

    for place, one in enumerate(document["rules"]):
        if one["id"] == rule_id:
            walk(one["when"], ("rules", place, "when"))
    for path in found:
        copy = json.loads(json.dumps(document))
        part = functools.reduce(operator.getitem, path, copy)
        part[name] = flip.to
        yield Policy.model_validate(copy)


@settings(max_examples=300)
@given(chances)
def test_any_flip_is_true(chance):
    """A score changed as told, or the count typed into the document, gives the decision that the flip names, with all scores known."""
    policy = any_policy(chance, evaluation=chance.choice(("full", "lazy")))
    state = any_state(chance, policy)
    turn = any_turn(chance, policy, state)
    found = fetch(turn, state, policy)[0] if policy.evaluation == "lazy" else turn
    decision = decide(found, state, policy).decision
    for flip in decision.would_flip_if:
        if flip.what.startswith("scores."):
            cases = [(replace(turn, scores=changed(turn.scores, flip.what, flip.to)), policy)]
        else:
            cases = [(turn, one.bound(policy._thresholds)) for one in _applied(json.loads(as_json(policy)), flip)]
        assert cases
        taken = {decide(one, state, eager(under), explain=False).decision.decision for one, under in cases}
        assert flip.decision in taken
        assert flip.decision is not decision.decision
        assert len(cases) > 1 or taken == {flip.decision}


@pytest.mark.parametrize(
    ("when", "steps"),
    [
        ({"sentiment": {"streak": 20}}, [(customer(id=str(n)), scored(mood="negative")) for n in range(25)]),
        ({"repetition": {"max_retries": 20}}, [(customer(id=str(n)), scored()) for n in range(25)]),
        ({"repetition": {"max_loops": 20}}, [(bot(id=str(n)), scored()) for n in range(25)]),
        ({"confidence": {"threshold": 0.5, "consecutive_low_turns": 20}}, [(bot(), scored(confidence=0.1))] * 25),
    ],
)
def test_no_flip_names_a_count_that_a_policy_cannot_hold(when, steps):
    """At the largest count that may be asked for there is no larger one to name."""
    policy = policy_of(rule(when))
    first = next(
        outcome for outcome in played(policy, [Turn(message=m, scores=s) for m, s in steps]) if outcome.decision.text
    )
    assert [] == [flip for flip in first.decision.would_flip_if if flip.what.startswith("rules.")]
