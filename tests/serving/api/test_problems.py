"""The table from errors to HTTP: complete, and silent about what is nobody's business."""

from __future__ import annotations

import json
from http import HTTPStatus

import pytest

import models.errors
import serving.errors
from models.errors import BatonError
from serving.api.problems import INTERNAL, KINDS, describe, invalid, kind_of, respond


def every_error(base=BatonError):
    """Yield every error class that Baton declares."""
    for child in base.__subclasses__():
        yield child
        yield from every_error(child)


DECLARED = [error for error in every_error() if error.__module__ in {"models.errors", "serving.errors"}]


@pytest.mark.parametrize("error", DECLARED, ids=lambda error: error.__name__)
def test_every_error_has_its_own_entry(error):
    """No error class of the house is without an entry in the table."""
    assert error in KINDS


@pytest.mark.parametrize("error", DECLARED, ids=lambda error: error.__name__)
def test_every_error_becomes_a_problem_document(error):
    """Each class becomes a document with a URN, a title, a real status and a detail, and no stack trace."""
    response = respond(error("found x; expected y, do z"))
    document = json.loads(response.body)

    assert document["type"].startswith("urn:baton:problem:")
    assert HTTPStatus(document["status"]) == response.status_code
    assert document["title"]
    assert "Traceback" not in document["detail"]


@pytest.mark.parametrize("error", DECLARED, ids=lambda error: error.__name__)
def test_every_error_explains_itself(error):
    """Each class has a docstring."""
    assert error.__doc__


@pytest.mark.parametrize("error", DECLARED, ids=lambda error: error.__name__)
def test_503_says_when_to_try_again(error):
    """Whatever passes by itself has Retry-After."""
    found = error("x")
    if getattr(found, "retry_after_seconds", None):
        assert respond(found).headers["retry-after"] == str(found.retry_after_seconds)


def test_an_error_nobody_foresaw_tells_nothing():
    """The message of an unforeseen error stays inside: it may hold anything."""
    kind, body = describe(KeyError("the customer's secret"))

    assert kind is INTERNAL
    assert b"secret" not in body


def test_a_class_without_an_entry_is_told_as_its_parent():
    """The nearest class above decides."""

    class Unlisted(serving.errors.Overloaded):
        pass

    assert KINDS[serving.errors.Overloaded] is kind_of(Unlisted("x"))


def test_slugs_name_one_kind_each():
    """Two kinds with one slug have one title and status."""
    by_slug = {}
    for kind in KINDS.values():
        assert by_slug.setdefault(kind.slug, kind) == kind


def test_a_customers_words_are_not_repeated():
    """The value of a wrong field is described by kind and size, never quoted."""
    found = [{"type": "string_type", "loc": ("a",), "msg": "Input should be x", "input": "my secret words"}]
    _, body = invalid(found)

    assert b"secret" not in body
    assert b"15 characters" in body


def test_many_wrong_fields_are_cut_short():
    """A request with thousands of mistakes gets a short answer."""
    found = [{"type": "missing", "loc": (n,), "msg": "Field required", "input": None} for n in range(5000)]
    _, body = invalid(found)

    assert len(body) < 3000
    assert b"and 4999 more" in body


def test_the_table_knows_no_stranger():
    """The table holds the house's classes and Exception, nothing else."""
    strangers = {error for error in KINDS if error.__module__ not in {models.errors.__name__, serving.errors.__name__}}

    assert strangers == {Exception}
