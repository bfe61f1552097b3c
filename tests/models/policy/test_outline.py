"""A condition in one line, for people."""

import pytest

from models.policy.outline import outline
from models.policy.triggers.combine import LEAVES, Condition

OUTLINES = [
    ({"keyword": {"terms": ["a", "b"], "match": "starts_with"}}, "starts with 'a', 'b'"),
    ({"keyword": {"terms": list("abcdefgh"), "case_sensitive": True, "negations": True}}, "contains 'a', 'b', 'c', 'd', 'e', 'f' … 2 more, case matters, unless negated"),
    ({"explicit": {"threshold": 0.6}}, "explicit >= 0.6"),
    ({"explicit": {}}, "explicit >= the bundle's threshold"),
    ({"explicit": {"use_model": False}}, "an explicit request, by phrases"),
    ({"intent": {"labels": ["a", "b"], "threshold": 0.5}}, "intent a, b >= 0.5"),
    ({"intent": {"labels": ["a", "b"], "threshold": 0.5, "thresholds": {"b": 0.7}}}, "intent a >= 0.5 or intent b >= 0.7"),
    ({"topic": {"labels": ["a"], "terms": ["x"], "threshold": 0.5}}, "topic a >= 0.5 or word 'x'"),
    ({"topic": {"labels": ["a"], "terms": ["x"], "use_model": False}}, "word 'x'"),
    ({"dialogue": {"labels": ["insists"], "threshold": 0.6}}, "dialogue insists >= 0.6"),
    ({"dialogue": {"labels": ["not_helped"], "threshold": 0.5, "times": 3}}, "dialogue not_helped >= 0.5, in 3 messages"),
    ({"sentiment": {"below": -0.6, "streak": 3, "window": {"messages": 3, "below": -0.5}}}, "sentiment < -0.6 or 3 negative messages in a row or mean sentiment of 3 messages < -0.5"),
    ({"sentiment": {"streak": 3, "include_neutral": True}}, "3 not positive messages in a row"),
    ({"frustration": {"at_least": 0.8}}, "frustration >= 0.8"),
    ({"guideline": {"text": "angry about billing", "threshold": 0.7}}, "guideline “angry about billing” >= 0.7"),
    ({"confidence": {"threshold": 0.5, "consecutive_low_turns": 2}}, "2 answers in a row with confidence < 0.5"),
    ({"confidence": {"threshold": 0.5}}, "confidence < 0.5"),
    ({"repetition": {"max_retries": 3, "max_fallbacks": 2, "max_loops": 5}}, "the same question 3 times or 2 fallbacks or the same loop 5 times"),
    ({"time": {"max_duration_seconds": 900, "max_messages": 20, "max_bot_responses": 10}}, "longer than 900 s or more than 20 messages or 10 answers of the bot"),
    ({"risk": {"threshold": 0.7}}, "risk >= 0.7"),
    ({"turn": {"offer_made": True}}, "offer made"),
    ({"turn": {"after_fallback": True}}, "the last answer was a fallback"),
    ({"turn": {"fired": ["a", "b"]}}, "a or b held before"),
    ({"turn": {"after_confidence_below": 0.5}}, "confidence in the last answer < 0.5"),
    ({"turn": {"after_bot": {"labels": ["bot_cannot"], "threshold": 0.6}}}, "the bot's last message bot_cannot >= 0.6"),
    ({"field": "customer.tier", "in": ["gold", "silver"]}, "customer.tier in gold, silver"),
    ({"field": "customer.tier", "equals": "gold"}, "customer.tier is gold"),
    ({"field": "context.total", "at_least": 100}, "context.total >= 100"),
    ({"field": "context.order", "exists": False}, "context.order is missing"),
    ({"not": {"any": [{"explicit": {"threshold": 0.6}}, {"field": "channel", "equals": "web"}]}}, "not (explicit >= 0.6 or channel is web)"),
    ({"all": [{"field": "channel", "equals": "web"}, {"any": [{"risk": {"threshold": 0.7}}, {"explicit": {"threshold": 0.6}}]}]}, "channel is web and (risk >= 0.7 or explicit >= 0.6)"),
    ({"any": [{"field": "channel", "equals": "web"}, {"all": [{"risk": {"threshold": 0.7}}, {"explicit": {"threshold": 0.6}}]}]}, "channel is web or (risk >= 0.7 and explicit >= 0.6)"),
]  # fmt: skip


@pytest.mark.parametrize(("document", "expected"), OUTLINES, ids=[expected for _, expected in OUTLINES])
def test_a_condition_reads_as_a_line(document, expected):
    """Every trigger is told in words, with its thresholds."""
    assert expected == outline(Condition.model_validate(document))


def test_every_trigger_has_words_of_its_own():
    """No trigger falls back on how Python would print it."""
    told = {
        name for document, _ in OUTLINES for name in Condition.model_validate(document).model_dump(exclude_none=True)
    }
    assert set() == set(LEAVES) - told
