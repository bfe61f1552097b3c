"""Other products' settings the whole way: a block is imported, stored, activated for a bot, and decides what that hears.

The service and its models are those that ship, the messages real ones. Where a comparison has an edge, the message's own
score is put there as the threshold.
"""

from __future__ import annotations

import itertools
import json
from datetime import UTC, datetime, timedelta

import pytest

pytest.importorskip("fastapi")

from starlette.testclient import TestClient

from models.bundle import DEFAULT_PATH
from models.policy.compat.linktor import import_linktor
from models.policy.compat.scaibot import import_scaibot
from models.policy.publishing import to_yaml
from models.policy.schema import PRESETS, Policy
from serving.app import create_app
from serving.settings import Settings
from tests.support import linktor_page as linktor
from tests.support import scaibot_page as scaibot

pytestmark = pytest.mark.skipif(
    not (DEFAULT_PATH / "manifest.json").exists(), reason="the default bundle isn't released in this checkout"
)

START = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)
YAML = {"Content-Type": "application/yaml"}
NUMBERS = itertools.count(1)
GO_ON, ESCALATE = ["continue"], ["escalate"]

# the acceptance rows that a block shows
LINKTOR_ROWS = {
    "keywords": "L-02 to L-05", "intent": "L-06 to L-08", "sentiment": "L-09 to L-12", "repetition": "L-13 to L-16",
    "topics": "L-17 to L-19", "time": "L-20 to L-23", "inbox": "L-24", "agent": "L-25 to L-29", "webhook": "L-30, L-31",
    "callback": "L-32", "before": "L-33", "queue": "L-34", "offline": "L-35", "summary": "L-36", "transcript": "L-37",
    "customer": "L-38", "routing": "L-39", "skills": "L-40", "priority": "L-41", "sla": "L-42",
    "takeover": "L-43 to L-45", "assist": "L-46", "webhooks": "L-49", "complete": "L-50",
}  # fmt: skip
SCAIBOT_ROWS = {
    "keyword": "S-03", "explicit": "S-04", "intent": "S-05", "sentiment": "S-06", "confidence": "S-07",
    "email": "S-08", "webhook": "S-09", "slack": "S-10", "scaiqueue": "S-11",
}  # fmt: skip
# a draft that its passages don't bear out, and one that they do
UNFOUNDED = {
    "reply": "You get your money back within 3 days.",
    "passages": ["Our shops are open from 9 to 18 on weekdays."],
}
FOUNDED = {
    "reply": "You get your money back within 14 days after we receive the item.",
    "passages": ["Refunds are paid to the original payment method within 14 days after we receive the returned item."],
}
# negative to the model, and none of them below -0.6
SOUR = ("Not happy with it.", "This is wrong.", "Your driver harassed me")
FURIOUS, CALM = "This is the worst service ever, I hate it", "What are your opening hours?"


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    """A client of the service as it comes; the tests' bots share it."""
    database = tmp_path_factory.mktemp("importers") / "baton.db"
    settings = Settings(database_url=f"sqlite:///{database}", bundle=None, policy=None)
    with TestClient(create_app(settings), base_url="http://localhost") as client:
        yield client


@pytest.fixture
def store(client):
    """Return a function that stores a document's text and returns what was answered."""

    def send(text):
        response = client.post("/v1/policies", content=text, headers=YAML)
        assert response.status_code in {200, 201}, response.text
        return response.json()

    return send


@pytest.fixture
def activate(client, store):
    """Return a function that lets a document decide for a new bot, and returns one that talks to the bot."""

    def start(text):
        stored, bot_id = store(text), f"bot-{next(NUMBERS)}"
        response = client.post(
            f"/v1/policies/{stored['name']}/activate", json={"version": stored["version"], "bot_id": bot_id}
        )
        assert response.status_code == 200, response.text

        def play(*steps):
            """Send steps as a new conversation; return the answers."""
            conversation, answers = f"c-{next(NUMBERS)}", []
            for number, step in enumerate(steps):
                message = step["message"] | {"id": f"m-{number}"}
                body = step | {"message": message, "bot_id": bot_id, "conversation_id": conversation}
                response = client.post("/v1/score", json=body)
                assert response.status_code == 200, response.text
                answers.append(response.json())
            assert {stored["label"]} == {answer["versions"]["policy"] for answer in answers}
            return answers

        return play

    return start


@pytest.fixture
def run(activate):
    """Return a function that activates what was imported, in the words that `baton policy import` writes."""
    return lambda imported: activate(to_yaml(imported.document))


@pytest.fixture
def seen(client):
    """Return a function that scores a message outside any conversation."""

    def score(text):
        body = {"message": {"id": "m", "role": "customer", "text": text}}
        return client.post("/v1/score", json=body).json()["scores"]

    return score


def row(rows, text, *expected):
    """A message and what is expected of it, named after the rows that it shows."""
    return pytest.param(text, *expected, id=f"{rows} {text}")


def customer(text, *, seconds=0.0, draft=None):
    """A customer's message, some seconds after the start, with the bot's draft of an answer or without."""
    at = (START + timedelta(seconds=seconds)).isoformat()
    message = {"role": "customer", "text": text, "at": at}
    return {"message": message} if draft is None else {"message": message, "bot": draft}


