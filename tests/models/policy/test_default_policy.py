"""The default policy, course by course (rows M-02, M-03, M-16, A-02, S-14, S-15, S-16)."""

import pytest

from models.contracts import Action
from models.policy.schema import default_policy
from tests.models.policy.builders import bot, customer, play, ranked, report_of, scored
from training.labels import LABELS, TOPICS

POLICY = default_policy()


def labelled(*labels, probability=0.9, **fields):
    """Scores of the default bundle's shape, with some labels present."""
    values = dict.fromkeys(LABELS, 0.01) | dict.fromkeys(labels, probability)
    fields = {"explicit": 0.02, "sentiment": 0.0, "frustration": 0.05} | fields
    return scored(intents=values, topics={name: values[name] for name in TOPICS}, **fields)


def said(text, scores):
    """A message that is its own id, with its scores."""
    return customer(text, id=text), scores


def course(*steps):
    """What was decided, message by message, and by which rule."""
    outcomes = play(POLICY, *steps)
    return [(o.decision.decision.value, o.decision.reason.rule_id if o.decision.reason else None) for o in outcomes]


CONTINUE = ("continue", None)


@pytest.mark.parametrize(
    ("topic", "threshold"),
    [("safety_risk", 0.5), ("security_incident", 0.5), ("harassment_report", 0.5), ("legal_threat", 0.5)],
)
@pytest.mark.parametrize(("below", "expected"), [(0.0001, "continue"), (0.0, "escalate")])
def test_what_people_must_handle_escalates_at_once(topic, threshold, below, expected):
    """L-18, A-02: security, harassment, legal threats and danger escalate from their thresholds on."""
    assert expected == course(said("a message", labelled(topic, probability=threshold - below)))[0][0]


@pytest.mark.parametrize(
    ("explicit", "expected"),
    [
        (0.6, ("escalate", "explicit_request")),
        (0.5999, ("offer", "maybe_a_request")),
        (0.4, ("offer", "maybe_a_request")),
        (0.3999, CONTINUE),
    ],
)
def test_requests_for_a_person(explicit, expected):
    """M-03: a clear request escalates, a half-clear one is offered a person, anything less goes on."""
    assert [expected] == course(said("get me an agent", labelled("request_human", explicit=explicit)))


def test_a_bare_word_is_offered_a_person_and_said_again_gets_one():
    """A lone "agent" is ambiguous: it offers, whatever the head says; the second time it escalates."""
    steps = [
        said("Agent", labelled("request_human", explicit=0.99)),
        said("agent", labelled("request_human", explicit=0.99)),
    ]
    assert [("offer", "bare_word"), ("escalate", "explicit_request")] == course(*steps)


def test_a_half_clear_request_after_an_offer_is_clear_enough():
    """Asked whether a colleague should come, "a person" is a yes."""
    steps = [said("someone?", labelled(explicit=0.5)), said("a person", labelled(explicit=0.5))]
    assert [("offer", "maybe_a_request"), ("escalate", "asks_again")] == course(*steps)


def test_three_negative_messages_in_a_row():
    """L-11: the third negative message escalates; two and a calm one don't."""
    bad, calm = labelled(sentiment=-0.4), labelled()
    assert [CONTINUE, CONTINUE, ("escalate", "negative_streak")] == course(
        *(said(f"message {n}", bad) for n in range(3))
    )
    assert [CONTINUE] * 4 == course(*(said(f"message {n}", s) for n, s in enumerate((bad, bad, calm, bad))))


@pytest.mark.parametrize("failed", [(bot(fallback=True), scored()), (bot(), scored(confidence=0.3))])
def test_rage_after_a_failed_answer(failed):
    """M-02: a furious message escalates when the bot's last answer failed, and is only offered a person otherwise."""
    rage = said("are you kidding me", labelled("express_frustration", sentiment=-0.9, frustration=0.9))
    first = said("where is it", labelled("order_status"))
    assert ("escalate", "rage_after_failed_answer") == course(first, failed, rage)[-1]
    assert ("offer", "very_unhappy") == course(first, (bot(), scored(confidence=0.9)), rage)[-1]


@pytest.mark.parametrize(
    ("mood", "expected"),
    [
        ({"frustration": 0.8}, ("escalate", "rage_after_failed_answer")),
        ({"frustration": 0.7999}, CONTINUE),
        ({"sentiment": -0.6001}, ("escalate", "rage_after_failed_answer")),
        ({"sentiment": -0.6}, CONTINUE),
    ],
)
def test_rage_is_frustration_or_bad_sentiment(mood, expected):
    """M-02: after a fallback either is enough, each from its own bound on."""
    steps = [said("where is it", labelled()), (bot(fallback=True), scored()), said("oh come on", labelled(**mood))]
    assert expected == course(*steps)[-1]


