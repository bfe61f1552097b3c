"""What messages do in their conversation: the dialogue trigger, and what is remembered of the bot's last message."""

from dataclasses import replace

import pytest

from models.contracts import TriggerStatus
from models.errors import PolicyError
from models.policy.schema import parse_policy
from models.policy.state import NEW, from_json, to_json
from tests.models.policy.builders import (
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

INSISTS = {"dialogue": {"labels": ["insists", "not_helped"], "threshold": 0.6}}
REFUSED = {"turn": {"after_bot": {"labels": ["bot_cannot"], "threshold": 0.5}}}


@pytest.mark.parametrize(("value", "expected"), [(0.5999, "continue"), (0.6, "escalate"), (0.9, "escalate")])
def test_a_dialogue_label_fires_at_its_threshold(value, expected):
    """Probabilities fire at and above the threshold, and the report names the label."""
    outcome = take(policy_of(rule(INSISTS)), customer(), scored(dialogue=ranked({"insists": value, "resolved": 0.99})))
    assert outcome.decision.decision == expected
    assert report_of(outcome, "dialogue").evidence["label"] == "insists"


def test_without_a_message_before_there_is_no_value():
    """A first message has no dialogue scores: the trigger isn't available, and neither is its negation."""
    for when in (INSISTS, {"not": INSISTS}):
        outcome = take(policy_of(rule(when)), customer(), scored())
        assert outcome.decision.decision == "continue"
        assert report_of(outcome, "dialogue").status is TriggerStatus.NOT_AVAILABLE


def test_a_bots_labels_are_looked_at_after_its_draft():
    """A rule on what the bot's message does waits for the bot's message."""
    policy = policy_of(rule({"dialogue": {"labels": ["bot_cannot"], "threshold": 0.5}}, "offer"))
    assert take(policy, customer(), scored(dialogue=ranked({"insists": 0.9}))).decision.triggers == ()
    assert take(policy, bot(), scored(dialogue=ranked({"bot_cannot": 0.9}))).decision.decision == "offer"


def test_labels_of_two_roles_are_refused():
    """One message has one role: a trigger on both could only ever look at half of its labels."""
    text = (
        "name: p\nrules:\n- id: r\n  then: offer\n  when: {dialogue: {labels: [insists, bot_cannot], threshold: 0.5}}\n"
    )
    with pytest.raises(PolicyError, match="two rules"):
        parse_policy(text, "p.yaml")


@pytest.mark.parametrize(("value", "expected"), [(0.49, "continue"), (0.5, "escalate")])
def test_what_the_bot_did_is_remembered(value, expected):
    """The customer's next message can be judged by what the bot's last one did."""
    policy = policy_of(rule(REFUSED))
    state = take(policy, bot("I can't do that."), scored(dialogue=ranked({"bot_cannot": value}))).state
    outcome = take(policy, customer("but I want it"), scored(), state)
    assert outcome.decision.decision == expected
    assert report_of(outcome, "turn.after_bot").value == value


def test_only_the_last_message_counts():
    """Another message of the bot takes the place of the one before, also where it has no scores."""
    policy = policy_of(rule(REFUSED))
    state = take(policy, bot("I can't do that."), scored(dialogue=ranked({"bot_cannot": 0.9}))).state
    state = take(policy, bot("Here is a link."), scored(), state).state
    assert take(policy, customer("ok"), scored(), state).decision.decision == "continue"


def test_the_policys_text_takes_the_place_of_the_draft():
    """When an offer replaces the bot's draft, the customer never read the draft: nothing of it is remembered."""
    policy = policy_of(rule({"confidence": {"threshold": 0.5}}, "offer"))
    outcome = take(policy, bot("I can't do that."), scored(confidence=0.1, dialogue=ranked({"bot_cannot": 0.9})))
    assert outcome.decision.decision == "offer"
    assert (outcome.state.last_bot_dialogue, outcome.state.last_bot_text) == ((), outcome.decision.text)


def test_the_memory_survives_storage():
    """The state's JSON holds it."""
    state = replace(NEW, last_bot_text="no", last_bot_dialogue=(("bot_cannot", 0.75), ("bot_fallback", 0.1)))
    assert from_json(to_json(state)) == state


def test_what_nobody_scored_is_unknown():
    """Before the bot's first message, and after one without scores, neither the trigger nor its negation fires."""
    for when in (REFUSED, {"not": REFUSED}):
        policy = policy_of(rule(when))
        for state in (NEW, take(policy, bot("Here is a link."), scored()).state):
            outcome = take(policy, customer("ok"), scored(), state)
            assert outcome.decision.decision == "continue"
            assert report_of(outcome, "turn.after_bot").status is TriggerStatus.NOT_AVAILABLE


def test_only_labels_of_a_bot_are_remembered():
    """A customer's label would never be found among the bot's."""
    text = "name: p\nrules:\n- id: r\n  then: offer\n  when: {turn: {after_bot: {labels: [insists], threshold: 0.5}}}\n"
    with pytest.raises(PolicyError, match="no label of a bot's message"):
        parse_policy(text, "p.yaml")


def test_a_flip_changes_the_dialogue_score_it_names():
    """The smallest change that would turn the decision over is found among the dialogue scores, not the intents."""
    scores = scored(intents={"deny": 0.6}, dialogue=ranked({"insists": 0.55, "resolved": 0.1}))
    flips = take(policy_of(rule(INSISTS)), customer(), scores).decision.would_flip_if
    assert [(flip.what, flip.value, flip.to, flip.decision) for flip in flips] == [
        ("scores.dialogue.insists", 0.55, 0.6, "escalate")
    ]
    held = take(policy_of(rule(INSISTS)), customer(), scored(dialogue=ranked({"insists": 0.7}))).decision.would_flip_if
    assert [(flip.what, flip.to) for flip in held] == [("scores.dialogue.insists", 0.59)]


def test_a_person_speaking_ends_what_the_bot_said():
    """After an agent's message there is no bot's message to judge the customer's next one by."""
    policy = policy_of(rule(REFUSED))
    state = take(policy, bot("I can't do that."), scored(dialogue=ranked({"bot_cannot": 0.9}))).state
    state = take(policy, agent(), None, state).state
    assert (state.last_bot_text, state.last_bot_dialogue) == (None, None)


def test_a_label_counts_over_the_messages_of_an_epoch():
    """M-02: two customers' messages that missed their answer, not in a row, are two; the last must be this one."""
    policy = policy_of(rule({"dialogue": {"labels": ["not_helped"], "threshold": 0.5, "times": 2}}))
    values = (0.5, 0.4999, 0.6, 0.1)
    steps = [(customer(id=str(n)), scored(dialogue=ranked({"not_helped": p}))) for n, p in enumerate(values)]
    played = play(policy, *steps[:3])
    assert decisions(played) == ["continue", "continue", "escalate"]
    assert [report_of(outcome, "dialogue.times").value for outcome in played] == [1, 0, 2]
    assert decisions(play(policy, steps[0], steps[1], steps[3])) == ["continue"] * 3


def test_a_count_of_dialogue_flips_by_score_and_by_number():
    """Both the score of this message and the number that is asked for would have changed the decision."""
    policy = policy_of(rule({"dialogue": {"labels": ["not_helped"], "threshold": 0.5, "times": 2}}))
    steps = [(customer(id=str(n)), scored(dialogue=ranked({"not_helped": p}))) for n, p in enumerate((0.9, 0.3))]
    flips = play(policy, *steps)[-1].decision.would_flip_if
    assert [(flip.what, flip.to) for flip in flips] == [("scores.dialogue.not_helped", 0.5)]
    again = play(policy, steps[0], (customer(id="1"), scored(dialogue=ranked({"not_helped": 0.5}))))[-1].decision
    assert again.decision == "escalate"
    assert {flip.what: flip.to for flip in again.would_flip_if} == {
        "scores.dialogue.not_helped": 0.49,
        "rules.r.dialogue.times": 3,
    }


def test_messages_without_dialogue_neither_count_nor_break():
    """A message that nobody scored leaves the count as it was."""
    policy = policy_of(rule({"dialogue": {"labels": ["not_helped"], "threshold": 0.5, "times": 2}}))
    missed = scored(dialogue=ranked({"not_helped": 0.9}))
    steps = [(customer(id="1"), missed), (customer(id="2"), scored()), (customer(id="3"), missed)]
    assert decisions(play(policy, *steps))[-1] == "escalate"


def test_only_customers_are_counted():
    """A bot's labels have no count."""
    with pytest.raises(ValueError, match="times counts customer messages"):
        policy_of(rule({"dialogue": {"labels": ["bot_cannot"], "threshold": 0.5, "times": 2}}))
