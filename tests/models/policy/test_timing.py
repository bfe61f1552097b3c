"""When a rule takes effect: at once, after a wait, as the queue allows (rows A-04, A-05, A-06, X-17)."""

import json
import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings

from models.contracts import Action, ReasonCode, Suppression, TriggerStatus
from models.policy.engine import Turn, decide, recheck, recheck_at
from models.policy.schema import Policy, default_policy
from models.policy.state import NEW, from_json, return_to_bot, to_json
from tests.models.policy.anything import EVERYBODY, any_conversation, any_policy, chances
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

WAIT = {"mode": "after_wait", "wait_seconds": 60}
SLOW = rule(A, id="slow", message="I get someone.", timing=WAIT)
WAITING = policy_of(SLOW)
RESOLVED = scored(dialogue=ranked({"resolved": 0.5}))
THANKS = scored(intents={"thanks_bye": 0.5})


def at(seconds):
    """An instant some seconds after the start."""
    return START + timedelta(seconds=seconds)


def stored(state):
    """The state after a trip through JSON text."""
    return from_json(json.loads(json.dumps(to_json(state))))


# immediate


def test_a_rule_acts_at_once_unless_it_says_otherwise():
    """A-04, X-17: immediate is the default; the decision comes with the message that meets the trigger, and nothing waits."""
    plain, said = (policy_of(rule(A, **fields)) for fields in ({}, {"timing": {"mode": "immediate"}}))
    outcomes = [take(policy, customer("alpha")) for policy in (plain, said)]
    assert ["escalate"] * 2 == decisions(outcomes)
    assert [None] * 2 == [outcome.decision.recheck_at for outcome in outcomes]
    assert plain.label == said.label


# after_wait


@pytest.mark.parametrize(
    ("seconds", "expected"), [(0, "continue"), (59.999999, "continue"), (60, "escalate"), (60.000001, "escalate")]
)
def test_after_a_wait_the_next_message_escalates(seconds, expected):
    """A-05: the bot tries first; the next message from the sixtieth second on hands off, whatever it says."""
    first, second = play(WAITING, customer("alpha"), customer("beta", id="m-2", seconds=seconds))
    assert ("continue", None, at(60)) == (first.decision.decision, first.decision.reason, first.decision.recheck_at)
    assert expected == second.decision.decision
    found = report_of(second, "timing.after_wait", "slow")
    assert (seconds, ">=", 60.0) == (found.value, found.operator, found.threshold)
    assert (expected == "escalate") == (found.margin >= 0) == (found.status is TriggerStatus.FIRED)
    assert {"since": START.isoformat(), "message_id": "m-1"} == found.evidence


def test_a_rule_that_waited_decides_as_if_it_had_just_fired():
    """A-05: its text, its action, its reason and its second step, and then the handoff is pending."""
    action, also = {"type": "queue", "topic": "review"}, ({"type": "email", "to": "team@example.org"},)
    policy = policy_of(SLOW | {"action": action, "also": list(also), "reason": "topic"})
    outcome = play(policy, customer("alpha"), customer("beta", id="m-2", seconds=60))[-1]
    decision = outcome.decision
    assert (Action.ESCALATE, "I get someone.", action) == (decision.decision, decision.text, decision.action)
    assert (ReasonCode.TOPIC, "slow") == (decision.reason.code, decision.reason.rule_id)
    assert ["team@example.org"] == [step["to"] for step in decision.also]
    assert ("pending_handoff", (), None) == (outcome.state.control, outcome.state.armed, decision.recheck_at)


def test_the_clock_runs_from_the_first_time():
    """A-05: that the trigger holds again in the meantime starts no new wait."""
    outcomes = play(
        WAITING, *(customer("alpha", id=f"m-{n}", seconds=seconds) for n, seconds in enumerate((0, 59, 60)))
    )
    assert ["continue", "continue", "escalate"] == decisions(outcomes)
    assert [("m-0", at(0))] == [(item.message_id, item.since) for item in outcomes[1].state.armed]