def bot(text, *, seconds=0.0, **known):
    """A bot's draft, as a message of its own."""
    at = (START + timedelta(seconds=seconds)).isoformat()
    return {"message": {"role": "bot", "text": text, "at": at, **known}}


def customers(*texts):
    """Customer messages, one after the other."""
    return [customer(text) for text in texts]


def decisions(answers):
    """What was decided, one after the other."""
    return [answer["decision"] for answer in answers]


def report(answer, name):
    """The report of a trigger."""
    (found,) = [found for found in answer["triggers"] if found["name"] == name]
    return found


def just_above(score):
    """The next number that a score may be."""
    return round(score + 0.000001, 6)


def scaibot_rules(*rules):
    """Import rules that are blocks of ScaiBot's page, some with more fields."""
    return import_scaibot(json.dumps({"rules": list(rules)}))


def block(text, **more):
    """A block of ScaiBot's page with more fields."""
    return json.loads(text) | more


def configured(text, **config):
    """A trigger of ScaiBot's page with other settings."""
    found = json.loads(text)
    return found | {"trigger_config": found["trigger_config"] | config}


@pytest.mark.parametrize(
    "text", [pytest.param(text, id=f"{LINKTOR_ROWS[name]} {name}") for name, text in linktor.BLOCKS.items()]
)
def test_every_block_of_linktors_page_is_stored_as_it_was_imported(client, store, text):
    """L-02 to L-50: what is stored reads back as the imported policy, and nothing in it can never work."""
    imported = import_linktor(text)
    stored = store(to_yaml(imported.document))
    found = client.get(f"/v1/policies/linktor/versions/{stored['version']}").json()

    assert () == imported.warnings
    assert imported.policy() == Policy.model_validate(found["document"])
    assert [] == [finding for finding in stored["findings"] if finding["severity"] == "error"]


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(text, id=f"{SCAIBOT_ROWS[name]} {name}")
        for name, text in (*scaibot.TRIGGERS.items(), *scaibot.ACTIONS.items())
    ],
)
def test_every_block_of_scaibots_page_is_stored_as_it_was_imported(client, store, text):
    """S-03 to S-11: what is stored reads back as the imported policy, and nothing in it can never work."""
    imported = import_scaibot(text)
    stored = store(to_yaml(imported.document))
    found = client.get(f"/v1/policies/scaibot/versions/{stored['version']}").json()

    assert imported.policy() == Policy.model_validate(found["document"])
    assert [] == [finding for finding in stored["findings"] if finding["severity"] == "error"]


# keywords of Linktor's


@pytest.mark.parametrize(
    ("text", "said"),
    [
        row("L-03", "Can I speak to human support?", "speak to human"),
        row("L-03", "let me talk to agent Smith", "talk to agent"),
        row("L-03", "Are you a REAL PERSON?", "REAL PERSON"),
        row("L-03", "get me your managers", "manager"),
        row("L-03", "I'll ask for the supervisor", "supervisor"),
        row("L-03", "here is my complaint about the parcel", "complaint"),
        row("L-03", "My Lawyer will call you", "Lawyer"),
        row("L-03", "this is illegal", "legal"),
    ],
)
def test_linktor_keywords(run, text, said):
    """L-02, L-03, L-04, L-05: each term escalates anywhere in a message and in any case, before the bot answers."""
    (answer,) = run(import_linktor(linktor.KEYWORDS))(customer(text))

    assert ("escalate", "pre", said.lower()) == (
        answer["decision"], answer["phase"], report(answer, "keyword")["value"],
    )  # fmt: skip
    assert ("keywords", f"The message says “{said}”.") == (answer["reason"]["rule_id"], answer["reason"]["sentence"])


@pytest.mark.parametrize(
    "text",
    [row("L-03", "Where is my order?"), row("L-05", "the management did well"), row("L-05", "a real good person")],
)
def test_linktor_keywords_leave_other_messages(run, text):
    """L-03, L-05: a message without a whole term continues."""
    assert GO_ON == decisions(run(import_linktor(linktor.KEYWORDS))(customer(text)))


@pytest.mark.parametrize(
    ("old", "new", "text", "expected"),
    [
        pytest.param("caseSensitive: false", "caseSensitive: true", "Manager please", GO_ON, id="L-04 other case"),
        pytest.param("caseSensitive: false", "caseSensitive: true", "a manager please", ESCALATE, id="L-04 same case"),
        pytest.param("'contains'", "'exact'", "a manager", GO_ON, id="L-05 exact, more words"),
        pytest.param("'contains'", "'exact'", "Manager", ESCALATE, id="L-05 exact"),
        pytest.param("'contains'", "'startsWith'", "the manager", GO_ON, id="L-05 startsWith, in the middle"),
        pytest.param("'contains'", "'startsWith'", "Managers of this shop!", ESCALATE, id="L-05 startsWith"),
        pytest.param("enabled: true", "enabled: false", "a manager please", GO_ON, id="L-02 switched off"),
    ],
)
def test_linktor_keywords_with_other_settings(run, old, new, text, expected):
    """L-02, L-04, L-05: case, the way to match and the switch do what the page says."""
    imported = import_linktor(linktor.KEYWORDS.replace(old, new, 1))
    assert expected == decisions(run(imported)(customer(text)))


