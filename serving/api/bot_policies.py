"""Which policy decides for whom: activate, try in the shadow, fall back, compare."""

from __future__ import annotations

from typing import Annotated, Final, Self

from fastapi import APIRouter, Body, Path, Query, Response
from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from serving.api import documented, examples
from serving.api.policies import MAX_VERSION, Name
from serving.api.policy_answers import BotPolicyAnswer, ShadowAnswer
from serving.api.schemas import Id
from serving.assignments import Assignments, BotPolicy
from serving.documents import Which
from serving.store.policies import EVERY_BOT

_NOT_FOUND: Final = "There is no such version of a policy."
_MOVED: Final = {
    404: _NOT_FOUND,
    409: "Another policy is active than `expected`; nothing was changed.",
    422: "Fields are missing, unknown or wrong; or this release can't read the document.",
}
_HOLDS: Final = documented.answer(BotPolicyAnswer, "What holds now.", examples.BOT_POLICY_ANSWERS)
_COMPARED: Final = documented.answer(ShadowAnswer, "How they compare.", examples.SHADOW_ANSWERS)
Bot = Annotated[Id, Path(description="Your bot's id.")]
Limit = Annotated[int, Query(ge=1, le=200, description="Differing decisions that are listed.")]


class _WhichBody(BaseModel):
    """Which version, for which bot."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: Annotated[int, Field(strict=True, ge=1, le=MAX_VERSION)] | None = Field(
        default=None, description="The version's number."
    )
    fingerprint: Annotated[str, Field(pattern="^[0-9a-f]{8,64}$")] | None = Field(
        default=None, description="The document's fingerprint, or its first 8 digits or more, in place of the version."
    )
    bot_id: Id | None = Field(default=None, description="The bot; absent or `null`: every bot without its own.")

    @model_validator(mode="after")
    def _one_name(self) -> Self:
        if (self.version is None) == (self.fingerprint is None):
            raise PydanticCustomError("which_version", "expected version or fingerprint; send one of them")
        return self

    @property
    def which(self) -> Which:
        """The version that is meant."""
        return Which(version=self.version, digits=self.fingerprint)

    @property
    def bot(self) -> str:
        """The bot, as it is stored."""
        return EVERY_BOT if self.bot_id is None else self.bot_id


class ActivateBody(_WhichBody):
    """Which version is to decide, and for whom."""

    expected: Annotated[str, Field(max_length=100)] | None = Field(
        default=None,
        description="Label of the policy that you believe to be active, such as `shop@3f2a9c1e`: if another one is, nothing "
        "is changed (409).",
    )


class ShadowBody(_WhichBody):
    """Which version is to be compared with the active one, and for whom."""


def router(assignments: Assignments) -> APIRouter:
    """Return the endpoints; they block, so they run in threads."""
    routes = APIRouter(tags=["policies"])

    @routes.post(
        "/v1/policies/{name}/activate",
        operation_id="activate_policy",
        summary="Let a policy decide",
        response_class=Response,
        responses={**_HOLDS, **documented.refusals(400, 404, 408, 409, 413, 415, 422, 503, meanings=_MOVED)},
    )
    def activate(name: Name, body: Annotated[ActivateBody, Body(openapi_examples=examples.ACTIVATIONS)]) -> Response:
        """Let a stored version decide from now on, for one bot or for every bot without its own.

        It holds for every turn that begins after the answer, in every process that shares the database; turns under way end
        under the policy with which they began, and each decision says which one that was (`versions.policy`). Conversations
        keep what they remember. If the version was the bot's shadow, it is that no more. Activating what is active changes
        nothing.
        """
        return _holds(assignments.activate(name, body.which, bot_id=body.bot, expected=body.expected))

    @routes.post(
        "/v1/policies/{name}/shadow",
        operation_id="shadow_policy",
        summary="Try a policy in the shadow",
        response_class=Response,
        responses={
            **_HOLDS,
            **documented.refusals(400, 404, 408, 413, 415, 422, 503, meanings={404: _NOT_FOUND, 422: _MOVED[422]}),
        },
    )
    def shadow(name: Name, body: Annotated[ShadowBody, Body(openapi_examples=examples.SHADOWS)]) -> Response:
        """Let a stored version decide beside the active one from now on, for the record only: no answer shows it.

        It sees the same scores and what the conversation remembers under the active policy, so each message is compared by
        itself. The shadow of every bot runs where the policy of every bot decides. While a shadow runs, every model runs,
        also where the active policy is lazy. If it fails, no turn notices.
        """
        return _holds(assignments.shadow(name, body.which, bot_id=body.bot))

    _add_every_bot(routes, assignments)
    _add_one_bot(routes, assignments)
    return routes


def _add_every_bot(routes: APIRouter, assignments: Assignments) -> None:
    @routes.get(
        "/v1/bots/policy",
        operation_id="every_bots_policy",
        summary="Which policy decides for bots without their own",
        response_class=Response,
        responses={**_HOLDS, **documented.refusals(503)},
    )
    def current() -> Response:
        """Tell what is active and shadow for every bot without its own, since when, and what was before."""
        return _holds(assignments.of_bot(EVERY_BOT))

    @routes.delete(
        "/v1/bots/policy",
        operation_id="end_every_bots_policy",
        summary="Fall back on the policy that the service was started with",
        response_class=Response,
        responses={**_HOLDS, **documented.refusals(503)},
    )
    def fall_back() -> Response:
        """End what is active for every bot without its own; from now on what the service was started with decides."""
        return _holds(assignments.end("active", bot_id=EVERY_BOT))

    @routes.get(
        "/v1/bots/policy/shadow",
        operation_id="every_bots_shadow",
        summary="How the shadow of every bot compares",
        response_class=Response,
        responses={**_COMPARED, **documented.refusals(422, 503)},
    )
    def compare(limit: Limit = 20) -> Response:
        """Count the decisions of all bots that the active policy and the shadow both took, and list the latest that differ."""
        return _compared(EVERY_BOT, assignments, limit)

    @routes.delete(
        "/v1/bots/policy/shadow",
        operation_id="end_every_bots_shadow",
        summary="End the shadow of every bot",
        response_class=Response,
        responses={**_HOLDS, **documented.refusals(503)},
    )
    def end() -> Response:
        """End the shadow of every bot; what was recorded stays."""
        return _holds(assignments.end("shadow", bot_id=EVERY_BOT))


def _add_one_bot(routes: APIRouter, assignments: Assignments) -> None:
    # ids may hold a slash, so the path takes whatever stands between
    @routes.get(
        "/v1/bots/{bot_id:path}/policy/shadow",
        operation_id="bots_shadow",
        summary="How a bot's shadow compares",
        response_class=Response,
        responses={**_COMPARED, **documented.refusals(422, 503)},
    )
    def compare(bot_id: Bot, limit: Limit = 20) -> Response:
        """Count the bot's decisions that its active policy and its shadow both took, and list the latest that differ."""
        return _compared(bot_id, assignments, limit)

    @routes.delete(
        "/v1/bots/{bot_id:path}/policy/shadow",
        operation_id="end_bots_shadow",
        summary="End a bot's shadow",
        response_class=Response,
        responses={**_HOLDS, **documented.refusals(422, 503)},
    )
    def end(bot_id: Bot) -> Response:
        """End the bot's own shadow; what was recorded stays."""
        return _holds(assignments.end("shadow", bot_id=bot_id))

    @routes.get(
        "/v1/bots/{bot_id:path}/policy",
        operation_id="bots_policy",
        summary="Which policy decides for a bot",
        response_class=Response,
        responses={**_HOLDS, **documented.refusals(422, 503)},
    )
    def current(bot_id: Bot) -> Response:
        """Tell what is active and shadow for a bot, since when, and what was before. A bot need not be known."""
        return _holds(assignments.of_bot(bot_id))

    @routes.delete(
        "/v1/bots/{bot_id:path}/policy",
        operation_id="end_bots_policy",
        summary="Take a bot's own policy away",
        response_class=Response,
        responses={**_HOLDS, **documented.refusals(422, 503)},
    )
    def fall_back(bot_id: Bot) -> Response:
        """End the bot's own policy: from now on the policy of every bot decides for it. Its shadow stays."""
        return _holds(assignments.end("active", bot_id=bot_id))


def _holds(found: BotPolicy) -> Response:
    return Response(BotPolicyAnswer.of(found).model_dump_json(), media_type="application/json")


def _compared(bot_id: str, assignments: Assignments, limit: int) -> Response:
    answer = ShadowAnswer.of(bot_id, assignments.compare(bot_id, limit=limit))
    return Response(answer.model_dump_json(), media_type="application/json")
