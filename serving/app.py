"""The composition root: builds everything once and hands it down."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from importlib.metadata import PackageNotFoundError, version

from fastapi import FastAPI
from fastapi.telemetry import TelemetryConfig

from models.bundle import DEFAULT_PATH, Bundle
from models.contracts import Role
from models.facts import facts_of
from models.policy.lint import lint
from models.scorer import Scorer, ScoreRequest
from serving.api import (
    bot_policies,
    decisions,
    docs,
    documented,
    models,
    ops,
    policies,
    policy_answers,
    problems,
    score,
)
from serving.api.answers import BatchAnswer, ScoreAnswer, render
from serving.api.edge import Edge
from serving.assignments import Assignments
from serving.documents import Documents
from serving.errors import Stopping, StoreUnavailable
from serving.inference import Batcher
from serving.policies import Document, Policies, shipped
from serving.settings import Settings
from serving.store.engine import Store
from serving.store.migrate import is_current, upgrade
from serving.store.policies import EVERY_BOT
from serving.telemetry import Metrics, log
from serving.turn.handle import Turns

_WARM_UP = ScoreRequest(role=Role.CUSTOMER, text="Hello, where is my order?")
# FastAPI's own telemetry, once an environment variable switches it on, exports bodies and exception texts
_NO_TELEMETRY: TelemetryConfig = {"tracing": False, "metrics": False, "logs": False, "auto_configure": False}
_DESCRIPTION = """\
Tells a support bot, message by message, when to pass the conversation to a person.

Send every message to `POST /v1/score` and do what the decision says. Errors are problem documents (RFC 9457): they say
what was found, what was expected and what to do.
"""
_TAGS = (
    {"name": "scoring", "description": "Decide messages."},
    {
        "name": "policies",
        "description": "What decides: documents, for whom each of them decides, and why it decided so.",
    },
    {"name": "models", "description": "What scores and decides."},
    {"name": "operations", "description": "Is it alive, is it ready, what does it do."},
)


_SHAPES = (
    ScoreAnswer,
    BatchAnswer,
    policy_answers.PoliciesAnswer,
    policy_answers.PolicyDocumentAnswer,
    policy_answers.PolicyCreatedAnswer,
    policy_answers.PolicyCheckAnswer,
    policy_answers.PolicyFindingsAnswer,
    policy_answers.PolicyDiffAnswer,
    policy_answers.BotPolicyAnswer,
    policy_answers.ShadowAnswer,
    decisions.DecisionAnswer,
    models.ModelsAnswer,
    ops.HealthAnswer,
)


def create_app(settings: Settings) -> FastAPI:
    """Return the service, with models loaded and the database at the schema of this version.

    Raises:
        BundleError: the bundle is absent or can't be trusted.
        PolicyError: the policy document doesn't hold together.
        StoreUnavailable: the database can't be opened or brought to this version's schema.
    """
    bundle = Bundle.load(settings.bundle or DEFAULT_PATH)
    base = Document.load(settings.policy) if settings.policy else shipped()
    scorer = Scorer(bundle, threads=settings.threads)
    store = Store(settings.database_url, timeout_seconds=settings.database_timeout_seconds)
    upgrade(store)
    ready = Policies(scorer, base=base, shipped=shipped())
    stored = Documents(store, ready, own=(base, shipped()))
    assignments = Assignments(store, ready)
    metrics = Metrics()
    batcher = Batcher(scorer, token_budget=settings.batch_tokens, queue_limit=settings.queue_limit, metrics=metrics)
    turns = Turns(
        store=store,
        batcher=batcher,
        policies=ready,
        bundle=bundle.label,
        render=render,
        metrics=metrics,
        limit=settings.turn_limit,
    )

    def every_bots_policy() -> tuple[str, str]:
        active = assignments.of_bot(EVERY_BOT).active.stored
        return active.label, active.fingerprint

    versions = {"bundle": bundle.label, "policy": every_bots_policy()[0]}

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        batcher.start()
        await batcher.score(_WARM_UP)  # the first run of a graph is slow; no caller should wait for it
        log("service.started", bundle=bundle.label, policy=versions["policy"])
        yield
        await batcher.stop()
        scorer.close()
        store.close()
        log("service.stopped")

    def require_ready() -> None:
        if not batcher.is_running:
            raise Stopping("the service is starting or stopping; ask again, or ask another instance")
        with store.writing() as tx:
            if not is_current(tx):
                raise StoreUnavailable("the database has another version's schema; restart the service to upgrade it")

    app = FastAPI(
        title="Baton",
        version=_version(),
        summary="When should a bot pass a conversation to a person?",
        description=_DESCRIPTION,
        docs_url=None,
        redoc_url=None,
        telemetry=_NO_TELEMETRY,
        lifespan=lifespan,
    )
    app.include_router(score.router(turns))
    app.include_router(policies.router(stored, partial(lint, facts=facts_of(bundle.manifest))))
    app.include_router(bot_policies.router(assignments))
    app.include_router(decisions.router(decisions.explainer(store, ready, bundle.label)))
    app.include_router(models.router(bundle, every_bots_policy))
    app.include_router(ops.router(metrics, require_ready=require_ready))
    app.include_router(docs.router(lambda: app.openapi()))  # noqa: PLW0108 - looked up late, documented.install replaces it
    problems.install(app)
    documented.install(app, tags=_TAGS, shapes=_SHAPES)
    app.add_middleware(
        Edge,
        metrics=metrics,
        body_limit_bytes=settings.body_limit_bytes,
        body_timeout_seconds=settings.body_timeout_seconds,
    )
    app.state.versions = versions
    return app


def _version() -> str:
    try:
        return version("baton")
    except PackageNotFoundError:  # run from a folder that isn't installed
        return "0+unknown"
