"""The OpenAPI document: complete, valid, and its examples are true."""

from __future__ import annotations

import pytest
from pydantic import TypeAdapter

from serving.api import examples
from serving.api.answers import BatchAnswer, ScoreAnswer
from serving.api.decisions import DecisionAnswer
from serving.api.models import ModelsAnswer
from serving.api.policy_answers import (
    BotPolicyAnswer,
    PoliciesAnswer,
    PolicyCheckAnswer,
    PolicyCreatedAnswer,
    PolicyDiffAnswer,
    PolicyDocumentAnswer,
    PolicyFindingsAnswer,
    ShadowAnswer,
)
from serving.api.problems import MEDIA_TYPE

METHODS = {"get", "post"}


@pytest.fixture
def document(client):
    """The OpenAPI document of a running service."""
    return client.get("/openapi.json").json()


def operations(document):
    """Return every operation with its path and method."""
    return [
        (path, method, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]


def references(node):
    """Yield every reference in a document."""
    if isinstance(node, dict):
        for name, value in node.items():
            if name == "$ref":
                yield value
            else:
                yield from references(value)
    elif isinstance(node, list):
        for value in node:
            yield from references(value)


def test_it_is_openapi_3_1_with_the_endpoints_of_this_release(document):
    """The document is OpenAPI 3.1 and names exactly the endpoints there are."""
    assert document["openapi"].startswith("3.1")
    assert {
        "/v1/score",
        "/v1/score:batch",
        "/v1/policies",
        "/v1/policies/validate",
        "/v1/policies/lint",
        "/v1/policies/schema",
        "/v1/policies/diff",
        "/v1/policies/{name}",
        "/v1/policies/{name}/versions/{version}",
        "/v1/policies/{name}/activate",
        "/v1/policies/{name}/shadow",
        "/v1/bots/policy",
        "/v1/bots/policy/shadow",
        "/v1/bots/{bot_id}/policy",
        "/v1/bots/{bot_id}/policy/shadow",
        "/v1/decisions/{decision_id}",
        "/v1/models",
        "/health/live",
        "/health/ready",
        "/metrics",
    } == set(document["paths"])


def test_every_reference_leads_somewhere(document):
    """No schema is referred to that isn't there."""
    known = {f"#/components/schemas/{name}" for name in document["components"]["schemas"]}

    assert set(references(document)) <= known


def test_every_operation_is_described(document):
    """Each operation has a plain id, a tag, a summary, a description and a documented answer."""
    for path, _method, operation in operations(document):
        assert operation["operationId"].replace("_", "").isalpha(), path
        assert operation["tags"]
        assert operation["summary"]
        assert operation["description"]
        assert operation["responses"]["200"]["description"]


def test_refusals_are_documented_as_problem_documents(document):
    """Every documented refusal is a problem document, and 503 has Retry-After."""
    for _path, _method, operation in operations(document):
        for status, response in operation["responses"].items():
            if not status.startswith("2"):
                assert set(response["content"]) == {MEDIA_TYPE}
            if status == "503":
                assert "Retry-After" in response["headers"]


def test_every_field_of_a_request_is_described(document):
    """Each field that a caller may send says what it is."""
    for name in ("ScoreBody", "MessageBody", "DraftBody", "ActivateBody", "ShadowBody"):
        for field, schema in document["components"]["schemas"][name]["properties"].items():
            assert schema.get("description") or "$ref" in schema, f"{name}.{field}"


@pytest.mark.parametrize("name", examples.SCORES)
def test_score_examples_are_answered(client, name):
    """Each request example is answered 200, in the documented shape."""
    response = client.post("/v1/score", json=examples.SCORES[name]["value"])

    assert response.status_code == 200, response.text
    ScoreAnswer.model_validate(response.json())


@pytest.mark.parametrize("name", examples.BATCHES)
def test_batch_examples_are_answered(client, name):
    """Each batch example is answered with answers only."""
    response = client.post("/v1/score:batch", json=examples.BATCHES[name]["value"])

    TypeAdapter(list[ScoreAnswer]).validate_python(response.json()["results"])


def test_policy_examples_are_taken(client):
    """The example documents are one policy, in JSON and in YAML, and the examples of what to do with it work."""
    stored = client.post("/v1/policies", json=examples.POLICIES["shop"]["value"])
    again = client.post(
        "/v1/policies", content=examples.POLICIES_YAML["shop"]["value"], headers={"Content-Type": "application/yaml"}
    )
    assert (201, 200) == (stored.status_code, again.status_code), again.text
    assert stored.json()["fingerprint"] == again.json()["fingerprint"]
    name = {"version": 1}
    for path, bodies in (("activate", examples.ACTIVATIONS), ("shadow", examples.SHADOWS)):
        for body in bodies.values():
            sent = {key: value for key, value in body["value"].items() if key == "bot_id"} | name
            response = client.post(f"/v1/policies/shop/{path}", json=sent)
            assert response.status_code == 200, response.text


@pytest.mark.parametrize(
    ("shape", "answers"),
    [
        (ScoreAnswer, examples.SCORE_ANSWERS),
        (BatchAnswer, examples.BATCH_ANSWERS),
        (ModelsAnswer, examples.MODELS_ANSWERS),
        (PoliciesAnswer, examples.POLICIES_ANSWERS),
        (PolicyDocumentAnswer, examples.POLICY_ANSWERS),
        (PolicyCreatedAnswer, examples.POLICY_CREATED_ANSWERS),
        (PolicyCheckAnswer, examples.POLICY_CHECK_ANSWERS),
        (PolicyFindingsAnswer, examples.POLICY_FINDINGS_ANSWERS),
        (PolicyDiffAnswer, examples.POLICY_DIFF_ANSWERS),
        (BotPolicyAnswer, examples.BOT_POLICY_ANSWERS),
        (ShadowAnswer, examples.SHADOW_ANSWERS),
        (DecisionAnswer, examples.DECISION_ANSWERS),
    ],
)
def test_answer_examples_have_the_documented_shape(shape, answers):
    """Each answer example is one that the service could give."""
    assert answers
    for answer in answers.values():
        shape.model_validate(answer["value"])


def test_the_docs_page_needs_no_other_machine(client, document):
    """The docs page shows every endpoint, loads nothing from elsewhere and runs no script."""
    response = client.get("/docs")

    assert response.headers["content-type"].startswith("text/html")
    assert "default-src 'none'" in response.headers["content-security-policy"]
    assert "<script" not in response.text
    for path in document["paths"]:
        assert path in response.text


def test_the_docs_page_leaves_the_document_whole(client):
    """Whoever opens the page first doesn't change the document: all schemas are there and every reference resolves."""
    assert client.get("/docs").status_code == 200
    document = client.get("/openapi.json").json()
    schemas = document["components"]["schemas"]

    assert {"ScoreAnswer", "BatchAnswer", "ModelsAnswer", "HealthAnswer", "ProblemDocument"} <= set(schemas)
    assert set(references(document)) <= {f"#/components/schemas/{name}" for name in schemas}
