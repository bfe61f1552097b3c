"""``GET /v1/models``: what scores and decides at the moment, and how good it is."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field
from pydantic_core import to_json

from models.bundle import Bundle
from models.policy.schema import Policy
from serving.api import documented, examples


class BundleAnswer(BaseModel):
    """The bundle in use, from its manifest."""

    label: str = Field(description="Name and version, as decisions record it under `versions.bundle`.")
    manifest: dict[str, Any] = Field(
        description="Heads with labels, calibration, recommended thresholds and test metrics (with their n); languages; "
        "data and training; hashes of the files."
    )


class PolicyAnswer(BaseModel):
    """The policy in use."""

    label: str = Field(description="As decisions record it under `versions.policy`.")
    fingerprint: str


class ModelsAnswer(BaseModel):
    """What scores and decides."""

    bundle: BundleAnswer
    policy: PolicyAnswer


def router(bundle: Bundle, policy: Policy) -> APIRouter:
    """Return the endpoint; its answer doesn't change while the service runs."""
    routes = APIRouter(tags=["models"])
    answer = {
        "bundle": {"label": bundle.label, "manifest": bundle.manifest.model_dump(mode="json")},
        "policy": {"label": policy.label, "fingerprint": policy.fingerprint()},
    }
    body = to_json(answer)

    @routes.get(
        "/v1/models",
        operation_id="models",
        summary="What scores and decides",
        response_class=Response,
        responses=documented.answer(ModelsAnswer, "Bundle and policy in use.", examples.MODELS_ANSWERS),
    )
    async def models() -> Response:
        """Tell the bundle with each head's labels, calibration and test metrics, and the policy."""
        return Response(body, media_type="application/json")

    return routes
