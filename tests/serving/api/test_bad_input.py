"""Bad input: each kind is answered with a problem document that says what was found, expected, and what to do."""

from __future__ import annotations

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from serving.api.problems import MEDIA_TYPE, ProblemDocument

JSON = {"content-type": "application/json"}


def refuse(response, status, slug):
    """Check that a response is the expected problem document and return it."""
    assert (status, MEDIA_TYPE) == (response.status_code, response.headers["content-type"]), response.text
    document = ProblemDocument.model_validate(response.json())
    assert (f"urn:baton:problem:{slug}", status) == (document.type, document.status)
    assert document.instance == f"urn:baton:request:{response.headers['X-Request-Id']}"
    assert "Traceback" not in response.text
    return document


@pytest.mark.parametrize("body", [b"{", b"hello", b"{'a': 1}", b'{"a": }'])
def test_a_body_that_is_no_json_is_named_so(client, body):
    """What isn't JSON is answered 400."""
    refuse(client.post("/v1/score", content=body, headers=JSON), 400, "not-json")


@pytest.mark.parametrize(
    "body", [b'{"a": "\xff"}', b"\xff\xfe", b"[" * 100_000, b'{"a":' * 50_000, b'{"a":' + b"9" * 5000 + b"}"]
)
def test_a_body_that_no_parser_takes_is_refused(client, body):
    """Wrong encodings, endless nesting and endless numbers are answered 400."""
    refuse(client.post("/v1/score", content=body, headers=JSON), 400, "not-json")


@pytest.mark.parametrize("headers", [{}, {"content-type": "text/plain"}, {"content-type": "multipart/form-data"}])
def test_a_body_of_another_type_is_refused(client, headers, say):
    """A body that isn't declared as JSON is answered 415, so that no web page can send one unasked."""
    response = client.post("/v1/score", content=json.dumps(say()).encode(), headers=headers)

    refuse(response, 415, "unsupported-media-type")


@pytest.mark.parametrize(
    ("changes", "field", "says"),
    [
        ({"message": {"role": "visitor"}}, "message.role", "'customer', 'bot' or 'agent'"),
        ({"message": {"role": 7}}, "message.role", "found 7"),
        ({"message": {"text": 5}}, "message.text", "valid string"),
        ({"message": {"text": ""}}, "message.text", "no visible character"),
        ({"message": {"text": " \n\u200b\u202e"}}, "message.text", "no visible character"),
        ({"message": {"text": "a\0b"}}, "message.text", "NUL"),
        ({"message": {"text": None}}, "message.text", "found None"),
        ({"message": {"id": ""}}, "message.id", "at least 1 character"),
        ({"message": {"id": "a\nb"}}, "message.id", "can't be printed"),
        ({"message": {"id": " a"}}, "message.id", "blanks"),
        ({"message": {"at": "2026-11-20T09:30:00"}}, "message.at", "without a time zone"),
        ({"message": {"at": 1763631000}}, "message.at", "2026-11-20T09:30:00Z"),
        ({"message": {"at": "yesterday"}}, "message.at", "valid datetime"),
        ({"message": {"at": "0001-01-01T00:00:00+14:00"}}, "message.at", "2000 to 2099"),
        ({"message": {"at": "9999-12-31T23:59:59-14:00"}}, "message.at", "2000 to 2099"),
        ({"message": {"confidence": 0.5}}, "message", "role bot only"),
        ({"message": {"role": "bot", "confidence": "0.5"}}, "message.confidence", "valid number"),
        ({"message": {"role": "bot", "confidence": 1.5}}, "message.confidence", "less than or equal to 1"),
        ({"message": {"role": "bot", "fallback": "yes"}}, "message.fallback", "valid boolean"),
        ({"message": {"role": "bot", "passages": ["x"] * 21}}, "message.passages", "at most 20"),
        ({"message": {"role": "bot"}, "bot": {"reply": "hi"}}, "body", "isn't the customer's"),
        ({"message": {"txt": "typo"}}, "message.txt", "check its spelling"),
        ({"conversation_id": "c" * 10_000}, "conversation_id", "at most 256 characters"),
        ({"conversation_id": 81}, "conversation_id", "valid string"),
        ({"bot": {"reply": ""}}, "bot.reply", "no visible character"),
        ({"dry_run": "true"}, "dry_run", "valid boolean"),
        ({"customer": ["u-9"]}, "customer", "JSON object"),
        ({"customer": {"a": {"b": {"c": {"d": {"e": 1}}}}}}, "customer", "more than 4 levels"),
        ({"context": {str(n): n for n in range(300)}}, "context", "more than 200 values"),
        ({"context": {"n": 2**60}}, "context", "can't be stored exactly"),
        ({"context": {"a": ["\0"]}}, "context", "NUL"),
        ({"history": []} | {"unknown": 1}, "unknown", "check its spelling"),
    ],
)
def test_a_wrong_field_is_named(client, say, changes, field, says):
    """Each wrong field is answered 422 with its place, what was found and what was expected."""
    document = refuse(client.post("/v1/score", json=say(**changes)), 422, "invalid-request")

    assert [(field, True)] == [(error.field, says in error.problem) for error in document.errors], document.errors


