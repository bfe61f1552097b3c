"""How people take over: where a handoff goes, how urgent it is, what the agent gets, what the bot does meanwhile.

All of it is part of the policy: one document, one fingerprint. Conditions look at the handoff: ``topic``, ``customer_tier``,
``product_category``, ``channel``, ``language``, or any ``customer.<name>`` and ``context.<name>``.
"""

from __future__ import annotations

import re
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, ConfigDict, Field, model_validator

from models.policy.handoff import HandoffAction, Names, Priority, Url
from models.policy.sla import Seconds
from models.policy.templates import HANDOFF, SKILLS, Text, template
from models.policy.triggers.check import Count, Flag, Number, Part
from models.policy.triggers.context import Plain

# one value, or any of several
Values = Plain | Annotated[tuple[Plain, ...], Field(min_length=1, max_length=200)]

_FIELD: Final = re.compile(r"(?:customer|context)(?:\.[A-Za-z0-9_-]+)+")


class Conditions(Part):
    """All of them must hold: the field has the value, or one of the values."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, Values]

    topic: Values | None = None
    customer_tier: Values | None = None
    product_category: Values | None = None
    channel: Values | None = None
    language: Values | None = None

    @model_validator(mode="after")
    def _known_fields(self) -> Conditions:
        known = tuple(type(self).model_fields)
        strange = [name for name in self.__pydantic_extra__ if _FIELD.fullmatch(name) is None]
        if strange:
            names = ", ".join(known)
            raise ValueError(f"unknown field {strange[0]!r}; expected {names}, customer.<name> or context.<name>")
        if not self.__pydantic_extra__ and all(getattr(self, name) is None for name in known):
            raise ValueError("no condition; add one, or make this the `default`")
        return self


class RoutingRule(Part):
    """Where ``when`` holds, ``action``."""

    when: Conditions
    action: HandoffAction


class Skills(Part):
    """Which agents match: ``required_skills`` are names, or a template that gives one.

    ``fallback_behavior``, where nobody matches: ``queue_any`` takes whoever is free, ``wait`` waits for a match,
    ``callback`` offers to call back.
    """

    enabled: Flag = True
    required_skills: Annotated[Text, AfterValidator(template(SKILLS))] | Names = ()
    preferred_language: Annotated[Text, AfterValidator(template(SKILLS))] | None = None
    fallback_behavior: Literal["queue_any", "wait", "callback"] = "queue_any"


class Routing(Part):
    """Where an escalated conversation goes: the first rule that holds, else ``default``.

    Without either, the action of the rule that decided, or of the policy. ``skills``: how an agent is matched then.
    """

    rules: Annotated[tuple[RoutingRule, ...], Field(max_length=1000)] = ()
    default: HandoffAction | None = None
    skills: Skills | None = None

    @model_validator(mode="after")
    def _one_default(self) -> Routing:
        if self.rules and self.default is None:
            raise ValueError("routing has rules and no default; add `default`: the action where no rule holds")
        return self


class Below(Part):
    """``below``, in [-1, 1]: the customer's latest sentiment is below it."""

    below: Number = Field(ge=-1, le=1)


class Above(Part):
    """``above``, in seconds: more than that have passed."""

    above: Number = Field(ge=0)


class PriorityConditions(Conditions):
    """As ``Conditions``; also the latest ``sentiment``, and ``wait_seconds``, the time waited for a person."""

    sentiment: Below | None = None
    wait_seconds: Above | None = None


class PriorityRule(Part):
    """Where ``when`` holds, ``priority``."""

    when: PriorityConditions
    priority: Priority


class PriorityRules(Part):
    """How urgent a handoff is: the first rule that holds, else ``default``; looked at again while the customer waits."""

    rules: Annotated[tuple[PriorityRule, ...], Field(max_length=1000)] = ()
    default: Priority = "normal"


class Brief(Part):
    """What the agent gets. ``transcript_limit``: the latest messages; ``custom_fields``: of the customer."""

    summary: Flag = True
    summary_prompt: Annotated[Text, AfterValidator(template(HANDOFF))] | None = None
    max_summary_characters: Count = Field(default=500, ge=50, le=10_000)
    transcript: Flag = True
    transcript_limit: Count = Field(default=50, ge=1, le=1000)
    highlight_key_messages: Flag = True
    include_metadata: Flag = True
    customer_profile: Flag = True
    conversation_history: Flag = True
    purchase_history: Flag = True
    custom_fields: Names = ()


class TakeoverAssist(Part):
    """What the bot does for the agent while ``bot_behavior`` is ``assist``."""

    suggest_responses: Flag = True
    provide_context: Flag = True
    answer_internal_queries: Flag = True


class ReturnToBot(Part):
    """When the bot gets the conversation back; ``timeout_seconds`` without a message of the agent, for ``timeout``."""

    enabled: Flag = True
    trigger: Literal["agent_close", "manual", "timeout"] = "agent_close"
    timeout_seconds: Seconds = 1800
    confirm_with_customer: Flag = False


class Takeover(Part):
    """What the bot does while a person has the conversation: is silent, helps the agent, or leaves for good."""

    bot_behavior: Literal["pause", "assist", "exit"] = "pause"
    assist: TakeoverAssist = TakeoverAssist()
    return_to_bot: ReturnToBot = ReturnToBot()


class Assist(Part):
    """What the agent sees beside the conversation."""

    enabled: Flag = True
    suggested_responses: Flag = True
    knowledge_search: Flag = True
    sentiment_indicator: Flag = True
    customer_insights: Flag = True
    next_best_action: Flag = True


class Notify(Part):
    """Addresses that are told of it."""

    on_escalation: Url | None = None
    on_agent_assigned: Url | None = None
    on_resolved: Url | None = None
