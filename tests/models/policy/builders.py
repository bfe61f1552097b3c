"""Small builders for the policy's tests: messages, scores, policies, whole conversations."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

from models.contracts import LabelScore, Language, Message, Role, Scores, Sentiment, TriggerReport
from models.policy.engine import Outcome, Turn, decide
from models.policy.schema import Policy
from models.policy.state import NEW, ConversationState

START = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)
MOODS = {"negative": -0.5, "neutral": 0.0, "positive": 0.5}


def customer(text="where is my order", *, id="m-1", seconds=0.0) -> Message:  # noqa: A002 - the field is called so
    """A customer's message, some seconds after the start."""
    return Message(id=id, role=Role.CUSTOMER, text=text, at=START + timedelta(seconds=seconds))


def bot(text="It is on its way.", *, id="b-1", seconds=0.0, fallback=False, confidence=None) -> Message:  # noqa: A002 - the field is called so
    """A bot's draft answer."""
    at = START + timedelta(seconds=seconds)
    return Message(id=id, role=Role.BOT, text=text, at=at, fallback=fallback, confidence=confidence)


def agent(text="Hi, I'm Ada.", *, id="a-1", seconds=0.0) -> Message:  # noqa: A002 - the field is called so
    """A person's message."""
    return Message(id=id, role=Role.AGENT, text=text, at=START + timedelta(seconds=seconds))


def ranked(labels: dict[str, float] | None) -> tuple[LabelScore, ...] | None:
    """Labels as the scorer lists them, best first."""
    if labels is None:
        return None
    entries = [LabelScore(label=label, probability=probability) for label, probability in labels.items()]
    return tuple(sorted(entries, key=lambda entry: -entry.probability))


def scored(*, intents=None, topics=None, mood=None, sentiment=None, language="en", **fields) -> Scores:
    """Scores of which only the named ones exist; ``mood`` is a sentiment's label, ``sentiment`` its number."""
    if mood is not None or sentiment is not None:
        number = MOODS[mood] if sentiment is None else sentiment
        label = mood or ("negative" if number < 0 else "neutral")
        fields["sentiment"] = Sentiment(score=number, label=label)
    if language is not None:
        fields["language"] = Language(code=language, probability=0.99)
    return Scores(intents=ranked(intents), topics=ranked(topics), **fields)


def rule(when, then="escalate", *, id="r", **fields) -> dict:  # noqa: A002 - the field is called so
    """One rule of a policy document."""
    return {"id": id, "when": when, "then": then, **fields}


def policy_of(*rules: dict, **fields) -> Policy:
    """A policy of some rules."""
    return Policy.model_validate({"name": "test", "rules": list(rules), **fields})


def take(
    policy: Policy, message: Message, scores: Scores | None = None, state: ConversationState = NEW, **known
) -> Outcome:
    """Decide about one message; nothing is scored unless scores are given."""
    return decide(Turn(message=message, scores=scores or Scores(), **known), state, policy)


def play(policy: Policy, *steps, state: ConversationState = NEW) -> list[Outcome]:
    """Decide about messages, or (message, scores) pairs, one after the other."""
    outcomes = []
    for step in steps:
        message, scores = step if isinstance(step, tuple) else (step, Scores())
        outcomes.append(decide(Turn(message=message, scores=scores), state, policy))
        state = outcomes[-1].state
    return outcomes


def report_of(outcome: Outcome, name: str, rule_id: str = "r") -> TriggerReport:
    """The one report of a trigger under a rule."""
    (found,) = [report for report in outcome.decision.triggers if report.name == name and report.rule_id == rule_id]
    return found


def as_json(policy: Policy) -> str:
    """A policy as a JSON document."""
    return json.dumps(policy.model_dump(mode="json", by_alias=True, exclude_defaults=True))


# a policy with one offer, and the answers to it
A, B = {"keyword": {"terms": ["alpha"]}}, {"keyword": {"terms": ["beta"]}}
OFFER = rule(A, "offer", id="offer", message="Shall I get someone?", priority=10)
OFFERING = policy_of(OFFER, messages={"escalate": "One moment."})
YES, NO, ELSE = (scored(intents={label: 0.9}) for label in ("affirm", "deny", "order_status"))


def decisions(outcomes):
    """What was decided, one after the other."""
    return [outcome.decision.decision.value for outcome in outcomes]
