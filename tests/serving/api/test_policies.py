"""/v1/policies: documents that are stored whole, never changed, and checked before they decide."""

from __future__ import annotations

import json

import pytest

from models.policy.schema import Policy
from serving.api.policies import MAX_DOCUMENT_BYTES
from tests.serving.api.conftest import words

YAML = {"Content-Type": "application/yaml"}
TEXT = """\
# what my shop does
name: shop
rules:
  - id: lawyer
    when: {keyword: {terms: [lawyer]}}
    then: escalate
"""


def test_a_document_is_stored_whole(client):
    """A policy that is sent as YAML can be read back as the text it was, comments too, and as JSON."""
    created = client.post("/v1/policies", content=TEXT, headers=YAML)
    found = client.get(created.headers["Location"]).json()

    assert created.status_code == 201
    assert ("shop", 1, "application/yaml") == (found["name"], found["version"], found["source_type"])
    assert TEXT == found["source"]
    assert words("shop", "lawyer") == found["document"]
    assert Policy.model_validate(found["document"]).fingerprint() == found["fingerprint"]


def test_the_same_document_again_is_the_same_version(client):
    """A document in another layout, or with defaults written out, isn't another one."""
    first = client.post("/v1/policies", content=TEXT, headers=YAML)
    again = client.post("/v1/policies", json=words("shop", "lawyer", enabled=True))

    assert (201, 200) == (first.status_code, again.status_code)
    assert first.json()["created_at"] == again.json()["created_at"]
    assert TEXT == client.get("/v1/policies/shop").json()["source"]


def test_another_text_is_another_version(client, create):
    """A version is never changed: what is sent under its name next has the next number."""
    old, new = create(words("shop", "lawyer")), create(words("shop", "refund"))

    assert (1, 2) == (old["version"], new["version"])
    assert "refund" == client.get("/v1/policies/shop").json()["document"]["rules"][0]["id"]
    assert "lawyer" == client.get("/v1/policies/shop/versions/1").json()["document"]["rules"][0]["id"]


def test_validating_stores_nothing(client, create):
    """A document that is only checked isn't there afterwards; one that is there is told with its version."""
    checked = client.post("/v1/policies/validate", json=words("shop", "lawyer")).json()
    assert client.get("/v1/policies/shop").status_code == 404
    create(words("shop", "lawyer"))
    again = client.post("/v1/policies/validate", json=words("shop", "lawyer")).json()

    assert (None, 1) == (checked["version"], again["version"])
    assert Policy.model_validate(words("shop", "lawyer")).label == checked["label"] == again["label"]


def test_what_can_not_work_is_told_where_the_document_is_sent(client):
    """A rule that can never decide, or a label that the bundle doesn't have, is found before the policy is activated."""
    document = words("shop", "lawyer")
    document["rules"].append({"id": "same", "when": {"keyword": {"terms": ["lawyer"]}}, "then": "escalate"})
    document["rules"].append({"id": "odd", "when": {"intent": {"labels": ["no_such_intent"]}}, "then": "offer"})
    found = [
        client.post(f"/v1/policies{path}", json=document).json()["findings"] for path in ("/lint", "/validate", "")
    ]

    assert found[0] == found[1] == found[2]
    assert {"same", "odd"} <= {finding["rule_id"] for finding in found[0]}


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (
            "then: escalate",
            "then: shout",
            {"line": 6, "field": "rules[0].then", "found": "'shout'", "expected": "'escalate' or 'offer'"},
        ),
        ("name: shop", "nam: shop", {"line": 2, "field": "nam", "mend": "did you mean `name`? Otherwise remove it"}),
        (
            "terms: [lawyer]",
            "terms: ['(a+)+b('], match: regex",
            {"line": 5, "field": "rules[0].when.keyword", "mend": "RE2 has no back-references and no look-around"},
        ),
        ("    then: escalate\n", "", {"line": 4, "field": "rules[0].then", "mend": "add it"}),
        ("name: shop", "name: [", {"line": 4, "field": "policy"}),
        ("name: shop", "name: &a shop", {"line": 2, "found": "anchors and aliases are not read"}),
        ("rules:", "name: bank\nrules:", {"line": 3, "mend": "remove one"}),
    ],
)
def test_a_mistake_is_named_with_its_line(client, old, new, expected):
    """Each mistake of a document is told with line, field, what was found, what was expected and what mends it."""
    assert old in TEXT
    for path in ("", "/validate", "/lint"):
        response = client.post(f"/v1/policies{path}", content=TEXT.replace(old, new), headers=YAML)
        problem = response.json()

        assert (422, "urn:baton:problem:policy-invalid") == (response.status_code, problem["type"])
        found = next(one for one in problem["errors"] if one["line"] == expected["line"])
        assert expected == {name: found[name] for name in expected}
        assert found["problem"] in problem["detail"]