# what Linktor's models see


@pytest.mark.parametrize(
    ("text", "label"),
    [
        row("L-07", "I want to talk to a real person", "request_human"),
        row("L-07", "I am so frustrated with this", "express_frustration"),
        row("L-07", "I demand a refund", "demand_refund"),
        row("L-07", "The app crashes every time I open it", "report_bug"),
    ],
)
def test_linktor_intents(run, text, label):
    """L-06, L-07, L-08: each intent of the page escalates a message that means it, at 0.8 and above."""
    (answer,) = run(import_linktor(linktor.INTENT))(customer(text))
    found = report(answer, "intent")

    assert ("escalate", "intent") == (answer["decision"], answer["reason"]["code"])
    assert ("fired", ">=", 0.8) == (found["status"], found["operator"], found["threshold"])
    assert found["value"] >= 0.8
    assert f"The customer's intent is {label.replace('_', ' ')}." == answer["reason"]["sentence"]


@pytest.mark.parametrize("text", [row("L-07", "Where is my order?"), row("L-07", "I want to cancel my account")])
def test_linktor_intents_leave_other_messages(run, text):
    """L-07: an intent that isn't listed continues, however sure."""
    assert GO_ON == decisions(run(import_linktor(linktor.INTENT))(customer(text)))


def test_linktor_intents_below_the_threshold(run):
    """L-08: an intent of the page that the model isn't sure enough of continues."""
    (answer,) = run(import_linktor(linktor.INTENT))(customer("Not happy with it."))
    assert ("continue", True) == (answer["decision"], 0.6 < report(answer, "intent")["value"] < 0.8)


def test_the_edge_of_linktor_intents(run, seen):
    """L-08, X-16: a probability equal to the threshold escalates, and one just below it doesn't."""
    text = "I demand a refund"
    own = seen(text)["intents"][0]["probability"]
    at, above = (linktor.INTENT.replace("0.8", str(threshold)) for threshold in (own, just_above(own)))

    assert ESCALATE == decisions(run(import_linktor(at))(customer(text)))
    assert GO_ON == decisions(run(import_linktor(above))(customer(text)))


def test_linktor_sentiment_of_one_message(run):
    """L-09, L-10: one message below -0.6 is enough, a calm one continues."""
    calm, furious = run(import_linktor(linktor.SENTIMENT))(*customers(CALM, FURIOUS))

    assert ("continue", "escalate") == (calm["decision"], furious["decision"])
    assert ("sentiment", "fired") == (furious["reason"]["code"], report(furious, "sentiment.below")["status"])
    assert report(furious, "sentiment.below")["value"] < -0.6 < report(calm, "sentiment.below")["value"]


def test_the_edge_of_linktor_sentiment(run, seen):
    """L-10, X-16: a message escalates below the threshold and not at it."""
    text = "This is not good."
    own = seen(text)["sentiment"]["score"]
    at, above = (linktor.SENTIMENT.replace("-0.6", str(threshold)) for threshold in (own, just_above(own)))

    assert GO_ON == decisions(run(import_linktor(at))(customer(text)))
    assert ESCALATE == decisions(run(import_linktor(above))(customer(text)))


@pytest.mark.parametrize(
    ("neutral", "texts", "expected"),
    [
        pytest.param("false", SOUR, 3, id="L-11 three in a row"),
        pytest.param("false", SOUR[:2], None, id="L-11 two in a row"),
        pytest.param("false", (*SOUR[:2], CALM, SOUR[2]), None, id="L-12 a neutral one breaks the row"),
        pytest.param("true", (SOUR[0], CALM, SOUR[2]), 3, id="L-12 a neutral one counts"),
        pytest.param("true", (*SOUR[:2], "thank you, that is great", CALM), None, id="L-12 a positive one breaks it"),
    ],
)
def test_linktor_consecutive_negatives(run, neutral, texts, expected):
    """L-11, L-12, X-4: or the third negative message in a row, though none is below the threshold."""
    imported = import_linktor(linktor.SENTIMENT.replace("includeNeutral: false", f"includeNeutral: {neutral}"))
    answers = run(imported)(*customers(*texts))

    assert expected == next((n for n, one in enumerate(answers, 1) if one["decision"] == "escalate"), None)
    assert not any(report(one, "sentiment.below")["status"] == "fired" for one in answers)


def test_a_bots_words_are_no_negative_message(run):
    """L-11: what the bot says between negative messages neither counts nor breaks the row."""
    steps = [step for text in SOUR for step in (customer(text), bot("I see."))][:-1]
    assert [*GO_ON * 4, *ESCALATE] == decisions(run(import_linktor(linktor.SENTIMENT))(*steps))


@pytest.mark.parametrize(
    ("text", "label"),
    [
        row("L-18", "I was charged twice and I dispute the charge on my bill", "billing_dispute"),
        row("L-18", "I want to cancel my account", "account_cancellation"),
        row("L-18", "My account was hacked", "security_incident"),
        row("L-18", "Your driver harassed me", "harassment_report"),
    ],
)
def test_linktor_topics(run, text, label):
    """L-17, L-18, L-19: each topic of the page escalates a message about it, by the model, without its words."""
    (answer,) = run(import_linktor(linktor.TOPICS))(customer(text))

    assert ("escalate", "topic") == (answer["decision"], answer["reason"]["code"])
    assert f"The message is about {label.replace('_', ' ')}." == answer["reason"]["sentence"]
    assert report(answer, "topic")["value"] >= 0.8 == report(answer, "topic")["threshold"]


