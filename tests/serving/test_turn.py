"""The spine: what is recorded of a turn is enough to take its decision again."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import time
from datetime import datetime
from itertools import pairwise

import httpx2
import pytest
from pydantic import ConfigDict, RootModel

from models.contracts import Action, Decision, Flip, Message, Phase, Role, Scores
from models.policy.engine import Turn, decide
from models.policy.schema import default_policy
from models.policy.state import from_json, to_json
from serving.app import create_app
from serving.turn.handle import _joined

TALK = ["hello", "where is my order?", "Where is my order???", "this is useless", "get me a real person!", "thanks"]


class RecordedScores(RootModel[Scores]):
    """Scores as they stand in the database."""

    model_config = ConfigDict(val_json_bytes="base64")


def rows(database, query):
    """Return the rows of a query as dictionaries."""
    with sqlite3.connect(database) as connection:
        connection.row_factory = sqlite3.Row
        found = [dict(row) for row in connection.execute(query)]
    connection.close()
    return found


@pytest.fixture
def recorded(client, say, tmp_path):
    """Turns of one conversation, as they were recorded."""
    for n, text in enumerate(TALK):
        body = say(text, f"m-{n}", customer={"tier": "enterprise", "language": "de"}, channel="web", context={"n": n})
        assert client.post("/v1/score", json=body).status_code == 200
    query = "SELECT d.*, m.text, m.role, m.at, m.scores FROM decisions d JOIN messages m ON m.id = d.message_id ORDER BY d.position"
    return rows(tmp_path / "baton.db", query)


def test_a_decision_can_be_taken_again_from_its_record(recorded):
    """State, message, scores and request as recorded give the recorded decision, and the next turn's state, bit for bit."""
    policy = default_policy()
    for row, after in pairwise(recorded):
        message = Message(
            id=row["message_id"],
            role=Role(row["role"]),
            text=row["text"],
            at=datetime.fromisoformat(row["at"] + "+00:00"),
        )
        scores = RecordedScores.model_validate_json(row["scores"]).root
        turn = Turn(message=message, scores=scores, **json.loads(row["request"]))
        outcome = decide(turn, from_json(json.loads(row["state_before"])), policy)
        answer = json.loads(row["response"])

        assert outcome.decision.decision == answer["decision"] == row["action"]
        assert [reason.rule_id for reason in outcome.decision.reasons] == [it["rule_id"] for it in answer["reasons"]]
        assert [report.margin is None for report in outcome.decision.triggers] == [
            report["margin"] is None for report in answer["triggers"]
        ]
        assert json.loads(after["state_before"]) == to_json(outcome.state)


def test_a_record_names_policy_and_bundle(recorded):
    """Each record has the policy's label and fingerprint, and the bundle's label."""
    policy = default_policy()

    assert {(policy.label, policy.fingerprint(), "tiny-1")} == {
        (row["policy"], row["policy_fingerprint"], row["bundle"]) for row in recorded
    }


def test_ids_of_decisions_sort_by_time(recorded):
    """A later decision has a greater id."""
    ids = [row["id"] for row in recorded]

    assert ids == sorted(ids)
    assert len(set(ids)) == len(ids)


def test_a_stuck_database_keeps_nobody_for_long(make_settings, say, tmp_path):
    """While another process locks the database, every caller is answered 503 soon, however many they are."""
    app = create_app(make_settings(database_timeout_seconds=0.2))

    async def send():
        async with app.router.lifespan_context(app):
            other = sqlite3.connect(tmp_path / "baton.db", isolation_level=None)
            other.execute("BEGIN IMMEDIATE")
            transport = httpx2.ASGITransport(app)
            async with httpx2.AsyncClient(transport=transport, base_url="http://localhost") as client:
                started = time.monotonic()
                bodies = [say(conversation_id=f"c-{n}") for n in range(60)]
                answers = await asyncio.gather(*(client.post("/v1/score", json=body) for body in bodies))
                seconds = time.monotonic() - started
            other.close()
        return answers, seconds

    answers, seconds = asyncio.run(send())
    assert {503} == {answer.status_code for answer in answers}
    assert all(answer.headers["Retry-After"] for answer in answers)
    assert seconds < 4


def test_a_state_of_another_release_is_not_guessed_at(client, say, tmp_path):
    """A recorded state that this release can't read is an error that says so; it isn't taken for a new conversation."""
    client.post("/v1/score", json=say())
    with sqlite3.connect(tmp_path / "baton.db") as database:
        database.execute("UPDATE conversations SET state = json_set(state, '$.version', 99)")
    database.close()
    response = client.post("/v1/score", json=say("and now?", "m-2"))

    assert response.status_code == 503
    assert "another release" in response.json()["detail"]


@pytest.mark.parametrize(
    ("action", "expected"),
    [
        (Action.CONTINUE, ["scores.frustration", "scores.confidence", "scores.explicit"]),
        (Action.OFFER, ["scores.confidence", "scores.topics.x"]),
    ],
)
def test_a_joined_decision_names_what_flips_it(action, expected):
    """The smallest three changes of message and draft flip a ``continue``; any other decision is the draft's alone."""

    def decision(phase, decided, *flips):
        found = (Flip(what=what, value=0.5, to=to, decision=Action.ESCALATE) for what, to in flips)
        return Decision(phase=phase, decision=decided, would_flip_if=tuple(found))

    flips = [("scores.frustration", 0.6), ("scores.explicit", 0.8)]
    pre = decision(Phase.PRE, Action.CONTINUE, *flips)
    post = decision(Phase.POST, action, ("scores.confidence", 0.3), ("scores.topics.x", 0.9))
    assert expected == [flip.what for flip in _joined(pre, post).would_flip_if]
