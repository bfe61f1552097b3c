"""POST /v1/score:batch: each item is answered on its own, in its place."""

from __future__ import annotations

import pytest

from serving.api.answers import ScoreAnswer
from serving.api.problems import ProblemDocument

CHANGING = {"decision_id", "latency_ms", "instance"}


def fixed(result):
    """Return what is the same whenever the same is asked."""
    return {name: value for name, value in result.items() if name not in CHANGING}


def batch(client, items):
    """Send a batch and return its results."""
    response = client.post("/v1/score:batch", json={"items": items})
    assert response.status_code == 200, response.text
    return response.json()["results"]


def test_items_are_answered_as_single_calls_are(client, say):
    """A batch of items gives the answers, and the problems, that single calls give."""
    items = [
        say("hello", conversation_id="a"),
        say("", conversation_id="b"),
        say("x" * 9000, conversation_id="c"),
        {"message": "none"},
        17,
        say("and now?", conversation_id=None, history=[{"id": "m-0", "role": "customer", "text": "hi"}]),
    ]
    results = batch(client, items)
    dry = [item | {"dry_run": True} if isinstance(item, dict) else item for item in items]
    singles = [client.post("/v1/score", json=item).json() for item in dry]

    assert [fixed(single) for single in singles] == [fixed(result) for result in results]
    assert [200, 422, 413, 422, 422, 200] == [result.get("status", 200) for result in results]


def test_answers_and_problems_have_their_documented_shapes(client, say):
    """Each place holds an answer or a problem document."""
    good, bad = batch(client, [say(), say("")])

    ScoreAnswer.model_validate(good)
    problem = ProblemDocument.model_validate(bad)
    assert "message.text" in problem.detail


def test_items_of_one_conversation_are_taken_in_order(client, say):
    """The items of a conversation are decided one after the other, in the order of the batch."""
    in_order = [say(f"message number {n}", f"m-{n}") for n in range(12)]
    results = batch(client, in_order)
    one_by_one = [client.post("/v1/score", json=item | {"conversation_id": "again"}).json() for item in in_order]

    same = [fixed(single) | {"conversation_id": "c-1"} for single in one_by_one]
    assert same == [fixed(result) for result in results]


def test_a_message_twice_in_a_batch_counts_once(client, say):
    """The second copy gets the recorded answer; another content is a conflict in its place."""
    first, same, other = batch(client, [say(), say(), say("else")])

    assert first == same
    assert other["status"] == 409


def test_a_repeated_batch_is_answered_byte_for_byte(client, say):
    """A batch that is sent again returns the recorded answers as they were."""
    body = {"items": [say(conversation_id=f"c-{n}") for n in range(5)]}

    assert client.post("/v1/score:batch", json=body).content == client.post("/v1/score:batch", json=body).content


@pytest.mark.parametrize(
    ("items", "says"), [([], "at least 1"), ([{}] * 257, "at most 256"), ({}, "list"), (None, "list")]
)
def test_a_batch_has_1_to_256_items(client, items, says):
    """No items, more than 256, or something else is answered 422 as a whole."""
    response = client.post("/v1/score:batch", json={"items": items})

    assert response.status_code == 422
    assert says in response.json()["detail"]


def test_256_items_are_answered(client, say):
    """The largest batch is answered in full."""
    results = batch(client, [say(conversation_id=f"c-{n % 40}", message_id=f"m-{n}") for n in range(256)])

    assert {f"m-{n}" for n in range(256)} == {result["message_id"] for result in results}
