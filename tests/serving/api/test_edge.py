"""The outermost ring: what nobody foresaw is answered too, and callers that leave are let go."""

from __future__ import annotations

import asyncio
import json
import logging
import sqlite3
import time

import pytest
from starlette.testclient import TestClient

from serving.telemetry import JsonLines


@pytest.fixture
def failing_client(app):
    """A client of a service with an endpoint that has a mistake in it."""

    @app.post("/mistake")
    async def mistake() -> None:
        raise KeyError("the customer's secret")

    with TestClient(app, base_url="http://localhost") as client:
        yield client


def test_a_mistake_of_ours_is_answered_with_a_problem(failing_client):
    """An error that nobody foresaw is answered 500 with a problem document that tells nothing of the inside."""
    response = failing_client.post("/mistake")

    assert response.status_code == 500
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["type"] == "urn:baton:problem:internal"
    assert response.json()["instance"].endswith(response.headers["X-Request-Id"])
    assert "secret" not in response.text
    assert "mistake" not in response.text


def test_a_mistake_of_ours_is_logged_without_its_text(failing_client, caplog):
    """The log has the class and the place of the mistake under the request's id, and not what it said."""
    with caplog.at_level(logging.ERROR, "baton"):
        failing_client.post("/mistake", headers={"X-Request-Id": "abc"})

    [record] = [record for record in caplog.records if record.message == "request.failed"]
    line = JsonLines().format(record)
    assert json.loads(line)["error"] == "KeyError"
    assert "test_edge.py" in line
    assert "secret" not in line


def test_a_mistake_is_counted(failing_client):
    """A failed request is counted as 500."""
    failing_client.post("/mistake")

    assert (
        'baton_requests_total{method="POST",route="/mistake",status="500"} 1.0' in failing_client.get("/metrics").text
    )


def scope_of(body):
    """Return the ASGI scope of a POST to /v1/score."""
    headers = [(b"host", b"localhost"), (b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": "/v1/score",
        "raw_path": b"/v1/score",
        "query_string": b"",
        "root_path": "",
        "headers": headers,
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 8000),
    }


def test_a_caller_that_leaves_is_not_waited_for(app, say, tmp_path):
    """When the caller hangs up, its request ends at once, even if its turn waits for a locked database."""
    body = json.dumps(say()).encode()
    messages = [{"type": "http.request", "body": body, "more_body": False}, {"type": "http.disconnect"}]

    async def receive():
        return messages.pop(0)

    async def send(_message):
        """Nobody is there to read it."""

    async def leave():
        async with app.router.lifespan_context(app):
            other = sqlite3.connect(tmp_path / "baton.db", isolation_level=None)
            other.execute("BEGIN IMMEDIATE")
            started = time.monotonic()
            await app(scope_of(body), receive, send)
            waited = time.monotonic() - started
            other.close()
            return waited

    assert asyncio.run(leave()) < 1


def test_a_body_in_pieces_is_put_together(app, say):
    """A body that arrives in pieces is one body."""
    body = json.dumps(say()).encode()
    pieces = [body[start : start + 10] for start in range(0, len(body), 10)]
    messages = [{"type": "http.request", "body": piece, "more_body": True} for piece in pieces]
    messages.append({"type": "http.request", "body": b"", "more_body": False})
    sent = []

    async def receive():
        if not messages:
            await asyncio.Event().wait()  # the caller stays and says no more
        return messages.pop(0)

    async def send(message):
        sent.append(message)

    async def post():
        async with app.router.lifespan_context(app):
            await app(scope_of(body), receive, send)

    asyncio.run(post())
    assert sent[0]["status"] == 200
