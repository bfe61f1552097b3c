"""What callers get back about policies: documented shapes, and how they are made from what is stored."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal, Self

from pydantic import BaseModel, Field

from models.contracts import Action, ReasonCode
from models.policy.diff import Change
from models.policy.lint import Finding
from serving.assignments import BotPolicy, Comparison, InForce, Scope
from serving.documents import Listed, Place
from serving.store.policies import EVERY_BOT, Assignment, AssignmentRole, StoredPolicy

_BOT = "`null`: every bot without its own."


def bot_name(bot_id: str) -> str | None:
    """Return a bot's id as callers know it."""
    return None if bot_id == EVERY_BOT else bot_id


class PlaceAnswer(BaseModel):
    """Where a policy is active or shadow."""

    bot_id: str | None = Field(description=_BOT)
    since: datetime | None = Field(description="`null`: from the start, because nothing was activated.")

    @classmethod
    def of(cls, place: Place) -> Self:
        """Return a place as callers see it."""
        return cls(bot_id=bot_name(place.bot_id), since=place.since)


class PolicyVersionAnswer(BaseModel):
    """One version of a policy, and where it is used now."""

    name: str
    version: int = Field(description="Counts from 1 in each name.")
    label: str = Field(description="As decisions record it under `versions.policy`.")
    fingerprint: str
    note: str
    created_at: datetime
    active: list[PlaceAnswer] = Field(description="The bots that it decides for.")
    shadow: list[PlaceAnswer] = Field(description="The bots for which it is only recorded what it would decide.")

    @classmethod
    def of(cls, listed: Listed, **more: Any) -> Self:
        """Return a version as callers see it."""
        stored = listed.stored
        return cls(
            name=stored.name,
            version=stored.version,
            label=stored.label,
            fingerprint=stored.fingerprint,
            note=stored.note,
            created_at=stored.created_at,
            active=[PlaceAnswer.of(place) for place in listed.active],
            shadow=[PlaceAnswer.of(place) for place in listed.shadow],
            **more,
        )


class PoliciesAnswer(BaseModel):
    """Versions of policies, by name, the newest first."""

    policies: list[PolicyVersionAnswer]
    next: str | None = Field(description="Send it as `after` for the next page; `null`: this is the last one.")


class PolicyDocumentAnswer(PolicyVersionAnswer):
    """A policy with its document."""

    document: dict[str, Any] = Field(description="The document as JSON.")
    source: str = Field(description="The text as it was sent.")
    source_type: str = Field(description="What the text is: application/json or application/yaml.")

    @classmethod
    def whole(cls, listed: Listed) -> Self:
        """Return a version with its document."""
        stored = listed.stored
        document = json.loads(stored.document)
        return cls.of(listed, document=document, source=stored.source, source_type=stored.source_type)


class FindingAnswer(BaseModel):
    """Something about a policy that holds together, but may not do what its author meant."""

    code: str
    severity: Literal["error", "warning", "advice"]
    rule_id: str | None
    message: str

    @classmethod
    def of(cls, finding: Finding) -> Self:
        """Return a finding as callers see it."""
        return cls(code=finding.code, severity=finding.severity, rule_id=finding.rule_id, message=finding.message)


class PolicyCreatedAnswer(PolicyVersionAnswer):
    """A stored policy, and what is worth knowing before it is activated."""

    findings: list[FindingAnswer]


class PolicyCheckAnswer(BaseModel):
    """A policy that holds together; nothing was stored."""

    name: str
    label: str
    fingerprint: str
    version: int | None = Field(description="The version under which the document is stored already; `null`: it isn't.")
    findings: list[FindingAnswer]


class PolicyFindingsAnswer(BaseModel):
    """What is worth knowing of a policy."""

    findings: list[FindingAnswer]


class PolicyNameAnswer(BaseModel):
    """Which policy."""

    name: str
    version: int
    label: str
    fingerprint: str

    @classmethod
    def of(cls, stored: StoredPolicy) -> Self:
        """Return how a stored document is called."""
        return cls(name=stored.name, version=stored.version, label=stored.label, fingerprint=stored.fingerprint)


class ChangeAnswer(BaseModel):
    """One thing that differs; `null` where one of the two policies has nothing there."""

    path: str
    before: Any
    after: Any


