"""``/health/live``, ``/health/ready`` and ``/metrics``: for whoever runs the service."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Literal

from fastapi import APIRouter, Response
from pydantic import BaseModel

from serving.api import documented, examples
from serving.telemetry import Metrics


class HealthAnswer(BaseModel):
    """All is well; anything else is a problem document."""

    status: Literal["ok"] = "ok"


def router(metrics: Metrics, *, require_ready: Callable[[], None]) -> APIRouter:
    """Return the endpoints.

    Args:
        metrics: what ``/metrics`` shows.
        require_ready: raises what keeps the service from answering; blocking, it is called in a thread.
    """
    routes = APIRouter(tags=["operations"])

    @routes.get(
        "/health/live",
        operation_id="live",
        summary="Does the process answer?",
        responses=documented.answer(HealthAnswer, "It does.", examples.HEALTH_ANSWERS),
    )
    async def live() -> HealthAnswer:
        """Restart the service when this doesn't answer."""
        return HealthAnswer()

    @routes.get(
        "/health/ready",
        operation_id="ready",
        summary="Can it decide and record?",
        responses={
            **documented.answer(HealthAnswer, "Send messages.", examples.HEALTH_ANSWERS),
            **documented.refusals(503),
        },
    )
    async def ready() -> HealthAnswer:
        """Send messages while this answers 200: the models are loaded, and the database takes records."""
        await asyncio.to_thread(require_ready)
        return HealthAnswer()

    @routes.get(
        "/metrics",
        operation_id="metrics",
        summary="Metrics for Prometheus",
        response_class=Response,
        responses={200: {"description": "Prometheus text format.", "content": {"text/plain": {}}}},
    )
    async def show() -> Response:
        """Tell counts and durations of requests, decisions and stages, the queue's depth, memory and processor time."""
        return Response(metrics.render(), media_type="text/plain; version=0.0.4; charset=utf-8")

    return routes