def test_without_a_message_the_clock_alone_escalates():
    """A-05: asked at ``recheck_at``, the policy decides without a message, and a moment earlier it doesn't."""
    first = take(WAITING, customer("alpha"))
    due = first.decision.recheck_at
    assert (due, None) == (at(60), recheck(first.state, WAITING, due - timedelta.resolution))
    outcome = recheck(first.state, WAITING, due)
    assert (Action.ESCALATE, "I get someone.") == (outcome.decision.decision, outcome.decision.text)
    assert (("policy", "slow"), "pending_handoff") == (
        (outcome.decision.reason.code, outcome.decision.reason.rule_id),
        outcome.state.control,
    )
    assert TriggerStatus.FIRED is report_of(outcome, "timing.after_wait", "slow").status
    assert outcome.state.last_bot_text == "I get someone."
    assert recheck(outcome.state, WAITING, at(9999)) is None


@pytest.mark.parametrize("seconds", [0.1, 1 / 3, 0.3, 1.1, 86400.7, 29 * 86400 + 1e-6, 1e-9])
def test_the_recheck_is_exact(seconds):
    """X-17: ``recheck_at`` is the first instant at which ``recheck`` acts, for any wait."""
    policy = policy_of(rule(A, timing={"mode": "after_wait", "wait_seconds": seconds}))
    state = take(policy, customer("alpha")).state
    due = recheck_at(state, policy)
    assert recheck(state, policy, due) is not None
    assert recheck(state, policy, due - timedelta.resolution) is None or due == START


@pytest.mark.parametrize(
    ("scores", "settles"),
    [
        (RESOLVED, True),
        (scored(dialogue=ranked({"resolved": 0.4999})), False),
        (scored(dialogue=ranked({"not_helped": 0.99})), False),
        (THANKS, True),
        (scored(intents={"thanks_bye": 0.4999}), False),
        (scored(intents={"provide_info": 0.95, "thanks_bye": 0.76}), False),
        (scored(), False),
        (None, False),
    ],
)
def test_what_is_settled_needs_nobody(scores, settles):
    """A-05, X-17: "resolved", or thanks as the best intent, from one half on, ends the wait; a thank-you in passing doesn't."""
    policy = policy_of(SLOW, on_error="continue")
    first = take(policy, customer("alpha"))
    second = decide(Turn(message=customer("beta", id="m-2", seconds=30), scores=scores), first.state, policy)
    assert (not settles) == bool(second.state.armed)
    assert (None if settles else at(60)) == second.decision.recheck_at
    assert settles == (recheck(second.state, policy, at(60)) is None)
    if settles:
        found = report_of(second, "timing.after_wait", "slow")
        assert (TriggerStatus.EVALUATED, True) == (
            found.status,
            found.evidence["disarmed_by"] in {"resolved", "thanks_bye"},
        )


def test_a_matter_may_be_settled_at_the_last_moment():
    """A-05: the message that says so ends the wait even when the time is over already."""
    outcomes = play(WAITING, customer("alpha"), (customer("beta", id="m-2", seconds=600), RESOLVED))
    assert (["continue"] * 2, ()) == (decisions(outcomes), outcomes[1].state.armed)


@pytest.mark.parametrize("scores", [RESOLVED, THANKS])
def test_a_message_that_settles_the_matter_starts_no_wait(scores):
    """A-05: "alpha works now, thanks" meets the trigger and says that nobody is needed."""
    outcome = take(WAITING, customer("alpha"), scores)
    assert ((), None) == (outcome.state.armed, outcome.decision.recheck_at)


def test_after_it_was_settled_it_may_begin_anew():
    """A-05: the next time that the trigger holds the wait starts from there."""
    steps = (
        customer("alpha"),
        (customer("x", id="m-2", seconds=10), RESOLVED),
        customer("alpha", id="m-3", seconds=50),
    )
    state = play(WAITING, *steps)[-1].state
    assert [("m-3", at(50))] == [(item.message_id, item.since) for item in state.armed]


def test_which_labels_settle_is_the_policys_to_say():
    """A-05: ``resolution`` names the labels and their threshold."""
    own = policy_of(SLOW, resolution={"dialogue": ["insists"], "intents": ["deny"], "threshold": 0.9})
    for scores, expected in (
        (RESOLVED, 1),
        (THANKS, 1),
        (scored(dialogue=ranked({"insists": 0.9})), 0),
        (scored(intents={"deny": 0.9}), 0),
        (scored(intents={"deny": 0.8999}), 1),
    ):
        assert expected == len(play(own, customer("alpha"), (customer("beta", id="m-2"), scores))[-1].state.armed)


