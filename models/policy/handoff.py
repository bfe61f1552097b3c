"""What is done with a conversation that escalates: seven types of action, each with its own fields."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, BeforeValidator, Field, StrictInt, StringConstraints, model_validator

from models.policy.templates import BODY, HANDOFF, PlainTexts, check, template
from models.policy.triggers.check import Flag, Part

# best first
PRIORITIES: Final = ("urgent", "high", "normal", "low")
PRIORITY_ALIASES: Final = {f"P{rank}": name for rank, name in enumerate(PRIORITIES, start=1)}


def _known_priority(value: Any) -> Any:
    names = (*PRIORITIES, *PRIORITY_ALIASES)
    if not isinstance(value, str) or value not in names:
        raise ValueError(f"priority {value!r}, expected one of {', '.join(names)}")
    return PRIORITY_ALIASES.get(value, value)


PriorityName = Literal["urgent", "high", "normal", "low"]
# how urgent a handoff is; P1 to P4 are read as these names
Priority = Annotated[PriorityName, BeforeValidator(_known_priority, json_schema_input_type=str)]

Name = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Names = Annotated[tuple[Name, ...], Field(max_length=100)]

# of fields and headers; the address of a Slack webhook is all that it takes to write there
_SECRET_NAME: Final = re.compile(
    r"secret|auth(?!ors?(?:$|_))|token|key(?!word)|cookie|password|webhook_url", re.IGNORECASE
)
_HEADER: Final = r"^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}$"
_REFERENCE: Final = re.compile(r"\{\{[^{}]*\}\}")
_URL: Final = re.compile(r"https?://[^\s/?#]+\S*")


def _is_url(value: str) -> str:
    if _URL.fullmatch(value) is None or "{{" in value:
        raise ValueError(
            f"found {value[:80]!r}; expected an address that begins with https:// or http:// and has no variables"
        )
    return value


def _is_url_or_secret(value: str) -> str:
    check(value, (), secrets=True)
    return value if _REFERENCE.fullmatch(value) else _is_url(value)


def _all_known(value: Any) -> Any:
    """Refuse an unknown variable in any text of a JSON value."""
    if isinstance(value, str):
        check(value, BODY)
    elif isinstance(value, Mapping):
        for part in value.values():
            _all_known(part)
    elif isinstance(value, list | tuple):
        for part in value:
            _all_known(part)
    elif isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"found {value}, which JSON can't say; expected a finite number")
    return value


Url = Annotated[str, StringConstraints(max_length=2000), AfterValidator(_is_url)]
_Line = Annotated[str, StringConstraints(pattern=r"^[^\r\n]*$", min_length=1, max_length=1000)]
_HeaderName = Annotated[str, StringConstraints(pattern=_HEADER)]
_HeaderValue = Annotated[_Line, AfterValidator(template(HANDOFF, secrets=True))]


class Action(Part):
    """What every type of action has: ``type``, which names its fields."""

    def mapping(self) -> dict[str, Any]:
        """Return the action as a fresh JSON mapping, without the fields that say nothing (null and empty ones)."""
        return _told(self.model_dump(mode="json"))

    def shown(self) -> dict[str, Any]:
        """Return the mapping as answers and records show it: a secret that was written out is masked."""
        return {name: _masked(name, value) for name, value in self.mapping().items()}


def is_written_out(name: str, value: Any) -> bool:
    """Return whether a field or header holds a secret itself; a reference to the store of secrets tells none."""
    return isinstance(value, str) and _SECRET_NAME.search(name) is not None and "{{" not in value


def _masked(name: str, value: Any) -> Any:
    if isinstance(value, dict):
        return {inner: _masked(inner, found) for inner, found in value.items()}
    if isinstance(value, list):
        return [_masked(name, found) for found in value]
    return "***" if is_written_out(name, value) else value


def _told(data: Mapping[str, Any]) -> dict[str, Any]:
    told = {name: _told(value) if isinstance(value, dict) else value for name, value in data.items()}
    return {name: value for name, value in told.items() if value is not None and value not in ([], {})}


class InboxAction(Action):
    """Into an inbox that agents share. ``priority``: of the handoff, before rules of priority."""

    type: Literal["inbox"]
    inbox_id: Name | None = None
    priority: Priority | None = None
    tags: Names = ()


class Assignment(Part):
    """Which agent: by ``strategy``, among a team's, with certain skills; ``fallback_inbox`` where there is none."""

    strategy: Literal["round_robin", "least_busy", "skills", "specific"] = "least_busy"
    agent_id: Name | None = None
    team_id: Name | None = None
    skills: Names = ()
    fallback_inbox: Name | None = None

    @model_validator(mode="after")
    def _names_the_agent(self) -> Assignment:
        if self.strategy == "specific" and self.agent_id is None:
            raise ValueError("the strategy `specific` needs an agent; add `agent_id` or choose another strategy")
        return self


class AgentAction(Action):
    """To one agent."""

    type: Literal["agent"]
    assignment: Assignment = Assignment()
    priority: Priority | None = None
    tags: Names = ()


class WebhookAction(Action):
    """A request to another system, as JSON.

    ``body_template``: the body, absent the whole handoff; ``signing_secret`` and ``signature_header``: the body's HMAC-SHA256
    also stands, in hex, in that header.
    """

    type: Literal["webhook"]
    url: Url
    method: Literal["POST", "PUT", "PATCH"] = "POST"
    headers: Annotated[Mapping[_HeaderName, _HeaderValue], Field(max_length=50)] = Field(default_factory=dict)
    body_template: Annotated[Mapping[str, Any], Field(min_length=1), AfterValidator(_all_known)] | None = None
    signing_secret: Annotated[_Line, AfterValidator(template((), secrets=True))] | None = None
    signature_header: _HeaderName | None = None

    @model_validator(mode="after")
    def _signs_with_something(self) -> WebhookAction:
        if self.signature_header is not None and self.signing_secret is None:
            raise ValueError("signature_header without signing_secret; add the secret that signs or remove the header")
        return self


class EmailAction(Action):
    """An e-mail to a fixed address, with the transcript and a link to the conversation."""

    type: Literal["email"]
    to: Annotated[str, StringConstraints(pattern=r"^[^@\s,;<>]+@[^@\s,;<>]+$", max_length=320)]
    subject_template: Annotated[_Line, AfterValidator(template(HANDOFF))] | None = None
    include_transcript: Flag = True
    include_link: Flag = True


class SlackAction(Action):
    """A message through an incoming webhook of Slack; ``channel_override`` names another channel than the webhook's own."""

    type: Literal["slack"]
    webhook_url: Annotated[str, StringConstraints(max_length=2000), AfterValidator(_is_url_or_secret)]
    channel_override: Name | None = None


class QueueAction(Action):
    """Into a topic of a queue; ``priority`` is a name, or a number on the queue's own scale."""

    type: Literal["queue"]
    topic: Name
    priority: StrictInt | Priority | None = None


class CallbackAction(Action):
    """A call back: what to ask the customer for, which times to choose from, and what they read then."""

    type: Literal["callback"]
    collect_phone: Flag = True
    collect_preferred_time: Flag = True
    available_slots: Literal["business_hours", "any"] = "business_hours"
    confirmation_message: PlainTexts | None = None


HandoffAction = Annotated[
    InboxAction | AgentAction | WebhookAction | EmailAction | SlackAction | QueueAction | CallbackAction,
    Field(discriminator="type"),
]
