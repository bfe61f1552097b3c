"""Shadow policies: what they would have decided is recorded and compared, and nobody who asks for a decision notices."""

from __future__ import annotations

import sqlite3

import pytest
from starlette.testclient import TestClient

from models.policy.schema import default_policy
from serving.app import create_app
from tests.support.tiny_bundle import build_tiny_bundle

ACTIVE = {"name": "active", "rules": [{"id": "law", "when": {"keyword": {"terms": ["lawyer"]}}, "then": "escalate"}]}
SHADOW = {
    "name": "shadow",
    "rules": [
        {"id": "money", "when": {"keyword": {"terms": ["refund"]}}, "then": "offer"},
        {"id": "jurist", "when": {"keyword": {"terms": ["lawyer"]}}, "then": "escalate"},
    ],
}
TALK = ["hello", "I want a refund", "refund!", "my lawyer will call"]


def start(client, *, active=ACTIVE, shadow=SHADOW, **bot):
    """Activate one policy and put another one beside it."""
    for document, path in ((active, "activate"), (shadow, "shadow")):
        stored = client.post("/v1/policies", json=document)
        assert stored.status_code in {200, 201}, stored.text
        body = {"fingerprint": stored.json()["fingerprint"]} | bot
        done = client.post(f"/v1/policies/{document['name']}/{path}", json=body)
        assert done.status_code == 200, done.text


def talk(client, say, *, texts=TALK, **more):
    """Say something and return the answers."""
    return [client.post("/v1/score", json=say(text, f"m-{n}", **more)).json() for n, text in enumerate(texts)]


def shadows(database):
    """Return what was recorded of the shadow, by message."""
    with sqlite3.connect(database) as connection:
        found = connection.execute(
            "SELECT message_id, shadow_action, shadow_reason, shadow_rule_id, shadow_policy_fingerprint FROM decisions ORDER BY id"
        ).fetchall()
    connection.close()
    return {row[0]: row[1:] for row in found}


def without_clock(answer):
    """Return what doesn't depend on when it was asked."""
    return {
        name: value for name, value in answer.items() if name not in {"decision_id", "latency_ms", "conversation_id"}
    }


def test_a_shadow_changes_no_answer(client, say):
    """With a shadow beside it, the active policy's answers are those that it gives alone, field by field."""
    start(client)
    beside = talk(client, say, conversation_id="beside")
    client.delete("/v1/bots/policy/shadow")
    alone = talk(client, say, conversation_id="alone")

    assert [without_clock(answer) for answer in alone] == [without_clock(answer) for answer in beside]
    assert ["continue", "continue", "continue", "escalate"] == [answer["decision"] for answer in beside]


def test_what_the_shadow_would_decide_is_recorded(client, say, tmp_path):
    """Each message is compared by itself, on the active policy's memory: an offer that was never made is made again."""
    start(client)
    talk(client, say)
    recorded = shadows(tmp_path / "baton.db")

    assert [
        ("continue", None, None),
        ("offer", "policy", "money"),
        ("offer", "policy", "money"),
        ("escalate", "policy", "jurist"),
    ] == [row[:3] for row in recorded.values()]
    assert 1 == len({row[3] for row in recorded.values()})


def test_the_summary_counts_and_names_what_differs(client, say):
    """Agreeing and differing decisions are counted by what both wanted; the latest that differ can be looked at."""
    start(client)
    talk(client, say)
    told = client.get("/v1/bots/policy/shadow", params={"limit": 1}).json()

    assert (4, 2, 2, 0) == (told["n"], told["n_agreeing"], told["n_differing"], told["n_failed"])
    assert [("continue", "continue", 1), ("continue", "offer", 2), ("escalate", "escalate", 1)] == [
        (one["action"], one["shadow_action"], one["n"]) for one in told["counts"]
    ]
    [latest] = told["differences"]
    assert ("m-2", "continue", "offer", "money") == (
        latest["message_id"],
        latest["action"],
        latest["shadow_action"],
        latest["shadow_rule_id"],
    )
    decision = client.get(f"/v1/decisions/{latest['decision_id']}").json()
    assert ("offer", "money") == (decision["shadow"]["action"], decision["shadow"]["rule_id"])


def test_the_summary_is_of_the_two_policies_that_are_compared_now(client, say):
    """Decisions that other policies took don't count; those of another bot count for every bot only."""
    start(client)
    talk(client, say)
    start(client, bot_id="b-1")
    talk(client, say, bot_id="b-1", texts=TALK[:1])
    every, one, other = (client.get(f"/v1/bots/{bot}policy/shadow").json()["n"] for bot in ("", "b-1/", "b-2/"))
    start(client, shadow={"name": "new", "rules": []})

    assert (5, 1, 0) == (every, one, other)
    assert 0 == client.get("/v1/bots/policy/shadow").json()["n"]


def test_without_a_shadow_there_is_nothing_to_compare(client, say):
    """Before a shadow begins, and after it has ended, the summary is empty and nothing is recorded."""
    talk(client, say, texts=TALK[:1])
    told = client.get("/v1/bots/policy/shadow").json()

    assert (None, 0, [], []) == (told["shadow"], told["n"], told["counts"], told["differences"])


def test_a_shadow_that_becomes_active_is_no_shadow_any_more(client):
    """What was tried and is activated decides; there is nothing left to compare."""
    start(client)
    held = client.post("/v1/policies/shadow/activate", json={"version": 1}).json()

    assert ("shadow", None) == (held["active"]["name"], held["shadow"])
    assert held["history"][1]["role"] == "shadow"
    assert held["history"][1]["until"] is not None