def test_what_a_bot_says_settles_nothing():
    """A-05: only the customer can say that it is."""
    policy = policy_of(SLOW, resolution={"dialogue": ["bot_cannot"]})
    draft = (bot(id="b-1", seconds=10), scored(dialogue=ranked({"bot_cannot": 0.9})))
    assert 1 == len(play(policy, customer("alpha"), draft)[-1].state.armed)
    assert 0 == len(play(policy, customer("alpha"), (customer(id="m-2"), draft[1]))[-1].state.armed)


def test_a_draft_after_the_wait_is_replaced():
    """A-05: the time counts on the bot's messages too: its draft gives way to the policy's text."""
    outcome = play(WAITING, customer("alpha"), bot("Nearly there.", seconds=60))[-1]
    assert (Action.ESCALATE, "I get someone.", "I get someone.") == (
        outcome.decision.decision,
        outcome.decision.text,
        outcome.state.last_bot_text,
    )


def test_a_clock_that_goes_back_waits():
    """A message from before the first one has waited for nothing."""
    outcome = play(WAITING, customer("alpha"), customer("beta", id="m-2", seconds=-3600))[-1]
    assert (Action.CONTINUE, 0.0) == (outcome.decision.decision, report_of(outcome, "timing.after_wait", "slow").value)
    assert recheck(outcome.state, WAITING, at(-7200)) is None


@pytest.mark.parametrize(
    "when", [{"timing": {"mode": "after_wait", "wait_seconds": 300}}, {"collect": ["customer.id"]}]
)
def test_the_end_of_the_calendar_ends_no_decision(when):
    """A wait that would end after the last instant ends with it."""
    last = datetime.max.replace(tzinfo=UTC)
    decision = take(policy_of(rule(A, **when)), replace(customer("alpha"), at=last)).decision
    assert (Action.CONTINUE, last) == (decision.decision, decision.recheck_at)


def test_a_wait_survives_the_store():
    """A-05: a state that was stored between all messages fires at the same instant as one in memory."""
    state = stored(take(WAITING, customer("alpha")).state)
    state = stored(take(WAITING, customer("beta", id="m-2", seconds=30), state=state).state)
    assert at(60) == recheck_at(state, WAITING)
    assert Action.ESCALATE is take(WAITING, customer("beta", id="m-3", seconds=60), state=state).decision.decision


def test_of_several_waits_the_earliest_counts():
    """Two rules wait: the shorter is due first, and as an offer it leaves the longer one waiting."""
    soon = rule(B, "offer", id="soon", message="Shall I?", timing={"mode": "after_wait", "wait_seconds": 30})
    policy = policy_of(SLOW, soon)
    state = take(policy, customer("alpha beta")).state
    assert at(30) == recheck_at(state, policy)
    offered = recheck(state, policy, at(30))
    assert (Action.OFFER, "Shall I?", at(60)) == (
        offered.decision.decision,
        offered.decision.text,
        offered.decision.recheck_at,
    )
    assert ["slow"] == [item.rule_id for item in offered.state.armed]
    assert Action.ESCALATE is recheck(offered.state, policy, at(60)).decision.decision
    accepted = take(policy, customer("yes", id="m-2", seconds=31), YES, offered.state)
    assert (Action.ESCALATE, "soon") == (accepted.decision.decision, accepted.decision.reason.rule_id)


def test_a_wait_for_an_offer_that_was_made_is_over():
    """Once the epoch has had its offer, a rule that waits to make one waits for nothing, and nobody is called."""
    soon = rule(B, "offer", id="soon", timing={"mode": "after_wait", "wait_seconds": 30})
    policy = policy_of(rule(A, "offer", id="now"), soon)
    outcomes = play(
        policy, customer("beta"), customer("alpha", id="m-2", seconds=1), (customer("no", id="m-3", seconds=2), NO)
    )
    assert [at(30), None, None] == [outcome.decision.recheck_at for outcome in outcomes]
    assert recheck(outcomes[-1].state, policy, at(30)) is None


