"""Every boundary, a step below it, on it, and a step above it (row X-16): which side fires is part of the contract."""

import pytest

from models.contracts import Action
from tests.models.policy.builders import bot, customer, play, policy_of, ranked, report_of, rule, scored, take

# the smallest step that shows: of probabilities, of sentiments, of seconds
STEP = 1e-6
OWN = {"ours": {"description": "x"}}


def score(when, name, bound, scores, *, message=customer, step=STEP, **policy):
    """A row for a score: its trigger, the report's name, its bound, and how a value becomes scores."""
    cases = [bound - step, bound, bound + step]
    return when, name, bound, [[(message(), scores(value))] for value in cases], policy


def count(when, name, bound, steps):
    """A row for a count: its trigger, the report's name, its bound, and how a number becomes messages."""
    return when, name, bound, [steps(number) for number in (bound - 1, bound, bound + 1)], {}


def moods(number, mood="negative"):
    """So many messages of one mood in a row, after one that breaks the row."""
    before = [(customer("fine, thanks", id="m-0"), scored(mood="positive"))]
    return before + [(customer(f"message number {n}", id=f"m-{n}"), scored(mood=mood)) for n in range(1, number + 1)]


def means(value):
    """Three messages whose mean sentiment is this."""
    return [
        (customer(f"m {n}", id=f"m-{n}"), scored(sentiment=one)) for n, one in enumerate((-0.5, -0.5, 3 * value + 1))
    ]


def exchanges(number):
    """The same exchange of intent and answer so many times, after another one."""
    steps = [(customer("hello there", id="m-0"), scored(intents={"greeting": 0.9})), bot("Hello!", id="b-0")]
    for n in range(1, number + 1):
        steps += [
            (customer(f"text {n}", id=f"m-{n}"), scored(intents={"fees": 0.9})),
            bot("Two pounds.", id=f"b-{n}"),
        ]
    return steps


def lasting(seconds):
    """A conversation that lasts so long."""
    return [customer(), customer("and now", id="m-2", seconds=seconds)]


def drafts(number):
    """So many answers of low confidence in a row, after a good one."""
    return [(bot(id="b-0"), scored(confidence=0.9))] + [
        (bot(f"answer {n}", id=f"b-{n}"), scored(confidence=0.1)) for n in range(1, number + 1)
    ]


def asked(number):
    """The same question so many times."""
    return [customer("where is my order", id=f"m-{n}") for n in range(number)]


def missed(number):
    """So many messages that missed their answer, with others in between."""
    steps = []
    for n in range(number):
        steps += [(customer(id=f"x-{n}"), scored(dialogue=ranked({"not_helped": 0.1})))]
        steps += [(customer(id=f"m-{n}"), scored(dialogue=ranked({"not_helped": 0.9})))]
    return steps