@pytest.mark.parametrize("label", ["not_helped", "insists"])
@pytest.mark.parametrize(
    ("value", "sentiment", "expected"),
    [
        (0.6, -0.6001, ("escalate", "rage_after_failed_answer")),
        (0.5999, -0.6001, ("offer", "very_unhappy")),
        (0.9, -0.6, CONTINUE),
    ],
)
def test_rage_at_an_answer_that_did_not_help(label, value, sentiment, expected):
    """M-02: the bot thought its answer good, and the customer says that it wasn't: angrily said, that is enough."""
    rage = labelled(sentiment=sentiment, dialogue=ranked({label: value}))
    steps = [said("where is it", labelled()), (bot(), scored(confidence=0.9)), said("this is useless", rage)]
    assert expected == course(*steps)[-1]


def test_a_first_strongly_negative_message_is_offered_a_person():
    """S-16: one message below -0.6 offers; it takes more to escalate."""
    assert [("offer", "very_unhappy")] == course(said("awful service", labelled(sentiment=-0.61)))
    assert [CONTINUE] == course(said("not great", labelled(sentiment=-0.6)))


def test_the_second_fallback():
    """L-15: the second time the bot falls back it says the policy's words instead."""
    steps = [
        said("one two", labelled()),
        (bot(fallback=True), scored()),
        said("three four", labelled()),
        (bot(id="b", fallback=True), scored()),
    ]
    assert [CONTINUE, CONTINUE, CONTINUE, ("escalate", "second_fallback")] == course(*steps)


def test_the_third_same_question():
    """L-14: twice the same question goes on, the third time escalates."""
    steps = [
        (customer("where is my order", id=f"m-{n}"), labelled("order_status", repeats=(0.99,) * n)) for n in range(3)
    ]
    assert [CONTINUE, CONTINUE, ("escalate", "same_question")] == course(*steps)


def test_two_answers_of_low_confidence():
    """S-07, S-15: the safety net; the second low answer in a row is replaced."""
    low = [(bot(id=f"b-{n}"), scored(confidence=0.4)) for n in range(2)]
    assert [CONTINUE, CONTINUE, ("escalate", "low_confidence")] == course(said("hi there", labelled()), *low)


def test_a_duplicate_charge_and_a_demand_for_the_refund():
    """M-16: the first mention is offered a person; insisting escalates as policy, not as sentiment."""
    steps = [
        said("charged twice for my order", labelled("billing_dispute")),
        said("I want my money back today", labelled("demand_refund")),
    ]
    outcome = play(POLICY, *steps)[-1]
    assert [("offer", "money_or_account"), ("escalate", "insists")] == course(*steps)
    assert "policy" == outcome.decision.reason.code


def test_who_says_no_to_a_person_does_not_get_one():
    """Declining the offer while naming the matter again is not insisting."""
    steps = [
        said("cancel my account", labelled("account_cancellation")),
        said("no, just tell me how to cancel it", labelled("deny", "account_cancellation")),
    ]
    assert [("offer", "money_or_account"), CONTINUE] == course(*steps)


MONEY = ["demand_refund", "billing_dispute", "account_cancellation"]


@pytest.mark.parametrize("topic", MONEY)
@pytest.mark.parametrize(
    ("insists", "money", "expected"),
    [
        (0.6, 0.1, ("escalate", "insists")),
        (0.5999, 0.1, CONTINUE),
        (0.6, 0.0999, CONTINUE),
        (0.5999, 0.45, ("offer", "money_or_account")),
    ],
)
def test_who_insists_on_money_gets_a_person(topic, insists, money, expected):
    """M-16: who holds on to a demand after the bot's answer gets a person, however faintly money or account are named."""
    again = labelled(topic, probability=money, dialogue=ranked({"insists": insists}))
    steps = [said("can you help", labelled()), bot("I can't do that."), said("but I want it", again)]
    assert expected == course(*steps)[-1]


@pytest.mark.parametrize(
    ("label", "value", "expected"),
    [("insists", 0.6, ("escalate", "insists")), ("insists", 0.5999, CONTINUE), ("not_helped", 0.9, CONTINUE)],
)
def test_who_insists_after_money_was_named_gets_a_person(label, value, expected):
    """M-16: "do it anyway" names nothing; that the demand was about money is remembered."""
    steps = [
        said("charged twice for my order", labelled("billing_dispute")),
        bot("I can't refund that."),
        said("do it anyway", labelled(dialogue=ranked({label: value}))),
    ]
    assert [("offer", "money_or_account"), CONTINUE, expected] == course(*steps)


def test_who_insists_on_something_else_is_left_to_the_bot():
    """A-03: holding on to a question about a parcel is no demand that people decide about."""
    again = labelled("order_status", dialogue=ranked({"insists": 0.99}))
    steps = [said("where is it", labelled("order_status")), bot(), said("no, where is it", again)]
    assert [CONTINUE] * 3 == course(*steps)


