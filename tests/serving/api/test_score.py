"""POST /v1/score: what is answered, repeated, remembered and left alone."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import httpx2
import pytest

from models.bundle import Bundle
from models.contracts import Message, Role
from models.conversation import Conversation
from models.policy.schema import default_policy
from models.scorer import Scorer
from serving.api.answers import ScoreAnswer
from serving.app import create_app
from tests.serving.conftest import count

CONVERSATION = [
    ("customer", "Where is my order?"),
    ("bot", "Your order is on its way."),
    ("customer", "where is my order??"),
    ("bot", "Sorry, I did not understand."),
    ("customer", "the app shows the same error as yesterday"),
]


def decisions(client):
    """Return how many decisions are recorded."""
    metrics = client.get("/metrics").text
    return sum(
        float(line.rsplit(" ", 1)[1]) for line in metrics.splitlines() if line.startswith("baton_decisions_total{")
    )


def without_clock(answer):
    """Return what is the same whenever, and however often, the same is decided."""
    changing = {"decision_id", "latency_ms", "conversation_id"}
    return {name: value for name, value in answer.items() if name not in changing}


def test_a_customers_message_is_answered_with_the_documented_shape(client, say):
    """A customer's message is decided in phase pre, and the answer has exactly the documented fields."""
    response = client.post("/v1/score", json=say())

    assert response.status_code == 200, response.text
    answer = response.json()
    ScoreAnswer.model_validate(answer)
    assert set(answer) == set(ScoreAnswer.model_fields)
    assert (answer["conversation_id"], answer["message_id"], answer["phase"]) == ("c-1", "m-1", "pre")
    assert answer["decision_id"].startswith("d-")
    assert answer["versions"]["bundle"] == "tiny-1"
    assert answer["versions"]["policy"] == default_policy().label


def test_a_bots_message_is_decided_in_phase_post(client, say):
    """A bot's draft is scored for confidence and decided again."""
    client.post("/v1/score", json=say())
    draft = {"role": "bot", "passages": ["Orders take two days."], "confidence": 0.4}
    answer = client.post("/v1/score", json=say("It takes two days.", "m-2", message=draft)).json()

    assert answer["phase"] == "post"
    assert 0 <= answer["scores"]["confidence"] <= 1
    assert set(answer["scores"]["answer"]) == {"sufficient", "grounded", "answers"}


def test_an_agents_message_is_recorded_and_mutes_the_bot(client, say):
    """An agent's message has no scores; from then on the person is in control and the customer is still scored."""
    agent = client.post("/v1/score", json=say("Hi, I am Ann.", message={"role": "agent"})).json()
    after = client.post("/v1/score", json=say("thank you", "m-2")).json()

    assert set(agent["scores"]["status"].values()) == {"skipped"}
    assert ("continue", "human_in_control") == (after["decision"], after["suppressed"])
    assert after["scores"]["explicit"] is not None


def test_a_message_and_its_draft_are_decided_in_one_call(client, say):
    """A customer's message with the bot's draft gives what two calls would give, when the first one says continue."""
    passages = ["Orders take two days."]
    bot = {"reply": "It takes two days.", "passages": passages}
    client.post("/v1/score", json=say("hello", conversation_id="two"))
    client.post(
        "/v1/score",
        json=say("It takes two days.", "m-2", conversation_id="two", message={"role": "bot", "passages": passages}),
    )
    first = client.post("/v1/score", json=say("hello", conversation_id="one", bot=bot)).json()
    two, one = (
        client.post("/v1/score", json=say("and now?", "m-9", conversation_id=name, dry_run=True)).json()
        for name in ("two", "one")
    )

    if first["phase"] == "post":
        assert without_clock(one) == without_clock(two)
        assert first["scores"]["confidence"] is not None


def test_what_the_draft_does_is_told_too(client, say):
    """In a call with both, the dialogue scores are those of the message, if one stood before it, and of the draft."""
    bot = {"reply": "I can't do that.", "passages": ["Orders take two days."]}
    alone = client.post("/v1/score", json=say("hello", conversation_id="d1", dry_run=True)).json()["scores"]
    both = client.post("/v1/score", json=say("hello", conversation_id="d2", bot=bot, dry_run=True)).json()

    assert (alone["dialogue"], alone["status"]["dialogue"]) == (None, "not_available")
    if both["phase"] == "post":
        assert both["scores"]["dialogue"] is not None
        assert {entry["label"][:4] for entry in both["scores"]["dialogue"]} <= {"bot_"}
        assert "dialogue" not in both["scores"]["status"]