@pytest.mark.parametrize(
    "text",
    [row("L-18", "I want my money back"), row("L-18", "The app crashes every time I open it"), row("L-18", CALM)],
)
def test_linktor_topics_leave_other_messages(run, text):
    """L-18: a message about another topic, or none, continues."""
    assert GO_ON == decisions(run(import_linktor(linktor.TOPICS))(customer(text)))


@pytest.mark.parametrize(
    ("text", "expected"),
    [row("L-19", "this is a Billing Dispute", ESCALATE), row("L-19", "My account was hacked", GO_ON)],
)
def test_linktor_topics_without_ai(run, text, expected):
    """L-19: without AI classification only the labels' own words escalate, as the warning says."""
    imported = import_linktor(linktor.TOPICS.replace("useAIClassification: true", "useAIClassification: false"))

    assert ["security incident" in warning for warning in imported.warnings] == [True]
    assert expected == decisions(run(imported)(customer(text)))


# repetition and time, of Linktor's


@pytest.mark.parametrize(
    "texts",
    [
        pytest.param(["where is my parcel", "Where IS my parcel?!", "where is my parcel"], id="L-14 same words"),
        pytest.param(
            ["where is my parcel", "where's my parcel right now?", "can you tell me where my parcel is"],
            id="L-14 other words",
        ),
        pytest.param(["where is my parcel", CALM, "where is my parcel", "where is my parcel"], id="L-14 not in a row"),
    ],
)
def test_linktor_retries(run, texts):
    """L-13, L-14, X-20: the third time that the same question is asked, and not the second."""
    answers = run(import_linktor(linktor.REPETITION))(*customers(*texts))

    assert [*GO_ON * (len(texts) - 1), *ESCALATE] == decisions(answers)
    assert ("repetition", 3) == (answers[-1]["reason"]["code"], report(answers[-1], "repetition.max_retries")["value"])


def test_other_questions_are_no_retries(run):
    """L-14: three different questions, or one about three orders, are no repetition."""
    play = run(import_linktor(linktor.REPETITION))

    assert GO_ON * 3 == decisions(play(*customers("where is my parcel", CALM, "how do I change my address?")))
    assert GO_ON * 3 == decisions(play(*customers(*(f"Where is my order {n}?" for n in (1001, 2002, 3003)))))


@pytest.mark.parametrize(
    "steps",
    [
        pytest.param(
            [customer("Where is my order?"), bot("What?", fallback=True), bot("I did not understand.", fallback=True)],
            id="L-15 drafts of their own",
        ),
        pytest.param(
            [
                customer("Hi there"),
                customer("Where is my order?", draft={"reply": "Sorry, what?", "fallback": True}),
                customer("The one from Monday", draft={"reply": "I did not understand.", "fallback": True}),
            ],
            id="L-15 drafts beside the question",
        ),
    ],
)
def test_linktor_fallbacks(run, steps):
    """L-15: the second time that the bot falls back, and not the first; a text takes the fallback's place."""
    answers = run(import_linktor(linktor.REPETITION))(*steps)

    assert [*GO_ON * 2, *ESCALATE] == decisions(answers)
    assert ("post", "repetition", True) == (answers[2]["phase"], answers[2]["reason"]["code"], bool(answers[2]["text"]))


def test_linktor_loops(run):
    """L-16, X-20: the fifth time that the same want gets the same answer, however it is asked."""
    questions = (
        "Has my order shipped yet?", "Any update on order 7731?", "I still haven't received my package",
        "Can you track my shipment?", "My tracking says nothing, any news on my delivery?",
    )  # fmt: skip
    answers = run(import_linktor(linktor.REPETITION))(
        *(step for question in questions for step in (customer(question), bot("It is on its way.")))
    )

    assert [*GO_ON * 9, *ESCALATE] == decisions(answers)
    assert [4, 5] == [report(answers[n], "repetition.max_loops")["value"] for n in (7, 9)]


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        pytest.param(899, GO_ON, id="L-21 under 15 minutes"),
        pytest.param(900, GO_ON, id="L-21 15 minutes"),
        pytest.param(900.001, ESCALATE, id="L-21 over 15 minutes"),
    ],
)
def test_linktor_duration(run, seconds, expected):
    """L-20, L-21, X-16: a conversation over 15 minutes, by the messages' own clocks, whoever speaks."""
    play = run(import_linktor(linktor.TIME))

    assert [*GO_ON, *expected] == decisions(play(customer(CALM), customer("and on Sundays?", seconds=seconds)))
    assert [*GO_ON, *expected] == decisions(play(customer(CALM), bot("From 9 to 18.", seconds=seconds)))


