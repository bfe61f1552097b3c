"""The sentences that explain decisions, in thirteen languages."""

import re
import timeit
import tomllib
from pathlib import Path
from string import Formatter

import pytest

from models.contracts import ReasonCode, TriggerReport, TriggerStatus
from models.phrases import LANGUAGES
from models.policy import wording
from models.policy.schema import LabelSettings
from models.policy.wording import accepted, sentence
from tests.models.policy.builders import bot, customer, play, policy_of, rule, scored, take

TABLES = tomllib.loads((Path(wording.__file__).parent / "sentences.toml").read_text("utf-8"))
FIRED = TriggerStatus.FIRED


def fired(name, value=None, threshold=None, **evidence):
    """A trigger that fired."""
    return TriggerReport(name, "r", FIRED, value, ">=", threshold, None, evidence)


def fields(pattern):
    """The names between braces."""
    return {name for _, name, _, _ in Formatter().parse(pattern) if name}


def test_there_are_thirteen_languages():
    """Sentences are written in the languages in which requests for a person are heard."""
    assert set(LANGUAGES) == set(TABLES)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_has_every_sentence_with_the_same_facts(language):
    """No sentence is missing, none is left over, and none forgets a number or a name that English tells."""
    english, table = TABLES["en"], TABLES[language]
    assert set(english) == set(table) - {"decimal"}
    assert {} == {name: text for name, text in table.items() if fields(text) != fields(english.get(name, ""))}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("code", list(ReasonCode))
def test_every_reason_has_a_sentence_of_its_own(code, language):
    """Each reason code reads as one sentence, in the language's own words."""
    said = sentence(code, (), language)
    assert re.search(r"[.。।]$", said)
    assert (language == "en") == (said == sentence(code, (), "en"))
    others = {sentence(other, (), language) for other in ReasonCode if other is not code}
    assert said not in others


def test_a_language_without_sentences_reads_english():
    """The policy's locale decides; a region reads as its language, an unknown language as English."""
    manual = ReasonCode.MANUAL
    assert sentence(manual, (), "pt") == sentence(manual, (), "pt-BR") != sentence(manual)
    assert sentence(manual) == sentence(manual, (), "sv")
    assert accepted("de").startswith("Das Angebot")
    assert accepted("sv") == "The customer accepted the offer of a person."


TOLD = [
    ("a request with its phrase", ReasonCode.EXPLICIT_REQUEST, fired("explicit", 0.9, 0.6, phrase="real person"), "The customer asks for a person (“real person”)."),
    ("a request by the score alone", ReasonCode.EXPLICIT_REQUEST, fired("explicit", 0.9, 0.6), "The customer asks for a person."),
    ("a request by a keyword", ReasonCode.EXPLICIT_REQUEST, fired("keyword", "agent", text="Agent?"), "The customer asks for a person (“Agent?”)."),
    ("an intent", ReasonCode.INTENT, fired("intent", 0.9, 0.6, label="order_status"), "The customer's intent is order status."),
    ("a topic", ReasonCode.TOPIC, fired("topic", 0.9, 0.6, label="legal_threat"), "The message is about legal threat."),
    ("a topic's term", ReasonCode.TOPIC, fired("topic.terms", "sue", label="legal_threat", text="sue"), "The message is about legal threat."),
    ("a keyword", ReasonCode.POLICY, fired("keyword", "refund", text="Refund"), "The message says “Refund”."),
    ("a policy's condition", ReasonCode.POLICY, fired("customer.tier", "gold"), "A rule of the policy applies."),
    ("one message's sentiment", ReasonCode.SENTIMENT, fired("sentiment.below", -0.7123, -0.6), "The message sounds negative (-0.71, limit -0.60)."),
    ("a value right at its limit", ReasonCode.SENTIMENT, fired("sentiment.below", -0.60004, -0.6), "The message sounds negative (-0.60004, limit -0.6)."),
    ("a window", ReasonCode.SENTIMENT, fired("sentiment.window", -0.7, -0.6, n_messages=3), "The last 3 messages of the customer sounded negative on average (-0.70, limit -0.60)."),
    ("a streak", ReasonCode.SENTIMENT, fired("sentiment.streak", 3, 3), "3 messages of the customer in a row sounded negative."),
    ("a streak of one", ReasonCode.SENTIMENT, fired("sentiment.streak", 1, 1), "The customer is unhappy or frustrated."),
    ("frustration", ReasonCode.SENTIMENT, fired("frustration", 0.85, 0.8), "The customer is frustrated (0.85, limit 0.80)."),
    ("the same question", ReasonCode.REPETITION, fired("repetition.max_retries", 3, 3), "The customer has asked the same question 3 times."),
    ("a fallback", ReasonCode.REPETITION, fired("repetition.max_fallbacks", 1, 1), "The bot had no answer."),
    ("fallbacks", ReasonCode.REPETITION, fired("repetition.max_fallbacks", 2, 2), "The bot had no answer 2 times."),
    ("a loop", ReasonCode.REPETITION, fired("repetition.max_loops", 5, 5), "The conversation has gone round in the same circle 5 times."),
    ("one low answer", ReasonCode.LOW_CONFIDENCE, fired("confidence", 0.31, 0.5, low_turns=1), "The bot's answer is probably not good enough (0.31, below 0.50)."),
    ("low answers", ReasonCode.LOW_CONFIDENCE, fired("confidence", 0.31, 0.5, low_turns=2), "2 answers in a row were probably not good enough (below 0.50)."),
    ("a long time", ReasonCode.TIME_LIMIT, fired("time.max_duration_seconds", 931.0, 900), "The conversation has gone on for 15 minutes."),
    ("a short time", ReasonCode.TIME_LIMIT, fired("time.max_duration_seconds", 40.0, 30), "The conversation has gone on for too long."),
    ("messages", ReasonCode.TIME_LIMIT, fired("time.max_messages", 21, 20), "The conversation has 21 messages already."),
    ("answers", ReasonCode.TIME_LIMIT, fired("time.max_bot_responses", 10, 10), "The bot has answered 10 times already."),
    ("a guideline", ReasonCode.GUIDELINE, fired("guideline", 0.9, 0.6, guideline="g-7"), "The guideline “g-7” applies."),
    ("a risk", ReasonCode.RISK, fired("risk", 0.83, 0.7), "The conversation will probably need a person (0.83, limit 0.70)."),
]  # fmt: skip


