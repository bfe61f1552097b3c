"""The service with the bundle and the policy that ship: what it decides makes sense."""

from __future__ import annotations

import pytest
from starlette.testclient import TestClient

from models.bundle import DEFAULT_PATH
from serving.api import examples
from serving.app import create_app
from serving.settings import Settings

pytestmark = pytest.mark.skipif(
    not (DEFAULT_PATH / "manifest.json").exists(), reason="the default bundle isn't released in this checkout"
)


@pytest.fixture
def client(tmp_path):
    """A client of the service as it comes."""
    settings = Settings(database_url=f"sqlite:///{tmp_path}/baton.db", bundle=None, policy=None)
    with TestClient(create_app(settings), base_url="http://localhost") as client:
        yield client


def say(client, text, *, conversation="c-1", number=1):
    """Send a customer's message and return the answer."""
    message = {"id": f"m-{number}", "role": "customer", "text": text}
    return client.post("/v1/score", json={"conversation_id": conversation, "message": message}).json()


def test_the_documented_example_is_what_happens(client):
    """The first example of the documentation is decided as the documentation shows."""
    answer = client.post("/v1/score", json=examples.SCORES["customer"]["value"]).json()
    documented = examples.SCORE_ANSWERS["escalate"]["value"]

    for field in ("decision", "reason", "text", "action", "phase", "suppressed", "degraded"):
        assert documented[field] == answer[field]


def test_after_an_escalation_the_bot_is_held_back(client):
    """Once a person is asked for, later messages are scored and the decision is suppressed."""
    first = say(client, "I want to speak to a human agent now")
    second = say(client, "hello?", number=2)

    assert first["decision"] == "escalate"
    assert ("continue", "handoff_pending") == (second["decision"], second["suppressed"])
    assert second["scores"]["explicit"] is not None


@pytest.mark.parametrize(
    "text", ["What time do you close today?", "My travel agent booked the wrong flight", "ok thanks"]
)
def test_ordinary_messages_stay_with_the_bot(client, text):
    """Messages that need no person continue."""
    assert say(client, text)["decision"] == "continue"


def test_a_sure_request_can_be_explained(client):
    """An escalation names its rule among the triggers, with value, threshold and margin."""
    answer = say(client, "get me a real person")
    [trigger] = [report for report in answer["triggers"] if report["rule_id"] == answer["reason"]["rule_id"]]

    assert trigger["status"] == "fired"
    assert trigger["margin"] >= 0