def test_the_same_message_again_gets_the_recorded_answer(client, say):
    """The same message id with the same content is answered byte for byte as before, and counts once."""
    first = client.post("/v1/score", json=say())
    again = client.post("/v1/score", json=say(message={"at": "2026-11-20T09:30:00Z"}))

    assert first.content == again.content
    assert decisions(client) == 1


def test_the_same_message_id_with_another_content_is_a_conflict(client, say):
    """A message id names one message for ever: another text, or another draft, is answered 409."""
    client.post("/v1/score", json=say())
    other = client.post("/v1/score", json=say("something else"))

    assert other.status_code == 409
    assert "new id for a new message" in other.json()["detail"]
    assert client.post("/v1/score", json=say(bot={"reply": "hi"})).status_code == 409


def test_message_ids_belong_to_their_conversation(client, say):
    """The same message id in another conversation, or of another bot, is another message."""
    answers = [
        client.post("/v1/score", json=say("one")),
        client.post("/v1/score", json=say("two", conversation_id="c-2")),
        client.post("/v1/score", json=say("three", bot_id="other")),
    ]

    assert [200, 200, 200] == [answer.status_code for answer in answers]


def test_a_dry_run_changes_nothing(client, say, app):
    """A dry run is decided like the real thing, and leaves neither state nor record nor count."""
    client.post("/v1/score", json=say())
    dry = [client.post("/v1/score", json=say("hello?", "m-2", dry_run=True)).json() for _ in range(3)]
    real = client.post("/v1/score", json=say("hello?", "m-2")).json()

    assert dry[0]["decision_id"] is None
    assert without_clock(real) == without_clock(dry[0]) == without_clock(dry[2])
    assert decisions(client) == 2


def test_without_a_conversation_id_nothing_is_recorded(client, say, store):
    """A stateless call is decided and forgotten."""
    answer = client.post("/v1/score", json=say(conversation_id=None)).json()

    assert answer["decision_id"] is answer["conversation_id"] is None
    with store.reading() as tx:
        assert count(tx) == (0, 0)


def test_stateless_and_stateful_decide_alike(client, say):
    """The same conversation told as a history, or remembered, ends in the same decision with the same reports."""
    bodies = [
        {"id": f"m-{n}", "role": role, "text": text, "at": f"2026-11-20T09:3{n}:00Z"}
        for n, (role, text) in enumerate(CONVERSATION)
    ]
    remembered = [client.post("/v1/score", json={"conversation_id": "c-1", "message": body}).json() for body in bodies]
    for n, body in enumerate(bodies):
        told = client.post("/v1/score", json={"message": body, "history": bodies[:n]}).json()
        assert without_clock(remembered[n]) == without_clock(told)


def test_the_service_and_the_library_decide_alike(client, tiny_bundle):
    """Message by message, the service's decisions are those of the library with the same bundle and policy."""
    library = Conversation(Scorer(Bundle.load(tiny_bundle)), default_policy())
    for n, (role, text) in enumerate(CONVERSATION):
        at = datetime(2026, 11, 20, 9, 30 + n, tzinfo=UTC)
        decision = library.take(Message(id=f"m-{n}", role=Role(role), text=text, at=at)).decision
        body = {"id": f"m-{n}", "role": role, "text": text, "at": at.isoformat()}
        answer = client.post("/v1/score", json={"conversation_id": "c-1", "message": body}).json()

        assert (decision.decision, decision.suppressed, decision.text) == (
            answer["decision"],
            answer["suppressed"],
            answer["text"],
        )
        assert [reason.rule_id for reason in decision.reasons] == [reason["rule_id"] for reason in answer["reasons"]]
        assert [report.status for report in decision.triggers] == [report["status"] for report in answer["triggers"]]


def test_a_clock_that_goes_back_is_taken_as_it_is(client, say):
    """A message that is older than the one before is decided; it fails nothing."""
    client.post("/v1/score", json=say(message={"at": "2026-11-20T09:30:00Z"}))
    back = client.post("/v1/score", json=say("hello?", "m-2", message={"at": "2001-01-01T00:00:00+14:00"}))

    assert back.status_code == 200


def test_a_request_says_its_id(client, say):
    """The caller's request id, or a new one, comes back in a header."""
    mine = client.post("/v1/score", json=say(), headers={"X-Request-Id": "abc-1"})
    new = client.post("/v1/score", json=say("x", "m-2"))

    assert mine.headers["X-Request-Id"] == "abc-1"
    assert new.headers["X-Request-Id"].startswith("r-")


