"""GET /v1/decisions: what was recorded of a decision, and the same decision taken again."""

from __future__ import annotations

import json
import sqlite3

import pytest

from models.contracts import Scores
from models.errors import InputError
from models.policy.schema import default_policy
from serving.api.decisions import DecisionAnswer
from serving.turn.rows import scores_from_json, scores_to_json

PASSAGES = ["Orders take two days."]
TURNS = {
    "message": {},
    "draft": {"bot": {"reply": "It takes two days.", "passages": PASSAGES}},
    "bot": {"message": {"role": "bot", "passages": PASSAGES, "confidence": 0.3}},
    "fallback": {"message": {"role": "bot", "fallback": True}},
    "agent": {"message": {"role": "agent"}},
    "facts": {"customer": {"tier": "gold", "language": "de"}, "channel": "web", "context": {"a": [1, 0.1, None]}},
}


def change(database, statement, *values):
    """Change what is recorded."""
    with sqlite3.connect(database) as connection:
        connection.execute(statement, values)
    connection.close()


@pytest.fixture
def score(client, say):
    """Send a message and return the id of its decision with the answer."""

    def send(text="this is useless, get me a real person", message_id="m-1", **more):
        answer = client.post("/v1/score", json=say(text, message_id, **more)).json()
        return answer["decision_id"], answer

    return send


@pytest.fixture
def find(client):
    """Read a decision."""

    def read(decision_id):
        response = client.get(f"/v1/decisions/{decision_id}")
        assert response.status_code == 200, response.text
        return response.json()

    return read


@pytest.mark.parametrize("turn", TURNS.values(), ids=TURNS)
def test_a_decision_comes_out_identical_again(score, find, turn):
    """The stored policy decides the same on the recorded scores and state, whatever was said by whom."""
    score("hello", "m-0")
    decision_id, answer = score(**turn)
    found = find(decision_id)

    DecisionAnswer.model_validate(found)
    assert answer == found["answer"]
    assert (True, None, []) == tuple(found["replayed"][name] for name in ("identical", "problem", "differs"))
    assert found["replayed"]["answer"]["triggers"] == answer["triggers"]


def test_a_decision_shows_what_it_was_taken_from(score, find):
    """State before, message, scores and facts are those of the turn."""
    score("hello", "m-0", customer={"tier": "gold"})
    decision_id, answer = score("is it there?", customer={"tier": "free"}, channel="web")
    found = find(decision_id)

    assert ("default", "c-1", "m-1", answer["versions"]["policy"], "tiny-1") == tuple(
        found[name] for name in ("bot_id", "conversation_id", "message_id", "policy", "bundle")
    )
    assert default_policy().fingerprint() == found["policy_fingerprint"]
    assert {"customer": {"tier": "free"}, "channel": "web", "context": {}} == found["request"]
    assert (1, "hello") == (found["state_before"]["n_messages"], found["state_before"]["last_customer_text"])
    [message] = found["messages"]
    assert "is it there?" == message["text"]
    assert answer["scores"]["explicit"] == message["scores"]["explicit"]


def test_old_decisions_are_taken_again_under_their_own_policy(client, score, find):
    """Whatever is active by now, a decision is compared with what the policy decides that took it."""
    decision_id, answer = score()
    client.post("/v1/policies", json={"name": "other", "rules": []})
    client.post("/v1/policies/other/activate", json={"version": 1})

    assert find(decision_id)["replayed"]["identical"] is True
    assert find(decision_id)["policy"] == answer["versions"]["policy"]


def test_a_changed_record_is_noticed(score, find, tmp_path):
    """A record that says something else than the policy decides isn't identical, and the difference is named."""
    decision_id, _ = score()
    change(tmp_path / "baton.db", "UPDATE decisions SET response = json_set(response, '$.text', 'something else')")

    assert (False, ["text"]) == tuple(find(decision_id)["replayed"][name] for name in ("identical", "differs"))


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("UPDATE decisions SET policy_fingerprint = 'gone'", "isn't stored"),
        ("UPDATE decisions SET state_before = json_set(state_before, '$.version', 99)", "another release"),
        ("UPDATE messages SET scores = json_set(scores, '$.explicit', 'high')", "explicit"),
        ("DELETE FROM messages", "are gone"),
    ],
)
def test_a_record_that_can_not_be_taken_again_says_why(score, find, tmp_path, statement, expected):
    """A lost policy, or a record of another release, is shown as far as it goes."""
    decision_id, answer = score()
    change(tmp_path / "baton.db", statement)
    found = find(decision_id)

    assert answer == found["answer"]
    assert found["replayed"]["identical"] is None
    assert expected in found["replayed"]["problem"]


def test_a_decision_of_another_bundle_says_so(score, find, tmp_path):
    """Thresholds may come from the bundle, so another one is named."""
    decision_id, _ = score()
    change(tmp_path / "baton.db", "UPDATE decisions SET bundle = 'old-1'")

    assert "old-1" in find(decision_id)["replayed"]["problem"]


@pytest.mark.parametrize("decision_id", ["d-1", "x" * 64, "%F0%9F%99%82"])
def test_an_unknown_decision_is_not_found(client, decision_id):
    """An id that nobody gave out is 404."""
    response = client.get(f"/v1/decisions/{decision_id}")

    assert (404, "urn:baton:problem:decision-not-found") == (response.status_code, response.json()["type"])


def test_scores_are_read_back_as_they_were(client, score, find):
    """Every recorded score comes back bit for bit, the embedding too."""
    decision_id, _ = score()
    recorded = json.dumps(find(decision_id)["messages"][0]["scores"])
    scores = scores_from_json(recorded)

    assert isinstance(scores, Scores)
    assert scores.embedding
    assert scores == scores_from_json(scores_to_json(scores))
    assert json.loads(recorded) == json.loads(scores_to_json(scores))


def test_scores_of_another_form_are_refused():
    """What isn't a record of scores is an error that names the field."""
    with pytest.raises(InputError, match="explicit"):
        scores_from_json('{"explicit": "high"}')
