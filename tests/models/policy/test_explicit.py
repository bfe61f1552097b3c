"""Explicit requests: the score where there is one, the phrase lists elsewhere (rows S-04, M-03)."""

import pytest

from models.contracts import Action, ScoreStatus, TriggerStatus
from models.phrases import find_request
from tests.models.policy.builders import customer, policy_of, report_of, rule, scored, take

POLICY = policy_of(rule({"explicit": {"threshold": 0.8}}), on_error="continue")


@pytest.mark.parametrize(("value", "expected"), [(0.7999, "continue"), (0.8, "escalate"), (0.8001, "escalate")])
def test_it_fires_at_its_threshold(value, expected):
    """The head's probability fires at and above the threshold."""
    outcome = take(POLICY, customer(), scored(explicit=value))
    found = report_of(outcome, "explicit")
    assert (expected, value, ">=", 0.8) == (outcome.decision.decision, found.value, found.operator, found.threshold)
    assert (expected == "escalate") == (found.margin >= 0)


def test_an_explicit_request_escalates_at_once():
    """M-03: the first message that asks for a person escalates, with the reason explicit_request."""
    decision = take(POLICY, customer("I want to speak to a person"), scored(explicit=0.99)).decision
    assert (Action.ESCALATE, "explicit_request") == (decision.decision, decision.reason.code)
    assert decision.reason.sentence == "The customer asks for a person."


def test_in_english_the_head_decides_and_the_phrase_is_evidence():
    """An English phrase does not outvote the head, in either direction."""
    scores = scored(explicit=0.1, request_phrase="talk to a human")
    outcome = take(POLICY, customer("how do I say talk to a human in French?"), scores)
    found = report_of(outcome, "explicit")
    assert (Action.CONTINUE, 0.1, {"phrase": "talk to a human"}) == (
        outcome.decision.decision,
        found.value,
        found.evidence,
    )


def test_in_a_foreign_language_the_phrase_decides():
    """S-04: where the head does not read the language, a phrase counts as 1.0 and is named."""
    scores = scored(language="de", status={"explicit": ScoreStatus.UNSUPPORTED_LANGUAGE})
    outcome = take(POLICY, customer("Ich möchte mit einem Menschen sprechen"), scores)
    found = report_of(outcome, "explicit")
    assert (Action.ESCALATE, 1.0) == (outcome.decision.decision, found.value)
    expected = {"head": "unsupported_language", "phrase": "mochte mit einem menschen sprechen", "language": "de"}
    assert expected | {"phrase": found.evidence["phrase"]} == found.evidence


@pytest.mark.parametrize(("value", "expected"), [(0.79, "continue"), (0.8, "escalate")])
@pytest.mark.parametrize("language", ["es", None])
def test_in_a_foreign_language_a_score_decides_where_there_is_one(language, value, expected):
    """S-04: a score of another language has weighed the phrase already, so it counts as it is, and the phrase is evidence."""
    status = dict.fromkeys(("intents", "sentiment"), ScoreStatus.UNSUPPORTED_LANGUAGE)
    scores = scored(explicit=value, language=language, request_phrase="hablar con un agente", status=status)
    outcome = take(POLICY, customer("quiero hablar con un agente"), scores)
    found = report_of(outcome, "explicit")
    assert (expected, value, {"phrase": "hablar con un agente"}) == (
        outcome.decision.decision,
        found.value,
        found.evidence,
    )
    assert [("scores.explicit", value)] == [(flip.what, flip.value) for flip in outcome.decision.would_flip_if]


def test_in_a_foreign_language_a_score_needs_no_phrase():
    """S-04: a request in words that no list knows escalates when the score says so."""
    scores = scored(explicit=0.9, language="de", status={"intents": ScoreStatus.UNSUPPORTED_LANGUAGE})
    outcome = take(POLICY, customer("is da jetz ma wer da der sich auskennt"), scores)
    assert (Action.ESCALATE, {}) == (outcome.decision.decision, report_of(outcome, "explicit").evidence)


def test_a_declined_person_is_no_request():
    """The words "no need for an agent" do not fire where phrases decide."""
    scores = scored(language="de", status={"explicit": ScoreStatus.UNSUPPORTED_LANGUAGE})
    outcome = take(POLICY, customer("ich brauche keinen Menschen"), scores)
    assert (TriggerStatus.EVALUATED, 0.0) == (
        report_of(outcome, "explicit").status,
        report_of(outcome, "explicit").value,
    )


def test_without_scores_the_phrases_decide():
    """S-04: explicit requests still escalate when scoring failed."""
    outcome = take(POLICY, customer("get me a human please"), None)
    assert Action.ESCALATE is outcome.decision.decision


@pytest.mark.parametrize("value", [0.8, 0.99])
@pytest.mark.parametrize(
    "text",
    [
        "I do not want to speak to a human",
        "please don't connect me with a human",
        "don't transfer me to an agent",
        "no human please, just answer",
        "not a human, I want the bot",
        "no agent please",
        "stop, no operator",
    ],
)
def test_who_declines_a_person_gets_none_whatever_the_head_says(text, value):
    """S-04: a negated request does not fire, keeps the head's value, and no change of the head is offered as a flip."""
    phrase = find_request(text, "en")
    assert phrase.negated
    outcome = take(POLICY, customer(text), scored(explicit=value, declined_phrase=phrase.phrase))
    found = report_of(outcome, "explicit")
    assert (Action.CONTINUE, TriggerStatus.EVALUATED, value, None, ["negated"], ()) == (
        outcome.decision.decision, found.status, found.value, found.margin, list(found.evidence),
        outcome.decision.would_flip_if,
    )  # fmt: skip


def test_a_negation_below_the_threshold_offers_no_flip():
    """Raising the head would not make a negated request fire, so that is no flip."""
    scores = scored(explicit=0.7, declined_phrase="no agent please")
    assert () == take(POLICY, customer("no agent please"), scores).decision.would_flip_if


@pytest.mark.parametrize(
    "text",
    [
        "no bot, a human",
        "I don't want a bot, give me a person",
        "why can't I talk to a human",
        "why can I not speak to an agent?",
        "is there no human I can talk to",
        "why is there no agent",
        "why won't you connect me to an agent",
        "you won't let me talk to a person",
        "never got to speak to a human",
        "no, human please",
        "not an agent, a manager",
        "You're a bot, not a human. Get me a real one",
        "i dont want a survey about it i want somebody who works there to ring me",
    ],
)
def test_who_complains_of_getting_no_person_wants_one(text):
    """S-04: a negation of something else, or a complaint that nobody is there, leaves the head its say."""
    assert Action.ESCALATE is take(POLICY, customer(text), scored(explicit=0.9)).decision.decision


def test_a_declined_person_in_another_language():
    """Also where the head reads more than English the phrases' negation counts."""
    outcome = take(
        POLICY,
        customer("ich brauche keinen Menschen"),
        scored(explicit=0.9, language="de", declined_phrase="keinen menschen"),
    )
    assert Action.CONTINUE is outcome.decision.decision