LABELLED = {"labels": ["a"], "threshold": 0.8}
AT_OR_ABOVE, ABOVE, BELOW = (False, True, True), (False, False, True), (True, False, False)
TABLE = {
    # probabilities fire at and above
    "intent": (AT_OR_ABOVE, score({"intent": LABELLED}, "intent", 0.8, lambda v: scored(intents={"a": v}))),
    "topic": (AT_OR_ABOVE, score({"topic": LABELLED}, "topic", 0.8, lambda v: scored(topics={"a": v}))),
    "own label": (
        AT_OR_ABOVE,
        score({"intent": {"labels": ["ours"], "threshold": 0.8}}, "intent", 0.8, lambda v: scored(custom=ranked({"ours": v})), labels=OWN),
    ),
    "explicit": (AT_OR_ABOVE, score({"explicit": {"threshold": 0.8}}, "explicit", 0.8, lambda v: scored(explicit=v))),
    "dialogue": (
        AT_OR_ABOVE,
        score({"dialogue": {"labels": ["insists"], "threshold": 0.6}}, "dialogue", 0.6, lambda v: scored(dialogue=ranked({"insists": v}))),
    ),
    "bot's dialogue": (
        AT_OR_ABOVE,
        score({"dialogue": {"labels": ["bot_cannot"], "threshold": 0.6}}, "dialogue", 0.6, lambda v: scored(dialogue=ranked({"bot_cannot": v})), message=bot),
    ),
    "frustration": (AT_OR_ABOVE, score({"frustration": {"at_least": 0.8}}, "frustration", 0.8, lambda v: scored(frustration=v))),
    "risk": (AT_OR_ABOVE, score({"risk": {"threshold": 0.7}}, "risk", 0.7, lambda v: scored(risk=v))),
    # sentiment and confidence fire below
    "sentiment": (BELOW, score({"sentiment": {"below": -0.6}}, "sentiment.below", -0.6, lambda v: scored(sentiment=v))),
    "sentiment over a window": (
        BELOW,
        ({"sentiment": {"window": {"messages": 3, "below": -0.5}}}, "sentiment.window", -0.5, [means(v) for v in (-0.5 - STEP, -0.5, -0.5 + STEP)], {}),
    ),
    "confidence": (BELOW, score({"confidence": {"threshold": 0.5}}, "confidence", 0.5, lambda v: scored(confidence=v), message=bot)),
    # durations and numbers of messages fire above
    "duration": (ABOVE, ({"time": {"max_duration_seconds": 900}}, "time.max_duration_seconds", 900, [lasting(s) for s in (900 - STEP, 900, 900 + STEP)], {})),
    "messages": (ABOVE, count({"time": {"max_messages": 20}}, "time.max_messages", 20, lambda n: [customer(id=f"m-{i}") for i in range(n)])),
    # counters fire at
    "bot responses": (AT_OR_ABOVE, count({"time": {"max_bot_responses": 10}}, "time.max_bot_responses", 10, lambda n: [bot(id=f"b-{i}") for i in range(n)])),
    "retries": (AT_OR_ABOVE, count({"repetition": {"max_retries": 3}}, "repetition.max_retries", 3, asked)),
    "fallbacks": (AT_OR_ABOVE, count({"repetition": {"max_fallbacks": 2}}, "repetition.max_fallbacks", 2, lambda n: [bot(id=f"b-{i}", fallback=True) for i in range(n)])),
    "loops": (AT_OR_ABOVE, count({"repetition": {"max_loops": 5}}, "repetition.max_loops", 5, exchanges)),
    "streak": (AT_OR_ABOVE, count({"sentiment": {"streak": 3}}, "sentiment.streak", 3, moods)),
    "streak with neutral ones": (AT_OR_ABOVE, count({"sentiment": {"streak": 3, "include_neutral": True}}, "sentiment.streak", 3, lambda n: moods(n, "neutral"))),
    "messages of a kind": (AT_OR_ABOVE, count({"dialogue": {"labels": ["not_helped"], "threshold": 0.5, "times": 2}}, "dialogue.times", 2, missed)),
    "low answers in a row": (AT_OR_ABOVE, ({"confidence": {"threshold": 0.5, "consecutive_low_turns": 2}}, "confidence", 0.5, [drafts(n) for n in (1, 2, 3)], {})),
}  # fmt: skip


@pytest.mark.parametrize("place", [0, 1, 2], ids=["below", "at", "above"])
@pytest.mark.parametrize("row", TABLE)
def test_x_16_each_boundary(row, place):
    """X-16: probabilities and counters fire at and above their bound, sentiment and confidence below it, lengths above it."""
    fires, (when, name, bound, cases, fields) = TABLE[row]
    found = report_of(play(policy_of(rule(when), **fields), *cases[place])[-1], name)
    assert (fires[place], bound) == (found.status == "fired", found.threshold)


@pytest.mark.parametrize("when", [{"sentiment": {"window": {"messages": 3, "below": 1.0}}}])
@pytest.mark.parametrize(("n_messages", "expected"), [(2, "continue"), (3, "escalate")])
def test_a_window_that_is_not_full_never_fires(when, n_messages, expected):
    """X-04: with fewer messages than the window has there is no mean, however bad they are."""
    steps = [(customer(id=f"m-{n}"), scored(sentiment=-1.0)) for n in range(n_messages)]
    assert expected == play(policy_of(rule(when)), *steps)[-1].decision.decision


@pytest.mark.parametrize(
    ("value", "threshold", "expected"),
    [(0.0, 0.0, "escalate"), (1.0, 1.0, "escalate"), (0.999999, 1.0, "continue"), (0.000001, 0.0, "escalate")],
)
def test_the_ends_of_the_range_are_bounds_like_others(value, threshold, expected):
    """X-16: a threshold of nought always fires where there is a score, one of one only when it is sure."""
    policy = policy_of(rule({"explicit": {"threshold": threshold}}))
    assert expected == take(policy, customer(), scored(explicit=value)).decision.decision
    assert (
        Action.CONTINUE
        is take(policy_of(rule({"confidence": {"threshold": 0.0}})), bot(), scored(confidence=0.0)).decision.decision
    )