def test_a_rule_of_higher_priority_goes_first_and_the_wait_goes_on():
    """What waited stands at its own priority: a higher offer is made first, and the answer to it brings the handoff anyway."""
    policy = policy_of(SLOW | {"priority": 1}, rule(B, "offer", id="offer", priority=9))
    steps = (customer("alpha"), customer("beta", id="m-2", seconds=60), (customer("no", id="m-3", seconds=61), NO))
    outcomes = play(policy, *steps)
    assert ["continue", "offer", "escalate"] == decisions(outcomes)
    assert ["offer", "slow"] == [reason.rule_id for reason in outcomes[1].decision.reasons]
    assert "slow" == outcomes[2].decision.reason.rule_id


def test_another_rule_ends_the_wait():
    """An escalation by anything else leaves nothing to wait for."""
    policy = policy_of(SLOW, rule(B, id="now"))
    outcome = play(policy, customer("alpha"), customer("beta", id="m-2", seconds=1))[-1]
    assert (("now", ()), None) == ((outcome.decision.reason.rule_id, outcome.state.armed), outcome.decision.recheck_at)
    assert recheck(outcome.state, policy, at(9999)) is None


@pytest.mark.parametrize(
    "policy",
    [
        policy_of(SLOW, enabled=False),
        policy_of(SLOW | {"enabled": False}),
        policy_of(rule(B)),
        policy_of(rule(A, id="slow")),
        policy_of(),
    ],
    ids=["switched off", "rule switched off", "rule gone", "waits no more", "empty"],
)
def test_a_rule_that_its_policy_lost_does_not_act(policy):
    """M-14: a wait is no promise: what the policy says when the time has come counts, and nobody is called for nothing."""
    state = take(WAITING, customer("alpha")).state
    assert (None, None) == (recheck_at(state, policy), recheck(state, policy, at(600)))
    assert Action.CONTINUE is take(policy, customer("x", id="m-2", seconds=600), state=state).decision.decision


def test_the_wait_that_counts_is_the_policys_of_today():
    """A policy that changes its mind about how long to wait is followed at once."""
    state = take(WAITING, customer("alpha")).state
    longer = policy_of(SLOW | {"timing": WAIT | {"wait_seconds": 600}})
    assert (at(600), None) == (recheck_at(state, longer), recheck(state, longer, at(599)))


def test_while_a_person_has_the_conversation_nothing_is_due():
    """A person who took over is enough; a new epoch knows nothing of the wait."""
    outcome = play(WAITING, customer("alpha"), agent(seconds=10), customer("x", id="m-2", seconds=99))[-1]
    assert (Suppression.HUMAN_IN_CONTROL, None) == (outcome.decision.suppressed, outcome.decision.recheck_at)
    assert recheck(outcome.state, WAITING, at(600)) is None
    back = return_to_bot(outcome.state)
    assert (None, Action.CONTINUE) == (
        recheck_at(back, WAITING),
        take(WAITING, customer("x", id="m-3", seconds=600), state=back).decision.decision,
    )


def test_a_rule_that_waits_has_held():
    """``turn: fired`` knows of a rule that waits, and a suppressed one begins no wait."""
    policy = policy_of(SLOW, rule({"all": [B, {"turn": {"fired": ["slow"]}}]}, id="then"))
    assert ["continue", "escalate"] == decisions(play(policy, customer("alpha"), customer("beta", id="m-2", seconds=1)))
    assert () == play(WAITING, agent(), customer("alpha"))[-1].state.armed


def test_a_text_of_a_recheck_is_in_the_customers_language():
    """Without a message the caller says which language the customer speaks."""
    policy = policy_of(SLOW | {"message": {"en": "One moment.", "de": "Einen Moment."}})
    state = take(policy, customer("alpha")).state
    assert ["Einen Moment.", "One moment.", "One moment."] == [
        recheck(state, policy, at(60), language=language).decision.text for language in ("de", "fr", None)
    ]