def test_linktor_message_count(run):
    """L-22, X-16: over 20 messages of anybody: the twenty-first, and not the twentieth."""
    steps = [bot("It is.") if n % 3 == 2 else customer(f"and what about number {n}") for n in range(21)]
    answers = run(import_linktor(linktor.TIME))(*steps)

    assert [*GO_ON * 20, *ESCALATE] == decisions(answers)
    assert ("time_limit", 21) == (answers[-1]["reason"]["code"], report(answers[-1], "time.max_messages")["value"])


def test_linktor_response_count(run):
    """L-23, X-16: the bot has responded 10 times: its tenth answer, and not its ninth."""
    steps = [step for n in range(10) for step in (customer(f"and what about number {n}"), bot("It is."))]
    answers = run(import_linktor(linktor.TIME))(*steps)

    assert [*GO_ON * 19, *ESCALATE] == decisions(answers)
    assert "The bot has answered 10 times already." == answers[-1]["reason"]["sentence"]


# what follows, by Linktor's settings


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(
            linktor.INBOX,
            {"type": "inbox", "inbox_id": "inbox_support", "priority": "normal", "tags": ["escalated", "bot-handoff"]},
            id="L-24",
        ),
        pytest.param(
            linktor.AGENT,
            {
                "type": "agent",
                "assignment": {
                    "strategy": "round_robin",
                    "team_id": "team_billing",
                    "skills": ["billing", "refunds"],
                    "fallback_inbox": "inbox_general",
                },
            },
            id="L-25, L-26, L-27, L-28, L-29",
        ),
        pytest.param(
            linktor.WEBHOOK,
            {
                "type": "webhook",
                "url": "https://your-crm.com/api/tickets",
                "method": "POST",
                "headers": {"Authorization": "Bearer {{CRM_TOKEN}}"},
                "body_template": {
                    "customerId": "{{contact.id}}",
                    "conversationId": "{{conversation.id}}",
                    "transcript": "{{conversation.transcript}}",
                    "reason": "{{escalation.reason}}",
                },
            },
            id="L-30, L-31",
        ),
        pytest.param(
            linktor.CALLBACK,
            {
                "type": "callback",
                "collect_phone": True,
                "collect_preferred_time": True,
                "available_slots": "business_hours",
                "confirmation_message": "We'll call you back within 2 hours.",
            },
            id="L-32",
        ),
    ],
)
def test_linktor_actions(run, text, expected):
    """L-24 to L-32 (told; carried out with the handoff): the answer that escalates names the action, the others none."""
    before, escalated, later = run(import_linktor(linktor.KEYWORDS + text))(
        *customers(CALM, "the manager please", "the manager, I said")
    )

    assert ("continue", None) == (before["decision"], before["action"])
    assert ("escalate", expected) == (escalated["decision"], escalated["action"])
    assert ("continue", "handoff_pending", None) == (later["decision"], later["suppressed"], later["action"])


def test_linktor_messages(client, store, run):
    """L-33, L-34, L-35: the text before an escalation is what the customer reads; the later ones wait for the handoff."""
    imported = import_linktor(linktor.KEYWORDS + linktor.BEFORE + linktor.QUEUE + linktor.OFFLINE)
    before, escalated = run(imported)(*customers(CALM, "my lawyer will call you"))
    stored = store(to_yaml(imported.document))
    messages = client.get(f"/v1/policies/linktor/versions/{stored['version']}").json()["document"]["messages"]

    assert None is before["text"]
    assert (
        "I'm going to connect you with one of our support specialists who can better assist you." == escalated["text"]
    )
    assert {
        "collecting_info": "Before I transfer you, could you briefly describe the issue?",
        "transferring": "Transferring you now. Please hold...",
        "in_queue": "You're now in queue. An agent will be with you shortly.",
        "queue_position": "You're number {{position}} in queue. Estimated wait: {{wait_time}}.",
        "agent_assigned": "Great news! {{agent.name}} is joining the conversation.",
        "agents_offline": "Our team is currently offline. We'll get back to you when we reopen.",
        "leave_message": "Please leave a message and we'll respond as soon as possible.",
        "confirmation_offline": "Thanks! We've received your message and will respond within 24 hours.",
    } == {name: text for name, text in messages.items() if name not in {"escalate", "pre_escalation"}}


@pytest.mark.parametrize(
    ("steps", "reason"),
    [
        pytest.param([customer(CALM), customer("I want a human")], ("policy", "keywords"), id="L-03"),
        pytest.param([customer(CALM), customer(FURIOUS)], ("sentiment", "sentiment"), id="L-10"),
        pytest.param(customers(*SOUR), ("sentiment", "sentiment"), id="L-11"),
        pytest.param(customers(*["where is my parcel"] * 3), ("repetition", "repetition"), id="L-14"),
        pytest.param(
            [customer(CALM), bot("What?", fallback=True), customer("and on Sundays?"), bot("What?", fallback=True)],
            ("repetition", "repetition"),
            id="L-15",
        ),
    ],
)
def test_linktors_complete_example(client, run, steps, reason):
    """L-50: the call to the SDK, as it stands, escalates by each of its triggers, with its text and its action."""
    answers = run(import_linktor(linktor.COMPLETE))(*steps)
    last = answers[-1]
    recorded = client.get(f"/v1/decisions/{last['decision_id']}").json()

    assert [*GO_ON * (len(steps) - 1), *ESCALATE] == decisions(answers)
    assert reason == (last["reason"]["code"], last["reason"]["rule_id"])
    assert "I'll connect you with a specialist." == last["text"]
    assert {"type": "inbox", "inbox_id": "inbox_support", "priority": "normal"} == last["action"]
    assert (last["versions"]["policy"], True) == (recorded["policy"], recorded["replayed"]["identical"])


