"""Time and length of a conversation (rows L-20 to L-23)."""

import pytest

from models.contracts import Action
from models.policy.state import return_to_bot
from tests.models.policy.builders import agent, bot, customer, play, policy_of, report_of, rule

DURATION = policy_of(rule({"time": {"max_duration_seconds": 900}}))
MESSAGES = policy_of(rule({"time": {"max_messages": 20}}))
RESPONSES = policy_of(rule({"time": {"max_bot_responses": 10}}))


@pytest.mark.parametrize(("seconds", "expected"), [(899.999, "continue"), (900, "continue"), (900.001, "escalate")])
def test_duration_fires_above_its_threshold(seconds, expected):
    """L-20, L-21: over 900 seconds since the customer's first message, by the messages' own clock."""
    outcome = play(DURATION, customer(), customer(id="m-2", seconds=seconds))[-1]
    assert (expected, seconds) == (outcome.decision.decision, report_of(outcome, "time.max_duration_seconds").value)


def test_the_clock_starts_with_the_customer():
    """L-21: a bot's greeting an hour earlier is not yet the conversation."""
    outcome = play(DURATION, bot("Hello!"), customer(seconds=3600), customer(id="m-2", seconds=3700))[-1]
    assert report_of(outcome, "time.max_duration_seconds").value == 100


def test_a_clock_that_goes_back_reads_as_no_time():
    """L-21: a message from before the first one breaks nothing."""
    outcome = play(DURATION, customer(seconds=5000), customer(id="m-2", seconds=0))[-1]
    assert (0.0, Action.CONTINUE) == (report_of(outcome, "time.max_duration_seconds").value, outcome.decision.decision)


@pytest.mark.parametrize(("n_messages", "expected"), [(20, "continue"), (21, "escalate")])
def test_messages_fire_above_their_threshold(n_messages, expected):
    """L-22: over 20 messages, of customer and bot alike."""
    messages = [customer(id=f"m-{n}") if n % 2 == 0 else bot(id=f"m-{n}") for n in range(n_messages)]
    assert expected == play(MESSAGES, *messages)[-1].decision.decision


@pytest.mark.parametrize(("n_responses", "expected"), [(9, "continue"), (10, "escalate"), (11, "continue")])
def test_bot_responses_fire_at_their_threshold(n_responses, expected):
    """L-23: the tenth response fires; after that the handoff is pending."""
    outcome = play(RESPONSES, *[bot(id=f"b-{n}") for n in range(n_responses)])[-1]
    assert expected == outcome.decision.decision
    assert n_responses == report_of(outcome, "time.max_bot_responses").value


def test_an_epoch_has_its_own_clock():
    """Duration and counts restart when the bot takes over again."""
    state = play(DURATION, customer(), agent(), customer(id="m-2", seconds=100))[-1].state
    outcome = play(DURATION, customer(id="m-3", seconds=5000), state=return_to_bot(state))[-1]
    assert (0.0, 1) == (report_of(outcome, "time.max_duration_seconds").value, outcome.state.n_messages)


def test_the_reason_is_the_time_limit():
    """L-20: a time rule gives the reason time_limit."""
    decision = play(DURATION, customer(), customer(id="m-2", seconds=901))[-1].decision
    assert "time_limit" == decision.reason.code
