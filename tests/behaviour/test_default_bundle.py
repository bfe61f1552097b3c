"""What the shipped models must do with messages that anybody can read: minimum function, invariance, direction."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from models.bundle import DEFAULT_PATH, Bundle
from models.contracts import Action, Message, ReasonCode, Role, Scores
from models.conversation import Conversation, Played
from models.policy.schema import default_policy
from models.scorer import Scorer, ScoreRequest

AT = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)


@pytest.fixture(scope="module")
def scorer() -> Scorer:
    """The shipped bundle, loaded once."""
    return Scorer(Bundle.load(DEFAULT_PATH))


def _score(scorer: Scorer, text: str) -> Scores:
    return scorer.score([ScoreRequest(role=Role.CUSTOMER, text=text)])[0]


def _open(scorer: Scorer, text: str) -> Played:
    conversation = Conversation(scorer, default_policy())
    return conversation.take(Message(id="m-1", role=Role.CUSTOMER, text=text, at=AT))


def _confidence(scorer: Scorer, question: str, answer: str, *passages: str) -> float:
    request = ScoreRequest(role=Role.BOT, text=answer, question=question, passages=passages)
    found = scorer.score([request])[0].confidence
    assert found is not None
    return found


@pytest.mark.parametrize(
    "text",
    [
        "I want to talk to a real person",
        "this is useless, get me a real person",
        "is there anyone who can actually look at this",
        "put me through to somebody please",
        "can i speak with ur manager",
        "HUMAN",
    ],
)
def test_a_request_for_a_person_escalates(scorer: Scorer, text: str) -> None:
    """A customer who asks for a person gets one, and that is the reason given. (S-04, M-03)"""
    decision = _open(scorer, text).decision

    assert (Action.ESCALATE, ReasonCode.EXPLICIT_REQUEST) == (
        decision.decision,
        decision.reason and decision.reason.code,
    )


@pytest.mark.parametrize(
    "text",
    [
        "my travel agent booked the wrong date, can I change it here?",
        "no need for an agent, I found the answer myself",
        "I work in human resources and my keyboard order has not shipped yet",
        "does your human resources department accept applications by email?",
        "are you a bot?",
        "what are your delivery times to Ireland?",
        "my parcel arrived broken, what do I do now?",
        "asdfgh jkl",
        "wow that was fast, thanks a lot!",
    ],
)
def test_what_looks_like_a_reason_and_is_none_continues(scorer: Scorer, text: str) -> None:
    """The bot goes on where words only resemble a request, and with ordinary questions and calm bad news."""
    assert _open(scorer, text).decision.decision is Action.CONTINUE


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("someone hacked my account and changed the password", "security_incident"),
        ("I will take you to court over this", "legal_threat"),
        ("your driver followed me home and keeps texting me", "harassment_report"),
        ("the charger caught fire and burned my hand", "safety_risk"),
    ],
)
def test_what_people_must_handle_escalates_by_topic(scorer: Scorer, text: str, label: str) -> None:
    """Security, legal, harassment and safety messages escalate in any tone, named as topics. (L-18, L-19)"""
    played = _open(scorer, text)

    assert played.decision.decision is Action.ESCALATE
    assert label in {entry.label for entry in (played.scores.topics or ())[:2]} if played.scores else False


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("where is my order?", "order_status"),
        ("I forgot my password", "login_password"),
        ("how do I cancel my order", "cancel_order"),
        ("I was charged twice for the same thing", "billing_dispute"),
        ("my card got declined at checkout", "payment_failed"),
        ("please close my account", "account_cancellation"),
        ("hello", "greeting"),
    ],
)
def test_plain_wishes_are_understood(scorer: Scorer, text: str, label: str) -> None:
    """The best intent of a plain message is the one that a person would name."""
    intents = _score(scorer, text).intents or ()

    assert label == intents[0].label


def test_what_is_no_support_message_is_out_of_scope(scorer: Scorer) -> None:
    """A question about something else entirely has a high out-of-scope probability, a support question a low one."""
    far, near = _score(scorer, "what is the capital of Mongolia"), _score(scorer, "where is my refund")

    assert (far.out_of_scope or 0) > 0.5 > (near.out_of_scope or 0)


def test_an_angry_message_is_strongly_negative(scorer: Scorer) -> None:
    """A furious message scores below -0.5 and counts as frustrated; a grateful one is positive."""
    angry = _score(scorer, "this is the third time you get it wrong, absolutely useless")
    happy = _score(scorer, "brilliant, that worked, you made my day")

    assert angry.sentiment is not None
    assert happy.sentiment is not None
    assert angry.sentiment.score < -0.5
    assert (angry.frustration or 0) > 0.5
    assert happy.sentiment.score > 0.3
    assert (happy.frustration or 0) < 0.2


@pytest.mark.parametrize(
    "variant",
    ["i want to talk to a real person", "I WANT TO TALK TO A REAL PERSON", "I want to talk to a real person!!!",
     "i want to tlak to a real person", "  I want   to talk to a real person  "],
)  # fmt: skip
def test_spelling_and_case_do_not_change_a_request(scorer: Scorer, variant: str) -> None:
    """Invariance: case, blanks, exclamation marks and a slip of the finger leave the decision as it is."""
    assert _open(scorer, variant).decision.decision is Action.ESCALATE


def test_insults_lower_the_sentiment(scorer: Scorer) -> None:
    """Direction: the same message with an angry sentence added is more negative and more frustrated."""
    calm = _score(scorer, "my order has not arrived yet")
    angry = _score(scorer, "my order has not arrived yet. this is ridiculous, worst service ever")

    assert calm.sentiment is not None
    assert angry.sentiment is not None
    assert angry.sentiment.score < calm.sentiment.score - 0.2
    assert (angry.frustration or 0) > (calm.frustration or 0)


REFUND_PASSAGE = "Refunds are paid to the original payment method within 14 days after we receive the returned item."


def test_an_answer_that_follows_from_its_passage_is_trusted(scorer: Scorer) -> None:
    """An answer that says what the passage says has high confidence."""
    found = _confidence(
        scorer,
        "How long does a refund take?",
        "You get your money back within 14 days after we receive the item.",
        REFUND_PASSAGE,
    )

    assert found > 0.6


@pytest.mark.parametrize(
    ("answer", "passage"),
    [
        ("You get your money back within 14 days.", "Our shops are open from 9 to 18 on weekdays."),
        ("Our shops are open from 9 to 18 on weekdays.", "Our shops are open from 9 to 18 on weekdays."),
        ("Sorry, I didn't get that. Could you rephrase?", REFUND_PASSAGE),
    ],
    ids=["no support", "beside the point", "fallback"],
)
def test_an_answer_that_does_not_fit_is_not_trusted(scorer: Scorer, answer: str, passage: str) -> None:
    """An unsupported answer, one beside the point and a fallback have low confidence."""
    assert _confidence(scorer, "How long does a refund take?", answer, passage) < 0.5


def test_two_poor_answers_escalate(scorer: Scorer) -> None:
    """The second low-confidence answer is replaced by the policy's message. (C-01, C-02, S-07)"""
    conversation = Conversation(scorer, default_policy())
    decisions = []
    for number, question in enumerate(("How long does a refund take?", "so when do I get my money back")):
        conversation.take(Message(id=f"c-{number}", role=Role.CUSTOMER, text=question, at=AT))
        draft = Message(
            id=f"b-{number}",
            role=Role.BOT,
            text="Our shops are open from 9 to 18 on weekdays.",
            at=AT,
            passages=("Our shops are open from 9 to 18 on weekdays.",),
        )
        decisions.append(conversation.take(draft).decision)

    assert [Action.CONTINUE, Action.ESCALATE] == [decision.decision for decision in decisions]
    assert decisions[1].reason is not None
    assert decisions[1].reason.code is ReasonCode.LOW_CONFIDENCE
    assert decisions[1].text


def test_a_request_in_another_language_still_escalates(scorer: Scorer) -> None:
    """Where the model heads don't speak the language, the phrase list finds the request. (S-04)"""
    played = _open(scorer, "quiero hablar con una persona de verdad")

    assert played.scores is not None
    assert played.scores.intents is None
    assert played.decision.decision is Action.ESCALATE


def test_the_release_states_how_often_int8_changes_a_decision() -> None:
    """The share of held-out messages that int8 decides otherwise than fp32 was measured and stands in the manifest."""
    parity = Bundle.load(DEFAULT_PATH).manifest.training["parity"]

    assert parity["n"] >= 1000
    assert parity["decision_flip_share"] <= 0.02


def test_the_graphs_tell_nothing_of_where_they_were_made() -> None:
    """The exporter notes stack traces with paths; a released graph holds none of them."""
    for name in ("message.onnx", "confidence.onnx"):
        content = (DEFAULT_PATH / name).read_bytes()
        assert [word for word in (b"stack_trace", b"site-packages", b"/training/") if word in content] == []