# triggers of ScaiBot's


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        row("S-03", "I want a REFUND", ESCALATE),
        row("S-03", "is this ticket nonrefundable?", ESCALATE),
        row("S-03", "there was a chargeback", ESCALATE),
        row("S-03", "you made a billing error", ESCALATE),
        row("S-03", "an error on my bill", GO_ON),
        row("S-03", CALM, GO_ON),
    ],
)
def test_scaibot_keywords(run, text, expected):
    """S-03: a substring of the message, in any case."""
    assert expected == decisions(run(import_scaibot(scaibot.KEYWORD))(customer(text)))


@pytest.mark.parametrize(
    ("text", "expected"),
    [row("S-03", "I was Refunded!", ESCALATE), row("S-03", "is this ticket nonrefundable?", GO_ON)],
)
def test_scaibot_patterns(run, text, expected):
    """S-03: in the mode regex a keyword is a pattern."""
    rule = configured(scaibot.KEYWORD, keywords=[r"\brefund(s|ed)?\b"], match_mode="regex")
    assert expected == decisions(run(scaibot_rules(rule))(customer(text)))


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("Can I talk to a person", id="S-04 talk to a person"),
        pytest.param("real human", id="S-04 real human"),
        pytest.param("agent please", id="S-04 agent please"),
        pytest.param("is there anyone who can actually look at this", id="S-04 no phrase"),
        pytest.param("quiero hablar con una persona", id="S-04 es"),
        pytest.param("Ich möchte mit einem Menschen sprechen", id="S-04 de"),
        pytest.param("je veux parler à un humain", id="S-04 fr"),
        pytest.param("voglio parlare con una persona", id="S-04 it"),
        pytest.param("quero falar com um atendente", id="S-04 pt"),
        pytest.param("ik wil met een medewerker spreken", id="S-04 nl"),
        pytest.param("chcę rozmawiać z konsultantem", id="S-04 pl"),
        pytest.param("bir temsilciyle görüşmek istiyorum", id="S-04 tr"),
        pytest.param("أريد التحدث مع شخص", id="S-04 ar"),
        pytest.param("मुझे किसी इंसान से बात करनी है", id="S-04 hi"),
        pytest.param("担当者と話したいです", id="S-04 ja"),
        pytest.param("我要找人工客服", id="S-04 zh"),
    ],
)
def test_scaibot_explicit(run, text):
    """S-04: the page's phrasings, and a plain wish for a person in every language that has one."""
    (answer,) = run(import_scaibot(scaibot.EXPLICIT))(customer(text))
    assert ("escalate", "explicit_request", "explicit") == (
        answer["decision"], answer["reason"]["code"], answer["reason"]["rule_id"],
    )  # fmt: skip


@pytest.mark.parametrize(
    "text",
    [
        row("S-04", "my travel agent booked the wrong date, can I change it here?"),
        row("S-04", "I don't want to talk to a person, just tell me the price"),
        row("S-04", "mi agente de viajes se equivocó de fecha"),
    ],
)
def test_scaibot_explicit_leaves_other_messages(run, text):
    """S-04: words that only look like a request continue."""
    assert GO_ON == decisions(run(import_scaibot(scaibot.EXPLICIT))(customer(text)))


# what a bot's owner would add on the importer's advice; none of it is said in the tests
EXAMPLES = {
    "buying-intent": [
        "I want to buy the premium plan", "how do I order this", "can I purchase two of these",
        "ready to place an order", "I'd like to sign up for the paid version",
    ],
    "cancellation-intent": [
        "I want to cancel my subscription", "please close my account", "how do I cancel", "stop my plan",
        "I don't want to renew, end my contract",
    ],
}  # fmt: skip


def with_examples(imported):
    """The document with examples for its labels, as the importer's warning advises."""
    labels = {name: settings | {"examples": EXAMPLES[name]} for name, settings in imported.document["labels"].items()}
    return to_yaml(imported.document | {"labels": labels})


@pytest.mark.parametrize(
    ("text", "label"),
    [
        row("S-05", "I'd like to purchase your pro plan", "buying-intent"),
        row("S-05", "cancel my membership please", "cancellation-intent"),
        row("S-05", "I would like to end my subscription", "cancellation-intent"),
    ],
)
def test_scaibot_intents(activate, run, text, label):
    """S-05: labels by name alone score low, as the warning says; with a few examples the same message escalates at 0.7."""
    imported = import_scaibot(scaibot.INTENT)
    (bare,) = run(imported)(customer(text))
    (good,) = activate(with_examples(imported))(customer(text))

    assert [True, True] == ["a few messages that mean it, as `examples`" in warning for warning in imported.warnings]
    assert ("continue", "escalate") == (bare["decision"], good["decision"])
    assert report(bare, "intent")["value"] < 0.7 <= report(good, "intent")["value"]
    assert ("intent", label) == (good["reason"]["code"], good["scores"]["custom"][0]["label"])


