"""``/v1/policies``: store, check, compare and read policy documents, which are never changed."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, Final, NamedTuple

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel
from pydantic_core import to_json

from models.errors import PolicyError, PolicyProblem
from models.policy.diff import diff
from models.policy.lint import Finding
from models.policy.schema import Policy
from serving.api import documented, examples
from serving.api.policy_answers import (
    FindingAnswer,
    PoliciesAnswer,
    PolicyCheckAnswer,
    PolicyCreatedAnswer,
    PolicyDiffAnswer,
    PolicyDocumentAnswer,
    PolicyFindingsAnswer,
    PolicyVersionAnswer,
)
from serving.documents import Documents, Which
from serving.errors import BodyTooLarge, UnknownMediaType
from serving.policies import JSON, YAML, Document, parse

MAX_DOCUMENT_BYTES: Final = 1_000_000
_YAML_TYPES: Final = (YAML, "text/yaml", "application/x-yaml", "text/x-yaml")
_RESERVED: Final = ("schema", "diff", "validate", "lint")  # names of other things at /v1/policies/{name}
MAX_VERSION: Final = 9_999_999
_REFERENCE: Final = (
    "A policy: `shop@3` (its version), `shop@3f2a9c1e` (its fingerprint, 8 digits or more), `shop` (the newest)."
)
_MEANINGS: Final = {
    400: "The body is declared as JSON and isn't.",
    413: "The document has more than 1,000,000 bytes.",
    415: "The body is declared neither as JSON nor as YAML.",
    422: "The document doesn't hold together; `errors` says where, what was found, what was expected and what would mend it.",
}
Name = Annotated[str, Path(max_length=64, description="The policy's name, as its document says.")]
_WHOLE: Final[documented.Documentation] = {
    **documented.answer(PolicyDocumentAnswer, "The policy.", examples.POLICY_ANSWERS),
    **documented.refusals(404, 422, 503),
}
_BODY: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "description": "A policy document, at most 1,000,000 bytes; GET /v1/policies/schema describes it.",
        "content": {
            JSON: {"schema": {"type": "object"}, "examples": examples.POLICIES},
            YAML: {"schema": {"type": "string"}, "examples": examples.POLICIES_YAML},
        },
    }
}

Lint = Callable[[Policy], Sequence[Finding]]


class _Sent(NamedTuple):
    """A document as it was sent: its bytes, and what it is declared as."""

    body: bytes
    media_type: str


async def _sent(request: Request) -> _Sent:
    """Take the body of a request.

    Raises:
        UnknownMediaType: it is declared neither as JSON nor as YAML.
        BodyTooLarge: it is longer than a document may be.
    """
    declared = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if declared != JSON and declared not in _YAML_TYPES:
        raise UnknownMediaType(f"found the Content-Type {declared[:60]!r}; expected {JSON} or {YAML}")
    body = await request.body()
    if len(body) > MAX_DOCUMENT_BYTES:
        raise BodyTooLarge(f"found a policy of {len(body)} bytes; expected at most {MAX_DOCUMENT_BYTES}; shorten it")
    return _Sent(body, JSON if declared == JSON else YAML)


Sent = Annotated[_Sent, Depends(_sent)]


def router(documents: Documents, lint: Lint) -> APIRouter:
    """Return the endpoints; they block, so they run in threads.

    Args:
        documents: stores and finds them.
        lint: says what is worth knowing of a policy that runs with this service's bundle.
    """
    routes = APIRouter(tags=["policies"])

    @routes.post(
        "/v1/policies",
        operation_id="create_policy",
        summary="Store a policy",
        response_class=Response,
        openapi_extra=_BODY,
        responses={
            **documented.answer(PolicyCreatedAnswer, "It is stored.", examples.POLICY_CREATED_ANSWERS, status=201),
            **documented.answer(PolicyCreatedAnswer, "It was stored before.", examples.POLICY_CREATED_ANSWERS),
            **documented.refusals(400, 408, 413, 415, 422, 503, meanings=_MEANINGS),
        },
    )
    def create(sent: Sent) -> Response:
        """Store a document as the next version of its name; it decides nothing until it is activated.

        A document is never changed: another text is another version, and the same document again is the same version,
        whatever its layout. `findings` tell what may not do what you mean; none of them keeps the policy from being stored.
        """
        document = _document(sent)
        _require_free_name(document.policy.name)
        listed, new = documents.create(document)
        answer = PolicyCreatedAnswer.of(listed, findings=_findings(lint(document.policy)))
        place = f"/v1/policies/{listed.stored.name}/versions/{listed.stored.version}"
        return _answer(answer, status=201 if new else 200, headers={"Location": place})

    @routes.post(
        "/v1/policies/validate",
        operation_id="validate_policy",
        summary="Check a policy",
        response_class=Response,
        openapi_extra=_BODY,
        responses={
            **documented.answer(PolicyCheckAnswer, "It holds together.", examples.POLICY_CHECK_ANSWERS),
            **documented.refusals(400, 408, 413, 415, 422, 503, meanings=_MEANINGS),
        },
    )
    def validate(sent: Sent) -> Response:
        """Read a document and tell its fingerprint, and what is worth knowing of it; nothing is stored."""
        policy = _document(sent).policy
        _require_free_name(policy.name)
        stored = documents.known(policy.fingerprint())
        answer = PolicyCheckAnswer(
            name=policy.name,
            label=policy.label,
            fingerprint=policy.fingerprint(),
            version=stored.version if stored else None,
            findings=_findings(lint(policy)),
        )
        return _answer(answer)

    @routes.post(
        "/v1/policies/lint",
        operation_id="lint_policy",
        summary="Find rules that may not do what you mean",
        response_class=Response,
        openapi_extra=_BODY,
        responses={
            **documented.answer(PolicyFindingsAnswer, "What was found.", examples.POLICY_FINDINGS_ANSWERS),
            **documented.refusals(400, 408, 413, 415, 422, meanings=_MEANINGS),
        },
    )
    def find_faults(sent: Sent) -> Response:
        """Tell what is worth knowing of a document: rules that can't fire, labels that this bundle doesn't have ..."""
        return _answer(PolicyFindingsAnswer(findings=_findings(lint(_document(sent).policy))))

    @routes.get(
        "/v1/policies",
        operation_id="policies",
        summary="List policies",
        response_class=Response,
        responses={
            **documented.answer(PoliciesAnswer, "Versions and where they are used.", examples.POLICIES_ANSWERS),
            **documented.refusals(404, 422, 503),
        },
    )
    def listing(
        name: Annotated[str | None, Query(description="Only versions of this name.", max_length=64)] = None,
        limit: Annotated[int, Query(ge=1, le=200, description="Versions on a page.")] = 50,
        after: Annotated[
            str | None, Query(description="`next` of the page before, a fingerprint.", max_length=64)
        ] = None,
    ) -> Response:
        """List every version of every policy by name, the newest first, and for which bots each is active or shadow."""
        shown, following = documents.page(name=name, after=after, limit=limit)
        return _answer(PoliciesAnswer(policies=[PolicyVersionAnswer.of(one) for one in shown], next=following))

    @routes.get(
        "/v1/policies/schema",
        operation_id="policy_schema",
        summary="The JSON Schema of a policy",
        response_class=Response,
        responses={200: {"description": "JSON Schema.", "content": {JSON: {"schema": {"type": "object"}}}}},
    )
    def schema() -> Response:
        """Tell what a document may say, for editors and generators."""
        return Response(_schema(), media_type=JSON)

    @routes.get(
        "/v1/policies/diff",
        operation_id="diff_policies",
        summary="What changes between two policies",
        response_class=Response,
        responses={
            **documented.answer(PolicyDiffAnswer, "The changes.", examples.POLICY_DIFF_ANSWERS),
            **documented.refusals(404, 422, 503),
        },
    )
    def differences(
        old: Annotated[str, Query(alias="from", max_length=200, description=_REFERENCE)],
        new: Annotated[str, Query(alias="to", max_length=200, description=_REFERENCE)],
    ) -> Response:
        """Compare two stored documents: rules by their ids, everything else field by field. Equal ones have no changes."""
        before, after = documents.refer(old), documents.refer(new)
        return _answer(PolicyDiffAnswer.between(before, after, diff(parse(before), parse(after))))

    @routes.get(
        "/v1/policies/{name}",
        operation_id="policy",
        summary="A policy's newest version",
        response_class=Response,
        responses=_WHOLE,
    )
    def newest(name: Name) -> Response:
        """Return the newest version of a policy, with its document and the text as it was sent."""
        return _answer(PolicyDocumentAnswer.whole(documents.find(name, Which())))

    @routes.get(
        "/v1/policies/{name}/versions/{version}",
        operation_id="policy_version",
        summary="One version of a policy",
        response_class=Response,
        responses=_WHOLE,
    )
    def version(
        name: Name, version: Annotated[int, Path(ge=1, le=MAX_VERSION, description="The version's number.")]
    ) -> Response:
        """Return a version of a policy, with its document and the text as it was sent."""
        return _answer(PolicyDocumentAnswer.whole(documents.find(name, Which(version=version))))

    return routes


def _document(sent: _Sent) -> Document:
    """Read a document; declared as JSON it must be JSON.

    Raises:
        RequestValidationError: it is declared as JSON and isn't.
        PolicyError: it is no policy.
    """
    try:
        text = sent.body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        problem = PolicyProblem.of("found bytes that are no UTF-8; expected text in UTF-8; save it so")
        raise PolicyError(f"policy: {problem.text}", (problem,)) from error
    if sent.media_type == JSON:
        try:
            json.loads(text)
        except json.JSONDecodeError as error:
            found = {"type": "json_invalid", "loc": ("body",), "msg": "not JSON", "ctx": {"error": str(error)}}
            raise RequestValidationError([found]) from error
        except (RecursionError, ValueError):
            pass  # the reader of policies says where it is nested too deeply, or a number is too long
    return Document.read(text, source_type=sent.media_type, name="policy")


def _require_free_name(name: str) -> None:
    if name in _RESERVED:
        problem = PolicyProblem.of(
            f"found {name!r}, which is the name of another thing here; choose another name", field="name"
        )
        raise PolicyError(f"policy: name: {problem.text}", (problem,))


def _findings(found: Sequence[Finding]) -> list[FindingAnswer]:
    return [FindingAnswer.of(finding) for finding in found]


@functools.cache
def _schema() -> bytes:
    return to_json(Policy.model_json_schema())


def _answer(answer: BaseModel, *, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    body = answer.model_dump_json(by_alias=True)
    return Response(body, status_code=status, media_type=JSON, headers=dict(headers or {}))
