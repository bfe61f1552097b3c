"""Low confidence: evaluated after generation, some turns in a row (rows C-01, C-02, S-07)."""

import pytest

from models.contracts import Action, Phase, TriggerStatus
from tests.models.policy.builders import bot, customer, play, policy_of, report_of, rule, scored, take

ONE = policy_of(rule({"confidence": {"threshold": 0.5}}, message="Let me get someone."))
TWO = policy_of(rule({"confidence": {"threshold": 0.5, "consecutive_low_turns": 2}}))


def answers(*values):
    """A bot's answers with these confidences."""
    return [(bot(f"answer {n}", id=f"b-{n}"), scored(confidence=value)) for n, value in enumerate(values)]


@pytest.mark.parametrize(("value", "expected"), [(0.4999, "escalate"), (0.5, "continue"), (0.5001, "continue")])
def test_it_fires_below_its_threshold(value, expected):
    """C-02: confidence falls below the threshold, at it the answer stands."""
    outcome = take(ONE, bot(), scored(confidence=value))
    assert (expected, "<") == (outcome.decision.decision, report_of(outcome, "confidence").operator)


def test_the_message_replaces_the_bots_answer():
    """S-07: the decision is taken in the post phase and carries the text to say instead of the draft."""
    decision = take(ONE, bot("Maybe."), scored(confidence=0.1)).decision
    assert (Phase.POST, "low_confidence", "Let me get someone.") == (
        decision.phase,
        decision.reason.code,
        decision.text,
    )


@pytest.mark.parametrize(
    ("values", "expected"),
    [([0.4], 1), ([0.4, 0.4], 2), ([0.4, 0.6, 0.4], 1), ([0.4, 0.4, 0.4], 3), ([0.4, 0.5], 0)],
)
def test_low_turns_are_counted_in_a_row(values, expected):
    """S-07: a good answer breaks the row; it fires at the number of consecutive low turns."""
    found = report_of(play(TWO, *answers(*values))[-1], "confidence")
    assert (expected, expected >= 2) == (found.evidence["low_turns"], found.status is TriggerStatus.FIRED)


def test_customers_in_between_do_not_break_the_row():
    """S-07: consecutive turns are the bot's."""
    first, second = answers(0.1, 0.1)
    assert Action.ESCALATE is play(TWO, first, customer(), second)[-1].decision.decision


def test_the_bots_own_number_counts_where_there_is_no_score():
    """C-01: without a model's confidence the bot's own is taken."""
    assert Action.ESCALATE is take(ONE, bot(confidence=0.2)).decision.decision


def test_an_unknown_confidence_is_not_available():
    """An answer nobody can judge is neither good nor bad: not available, never "ok"."""
    found = report_of(take(ONE, bot()), "confidence")
    assert (TriggerStatus.NOT_AVAILABLE, None) == (found.status, found.value)


def test_it_is_not_looked_at_before_there_is_an_answer():
    """S-07: a customer's message does not evaluate it."""
    assert () == take(ONE, customer()).decision.triggers