class PolicyDiffAnswer(BaseModel):
    """What changes from one policy to another; rules are compared by their ids."""

    from_: PolicyNameAnswer = Field(alias="from")
    to: PolicyNameAnswer
    changes: list[ChangeAnswer]

    @classmethod
    def between(cls, old: StoredPolicy, new: StoredPolicy, changes: Sequence[Change]) -> Self:
        """Return the changes between two stored documents."""
        listed = [ChangeAnswer(path=one.path, before=one.before, after=one.after) for one in changes]
        return cls(**{"from": PolicyNameAnswer.of(old), "to": PolicyNameAnswer.of(new), "changes": listed})


class InForceAnswer(PolicyNameAnswer):
    """A policy that is active or shadow for a bot."""

    scope: Scope = Field(
        description="`bot`: the bot's own. `every_bot`: that of every bot without its own. `start`: nothing was activated, so "
        "what the service was started with decides."
    )
    since: datetime | None = Field(description="`null` with the scope `start`.")
    problem: str | None = Field(description="Why this release can't use the document as it stands; usually `null`.")

    @classmethod
    def now(cls, found: InForce) -> Self:
        """Return what is in force as callers see it."""
        name = PolicyNameAnswer.of(found.stored).model_dump()
        return cls(**name, scope=found.scope, since=found.since, problem=found.problem)


class PeriodAnswer(PolicyNameAnswer):
    """A period in which a policy was active or shadow."""

    role: AssignmentRole
    bot_id: str | None = Field(description=_BOT)
    since: datetime
    until: datetime | None = Field(description="`null`: it lasts.")

    @classmethod
    def past(cls, period: Assignment) -> Self:
        """Return a period as callers see it."""
        return cls(
            name=period.name,
            version=period.version,
            label=period.label,
            fingerprint=period.fingerprint,
            role=period.role,
            bot_id=bot_name(period.bot_id),
            since=period.since,
            until=period.until,
        )


class BotPolicyAnswer(BaseModel):
    """Which policy decides for a bot, which one is compared with it, and which ones did so before."""

    bot_id: str | None = Field(description=_BOT)
    active: InForceAnswer
    shadow: InForceAnswer | None
    history: list[PeriodAnswer] = Field(
        description="The latest 50 periods, newest first: the bot's own and those of every bot without its own."
    )

    @classmethod
    def of(cls, found: BotPolicy) -> Self:
        """Return what holds for a bot as callers see it."""
        return cls(
            bot_id=bot_name(found.bot_id),
            active=InForceAnswer.now(found.active),
            shadow=InForceAnswer.now(found.shadow) if found.shadow else None,
            history=[PeriodAnswer.past(period) for period in found.history],
        )


class AgreementAnswer(BaseModel):
    """How often an action of the active policy met one of the shadow's."""

    action: Action
    shadow_action: Action | None = Field(description="`null`: the shadow policy failed.")
    n: int


class DifferenceAnswer(BaseModel):
    """A decision in which the shadow policy would have acted otherwise."""

    decision_id: str
    bot_id: str
    conversation_id: str
    message_id: str
    action: Action
    reason: ReasonCode | None
    rule_id: str | None
    shadow_action: Action
    shadow_reason: ReasonCode | None
    shadow_rule_id: str | None
    created_at: datetime


class ShadowAnswer(BaseModel):
    """How a shadow policy compares with the active one, over all decisions that both of them took."""

    bot_id: str | None = Field(description="`null`: every bot, whichever policy it has by now.")
    active: InForceAnswer
    shadow: InForceAnswer | None = Field(description="`null`: there is none, and nothing to compare.")
    n: int = Field(description="Decisions that both took.")
    n_agreeing: int
    n_differing: int
    n_failed: int = Field(description="Decisions on which the shadow policy failed; the active one didn't notice.")
    counts: list[AgreementAnswer]
    differences: list[DifferenceAnswer] = Field(description="The latest decisions that differ, newest first.")

    @classmethod
    def of(cls, bot_id: str, found: Comparison) -> Self:
        """Return a comparison as callers see it."""
        met = found.agreements
        agreeing = sum(one.n for one in met if one.action == one.shadow_action)
        failed = sum(one.n for one in met if one.shadow_action is None)
        n = sum(one.n for one in met) - failed
        return cls(
            bot_id=bot_name(bot_id),
            active=InForceAnswer.now(found.active),
            shadow=InForceAnswer.now(found.shadow) if found.shadow else None,
            n=n,
            n_agreeing=agreeing,
            n_differing=n - agreeing,
            n_failed=failed,
            counts=[AgreementAnswer.model_validate(one, from_attributes=True) for one in met],
            differences=[DifferenceAnswer.model_validate(one, from_attributes=True) for one in found.differences],
        )