@pytest.mark.parametrize(
    ("timing", "message"),
    [
        ({"mode": "after_wait"}, "wait_seconds belongs to the mode `after_wait`"),
        ({"mode": "immediate", "wait_seconds": 5}, "wait_seconds belongs to the mode `after_wait`"),
        ({"mode": "after_wait", "wait_seconds": 0}, "greater than 0"),
        ({"mode": "after_wait", "wait_seconds": "60"}, "valid number"),
        ({"mode": "after_wait", "wait_seconds": 31 * 86400}, "less than or equal to 2592000"),
        ({"mode": "later"}, "immediate"),
        ({"mode": "sla_aware", "when_late": "never"}, "callback"),
    ],
)
def test_a_timing_that_says_nothing_is_refused(timing, message):
    """A wait without its time, a time without a wait, a word that isn't one: errors that say what was expected."""
    with pytest.raises(ValueError, match=message):
        policy_of(rule(A, timing=timing))


@settings(max_examples=200)
@given(chances)
def test_a_wait_in_any_conversation(chance):
    """A-05, against a model of ten lines: it acts once, at or after its time, never after the matter was settled."""
    policy, state, since, seconds, done = policy_of(SLOW, on_error="continue"), NEW, None, 0, False
    for number in range(chance.randint(1, 12)):
        seconds += chance.choice((0, 1, 29, 30, 31, 60, 120))
        due = since is not None and seconds - since >= 60
        kind = chance.choice(("alpha", "other", "settled", "settled alpha", "bot", "clock"))
        if kind == "clock":
            outcome = recheck(state, policy, at(seconds))
            assert (due and not done) == (outcome is not None)
            if outcome is None:
                continue
        else:
            text = "alpha" if "alpha" in kind else "beta"
            message = bot(text, seconds=seconds) if kind == "bot" else customer(text, id=f"m-{number}", seconds=seconds)
            scores = RESOLVED if "settled" in kind else scored()
            outcome = decide(Turn(message=message, scores=scores), state, policy)
            if "settled" in kind:
                since, due = None, False
            elif kind == "alpha" and since is None:
                since = seconds
        assert (due and not done) == (outcome.decision.decision is Action.ESCALATE)
        done = done or due
        state = stored(outcome.state)
        expected = None if done or since is None else at(since + 60)
        assert expected == recheck_at(state, policy)


@settings(max_examples=200)
@given(chances)
def test_the_recheck_is_exact_whatever_waits(chance):
    """X-17: in any conversation under any policy, ``recheck`` acts from ``recheck_at`` on and not before, and never without one."""
    policy, state = any_policy(chance), NEW
    for turn in any_conversation(chance, policy, roles=EVERYBODY):
        outcome = decide(turn, state, policy)
        state = outcome.state
        due = recheck_at(state, policy)
        assert recheck_at(state, policy, turn.message.at) == outcome.decision.recheck_at
        if due is None:
            assert recheck(state, policy, at(10**7)) is None
        else:
            assert recheck(state, policy, due - timedelta.resolution) is None
            acted = recheck(state, policy, due)
            assert acted.decision.decision in {Action.OFFER, Action.ESCALATE}
            assert acted.decision.recheck_at == recheck_at(acted.state, policy, due)
            assert acted.decision.reason.rule_id not in {item.rule_id for item in acted.state.armed}


# sla_aware

AWARE = {"mode": "sla_aware", "when_late": "callback", "when_closed": "offer"}


def queued(policy, **queue):
    """The decision about a message while the queue is like this."""
    return take(policy, customer("alpha"), context={"queue": queue})


@pytest.mark.parametrize(
    ("priority", "target"), [("urgent", 60), ("high", 300), ("normal", 900), ("low", 3600), ("P2", 300), (None, 900)]
)
def test_a_queue_within_the_sla_gets_the_handoff(priority, target):
    """A-06: the estimated wait is compared with the first response that the SLA promises at the handoff's priority; it may take as long."""
    action = {"type": "inbox"} | ({"priority": priority} if priority else {})
    policy = policy_of(rule(A, action=action, timing=AWARE))
    intime, late = queued(policy, wait_seconds=target), queued(policy, wait_seconds=target + 0.001)
    assert (["inbox", "callback"], ["escalate"] * 2) == (
        [outcome.decision.action["type"] for outcome in (intime, late)],
        decisions((intime, late)),
    )
    found = report_of(late, "timing.sla_aware")
    assert (">", target, TriggerStatus.FIRED, "callback") == (
        found.operator, found.threshold, found.status, found.evidence["chosen"],
    )  # fmt: skip