def test_a_plain_message_needs_no_examples(run):
    """S-05: a message that says the label's own words escalates by the name alone."""
    assert ESCALATE == decisions(run(import_scaibot(scaibot.INTENT))(customer("I want to cancel")))


@pytest.mark.parametrize(
    "text", [row("S-05", text) for text in ("where is my parcel", "thanks a lot", "the app is slow", CALM)]
)
def test_scaibot_intents_leave_other_messages(activate, text):
    """S-05: with examples too, a message that means none of the labels continues."""
    assert GO_ON == decisions(activate(with_examples(import_scaibot(scaibot.INTENT)))(customer(text)))


def test_the_edge_of_scaibot_intents(run):
    """S-05, X-16: a probability equal to the threshold escalates, and one just below it doesn't."""
    step = customer("cancel my membership please")
    (answer,) = run(import_scaibot(scaibot.INTENT))(step)
    own = report(answer, "intent")["value"]
    at, above = (configured(scaibot.INTENT, threshold=threshold) for threshold in (own, just_above(own)))

    assert ESCALATE == decisions(run(scaibot_rules(at))(step))
    assert GO_ON == decisions(run(scaibot_rules(above))(step))


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        pytest.param([FURIOUS], GO_ON, id="S-06 one"),
        pytest.param([FURIOUS] * 2, 2 * GO_ON, id="S-06 two"),
        pytest.param(["You are useless", "I hate this.", FURIOUS], [*2 * GO_ON, *ESCALATE], id="S-06 three"),
        pytest.param([CALM, CALM, FURIOUS], 3 * GO_ON, id="S-06, S-16 one among calm ones"),
        pytest.param(
            ["thank you, that is great", "I hate this.", FURIOUS, FURIOUS],
            [*3 * GO_ON, *ESCALATE],
            id="S-06 the last three",
        ),
    ],
)
def test_scaibot_sentiment(run, texts, expected):
    """S-06, S-16: sustained over three messages, and not on one, however furious."""
    assert expected == decisions(run(import_scaibot(scaibot.SENTIMENT))(*customers(*texts)))


def test_the_edge_of_scaibot_sentiment(run, seen):
    """S-06, X-16: the mean escalates below the threshold and not at it."""
    text = "This is not good."
    own = seen(text)["sentiment"]["score"]
    at, above = (configured(scaibot.SENTIMENT, threshold=threshold) for threshold in (own, just_above(own)))

    assert 3 * GO_ON == decisions(run(scaibot_rules(at))(*customers(*[text] * 3)))
    assert [*2 * GO_ON, *ESCALATE] == decisions(run(scaibot_rules(above))(*customers(*[text] * 3)))


@pytest.mark.parametrize(
    ("drafts", "expected"),
    [
        pytest.param([UNFOUNDED], GO_ON, id="S-07 one"),
        pytest.param([UNFOUNDED, UNFOUNDED], [*GO_ON, *ESCALATE], id="S-07 two in a row"),
        pytest.param([UNFOUNDED, FOUNDED, UNFOUNDED], 3 * GO_ON, id="S-07 a good one between"),
        pytest.param([FOUNDED, FOUNDED, FOUNDED], 3 * GO_ON, id="S-07 good ones"),
    ],
)
def test_scaibot_confidence(run, drafts, expected):
    """S-07: the second answer in a row that its passages don't bear out; the model reads both."""
    imported = scaibot_rules(block(scaibot.CONFIDENCE, message=scaibot.SORRY))
    answers = run(imported)(*(customer("How long does a refund take?", draft=draft) for draft in drafts))

    assert expected == decisions(answers)
    assert {"post"} == {answer["phase"] for answer in answers}


def test_scaibots_message_replaces_the_answer(run):
    """S-07, S-12: after generation the rule's message takes the draft's place; where a draft is let pass there is no text."""
    imported = scaibot_rules(block(scaibot.CONFIDENCE, message=scaibot.SORRY))
    drafts = [bot(UNFOUNDED["reply"], passages=UNFOUNDED["passages"]) for _ in range(2)]
    question = customer("How long does a refund take?")
    answers = run(imported)(question, drafts[0], question, drafts[1])

    assert [None, None, None, scaibot.SORRY] == [answer["text"] for answer in answers]
    assert ("post", "low_confidence") == (answers[-1]["phase"], answers[-1]["reason"]["code"])


@pytest.mark.parametrize(
    ("confidence", "expected"),
    [pytest.param(0.5, 2 * GO_ON, id="S-07 at 0.5"), pytest.param(0.499999, [*GO_ON, *ESCALATE], id="S-07 below 0.5")],
)
def test_the_edge_of_scaibot_confidence(run, confidence, expected):
    """S-07, X-5, X-16: where no passages are sent, the bot's own number counts, below the threshold and not at it."""
    draft = {"reply": "Within two days.", "confidence": confidence}
    steps = [customer("How long does a refund take?", draft=draft)] * 2
    assert expected == decisions(run(import_scaibot(scaibot.CONFIDENCE))(*steps))


