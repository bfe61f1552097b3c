"""Telemetry: log lines say what happened and never what somebody wrote."""

from __future__ import annotations

import io
import json
import logging

import pytest

from serving.telemetry import REQUEST_ID, JsonLines, Metrics, log, request_id, start_logging


@pytest.fixture
def lines():
    """Return a function that gives the log lines written so far, as objects."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonLines())
    logger = logging.getLogger("baton")
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    logger.removeHandler(handler)


def test_a_line_is_one_json_object_with_its_event(lines):
    """A log line is a JSON object with event, level, instant and the event's fields."""
    log("turn.decided", message_id="m-1", characters=12)

    [line] = lines()
    assert ("turn.decided", "info", "m-1", 12) == (line["event"], line["level"], line["message_id"], line["characters"])
    assert line["at"].endswith("+00:00")


def test_a_line_carries_the_request_id(lines):
    """While a request is handled, its id stands in every line."""
    token = REQUEST_ID.set("r-7")
    log("turn.decided")
    REQUEST_ID.reset(token)

    assert lines()[0]["request_id"] == "r-7"


def test_the_text_of_an_error_is_left_out(lines):
    """Of an error only its class and its places are written, because its text may quote a customer."""
    try:
        int("my card is 4111 1111 1111 1111")
    except ValueError as error:
        log("request.failed", error=error)

    [line] = lines()
    assert line["error"] == "ValueError"
    assert "test_telemetry.py" in line["trace"][0]
    assert "4111" not in json.dumps(line)


@pytest.mark.parametrize("proposed", [None, "", "a b", "x" * 129, 'x"}\n{"y', "é"])
def test_a_request_id_that_could_harm_the_log_is_replaced(proposed):
    """An id that is absent, long or could forge a log line is replaced by a new one."""
    found = request_id(proposed)

    assert found.startswith("r-")


def test_a_harmless_request_id_is_kept():
    """The caller's own id is kept, so that both logs can be read together."""
    assert request_id("abc-1:2.3_4") == "abc-1:2.3_4"


def test_two_services_have_metrics_of_their_own():
    """Metrics live in a registry of their own: a second service counts from zero."""
    first, second = Metrics(), Metrics()
    first.repeated.inc()

    assert b"baton_repeated_total 1.0" in first.render()
    assert b"baton_repeated_total 0.0" in second.render()


def test_a_librarys_line_is_cut_after_its_first():
    """What a library writes below its first line may show values, so it is left out."""
    stream = io.StringIO()
    root = logging.getLogger()
    before, level = root.handlers, root.level
    start_logging("info", stream)
    logging.getLogger("asyncio").error("Task exception was never retrieved\nfuture: KeyError('my secret')")
    root.handlers = before
    root.setLevel(level)

    line = json.loads(stream.getvalue())
    assert ("asyncio", "Task exception was never retrieved") == (line["event"], line["message"])
    assert "secret" not in stream.getvalue()
