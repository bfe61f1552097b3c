"""``GET /v1/models``: what scores and decides at the moment, and how good it is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field
from pydantic_core import to_json

from models.bundle import Bundle
from serving.api import documented, examples


class BundleAnswer(BaseModel):
    """The bundle in use, from its manifest."""

    label: str = Field(description="Name and version, as decisions record it under `versions.bundle`.")
    manifest: dict[str, Any] = Field(
        description="Heads with labels, calibration, recommended thresholds and test metrics (with their n); languages; "
        "data and training; hashes of the files."
    )


class PolicyAnswer(BaseModel):
    """The policy that decides for every bot without its own."""

    label: str = Field(description="As decisions record it under `versions.policy`.")
    fingerprint: str


class ModelsAnswer(BaseModel):
    """What scores and decides."""

    bundle: BundleAnswer
    policy: PolicyAnswer


def router(bundle: Bundle, policy: Callable[[], tuple[str, str]]) -> APIRouter:
    """Return the endpoint; ``policy`` tells label and fingerprint of what decides for every bot without its own, and blocks."""
    routes = APIRouter(tags=["models"])
    loaded = {"label": bundle.label, "manifest": bundle.manifest.model_dump(mode="json")}

    @routes.get(
        "/v1/models",
        operation_id="models",
        summary="What scores and decides",
        response_class=Response,
        responses={
            **documented.answer(ModelsAnswer, "Bundle and policy in use.", examples.MODELS_ANSWERS),
            **documented.refusals(503),
        },
    )
    def models() -> Response:
        """Tell the bundle with each head's labels, calibration and test metrics, and the policy that decides by default."""
        label, fingerprint = policy()
        answer = {"bundle": loaded, "policy": {"label": label, "fingerprint": fingerprint}}
        return Response(to_json(answer), media_type="application/json")

    return routes