@pytest.mark.parametrize("label", ["deny", "affirm", "provide_info"])
@pytest.mark.parametrize(("value", "expected"), [(0.5, CONTINUE), (0.4999, ("escalate", "insists"))])
def test_an_answer_to_the_bot_is_no_second_demand(label, value, expected):
    """M-16: a yes, a no or a detail that was asked for names the matter again without demanding anything."""
    again = scored(
        intents={"billing_dispute": 0.9, label: value},
        topics={"billing_dispute": 0.9},
        explicit=0.02,
        sentiment=0.0,
        frustration=0.05,
    )
    steps = [said("charged twice", labelled("billing_dispute")), said("order 12, charged twice", again)]
    assert [("offer", "money_or_account"), expected] == course(*steps)


@pytest.mark.parametrize(
    ("offers", "affirm", "expected"),
    [
        (0.6, 0.5, ("escalate", "accepts_the_bots_offer")),
        (0.5999, 0.5, CONTINUE),
        (0.6, 0.4999, CONTINUE),
    ],
)
def test_yes_to_an_offer_that_the_bot_made_by_itself(offers, affirm, expected):
    """M-03: the bot's own words offered a person, without any rule: a yes is a request."""
    steps = [
        said("can you help", labelled()),
        (bot("Shall I get a colleague?"), scored(dialogue=ranked({"bot_offers_person": offers}))),
        said("yes please", labelled("affirm", probability=affirm)),
    ]
    assert [CONTINUE, CONTINUE, expected] == course(*steps)


def test_insisting_is_policy_and_a_yes_is_a_request():
    """M-16: who insists is told as policy, and who accepts the bot's own offer as a request, not as an intent."""
    again = said("but I want it", labelled("demand_refund", dialogue=ranked({"insists": 0.9})))
    offer = (bot("Shall I get a colleague?"), scored(dialogue=ranked({"bot_offers_person": 0.9})))
    outcomes = [play(POLICY, again)[-1], play(POLICY, offer, said("yes please", labelled("affirm")))[-1]]
    assert ["policy", "explicit_request"] == [outcome.decision.reason.code for outcome in outcomes]


def test_yes_to_something_else_is_no_request():
    """Only an offer in the bot's last message is accepted, and only by a yes."""
    yes = said("yes please", labelled("affirm"))
    offer = (bot("Shall I get a colleague?"), scored(dialogue=ranked({"bot_offers_person": 0.9})))
    other = (bot("Is it order 12?", id="b-2"), scored(dialogue=ranked({"bot_offers_person": 0.1})))
    assert [CONTINUE] * 3 == course(offer, other, yes)
    assert [CONTINUE] * 2 == course((bot(), scored()), yes)
    assert [CONTINUE, CONTINUE] == course(offer, said("no thanks", labelled("deny")))


@pytest.mark.parametrize(
    ("label", "rule_id"),
    [
        ("ask_contact_info", "contact_question"),
        ("billing_dispute", "money_or_account"),
        ("demand_refund", "money_or_account"),
        ("account_cancellation", "money_or_account"),
        ("file_complaint", "complaint"),
    ],
)
def test_where_a_person_may_help_one_is_offered(label, rule_id):
    """A-02: contact questions and first mentions of dispute, refund, cancellation, complaint are offered a person, once."""
    assert [("offer", rule_id), CONTINUE] == course(
        said("it is about this", labelled(label)), said("how long does it take", labelled())
    )


def test_yes_to_an_offer():
    """An accepted offer escalates with the offering rule's reason."""
    steps = [said("phone number?", labelled("ask_contact_info")), said("yes please", labelled("affirm"))]
    assert [("offer", "contact_question"), ("escalate", "contact_question")] == course(*steps)


@pytest.mark.parametrize("label", [label for label in LABELS if label not in TOPICS and label != "ask_contact_info"])
def test_otherwise_the_bot_goes_on(label):
    """A-03: no other label alone brings a person in."""
    assert [CONTINUE] == course(said("just a message", labelled(label, probability=0.99)))


def test_customers_are_answered_in_their_language():
    """S-04: a Turkish request, which no model reads, escalates in Turkish."""
    outcome = play(POLICY, (customer("bir insanla konuşmak istiyorum"), scored(language="tr")))[0]
    assert (Action.ESCALATE, POLICY.messages.escalate["tr"]) == (outcome.decision.decision, outcome.decision.text)


def test_when_the_models_fail_a_person_is_offered():
    """on_error: rules that need no model still run, else a person is offered."""
    assert [("offer", "on_error")] == course((customer("where is my parcel now"), None))
    assert [("escalate", "explicit_request")] == course((customer("I want to talk to a human"), None))


def test_every_trigger_of_the_phase_is_reported():
    """The decision shows all triggers with values, not only the one that fired."""
    outcome = play(POLICY, said("hello there", labelled(explicit=0.9)))[0]
    expected = {rule.id for rule in POLICY.rules} - {"low_confidence"}
    assert expected == {report.rule_id for report in outcome.decision.triggers}
    assert 0.02 != report_of(outcome, "explicit", "explicit_request").value