# what follows, by ScaiBot's rules


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(
            scaibot.EMAIL,
            {
                "type": "email",
                "to": "support@example.com",
                "subject_template": "[ScaiBot escalation] {{bot_name}} – {{trigger_name}}",
                "include_transcript": True,
                "include_link": True,
            },
            id="S-08",
        ),
        pytest.param(
            scaibot.WEBHOOK,
            {
                "type": "webhook",
                "url": "https://your-crm.example.com/escalations",
                "method": "POST",
                "headers": {"X-Source": "scaibot"},
                "signing_secret": "***",
                "signature_header": "X-ScaiBot-Signature",
            },
            id="S-09",
        ),
        pytest.param(
            scaibot.SLACK,
            {"type": "slack", "webhook_url": "***", "channel_override": "#support-escalations"},
            id="S-10",
        ),
        pytest.param(scaibot.QUEUE, {"type": "queue", "topic": "human-review", "priority": 5}, id="S-11"),
    ],
)
def test_scaibot_actions(run, text, expected):
    """S-01, S-12, S-13: trigger, action (told; carried out with the handoff) and message of a rule; secrets aren't told."""
    imported = scaibot_rules(block(scaibot.KEYWORD, **json.loads(text), message="Someone will look at this."))
    before, escalated, later = run(imported)(*customers(CALM, "I want a refund", "a refund, I said"))

    assert ("continue", None, None) == (before["decision"], before["text"], before["action"])
    assert ("escalate", "Someone will look at this.", expected) == (
        escalated["decision"], escalated["text"], escalated["action"],
    )  # fmt: skip
    assert ("continue", "handoff_pending", "fired") == (
        later["decision"], later["suppressed"], report(later, "keyword")["status"],
    )  # fmt: skip


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        pytest.param({"priority": 10}, {"priority": 900}, "second", id="S-02 higher wins"),
        pytest.param({"priority": 900}, {"priority": 10}, "first", id="S-02 higher wins, the other way"),
        pytest.param({"priority": 7}, {"priority": 7}, "first", id="S-02 a tie"),
        pytest.param({}, {}, "first", id="S-02 none"),
    ],
)
def test_scaibot_priorities(run, first, second, expected):
    """S-02: the higher priority wins, ties go by the order of creation; the other rule is told too."""
    imported = scaibot_rules(
        block(scaibot.KEYWORD, message="first", **first), block(scaibot.EXPLICIT, message="second", **second)
    )
    (answer,) = run(imported)(customer("I want a refund and a real person, please"))

    assert expected == answer["text"]
    assert {"keyword", "explicit"} == {reason["rule_id"] for reason in answer["reasons"]}


def test_cheap_rules_first(activate):
    """S-03, S-14: evaluated lazily, a keyword escalates before any model runs; another message is scored."""
    imported = scaibot_rules(block(scaibot.KEYWORD, priority=900), block(scaibot.INTENT, priority=500))
    play = activate(to_yaml(imported.document | {"evaluation": "lazy"}))
    (cheap,), (other,) = play(customer("I want a refund")), play(customer(CALM))

    assert ("escalate", "skipped", None) == (
        cheap["decision"],
        report(cheap, "intent")["status"],
        cheap["scores"]["custom"],
    )
    assert ("continue", "evaluated") == (other["decision"], report(other, "intent")["status"])


# the presets


def test_the_preset_linktor(activate):
    """L-15, L-24, L-33, X-03: a question, an answer, the bot lost twice, then the page's text and inbox."""
    answers = activate((PRESETS / "linktor.yaml").read_text("utf-8"))(
        customer("Where is my order?"), bot("Which order do you mean?"),
        customer("the blue shoes from Monday"), bot("I did not get that.", fallback=True),
        customer("the shoes"), bot("I did not get that.", fallback=True),
        customer("hello?"),
    )  # fmt: skip

    assert [*GO_ON * 5, *ESCALATE, *GO_ON] == decisions(answers)
    assert ("repetition", "repetition") == (answers[5]["reason"]["code"], answers[5]["reason"]["rule_id"])
    assert (
        "I'm going to connect you with one of our support specialists who can better assist you." == answers[5]["text"]
    )
    assert {
        "type": "inbox", "inbox_id": "inbox_support", "priority": "normal", "tags": ["escalated", "bot-handoff"],
    } == answers[5]["action"]  # fmt: skip
    assert "handoff_pending" == answers[6]["suppressed"]


def test_the_preset_scaibot(activate):
    """S-07, S-11, S-12, S-13, S-15: a calm question, two poor answers, then the safety net's text and queue."""
    answers = activate((PRESETS / "scaibot.yaml").read_text("utf-8"))(
        customer("Hi, do you ship to Norway?", draft=FOUNDED | {"reply": "Hello!", "passages": []}),
        customer("How long does it take to send something back?", draft=UNFOUNDED),
        customer("And how long exactly?", draft=UNFOUNDED),
        customer("hello?"),
    )

    assert [*GO_ON * 2, *ESCALATE, *GO_ON] == decisions(answers)
    assert ("low_confidence", "confidence", scaibot.SORRY) == (
        answers[2]["reason"]["code"], answers[2]["reason"]["rule_id"], answers[2]["text"],
    )  # fmt: skip
    assert {"type": "queue", "topic": "human-review", "priority": 5} == answers[2]["action"]
    assert "handoff_pending" == answers[3]["suppressed"]
