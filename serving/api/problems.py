"""Problem documents (RFC 9457): the one table from error classes to HTTP, and nothing else knows a status."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from pydantic_core import to_json
from starlette.exceptions import HTTPException

from models import errors as kernel
from models.text import excerpt
from serving import errors
from serving.telemetry import REQUEST_ID, log

MEDIA_TYPE = "application/problem+json"
_SHOWN = 20  # invalid fields that are listed; more don't help


class FieldProblem(BaseModel):
    """What is wrong with one field."""

    field: str = Field(description="Where, as a path such as `message.text`.")
    problem: str = Field(description="What was found and what was expected.")
    line: int | None = Field(default=None, description="The line of a policy document, from 1.")
    found: str | None = Field(default=None, description="What a policy document says there.")
    expected: str | None = Field(default=None, description="What it may say there.")
    mend: str | None = Field(default=None, description="What would mend it.")


class ProblemDocument(BaseModel):
    """What went wrong, in the form of RFC 9457."""

    type: str
    title: str
    status: int
    detail: str = Field(description="What was found, what was expected, what to do.")
    instance: str | None = Field(description="Names the request; the service's log has the same id.")
    errors: list[FieldProblem] | None = Field(default=None, description="The fields that are wrong, if fields are.")
    retry_after_seconds: int | None = Field(default=None, description="When to try again, where that helps.")


@dataclass(frozen=True, slots=True)
class Kind:
    """How a class of errors is told over HTTP. A hidden one keeps its message to the log: it is no caller's business."""

    slug: str
    title: str
    status: int
    hidden: bool = False


INTERNAL = Kind("internal", "The service failed", 500, hidden=True)
INVALID = Kind("invalid-request", "The request can't be understood", 422)
TOO_LONG = Kind("text-too-long", "A text is too long", 413)
NOT_JSON = Kind("not-json", "The body is not JSON", 400)
NOT_CALLED_JSON = Kind("unsupported-media-type", "The body is not of a type that is read here", 415)

KINDS: Mapping[type[BaseException], Kind] = {
    Exception: INTERNAL,
    kernel.BatonError: INTERNAL,
    kernel.InputError: INVALID,
    kernel.BundleError: Kind("bundle-unusable", "The model bundle can't be used", 503),
    kernel.BundleNotFound: Kind("bundle-not-found", "There is no model bundle", 503),
    kernel.BundleCorrupt: Kind("bundle-corrupt", "The model bundle can't be trusted", 503),
    kernel.ScoringError: Kind("scoring-failed", "A model failed", 503),
    kernel.PolicyError: Kind("policy-invalid", "The policy doesn't hold together", 422),
    errors.ServingError: INTERNAL,
    errors.Overloaded: Kind("overloaded", "Too much to do at the moment", 503),
    errors.Stopping: Kind("stopping", "The service is stopping", 503),
    errors.StoreUnavailable: Kind("store-unavailable", "The database can't be used", 503),
    errors.ConversationBusy: Kind("conversation-busy", "The conversation is busy", 503),
    errors.StaleState: Kind("conversation-busy", "The conversation is busy", 503),
    errors.PolicyNotFound: Kind("policy-not-found", "There is no such policy", 404),
    errors.PolicyMoved: Kind("policy-moved", "Another policy is active than expected", 409),
    errors.DecisionNotFound: Kind("decision-not-found", "There is no such decision", 404),
    errors.MessageConflict: Kind("message-conflict", "The message id was used for another message", 409),
    errors.BodyTooLarge: Kind("body-too-large", "The body is too large", 413),
    errors.BodyTooSlow: Kind("body-too-slow", "The body didn't arrive in time", 408),
    errors.UnknownMediaType: NOT_CALLED_JSON,
    errors.ForeignHost: Kind("foreign-host", "The request is for another host", 421),
    errors.AddressUnavailable: INTERNAL,
}

_ADVICE = {
    404: "there is nothing at this path; GET /openapi.json lists what there is",
    405: "this path doesn't take this method; the Allow header lists those it takes",
    400: "the body can't be parsed; expected one JSON object in UTF-8, not nested deeply",
}

_OWN_WORDS = {
    "missing": "the field is missing; expected a value",
    "extra_forbidden": "there is no such field; remove it, or check its spelling",
    "model_attributes_type": "expected a JSON object; send one",
    "model_type": "expected a JSON object; send one",
    "dict_type": "expected a JSON object; send one",
}


def kind_of(error: BaseException) -> Kind:
    """Return how an error is told: the entry of its class, or of the nearest class above it."""
    return next((KINDS[parent] for parent in type(error).__mro__ if parent in KINDS), INTERNAL)


def problem(kind: Kind, detail: str, **more: Any) -> bytes:
    """Return a problem document as JSON, with the members of ``more`` that aren't ``None``; and log that there was one."""
    log("request.refused", level=logging.WARNING if kind.status >= 500 else logging.INFO, kind=kind.slug)
    current = REQUEST_ID.get()
    document: dict[str, Any] = {
        "type": f"urn:baton:problem:{kind.slug}",
        "title": kind.title,
        "status": kind.status,
        "detail": detail,
        "instance": f"urn:baton:request:{current}" if current else None,
    }
    return to_json(document | {name: value for name, value in more.items() if value is not None})


