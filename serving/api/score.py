"""``POST /v1/score`` and ``POST /v1/score:batch``: from HTTP to a turn and back."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Body, Request, Response
from pydantic import ValidationError

from serving.api import documented, examples
from serving.api.answers import BatchAnswer, ScoreAnswer, render_batch
from serving.api.problems import describe, invalid
from serving.api.schemas import BatchBody, ScoreBody
from serving.turn.handle import Turns

T = TypeVar("T")
BATCH_WIDTH = 8  # conversations of a batch that are handled side by side, so that single calls still get through
_GONE = 499  # nobody reads it: the caller went away


def router(turns: Turns) -> APIRouter:
    """Return the scoring endpoints."""
    routes = APIRouter(tags=["scoring"])

    @routes.post(
        "/v1/score",
        operation_id="score",
        summary="Decide a message",
        response_class=Response,
        responses={
            **documented.answer(ScoreAnswer, "The decision.", examples.SCORE_ANSWERS),
            **documented.refusals(400, 408, 409, 413, 415, 422, 503),
        },
    )
    async def score(request: Request, body: Annotated[ScoreBody, Body(openapi_examples=examples.SCORES)]) -> Response:
        """Send every message of a conversation here and do what the `decision` says.

        - `continue`: the bot answers. With a draft (`bot`, or a message of the role `bot`), it may send the draft.
        - `offer`: the bot sends `text`, which asks whether a person should take over.
        - `escalate`: the bot sends `text`, and a person takes over as `action` says.

        Where `suppressed` is set the bot keeps silent, although the decision is `continue`:

        - `handoff_pending`: a person is on the way.
        - `human_in_control`: a person writes.

        The same `message.id` again returns the recorded answer, byte for byte, and never counts twice; so a call without
        an answer is sent again. An `Idempotency-Key` header is not read. The messages of customer, bot and agent share
        one id space in a conversation.

        Without `conversation_id` the call is stateless: `history` tells what came before, each message with its own id.

        Of a draft's `passages` only the first 3 that aren't blank are read. The bot's own `confidence` counts only when
        no passages are sent.
        """
        answer = await _unless_gone(request, turns.handle(body.ask(datetime.now(UTC))))
        return Response(status_code=_GONE) if answer is None else _json(answer)

    @routes.post(
        "/v1/score:batch",
        operation_id="score_batch",
        summary="Decide up to 256 messages",
        response_class=Response,
        responses={
            **documented.answer(BatchAnswer, "A result for each item, in order.", examples.BATCH_ANSWERS),
            **documented.refusals(400, 408, 413, 415, 422),
        },
    )
    async def score_batch(
        request: Request, body: Annotated[BatchBody, Body(openapi_examples=examples.BATCHES)]
    ) -> Response:
        """Decide many messages at once: `{"items": [...]}` is answered with `{"results": [...]}`, in the same order.

        Items of the same conversation are taken in order. An item that can't be answered has a problem document, as
        `POST /v1/score` would return it, in the place of its answer; the others are not affected.
        """
        results = await _unless_gone(request, _batch(turns, body.items))
        return Response(status_code=_GONE) if results is None else _json(render_batch(results))

    return routes


async def _batch(turns: Turns, items: Sequence[Any]) -> list[bytes]:
    now = datetime.now(UTC)
    results: list[bytes] = [b""] * len(items)
    conversations: dict[object, list[tuple[int, ScoreBody]]] = {}
    for place, item in enumerate(items):
        try:
            body = ScoreBody.model_validate(item)
        except ValidationError as error:
            results[place] = invalid(error.errors())[1]
            continue
        alone = body.conversation_id is None
        conversations.setdefault(place if alone else (body.bot_id, body.conversation_id), []).append((place, body))
    room = asyncio.Semaphore(BATCH_WIDTH)

    async def in_order(bodies: Sequence[tuple[int, ScoreBody]]) -> None:
        async with room:
            for place, body in bodies:
                results[place] = await _answer_or_problem(turns, body, now)

    async with asyncio.TaskGroup() as group:
        for bodies in conversations.values():
            group.create_task(in_order(bodies))
    return results


async def _answer_or_problem(turns: Turns, body: ScoreBody, now: datetime) -> bytes:
    try:
        return await turns.handle(body.ask(now))
    except Exception as error:  # noqa: BLE001 - an error that nobody foresaw is this item's alone, too
        return describe(error)[1]


async def _unless_gone(request: Request, work: Coroutine[Any, Any, T]) -> T | None:
    """Return the result of some work, ``None`` if the caller went away first; then the work is cancelled."""
    working = asyncio.create_task(work)
    leaving = asyncio.create_task(_until_gone(request))
    try:
        await asyncio.wait({working, leaving}, return_when=asyncio.FIRST_COMPLETED)
        return working.result() if working.done() else None
    finally:
        leaving.cancel()
        working.cancel()


async def _until_gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _json(body: bytes) -> Response:
    return Response(body, media_type="application/json")
