"""Behaviour of the shipped models as rates over many small changes: what must not matter, what must, and which way.

After Ribeiro et al. 2020, "Beyond Accuracy: Behavioral Testing of NLP Models with CheckList" (arXiv 2005.04118): invariance,
direction, minimum function. The messages were written for these tests and stand in no training file. Bounds are what a
release must hold, not what this one happens to reach.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from models.bundle import DEFAULT_PATH, Bundle
from models.contracts import Role, Scores
from models.scorer import Scorer, ScoreRequest

# What customers ask for, in words of their own; each asks for a person.
REQUESTS = (
    "could you pass me over to one of your colleagues",
    "I've had it with the automatic replies, let me speak to someone who works there",
    "is anybody actually there? I'd rather type with a human",
    "get your supervisor to call me back this afternoon",
    "My boiler has been out since Tuesday and the app keeps looping. I need a person to sort this out",
    "who can I speak to about the claim? not you, a real one",
    "agent please",
    "stop sending me articles and hand me to the support team",
)
# Each has words of a request and asks for none.
LOOKALIKES = (
    "my letting agent says the meter reading was sent on Monday, has it arrived?",
    "no need to get anybody involved, just tell me where the invoice is",
    "your colleague told me on Friday that it would be refunded, thanks for that",
    "I don't want to be transferred again, please answer it here",
    "does the family plan cover a third person?",
    "actually forget the human, I found the button",
    "how do I message the seller of the bike?",
    "is the manager role included in the basic plan?",
)
# Ordinary messages with one intent each.
PLAIN = {
    "hasn't turned up yet, the blue raincoat I ordered last week": "order_status",
    "i can't get into my account, it says the password is wrong": "login_password",
    "what do you charge for shipping to Norway": "fees",
    "the app shuts down as soon as I open the camera": "report_bug",
    "please close my account for good": "account_cancellation",
    "you took the money twice for the same booking": "billing_dispute",
    "please put the new flat number on my delivery address": "change_details",
    "I want every penny of that back": "demand_refund",
}
CHANGES: dict[str, Callable[[str], str]] = {
    "upper case": str.upper,
    "lower case": str.lower,
    "no punctuation": lambda text: "".join(char for char in text if char.isalnum() or char.isspace()),
    "a greeting before": lambda text: f"hi there, {text}",
    "thanks behind": lambda text: f"{text}. thanks in advance",
    "blanks": lambda text: f"  {text.replace(' ', '  ')}\n",
    "two letters swapped": lambda text: text[:2] + text[3] + text[2] + text[4:],
    "three exclamation marks": lambda text: f"{text}!!!",
    "a typographic apostrophe": lambda text: text.replace("'", "\u2019"),
    "an emoji": lambda text: f"{text} \U0001f642",
}


@pytest.fixture(scope="module")
def scorer() -> Scorer:
    """The shipped bundle, loaded once."""
    return Scorer(Bundle.load(DEFAULT_PATH))


def _score(scorer: Scorer, texts: list[str], before: str | None = None) -> list[Scores]:
    return scorer.score([ScoreRequest(role=Role.CUSTOMER, text=text, before=before) for text in texts])


def _explicit(scorer: Scorer, texts: list[str]) -> list[float]:
    return [scores.explicit or 0.0 for scores in _score(scorer, texts)]


def _label(scores: Scores, label: str) -> float:
    return next(
        (entry.probability for entry in (*(scores.intents or ()), *(scores.dialogue or ())) if entry.label == label),
        0.0,
    )


def test_requests_are_told_from_lookalikes(scorer: Scorer) -> None:
    """Minimum function: every request scores above every lookalike but one, and the means lie far apart."""
    asked, looked = _explicit(scorer, list(REQUESTS)), _explicit(scorer, list(LOOKALIKES))
    assert sum(min(asked) <= value for value in looked) <= 1, dict(zip(LOOKALIKES, looked, strict=True))
    assert sum(asked) / len(asked) - sum(looked) / len(looked) > 0.6


@pytest.mark.parametrize("name", CHANGES)
def test_what_must_not_matter_does_not(scorer: Scorer, name: str) -> None:
    """Invariance: at most two of 24 messages change sides, of `explicit` at 0.8 or of its own intent at 0.5."""
    change = CHANGES[name]
    moved = []
    for texts, label in ((list(REQUESTS + LOOKALIKES), "explicit"), (list(PLAIN), "intent")):
        for text, was, now in zip(
            texts, _score(scorer, texts), _score(scorer, [change(t) for t in texts]), strict=True
        ):
            if label == "explicit":
                sides = [(scores.explicit or 0.0) >= 0.8 for scores in (was, now)]
            else:
                sides = [_label(scores, PLAIN[text]) >= 0.5 for scores in (was, now)]
            if sides[0] != sides[1]:
                moved.append(text)
    assert len(moved) <= 2, moved


@pytest.mark.parametrize(
    "refusal",
    [
        pytest.param(
            "I don't want a human. ",
            marks=pytest.mark.xfail(reason="known: two of eight score above 0.5; the policy's phrase list vetoes them"),
        ),
        "No agents please. ",
        "Don't transfer me, ",
    ],
)
def test_a_refusal_lowers_the_request(scorer: Scorer, refusal: str) -> None:
    """Direction: refusing a person before a plain question never makes a request of it."""
    assert max(_explicit(scorer, [refusal + text for text in PLAIN])) < 0.5


@pytest.mark.parametrize("addition", ["this is a joke, you useless lot", "I am so fed up with you"])
def test_anger_lowers_sentiment_and_raises_frustration(scorer: Scorer, addition: str) -> None:
    """Direction: every plain message sounds worse with an insult behind it."""
    calm, angry = _score(scorer, list(PLAIN)), _score(scorer, [f"{text}. {addition}" for text in PLAIN])
    for was, now in zip(calm, angry, strict=True):
        assert was.sentiment is not None
        assert now.sentiment is not None
        assert now.sentiment.score < was.sentiment.score
        assert (now.frustration or 0.0) > (was.frustration or 0.0)


def test_praise_raises_sentiment(scorer: Scorer) -> None:
    """Direction: thanks from the heart sound better than the bare question."""
    calm, glad = (
        _score(scorer, list(PLAIN)),
        _score(scorer, [f"{text}. you are brilliant, love you guys" for text in PLAIN]),
    )
    assert sum(b.sentiment.score > a.sentiment.score for a, b in zip(calm, glad, strict=True) if a.sentiment and b.sentiment) >= 7  # fmt: skip


@pytest.mark.parametrize(
    ("before", "text", "label"),
    [
        ("You can find all invoices under Account > Billing.", "that's not what I asked", "not_helped"),
        ("You can find all invoices under Account > Billing.", "there is nothing in there, I looked", "not_helped"),
        ("I'm afraid I can't waive the fee.", "no. waive it.", "insists"),
        (
            "Unfortunately I'm not able to issue refunds for used tickets.",
            "I want that refund and I want it today",
            "insists",
        ),
        ("Try turning the router off and on again.", "ooh that did it, all lights green. cheers", "resolved"),
    ],
)
def test_what_a_reply_does_is_heard(scorer: Scorer, before: str, text: str, label: str) -> None:
    """Minimum function of the dialogue labels: the right one is the most probable."""
    found = _score(scorer, [text], before)[0].dialogue
    assert found is not None
    assert found[0].label == label


def test_the_same_words_do_another_thing_after_another_message(scorer: Scorer) -> None:
    """Direction: repeating a demand insists after a refusal, and doesn't after a question for it."""
    demand = "I want the money back"
    refused = _score(scorer, [demand], "Sorry, I can't refund this order.")[0]
    asked = _score(scorer, [demand], "Would you like your money back, or a new pair?")[0]
    assert _label(refused, "insists") > _label(asked, "insists") + 0.3


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("I'm sorry, I'm not able to cancel bookings.", "bot_cannot"),
        ("Shall I put you through to one of our advisers?", "bot_offers_person"),
        ("Sorry, I didn't get that. Could you say it in other words?", "bot_fallback"),
        ("Could you give me the order number and your postcode?", "bot_asks_details"),
    ],
)
def test_what_a_bot_does_is_heard(scorer: Scorer, text: str, label: str) -> None:
    """Minimum function: the label of a bot's plain message is at or above 0.5, in front of the others."""
    found = scorer.score([ScoreRequest(role=Role.BOT, text=text, question="hello")])[0].dialogue
    assert found is not None
    assert (found[0].label, found[0].probability >= 0.5) == (label, True)


def test_short_threats_and_quiet_dangers_are_heard(scorer: Scorer) -> None:
    """Minimum function: at least four of six in each group, at 0.5. Known misses: a smoking battery, failing brakes."""
    groups = {
        "legal_threat": [
            "I will sue you for this", "see you in court", "my solicitor will write to you", "expect papers from my lawyer",
            "I'm taking this to the ombudsman", "small claims court it is, then",
        ],
        "safety_risk": [
            "the plug sparked and my daughter got a shock", "there's a smell of gas in the kitchen since your visit",
            "I fainted after taking the second tablet", "the battery is smoking", "the ladder broke and I hurt my back",
            "the brakes failed on the hire car",
        ],
        "security_incident": [
            "someone has ordered things on my account", "I lost my wallet with the card in it",
            "there was a login from Brazil and I live in Leeds", "I typed my PIN into a link from a text, I think it was fake",
            "my card was stolen on the train", "somebody got into my email and changed the address with you",
        ],
    }  # fmt: skip
    for label, texts in groups.items():
        values = [_label(scores, label) for scores in _score(scorer, texts)]
        assert sum(value >= 0.5 for value in values) >= 4, (label, dict(zip(texts, values, strict=True)))