def describe(error: BaseException) -> tuple[Kind, bytes]:
    """Return the kind and the document of an error; the message of a hidden one goes to nobody."""
    kind = kind_of(error)
    if kind.hidden:
        log("request.failed", level=logging.ERROR, error=error)
        detail = "something went wrong that isn't your fault; the service's log has the place under this request's id"
        return kind, problem(kind, detail)
    return kind, problem(kind, str(error), errors=_mistakes(error), retry_after_seconds=_retry_after_seconds(error))


def respond(error: BaseException) -> Response:
    """Return the response to an error, with Retry-After where trying again helps."""
    kind, body = describe(error)
    seconds = _retry_after_seconds(error)
    return _response(kind, body, {} if seconds is None else {"Retry-After": str(seconds)})


def invalid(found: Iterable[Mapping[str, Any]], *, skip: int = 0) -> tuple[Kind, bytes]:
    """Return the problem of a request whose fields are wrong.

    Args:
        found: errors as pydantic lists them. Values are shown only where they are short and no customer's words.
        skip: leading parts of each place that the caller doesn't know, such as ``body``.
    """
    listed = list(found)
    if listed and listed[0]["type"] == "json_invalid":
        reason = str(listed[0].get("ctx", {}).get("error", "not JSON"))
        return NOT_JSON, problem(NOT_JSON, f"the body is not JSON: {reason}; expected one JSON object in UTF-8")
    if listed and isinstance(listed[0].get("input"), bytes):
        return NOT_CALLED_JSON, problem(NOT_CALLED_JSON, "expected the header Content-Type: application/json")
    fields = [{"field": _path(error["loc"][skip:]), "problem": _sentence(error)} for error in listed[:_SHOWN]]
    too_long = bool(listed) and all(error["type"] == "text_too_long" for error in listed)
    first = f"{fields[0]['field']}: {fields[0]['problem']}" if fields else "nothing was found"
    others = f", and {len(listed) - 1} more" if len(listed) > 1 else ""
    kind = TOO_LONG if too_long else INVALID
    return kind, problem(kind, f"{first}{others}; mend the fields under errors and send it again", errors=fields)


def install(app: FastAPI) -> None:
    """Answer the errors of an application with problem documents; ``edge`` does so for those that nobody foresaw."""

    async def on_error(_request: Request, error: Exception) -> Response:
        return respond(error)

    async def on_invalid(_request: Request, error: Exception) -> Response:
        found = error.errors() if isinstance(error, RequestValidationError) else []
        return _response(*invalid(found, skip=1), {})

    async def on_http(_request: Request, error: Exception) -> Response:
        status = error.status_code if isinstance(error, HTTPException) else 500
        headers = dict(error.headers or {}) if isinstance(error, HTTPException) else {}
        phrase = HTTPStatus(status).phrase
        kind = NOT_JSON if status == NOT_JSON.status else Kind(phrase.lower().replace(" ", "-"), phrase, status)
        return _response(kind, problem(kind, _ADVICE.get(status, phrase)), headers)

    app.add_exception_handler(RequestValidationError, on_invalid)
    app.add_exception_handler(HTTPException, on_http)
    app.add_exception_handler(kernel.BatonError, on_error)


def _retry_after_seconds(error: BaseException) -> int | None:
    return error.retry_after_seconds if isinstance(error, errors.ServingError) else None


def _mistakes(error: BaseException) -> list[dict[str, Any]] | None:
    """Return what is wrong with a policy document, mistake by mistake."""
    if not isinstance(error, kernel.PolicyError) or not error.problems:
        return None
    return [
        {
            "field": mistake.field or "policy",
            "problem": mistake.text,
            "line": mistake.line,
            "found": mistake.found,
            "expected": mistake.expected,
            "mend": mistake.mend,
        }
        for mistake in error.problems
    ]


def _response(kind: Kind, body: bytes, headers: Mapping[str, str]) -> Response:
    return Response(body, status_code=kind.status, media_type=MEDIA_TYPE, headers=headers)


def _path(place: Sequence[str | int]) -> str:
    return ".".join(excerpt(str(part).encode("utf-8", "replace").decode()) for part in place) or "body"


def _sentence(error: Mapping[str, Any]) -> str:
    """Say what was found and expected. Our own messages do so by themselves; pydantic's get what was found put first."""
    message, found = str(error["msg"]), error.get("input")
    if (own := _OWN_WORDS.get(error["type"])) is not None:
        return own
    if ";" in message:
        return message
    if error["type"] == "enum" and isinstance(found, str):
        return f"found {excerpt(found.encode('utf-8', 'replace').decode())!r}; {message[:1].lower()}{message[1:]}"
    return f"found {_found(found)}; {message[:1].lower()}{message[1:]}"


def _found(value: object) -> str:
    """Name what was found by its kind and size: it may be what a customer wrote."""
    match value:
        case None | bool() | int() | float():
            return excerpt(repr(value))
        case str():
            return f"a string of {len(value)} characters"
        case list() | tuple():
            return f"a list of {len(value)}"
        case dict():
            return f"an object with {len(value)} fields"
    return f"a {type(value).__name__}"
