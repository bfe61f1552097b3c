"""``GET /v1/decisions/{decision_id}``: a recorded decision, what it was taken from, and the same decision taken again."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path, Response
from pydantic import BaseModel, Field
from pydantic_core import to_json

from models.contracts import Action, ReasonCode, Role
from models.conversation import Prepared
from models.errors import InputError
from serving.api import documented, examples
from serving.api.answers import ScoreAnswer, decided_fields
from serving.errors import DecisionNotFound
from serving.policies import Policies
from serving.store.decisions import RecordedDecision, load_decision
from serving.store.engine import Store
from serving.store.turns import MessageRow
from serving.turn.replay import take_again


class RecordedMessage(BaseModel):
    """A message that the decision was taken on, with the scores as they were recorded."""

    id: str
    role: Role
    text: str
    at: datetime
    passages: list[str]
    fallback: bool
    confidence: float | None
    scores: dict[str, Any] | None = Field(description="`null`: none were needed, or scoring failed.")


class RecordedShadow(BaseModel):
    """What a shadow policy would have decided; `action` is `null` where it failed."""

    policy_fingerprint: str
    action: Action | None
    reason: ReasonCode | None
    rule_id: str | None


class Replayed(BaseModel):
    """The decision taken again from its record."""

    identical: bool | None = Field(description="Whether it came out as recorded; `null`: it can't be taken again.")
    problem: str | None = Field(description="Why it can't be taken again, or what is different now.")
    differs: list[str] = Field(description="The fields of the answer that came out otherwise.")
    answer: dict[str, Any] | None = Field(description="The fields that the policy decides, as they came out.")


class DecisionAnswer(BaseModel):
    """A recorded decision."""

    decision_id: str
    bot_id: str
    conversation_id: str
    message_id: str
    created_at: datetime
    epoch: int
    policy: str = Field(description="Label of the policy that decided.")
    policy_fingerprint: str
    bundle: str
    answer: ScoreAnswer = Field(description="The answer as it was given.")
    messages: list[RecordedMessage]
    request: dict[str, Any] = Field(description="What else the caller sent: `customer`, `channel`, `context`.")
    state_before: dict[str, Any] = Field(description="What was remembered of the conversation before.")
    shadow: RecordedShadow | None = Field(description="`null`: no shadow policy looked at it.")
    replayed: Replayed


def router(explain: Callable[[str], dict[str, Any]]) -> APIRouter:
    """Return the endpoint; ``explain`` blocks, so it runs in a thread."""
    routes = APIRouter(tags=["policies"])

    @routes.get(
        "/v1/decisions/{decision_id}",
        operation_id="decision",
        summary="A decision and what it was taken from",
        response_class=Response,
        responses={
            **documented.answer(DecisionAnswer, "The decision.", examples.DECISION_ANSWERS),
            **documented.refusals(404, 422, 503),
        },
    )
    def decision(
        decision_id: Annotated[str, Path(max_length=64, description="`decision_id` of an answer.")],
    ) -> Response:
        """Return a recorded decision: the answer as it was given, what it was taken from, and the same decision taken again.

        `replayed.identical` says that the stored policy decides the same on the recorded scores and state.
        """
        return Response(to_json(explain(decision_id)), media_type="application/json")

    return routes


def explainer(store: Store, policies: Policies, bundle: str) -> Callable[[str], dict[str, Any]]:
    """Return a function that tells a decision as ``DecisionAnswer`` describes it; it blocks.

    Args:
        store: where the decision is recorded.
        policies: make the policy that decided ready again.
        bundle: label of the bundle that they are made ready with.
    """

    def explain(decision_id: str) -> dict[str, Any]:
        with store.reading() as tx:
            recorded = load_decision(tx, decision_id)
            if recorded is None:
                message = (
                    f"no decision {decision_id!r} is recorded; expected `decision_id` of an answer that is no dry run"
                )
                raise DecisionNotFound(message)
            ready = policies.get(tx, recorded.policy_fingerprint)
        answer = json.loads(recorded.response)
        return {
            "decision_id": recorded.id,
            "bot_id": recorded.bot_id,
            "conversation_id": recorded.conversation_id,
            "message_id": recorded.message_id,
            "created_at": recorded.created_at,
            "epoch": recorded.epoch,
            "policy": recorded.policy,
            "policy_fingerprint": recorded.policy_fingerprint,
            "bundle": recorded.bundle,
            "answer": answer,
            "messages": [_message(row) for row in recorded.messages],
            "request": json.loads(recorded.request),
            "state_before": json.loads(recorded.state_before),
            "shadow": recorded.shadow,
            "replayed": _replayed(recorded, answer, ready, bundle),
        }

    return explain


def _message(row: MessageRow) -> dict[str, Any]:
    return {
        "id": row.id,
        "role": row.role,
        "text": row.text,
        "at": row.at,
        "passages": json.loads(row.passages),
        "fallback": row.fallback,
        "confidence": row.confidence,
        "scores": json.loads(row.scores) if row.scores else None,
    }


def _replayed(
    recorded: RecordedDecision, answer: dict[str, Any], ready: Prepared | None, bundle: str
) -> dict[str, Any]:
    if ready is None:
        return _not_replayed(f"the policy {recorded.policy} isn't stored, or this release can't read it")
    try:
        decision = take_again(recorded, ready.policy)
    except InputError as error:
        return _not_replayed(str(error))
    told = decided_fields(decision)
    if "policy" in answer["degraded"]:  # says how the policy was found, which no policy decides
        told["degraded"] = ["policy", *told["degraded"]]
    differs = [name for name, value in told.items() if name in answer and answer[name] != value]
    other = f"decided with the bundle {recorded.bundle}, taken again with the thresholds of {bundle}"
    return {
        "identical": not differs,
        "problem": None if recorded.bundle == bundle else other,
        "differs": differs,
        "answer": told,
    }


def _not_replayed(problem: str) -> dict[str, Any]:
    return {"identical": None, "problem": problem, "differs": [], "answer": None}