@pytest.mark.parametrize(
    ("body", "media_type", "status", "expected"),
    [
        ("name: shop\nrules: []", "application/json", 400, "not JSON"),
        ('{"name": "shop", "rules": [}', "application/json", 400, "not JSON"),
        ("", "application/json", 400, "not JSON"),
        ("[]", "application/json", 422, "found a list"),
        ('{"a": ' + "[" * 100 + "]" * 100 + "}", "application/json", 422, "nested deeper"),
        ('{"a": ' + "[" * 100_000, "application/json", 422, "nested deeper"),
        ('{"name": "x", "name": "y", "rules": []}', "application/json", 422, "stands here twice"),
        ('{"name": "x", "note": "\\ud800", "rules": []}', "application/json", 422, "lone surrogate"),
        ('{"name": "x", "answer_seconds": ' + "9" * 5000 + "}", "application/json", 422, "a number of 5000 digits"),
        ("name: x\nanswer_seconds: -" + "9" * 5000, "application/yaml", 422, "line 2: a number of 5000 digits"),
        ("", "text/yaml", 422, "empty"),
        ("name: shop\nrules: []", "text/plain", 415, "application/yaml"),
        ("name: shop\nrules: []", "", 415, "application/yaml"),
        ("a=1", "application/x-www-form-urlencoded", 415, "application/yaml"),
        (b"name: caf\xe9\nrules: []", "application/yaml", 422, "UTF-8"),
        ("name: x\nnote: " + "a" * MAX_DOCUMENT_BYTES, "application/yaml", 413, "at most 1000000"),
        ("name: schema\nrules: []", "application/yaml", 422, "choose another name"),
        ("name: diff\nrules: []", "application/yaml", 422, "choose another name"),
        ("name: ../etc\nrules: []", "application/yaml", 422, "name"),
    ],
)
def test_what_is_no_document_is_refused(client, body, media_type, status, expected):
    """Bodies of another type, too large ones and nonsense are refused with what to send, and nothing is stored."""
    for path in ("", "/validate"):
        response = client.post(f"/v1/policies{path}", content=body, headers={"Content-Type": media_type})

        assert status == response.status_code, response.text
        assert expected in response.json()["detail"]
    assert ["default"] == [one["name"] for one in client.get("/v1/policies").json()["policies"]]


def test_the_largest_document_is_taken(client):
    """A document of exactly the limit is stored and comes back."""
    text = "name: x\nrules: []\nnote: "
    text += "a" * (MAX_DOCUMENT_BYTES - len(text))
    assert client.post("/v1/policies", content=text, headers=YAML).status_code == 201
    assert text == client.get("/v1/policies/x").json()["source"]


@pytest.mark.parametrize(
    "path",
    [
        "/v1/policies/shop",
        "/v1/policies/shop/versions/1",
        "/v1/policies/default/versions/9",
        "/v1/policies/diff?from=default&to=shop",
        "/v1/policies/diff?from=default&to=default@2",
        "/v1/policies/diff?from=default&to=default@xyz",
        "/v1/policies?after=abc",
        "/v1/decisions/d-1",
    ],
)
def test_what_is_not_there_is_said_to_be_missing(client, path):
    """An unknown name, version, fingerprint or decision is 404, with a problem document."""
    response = client.get(path)

    assert response.status_code == 404
    assert response.json()["type"].startswith("urn:baton:problem:")


def test_the_list_has_pages(client, create):
    """All versions by name, the newest first, page after page, none twice."""
    for name, term in (("b", "x"), ("a", "x"), ("a", "y"), ("c", "x")):
        create(words(name, term))
    pages, after = [], None
    while not pages or after:
        page = client.get("/v1/policies", params={"limit": 2} | ({"after": after} if after else {})).json()
        pages.append([(one["name"], one["version"]) for one in page["policies"]])
        after = page["next"]

    assert [[("a", 2), ("a", 1)], [("b", 1), ("c", 1)], [("default", 1)]] == pages
    only = client.get("/v1/policies", params={"name": "a"}).json()["policies"]
    assert [2, 1] == [one["version"] for one in only]


def test_the_list_says_where_each_policy_is_used(client, create, activate):
    """Before anything is activated the policy of the start decides for every bot; then it is told who has what."""

    def used():
        return {
            one["name"]: ([place["bot_id"] for place in one["active"]], [place["bot_id"] for place in one["shadow"]])
            for one in client.get("/v1/policies").json()["policies"]
        }

    create(words("shop", "lawyer"))
    assert {"default": ([None], []), "shop": ([], [])} == used()
    activate("shop", bot_id="b-1")
    client.post("/v1/policies/shop/shadow", json={"version": 1, "bot_id": "b-2"})
    assert {"default": ([None], []), "shop": (["b-1"], ["b-2"])} == used()
    activate("shop")
    assert {"default": ([], []), "shop": ([None, "b-1"], ["b-2"])} == used()


def test_the_schema_describes_a_document(client):
    """Editors get the JSON Schema that documents are read by."""
    schema = client.get("/v1/policies/schema").json()

    assert schema == json.loads(json.dumps(Policy.model_json_schema()))
    assert {"name", "rules"} == set(schema["required"])


def test_two_versions_are_compared(client, create):
    """What changes is told by rule and field; versions are named by number, by fingerprint, or not at all."""
    old = create(words("shop", "lawyer"))
    new = create(words("shop", "lawyer", then="offer"))
    for before in ("shop@1", f"shop@{old['fingerprint'][:8]}", f"shop@{old['fingerprint']}"):
        answer = client.get("/v1/policies/diff", params={"from": before, "to": "shop"}).json()
        assert [{"path": "rules[lawyer].then", "before": "escalate", "after": "offer"}] == answer["changes"]
        assert (old["label"], new["label"]) == (answer["from"]["label"], answer["to"]["label"])
    same = client.get("/v1/policies/diff", params={"from": "shop@2", "to": "shop@2"}).json()
    assert [] == same["changes"]