@pytest.mark.parametrize(("code", "report", "expected"), [row[1:] for row in TOLD], ids=[row[0] for row in TOLD])
def test_a_sentence_tells_the_facts(code, report, expected):
    """What fired is told with its label, phrase, count or number, where that helps a person."""
    assert expected == sentence(code, [report])


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(("code", "report"), [row[1:3] for row in TOLD], ids=[row[0] for row in TOLD])
def test_every_language_tells_the_same_facts(code, report, language):
    """The numbers and words of the English sentence stand in every other one."""
    english, said = sentence(code, [report]), sentence(code, [report], language)
    shown = re.findall(r"-?\d+(?:\.\d+)?", english)
    if TABLES[language].get("decimal"):
        shown = [number.replace(".", TABLES[language]["decimal"]) for number in shown]
    assert [number for number in shown if number not in said] == []
    assert "{" not in said


def test_a_label_of_the_policys_own_is_told_by_its_description():
    """A label with a description is told by that, in the author's words."""
    labels = {
        "add_driver": LabelSettings(description="Der Kunde will einen Fahrer eintragen"),
        "bare": LabelSettings(examples=("x",)),
    }
    report = fired("intent", 0.9, 0.6, label="add_driver")
    assert "Die Nachricht passt zu „Der Kunde will einen Fahrer eintragen“." == sentence(
        ReasonCode.INTENT, [report], "de", labels
    )
    assert "Das Anliegen ist: bare." == sentence(
        ReasonCode.INTENT, [fired("intent", 0.9, 0.6, label="bare")], "de", labels
    )


def test_only_what_fired_is_told():
    """A trigger that was looked at and did not fire explains nothing; the first that fired does."""
    looked = fired("intent", 0.1, 0.6, label="order_status")._replace(status=TriggerStatus.EVALUATED)
    first, second = fired("intent", 0.7, 0.6, label="invoice"), fired("intent", 0.9, 0.6, label="fees")
    assert "The customer's intent is invoice." == sentence(ReasonCode.INTENT, [looked, first, second])


def test_words_of_customers_are_words():
    """Braces in what a customer wrote are no places for values, and a long text is cut."""
    braces = fired("keyword", "x", text="{value} {0}")
    long = fired("keyword", "x", text="y" * 500)
    assert "The message says “{value} {0}”." == sentence(ReasonCode.POLICY, [braces])
    assert len(sentence(ReasonCode.POLICY, [long])) < 90


def test_a_decision_is_explained_in_the_policys_language():
    """The engine's reasons are in the policy's locale, with what it saw."""
    policy = policy_of(rule({"sentiment": {"streak": 2}}), locale="fr")
    angry = scored(mood="negative")
    last = play(policy, (customer(id="m-1"), angry), (customer(id="m-2"), angry))[-1].decision
    assert last.reason.sentence == "2 messages du client à la suite paraissaient négatifs."


def test_an_accepted_offer_is_explained_in_the_policys_language():
    """The handoff after an offer says that it was accepted."""
    policy = policy_of(rule({"keyword": {"terms": ["alpha"]}}, "offer"), locale="it")
    offered = take(policy, customer("alpha"))
    taken = take(policy, customer("sì", id="m-2"), scored(intents={"affirm": 0.9}), offered.state)
    assert taken.decision.reason.sentence == accepted("it") == "Il cliente ha accettato di parlare con una persona."


def test_low_answers_are_counted_for_people():
    """S-07: the sentence after two low answers says so."""
    policy = policy_of(rule({"confidence": {"threshold": 0.5, "consecutive_low_turns": 2}}))
    first, second = play(policy, bot(confidence=0.3), bot(confidence=0.2, id="b-2", seconds=5))
    assert first.decision.reason is None
    assert second.decision.reason.sentence == "2 answers in a row were probably not good enough (below 0.50)."


@pytest.mark.bench
def test_a_sentence_takes_few_microseconds():
    """Explaining is a small part of the fifty microseconds that a decision may take."""
    report = fired("sentiment.below", -0.7123, -0.6)
    rounds = timeit.repeat(lambda: sentence(ReasonCode.SENTIMENT, [report], "de"), number=2000, repeat=5)
    assert min(rounds) / 2000 < 10e-6