@pytest.mark.parametrize(
    ("queue", "expected"),
    [
        ({"wait_seconds": 901}, "callback"),
        ({"wait_seconds": 900}, "escalate"),
        ({"wait_seconds": 0}, "escalate"),
        ({"wait_seconds": 0, "open": True}, "escalate"),
        ({"wait_seconds": 0, "open": False}, "offer"),
        ({"open": False}, "offer"),
        ({"open": True}, "escalate"),
        ({}, "escalate"),
    ],
)
def test_late_and_closed_are_two_things(queue, expected):
    """A-06, X-17: ``when_late`` and ``when_closed`` say what happens; of a queue that nobody knows it is taken that it answers in time."""
    decision = queued(policy_of(rule(A, timing=AWARE)), **queue).decision
    found = "callback" if decision.action and decision.action["type"] == "callback" else decision.decision.value
    assert expected == found


@pytest.mark.parametrize("way", ["callback", "offer", "escalate"])
@pytest.mark.parametrize("queue", [{"wait_seconds": 9999}, {"open": False}])
def test_each_way_can_be_chosen(way, queue):
    """A-06: call back, offer or hand off anyway."""
    timing = {"mode": "sla_aware", "when_late": way, "when_closed": way}
    decision = queued(policy_of(rule(A, message="Hold on.", timing=timing)), **queue).decision
    expected = {
        "callback": ("escalate", "Our team is busy right now. A colleague will call you back.", "callback"),
        "offer": ("offer", "Would you like me to bring in a colleague?", None),
        "escalate": ("escalate", "Hold on.", "inbox"),
    }[way]
    assert expected == (decision.decision, decision.text, decision.action and decision.action["type"])


def test_a_call_back_says_its_own_words():
    """A-06: the call back's confirmation is what the customer reads, and its fields what the handoff holds."""
    callback = {"type": "callback", "available_slots": "any", "confirmation_message": "We call you."}
    policy = policy_of(rule(A, message="Hold on.", timing=AWARE | {"callback": callback}))
    decision = queued(policy, wait_seconds=9999).decision
    assert ("We call you.", "any") == (decision.text, decision.action["available_slots"])


@pytest.mark.parametrize("wait", [None, "900", True, -1, -math.inf, math.nan, [], {}], ids=str)
def test_an_estimate_that_is_no_number_is_none(wait):
    """A-06: what is no time says nothing of the queue: the handoff goes on, and the report has no value."""
    outcome = queued(policy_of(rule(A, timing=AWARE)), wait_seconds=wait)
    found = report_of(outcome, "timing.sla_aware")
    assert (Action.ESCALATE, "inbox") == (outcome.decision.decision, outcome.decision.action["type"])
    assert (TriggerStatus.NOT_AVAILABLE, None, None) == (found.status, found.value, found.margin)


@pytest.mark.parametrize("wait", [math.inf, 10**400, 1e300])
def test_an_estimate_beyond_all_bounds_is_late(wait):
    """A-06: never is late too, and the report stays a number that JSON can hold."""
    outcome = queued(policy_of(rule(A, timing=AWARE)), wait_seconds=wait)
    assert "callback" == outcome.decision.action["type"]
    assert json.loads(json.dumps(report_of(outcome, "timing.sla_aware").value, allow_nan=False)) > 86400


@pytest.mark.parametrize("context", [{}, {"queue": None}, {"queue": 9999}, {"queue": [9999]}])
def test_a_context_without_a_queue_is_none(context):
    """A-06: who sends no queue gets the handoff."""
    outcome = take(policy_of(rule(A, timing=AWARE)), customer("alpha"), context=context)
    assert (Action.ESCALATE, "inbox") == (outcome.decision.decision, outcome.decision.action["type"])


