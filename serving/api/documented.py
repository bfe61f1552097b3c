"""How endpoints are documented in OpenAPI: answers with examples, refusals as problem documents, shared shapes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from serving.api.problems import MEDIA_TYPE, ProblemDocument

_REFERENCE = "#/components/schemas/{model}"
_MEANINGS = {
    400: "The body is not JSON.",
    404: "There is nothing of that name.",
    408: "The body didn't arrive in time.",
    409: "The message id was used for another message.",
    413: "A text has more than 8,192 characters, or the body is larger than the limit.",
    415: "The body isn't declared as application/json.",
    422: "Fields are missing, unknown or wrong; `errors` lists them.",
    503: "Overloaded, stopping, or the database can't be used; send it again after `Retry-After`; it never counts twice.",
}
_RETRY_AFTER = {"Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer", "minimum": 1}}}

Documentation = dict[int | str, dict[str, Any]]


def answer(
    shape: type[BaseModel], description: str, examples: Mapping[str, Any], *, status: int = 200
) -> Documentation:
    """Document the good answer of an endpoint, with examples that were really given."""
    content = {"schema": {"$ref": _REFERENCE.format(model=shape.__name__)}, "examples": dict(examples)}
    return {status: {"description": description, "content": {"application/json": content}}}


def refusals(*statuses: int, meanings: Mapping[int, str] = MappingProxyType({})) -> Documentation:
    """Document the problems that an endpoint may answer with; ``meanings`` says what a status means here, if not the usual."""
    content = {MEDIA_TYPE: {"schema": {"$ref": _REFERENCE.format(model=ProblemDocument.__name__)}}}
    return {
        status: {
            "description": {**_MEANINGS, **meanings}[status],
            "content": content,
            **({"headers": _RETRY_AFTER} if status == 503 else {}),
        }
        for status in statuses
    }


def install(app: FastAPI, *, tags: Sequence[Mapping[str, str]], shapes: Sequence[type[BaseModel]]) -> None:
    """Let an application describe itself with the shapes that ``answer`` and ``refusals`` refer to.

    Our endpoints return bytes, because a recorded answer is repeated as it was; so FastAPI doesn't know their shapes.
    """

    def describe() -> dict[str, Any]:
        if app.openapi_schema is None:
            document = get_openapi(
                title=app.title,
                version=app.version,
                summary=app.summary,
                description=app.description,
                routes=app.routes,
                tags=[dict(tag) for tag in tags],
                servers=[{"url": "/", "description": "This machine"}],
            )
            every: list[type[BaseModel]] = [*shapes, ProblemDocument]
            _, schemas = models_json_schema([(shape, "serialization") for shape in every], ref_template=_REFERENCE)
            document["components"]["schemas"] |= schemas["$defs"]
            app.openapi_schema = document
        return app.openapi_schema

    app.openapi = describe  # type: ignore[method-assign] # FastAPI's own way to do it
