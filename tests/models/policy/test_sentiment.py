"""Sentiment: one message, streaks, windows, frustration (rows L-09 to L-12, S-06, M-01)."""

import pytest

from models.contracts import Action, TriggerStatus
from tests.models.policy.builders import bot, customer, play, policy_of, report_of, rule, scored, take


def last(when, *steps):
    """The outcome of the last of some messages, under one rule that offers nothing and escalates."""
    return play(policy_of(rule(when)), *steps)[-1]


def moods(*labels):
    """Messages with these sentiment labels."""
    return [(customer(f"message number {n}", id=f"m-{n}"), scored(mood=label)) for n, label in enumerate(labels)]


def numbers(*values):
    """Messages with these sentiment scores."""
    return [(customer(f"message number {n}", id=f"m-{n}"), scored(sentiment=value)) for n, value in enumerate(values)]


@pytest.mark.parametrize(("value", "expected"), [(-0.5999, "continue"), (-0.6, "continue"), (-0.6001, "escalate")])
def test_a_single_message_fires_below_the_threshold(value, expected):
    """L-09, L-10: at the threshold nothing happens, below it the rule fires."""
    outcome = last({"sentiment": {"below": -0.6}}, *numbers(value))
    found = report_of(outcome, "sentiment.below")
    assert (expected, "<") == (outcome.decision.decision, found.operator)
    assert (expected == "escalate") == (found.margin > 0)


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        (["negative"] * 2, 2),
        (["negative"] * 3, 3),
        (["negative"] * 4, 4),
        (["negative", "neutral", "negative", "negative"], 2),
        (["negative", "positive", "negative"], 1),
        (["negative", "negative", "neutral"], 0),
    ],
)
def test_a_streak_is_broken_by_anything_but_negative(labels, expected):
    """L-11, L-12: without include_neutral a neutral message breaks the streak."""
    found = report_of(last({"sentiment": {"streak": 3}}, *moods(*labels)), "sentiment.streak")
    assert (expected, expected >= 3) == (found.value, found.status is TriggerStatus.FIRED)


@pytest.mark.parametrize(
    ("labels", "expected"),
    [(["negative", "neutral", "negative"], 3), (["negative", "positive", "neutral"], 1), (["neutral", "neutral"], 2)],
)
def test_with_include_neutral_a_neutral_message_counts(labels, expected):
    """L-12: with include_neutral only a positive message breaks the streak."""
    when = {"sentiment": {"streak": 3, "include_neutral": True}}
    assert expected == report_of(last(when, *moods(*labels)), "sentiment.streak").value


def test_what_bots_say_does_not_touch_a_streak():
    """Bot messages in between neither count nor break a streak."""
    first, second, third = moods("negative", "negative", "negative")
    assert Action.ESCALATE is last({"sentiment": {"streak": 3}}, first, bot(), second, bot(), third).decision.decision


def test_an_unscored_message_neither_counts_nor_breaks():
    """A message without a sentiment is left out; it is not neutral, and does not fire anything itself."""
    first, second, third = moods("negative", "negative", "negative")
    outcomes = play(policy_of(rule({"sentiment": {"streak": 3}})), first, second, customer(id="x"), third)
    assert [TriggerStatus.NOT_AVAILABLE, TriggerStatus.FIRED] == [
        report_of(outcome, "sentiment.streak").status for outcome in outcomes[2:]
    ]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([-0.9, -0.9], None),
        ([-0.5, -0.5, -0.75], pytest.approx(-0.58333, abs=1e-4)),
        ([-0.5, -0.5, -0.875], -0.625),
        ([1.0, -0.75, -0.75, -0.75], -0.75),
    ],
)
def test_a_window_is_the_mean_of_the_last_messages(values, expected):
    """S-06: the mean of the last n; fewer than n messages have no mean and never fire."""
    outcome = last({"sentiment": {"window": {"messages": 3, "below": -0.6}}}, *numbers(*values))
    found = report_of(outcome, "sentiment.window")
    assert expected == found.value
    assert (expected is not None and found.value < -0.6) == (outcome.decision.decision is Action.ESCALATE)


@pytest.mark.parametrize(("value", "expected"), [(-0.4999, "continue"), (-0.5, "continue"), (-0.5001, "escalate")])
def test_a_window_fires_below_its_threshold(value, expected):
    """S-06: a mean at the threshold does not fire, just below it does."""
    outcome = last({"sentiment": {"window": {"messages": 2, "below": -0.5}}}, *numbers(-0.5, value))
    assert expected == outcome.decision.decision


def test_clauses_of_one_trigger_are_reported_apart():
    """L-09, L-11: any clause is enough, and each has a report."""
    when = {"sentiment": {"below": -0.9, "streak": 1, "window": {"messages": 2, "below": -0.9}}}
    outcome = last(when, *moods("negative"))
    assert ["sentiment.below", "sentiment.streak", "sentiment.window"] == [r.name for r in outcome.decision.triggers]
    assert (Action.ESCALATE, "sentiment") == (outcome.decision.decision, outcome.decision.reason.code)


@pytest.mark.parametrize(("value", "expected"), [(0.7999, "continue"), (0.8, "escalate"), (0.8001, "escalate")])
def test_frustration_fires_at_its_threshold(value, expected):
    """M-01, M-02: frustration fires at and above its threshold."""
    outcome = take(policy_of(rule({"frustration": {"at_least": 0.8}})), customer(), scored(frustration=value))
    assert expected == outcome.decision.decision


@pytest.mark.parametrize("sentiment", [{}, {"include_neutral": True}, {"below": -0.5, "include_neutral": True}])
def test_an_empty_sentiment_trigger_is_refused(sentiment):
    """A sentiment trigger without a clause, or with half of one, is an error."""
    with pytest.raises(ValueError, match=r"nothing to compare|about a streak"):
        policy_of(rule({"sentiment": sentiment}))