def test_the_sla_is_the_policys():
    """A-06: another promise, another priority by default: the target follows."""
    sla = {"high": {"first_response_seconds": 10, "resolution_seconds": 20}}
    policy = policy_of(rule(A, timing=AWARE), sla=sla, priority={"default": "high"})
    assert ["inbox", "callback"] == [queued(policy, wait_seconds=wait).decision.action["type"] for wait in (10, 11)]
    numbered = policy_of(rule(A, action={"type": "queue", "topic": "t", "priority": 5}, timing=AWARE))
    assert 900 == report_of(queued(numbered, wait_seconds=1), "timing.sla_aware").threshold


def test_an_offer_for_want_of_people_is_an_offer():
    """A-06: asked once in an epoch; a yes hands off with the rule's own action, words and second step; a no is a no."""
    body = rule(A, message="Hold on.", action={"type": "queue", "topic": "t"}, timing=AWARE | {"when_late": "offer"})
    policy = policy_of(body | {"also": [{"type": "email", "to": "team@example.org"}]})
    offered = queued(policy, wait_seconds=9999)
    assert (Action.OFFER, (), None) == (offered.decision.decision, offered.decision.also, offered.decision.action)
    yes = take(policy, customer("yes", id="m-2"), YES, offered.state).decision
    assert (Action.ESCALATE, "Hold on.", "queue") == (yes.decision, yes.text, yes.action["type"])
    assert ["team@example.org"] == [step["to"] for step in yes.also]
    no = take(policy, customer("no", id="m-2"), NO, offered.state)
    again = take(policy, customer("alpha", id="m-3"), state=no.state, context={"queue": {"wait_seconds": 9999}})
    assert (Action.CONTINUE, Action.CONTINUE) == (no.decision.decision, again.decision.decision)
    assert "offer_made" == report_of(again, "keyword").evidence["yields"]
    free = take(policy, customer("alpha", id="m-4"), state=again.state, context={"queue": {"wait_seconds": 1}})
    assert Action.ESCALATE is free.decision.decision


def test_only_handoffs_look_at_the_queue():
    """A-06: an offer brings nobody in, so it has no SLA to meet."""
    with pytest.raises(ValueError, match=r"timing.mode sla_aware is for rules that escalate"):
        policy_of(rule(A, "offer", timing=AWARE))


def test_an_accepted_offer_of_a_call_back_is_confirmed():
    """After a yes the customer reads that somebody will call, not the offer again."""
    action = {"type": "callback", "confirmation_message": "We call you within two hours."}
    policy = policy_of(rule(A, "offer", message="Shall we call you?", action=action))
    offered = take(policy, customer("alpha"))
    yes = take(policy, customer("yes", id="m-2"), YES, offered.state).decision
    assert ("Shall we call you?", "We call you within two hours.") == (offered.decision.text, yes.text)
    assert "callback" == yes.action["type"]


def test_what_stood_back_behind_an_offer_gives_time_to_answer_it():
    """A-05: a rule that is due while an offer is made is looked at again once the customer had `answer_seconds`, not at once."""
    waiting = rule(A, id="slow", priority=1, timing={"mode": "after_wait", "wait_seconds": 60})
    policy = policy_of(waiting, rule(B, "offer", id="asks", priority=9), answer_seconds=120)
    armed, offered = play(policy, customer("alpha"), customer("beta", id="m-2", seconds=60))
    assert armed.decision.recheck_at == START + timedelta(seconds=60)
    assert (offered.decision.decision, offered.decision.recheck_at) == (Action.OFFER, START + timedelta(seconds=180))
    assert recheck(offered.state, policy, START + timedelta(seconds=180)).decision.decision is Action.ESCALATE


@pytest.mark.parametrize(
    "field",
    [{"when_late": "offer"}, {"when_closed": "offer"}, {"callback": {"type": "callback", "collect_phone": False}}],
)
def test_what_only_a_queue_decides_is_refused_elsewhere(field):
    """A-06: a field of `sla_aware` in another mode would be ignored, so it is an error that says so."""
    with pytest.raises(ValueError, match="belongs to the mode `sla_aware`"):
        policy_of(rule(A, timing={"mode": "after_wait", "wait_seconds": 60, **field}))


def test_defaults_that_are_written_out_say_nothing():
    """A policy with all its defaults written out, as programs write it, is the same policy."""
    policy = default_policy()
    assert policy.fingerprint() == Policy.model_validate(policy.model_dump(mode="json", by_alias=True)).fingerprint()