@pytest.mark.parametrize(
    "raw",
    [
        b'{"conversation_id":"c","message":{"id":"m","role":"customer","text":"hi \\ud83d"}}',
        b'{"conversation_id":"c","message":{"id":"\\udc00","role":"customer","text":"hi"}}',
        b'{"conversation_id":"c\\ud800","message":{"id":"m","role":"customer","text":"hi"}}',
        b'{"conversation_id":"c","message":{"id":"m","role":"customer","text":"hi"},"context":{"a":"\\ud800"}}',
        b'{"conversation_id":"c","message":{"id":"m","role":"customer","text":"hi"},"context":{"\\ud800":1}}',
        b'{"conversation_id":"c","message":{"id":"m","role":"customer","text":"hi"},"\\ud800":1}',
        b'{"conversation_id":"c","message":{"id":"m","role":"\\ud800","text":"hi"}}',
    ],
)
def test_half_a_surrogate_pair_is_refused_wherever_it_stands(client, raw):
    """A lone surrogate in a text, an id, a value or a name is answered 422, and the answer itself is valid UTF-8."""
    refuse(client.post("/v1/score", content=raw, headers=JSON), 422, "invalid-request")


@pytest.mark.parametrize("number", ["NaN", "Infinity", "1e999"])
@pytest.mark.parametrize("place", ['"confidence":%s', '"passages":[],"confidence":%s'])
def test_numbers_that_are_none_are_refused(client, number, place):
    """NaN and infinity are no confidence."""
    raw = '{"message":{"id":"m","role":"bot","text":"hi",' + place % number + "}}"

    refuse(client.post("/v1/score", content=raw.encode(), headers=JSON), 422, "invalid-request")


@pytest.mark.parametrize("field", ["message", "passages", "reply", "history"])
def test_a_text_of_8193_characters_is_too_long(client, say, field):
    """A text above 8,192 characters is answered 413, with both numbers."""
    long = "x" * 8193
    bodies = {
        "message": say(long),
        "passages": say(message={"role": "bot", "passages": [long]}),
        "reply": say(bot={"reply": long}),
        "history": say(conversation_id=None, history=[{"id": "m-0", "role": "customer", "text": long}]),
    }
    document = refuse(client.post("/v1/score", json=bodies[field]), 413, "text-too-long")

    assert "8193" in document.detail
    assert "8192" in document.detail


def test_a_body_of_10_mb_is_refused(client, say):
    """A body above the limit is answered 413."""
    document = refuse(client.post("/v1/score", json=say("x" * 10_000_000)), 413, "body-too-large")

    assert "1048576" in document.detail


def test_a_body_without_announced_length_is_refused_while_it_is_read(client):
    """A body that doesn't announce its length is refused when it passes the limit, not read to its end."""
    read = []

    def endless():
        for _ in range(1000):
            read.append(1)
            yield b"x" * 65536

    refuse(client.post("/v1/score", content=endless(), headers=JSON), 413, "body-too-large")


def test_a_history_of_10_000_messages_is_refused(client, say):
    """A history above 200 messages is answered 422, or 413 if its bytes are too many."""
    history = [{"id": f"m-{n}", "role": "customer", "text": "x"} for n in range(10_000)]
    document = refuse(client.post("/v1/score", json=say(conversation_id=None, history=history)), 422, "invalid-request")

    assert "history: found a list of 10000" in document.detail
    assert "200" in document.detail


def test_a_remembered_conversation_takes_no_history(client, say):
    """conversation_id and history together are answered 422: one of them must be the memory."""
    history = [{"id": "m-0", "role": "customer", "text": "x"}]
    document = refuse(client.post("/v1/score", json=say(history=history)), 422, "invalid-request")

    assert "expected one of them" in document.detail


def test_unknown_paths_and_methods_are_problems_too(client):
    """404 and 405 are problem documents with advice."""
    refuse(client.get("/v1/nothing"), 404, "not-found")
    response = client.get("/v1/score")
    refuse(response, 405, "method-not-allowed")
    assert response.headers["Allow"] == "POST"


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example:8000", "10.0.0.1"])
def test_other_host_names_are_refused(client, say, host):
    """A request for another host name is answered 421: a web page may have pointed its own name at this machine."""
    refuse(client.post("/v1/score", json=say(), headers={"Host": host}), 421, "foreign-host")


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:8000", "127.0.0.1:8000", "[::1]:8000"])
def test_own_host_names_are_accepted(client, say, host):
    """The name localhost and loopback addresses are this machine, with or without a port."""
    assert client.post("/v1/score", json=say(), headers={"Host": host}).status_code == 200


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)
FIELDS = st.sampled_from(["conversation_id", "bot_id", "bot", "history", "customer", "channel", "context", "dry_run"])
MESSAGES = st.fixed_dictionaries(
    {},
    optional={
        "id": ANYTHING | st.text(min_size=1),
        "role": st.sampled_from(["customer", "bot", "agent"]) | ANYTHING,
        "text": st.text(max_size=40) | ANYTHING,
        "at": ANYTHING | st.datetimes().map(str) | st.datetimes().map(lambda at: f"{at.isoformat()}Z"),
        "confidence": ANYTHING,
        "passages": ANYTHING,
    },
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rest=st.dictionaries(FIELDS, ANYTHING, max_size=4), message=MESSAGES | ANYTHING)
def test_nothing_makes_the_service_fail(client, rest, message):
    """Whatever JSON arrives, the answer is a decision or a problem of the caller, never a failure of the service."""
    body = json.dumps({"message": message} | rest).encode()
    response = client.post("/v1/score", content=body, headers=JSON)

    assert response.status_code in {200, 400, 409, 413, 422}, response.text