async def _together(app, bodies, path="/v1/score"):
    async with app.router.lifespan_context(app):
        transport = httpx2.ASGITransport(app)
        async with httpx2.AsyncClient(transport=transport, base_url="http://localhost") as client:
            return await asyncio.gather(*(client.post(path, json=body) for body in bodies))


def test_parallel_turns_of_one_conversation_all_count(app, say, store):
    """Turns that arrive together are taken one after the other; none is lost and none fails."""
    answers = asyncio.run(_together(app, [say(f"message {n}", f"m-{n}") for n in range(20)]))

    assert {200} == {answer.status_code for answer in answers}
    with store.reading() as tx:
        assert count(tx) == (1, 20)
        assert tx.exec_driver_sql("SELECT version FROM conversations").scalar_one() == 20


def test_the_same_message_sent_in_parallel_counts_once(app, say, store):
    """Copies of a message that arrive together get the same answer, and one of them counts."""
    answers = asyncio.run(_together(app, [say()] * 10))

    assert len({answer.content for answer in answers}) == 1
    with store.reading() as tx:
        assert count(tx) == (1, 1)


def test_two_services_on_one_database_agree(make_settings, say, store):
    """Two processes' worth of services take turns of one conversation without losing any."""

    async def both():
        apps = [create_app(make_settings()) for _ in range(2)]
        halves = [[say(f"message {n}", f"m-{n}") for n in range(start, 12, 2)] for start in (0, 1)]
        return await asyncio.gather(*(_together(app, bodies) for app, bodies in zip(apps, halves, strict=True)))

    answers = [answer for half in asyncio.run(both()) for answer in half]
    taken = sum(answer.status_code == 200 for answer in answers)
    assert {answer.status_code for answer in answers} <= {200, 503}
    with store.reading() as tx:
        assert count(tx) == (1, taken)


def test_more_turns_than_the_limit_are_refused_at_once(make_settings, say):
    """Above the limit the answer is 503 with Retry-After, and what was admitted is answered."""
    app = create_app(make_settings(turn_limit=2))
    answers = asyncio.run(_together(app, [say(conversation_id=f"c-{n}") for n in range(20)]))

    refused = [answer for answer in answers if answer.status_code == 503]
    assert len(refused) == 18
    assert {200, 503} == {answer.status_code for answer in answers}
    assert all(int(answer.headers["Retry-After"]) >= 1 for answer in refused)
    assert refused[0].json()["type"] == "urn:baton:problem:overloaded"


def test_a_failing_model_degrades_the_decision(make_settings, failing_bundle, say, store):
    """When a graph fails, the policy's on_error decides, `degraded` says so, and the turn is recorded."""
    app = create_app(make_settings(bundle=failing_bundle))
    [failed, well] = asyncio.run(
        _together(app, [say("xylophone", conversation_id="c-1"), say("hello", conversation_id="c-2")])
    )

    answer = failed.json()
    assert failed.status_code == well.status_code == 200
    assert answer["degraded"] == ["scores"]
    assert ("offer", "error") == (answer["decision"], answer["reason"]["code"])
    assert answer["scores"]["explicit"] is None
    assert set(answer["scores"]["status"].values()) == {"failed"}
    assert well.json()["degraded"] == []
    with store.reading() as tx:
        assert count(tx) == (2, 2)


def test_a_failing_model_does_not_stop_keyword_rules(make_settings, failing_bundle, say, tmp_path):
    """Rules that need no model still run when the models fail."""
    policy = tmp_path / "policy.yaml"
    policy.write_text(
        "name: words\nrules:\n  - {id: instrument, when: {keyword: {terms: [xylophone]}}, then: escalate}\n"
    )
    app = create_app(make_settings(bundle=failing_bundle, policy=policy))
    [response] = asyncio.run(_together(app, [say("a xylophone!")]))

    assert ("escalate", "instrument") == (response.json()["decision"], response.json()["reason"]["rule_id"])


@pytest.mark.parametrize(
    "text", ["مرحبا، أريد التحدث إلى شخص \u202eمقلوب", "🙂" * 300, "\u200dx", "a\u0301", "x" * 8192]
)
def test_unusual_texts_are_decided(client, say, text):
    """Right-to-left text, 300 emojis, joiners, combining characters and the longest text are ordinary messages."""
    assert client.post("/v1/score", json=say(text)).status_code == 200
