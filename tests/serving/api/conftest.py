"""What the tests of policies share: documents whose decisions don't depend on weights, and ways to store and use them."""

from __future__ import annotations

import pytest


def words(name, *terms, then="escalate", **more):
    """A policy with one keyword rule, whose id is its first term."""
    rules = [{"id": terms[0], "when": {"keyword": {"terms": list(terms)}}, "then": then}] if terms else []
    return {"name": name, "rules": rules} | more


@pytest.fixture
def create(client):
    """Store a document and return what was answered."""

    def store(document):
        response = client.post("/v1/policies", json=document)
        assert response.status_code in {200, 201}, response.text
        return response.json()

    return store


@pytest.fixture
def activate(client):
    """Activate a version of a policy and return what was answered."""

    def send(name, version=1, **more):
        response = client.post(f"/v1/policies/{name}/activate", json={"version": version} | more)
        assert response.status_code == 200, response.text
        return response.json()

    return send


@pytest.fixture
def decide(client, say):
    """Send a message as the first one of a new conversation and return the answer."""
    number = iter(range(10_000))

    def send(text="the lawyer will call", **more):
        response = client.post("/v1/score", json=say(text, **{"conversation_id": f"n-{next(number)}"} | more))
        assert response.status_code == 200, response.text
        return response.json()

    return send