def test_the_shadow_of_every_bot_runs_where_the_policy_of_every_bot_decides(client, say, tmp_path):
    """A bot with its own policy has the shadow of its own, or none."""
    start(client)
    client.post("/v1/policies/active/activate", json={"version": 1, "bot_id": "own"})
    for bot in ("own", "other"):
        talk(client, say, texts=["refund"], bot_id=bot, conversation_id=bot)
    client.post("/v1/policies/shadow/shadow", json={"version": 1, "bot_id": "own"})
    client.post("/v1/score", json=say("refund", "m-9", bot_id="own", conversation_id="own"))
    with sqlite3.connect(tmp_path / "baton.db") as database:
        found = database.execute(
            "SELECT c.bot_id, d.message_id, d.shadow_action FROM decisions d JOIN conversations c ON c.key = d.conversation ORDER BY d.id"
        ).fetchall()
    database.close()

    assert [("own", "m-0", None), ("other", "m-0", "offer"), ("own", "m-9", "offer")] == found


@pytest.mark.parametrize("more", [{"dry_run": True}, {"conversation_id": None}])
def test_what_is_not_recorded_has_no_shadow(client, say, tmp_path, more):
    """Dry runs and stateless calls leave nothing behind."""
    start(client)
    talk(client, say, texts=["refund"], **more)

    assert {} == shadows(tmp_path / "baton.db")


def test_an_agents_message_has_no_shadow(client, say, tmp_path):
    """Where no policy decides, none is compared."""
    start(client)
    client.post("/v1/score", json=say("Hi, I am Ann.", message={"role": "agent"}))

    assert {"m-1": (None, None, None, None)} == shadows(tmp_path / "baton.db")


def test_the_shadow_sees_the_draft_too(client, say, tmp_path):
    """A draft that the active policy lets the bot say is decided by the shadow as well, unless the message was enough."""
    confident = {
        "id": "sure",
        "when": {"confidence": {"threshold": 0.9, "consecutive_low_turns": 1}},
        "then": "escalate",
    }
    shadow = {"name": "strict", "rules": [*SHADOW["rules"], confident]}
    start(client, shadow=shadow)
    bot = {"reply": "I think it takes two days.", "confidence": 0.1}
    first = client.post("/v1/score", json=say("hello", "m-1", bot=bot)).json()
    client.post("/v1/score", json=say("a refund", "m-2", bot=bot))
    recorded = shadows(tmp_path / "baton.db")

    assert ("post", "continue") == (first["phase"], first["decision"])
    assert ("escalate", "low_confidence", "sure") == recorded["m-1"][:3]
    assert ("offer", "policy", "money") == recorded["m-2"][:3]


def test_a_shadow_beside_a_lazy_policy_sees_every_score(client, say, tmp_path):
    """What the shadow records of a message is what it decides when it is active itself, also where a lazy policy asks less."""
    start(
        client, active={**ACTIVE, "evaluation": "lazy"}, shadow=default_policy().model_dump(mode="json", by_alias=True)
    )
    texts = ["my lawyer", "this is useless", "where is my order?", "get me a real person"]
    for n, text in enumerate(texts):
        client.post("/v1/score", json=say(text, f"m-{n}", conversation_id=f"shadow-{n}"))
    recorded = shadows(tmp_path / "baton.db")
    client.post("/v1/policies/default/activate", json={"version": 1})
    for n, text in enumerate(texts):
        answer = client.post("/v1/score", json=say(text, f"m-{n}", conversation_id=f"active-{n}")).json()
        reason = answer["reason"] or {"code": None, "rule_id": None}
        assert (answer["decision"], reason["code"], reason["rule_id"]) == recorded[f"m-{n}"][:3], text


def test_a_shadow_has_its_own_labels(make_settings, say, tmp_path, tmp_path_factory):
    """Labels that only the shadow knows are scored for it, from the embedding that is there, and decide as they would alone."""
    bundle = build_tiny_bundle(tmp_path_factory.mktemp("custom") / "tiny", custom=True)
    shadow = {
        "name": "labels",
        "labels": {"gift": {"examples": ["can you wrap it as a gift"], "threshold": 0.3}},
        "rules": [{"id": "gifts", "when": {"intent": {"labels": ["gift"]}}, "then": "escalate"}],
    }
    with TestClient(create_app(make_settings(bundle=bundle)), base_url="http://localhost") as client:
        start(client, shadow=shadow)
        for n, text in enumerate(("can you wrap it as a gift", "hello", "where is my order?")):
            client.post("/v1/score", json=say(text, f"m-{n}", conversation_id=f"shadow-{n}"))
        client.post("/v1/policies/labels/activate", json={"version": 1})
        recorded = shadows(tmp_path / "baton.db")
        for n, text in enumerate(("can you wrap it as a gift", "hello", "where is my order?")):
            answer = client.post("/v1/score", json=say(text, f"m-{n}", conversation_id=f"active-{n}")).json()
            assert answer["scores"]["custom"] is not None
            assert answer["decision"] == recorded[f"m-{n}"][0]
    assert "escalate" == recorded["m-0"][0]


def test_ending_a_shadow_twice_changes_nothing(client):
    """What isn't there can be ended; the answer says what holds."""
    start(client, bot_id="b-1")
    first, second = (client.delete("/v1/bots/b-1/policy/shadow").json() for _ in range(2))

    assert first["shadow"] is None
    assert first == second
