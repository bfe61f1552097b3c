"""Health, readiness, metrics and the models in use."""

from __future__ import annotations

import json

import pytest
from starlette.testclient import TestClient

from models.bundle import Bundle
from models.policy.schema import default_policy
from serving.app import create_app


def test_a_running_service_is_live_and_ready(client):
    """A service with models and database says so."""
    assert [200, 200] == [client.get(f"/health/{name}").status_code for name in ("live", "ready")]


def test_a_service_without_its_database_is_not_ready(client, tmp_path):
    """Without the database the service stays alive, isn't ready, and refuses messages with a problem document."""
    (tmp_path / "baton.db").rename(tmp_path / "gone.db")
    ready = client.get("/health/ready")
    score = client.post(
        "/v1/score", json={"conversation_id": "c", "message": {"id": "m", "role": "customer", "text": "x"}}
    )

    assert client.get("/health/live").status_code == 200
    assert [503, 503] == [ready.status_code, score.status_code]
    assert "deleted or replaced" in ready.json()["detail"]
    assert score.headers["Retry-After"]


def test_a_service_recovers_with_its_database(client, tmp_path, say):
    """When the database file is back, the service goes on, and what it recorded is there."""
    first = client.post("/v1/score", json=say())
    (tmp_path / "baton.db").rename(tmp_path / "gone.db")
    assert client.post("/v1/score", json=say("x", "m-2")).status_code == 503
    (tmp_path / "gone.db").rename(tmp_path / "baton.db")

    assert client.post("/v1/score", json=say()).content == first.content


def test_a_service_that_has_not_started_is_not_ready(app):
    """Before the queue runs, the service isn't ready."""
    client = TestClient(app, base_url="http://localhost")  # without its lifespan

    assert client.get("/health/ready").status_code == 503


def test_metrics_count_decisions_and_time_every_stage(client, say):
    """After a turn the metrics name its decision, its request and the stages it went through."""
    client.post("/v1/score", json=say())
    text = client.get("/metrics").text

    assert 'baton_requests_total{method="POST",route="/v1/score",status="200"} 1.0' in text
    assert 'baton_decisions_total{action="' in text
    for stage in ("store", "queue", "inference", "decide"):
        assert f'baton_stage_seconds_count{{stage="{stage}"}}' in text
    assert "baton_queue_depth 0.0" in text


def test_paths_do_not_multiply_metrics(client):
    """Unknown paths share one label, so that nobody can fill the memory with names."""
    for n in range(5):
        client.get(f"/nothing-{n}")

    assert "nothing" not in client.get("/metrics").text


def test_models_tells_bundle_and_policy(client, tiny_bundle):
    """GET /v1/models tells the bundle's manifest and the policy's fingerprint."""
    answer = client.get("/v1/models").json()

    assert answer["bundle"]["label"] == "tiny-1"
    assert answer["bundle"]["manifest"] == json.loads(Bundle.load(tiny_bundle).manifest.model_dump_json())
    assert answer["policy"] == {"label": default_policy().label, "fingerprint": default_policy().fingerprint()}


@pytest.mark.parametrize("path", ["/docs", "/openapi.json", "/v1/models", "/health/live", "/nothing"])
def test_every_answer_says_its_request(client, path):
    """Every answer carries the request's id."""
    assert client.get(path).headers["X-Request-Id"]


def test_create_app_needs_no_running_loop(make_settings):
    """The service can be built, and described, without being started."""
    assert create_app(make_settings()).openapi()["info"]["title"] == "Baton"
