"""decide(): the rules by priority -> a decision with every trigger's report, and the next state. Pure: no clock, no I/O.

The first firing rule, by priority, decides; the others are evaluated and reported all the same. Three things can hold a
firing rule back: a person has the conversation or is about to (*suppressed*); the rule would offer and this epoch has had its
offer (it *yields* to the next firing rule); a rule of higher priority decided.

An offer is asked at most once per epoch. The customer's next message answers it: yes escalates in the name of the offering
rule and at its priority, no is remembered as declined, anything else lets it lapse.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from models.contracts import (
    Action,
    Decision,
    Message,
    Phase,
    Reason,
    ReasonCode,
    Role,
    Scores,
    ScoreStatus,
    Suppression,
    TriggerReport,
)
from models.policy import explain as explaining
from models.policy.offers import Answer, understand
from models.policy.rules import CompiledRule, Rule
from models.policy.schema import ON_ERROR, Policy
from models.policy.state import ConversationState, Offer, advance
from models.policy.triggers.view import View
from models.policy.wording import ACCEPTED, pick, sentence

_SUPPRESSIONS = {"agent": Suppression.HUMAN_IN_CONTROL, "pending_handoff": Suppression.HANDOFF_PENDING}


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """What ``decide`` looks at besides state and policy.

    ``scores`` is ``None`` when scoring failed: rules that need no model still run, and the policy's ``on_error`` says the
    default. The message's ``at`` is the clock.
    """

    message: Message
    scores: Scores | None
    customer: Mapping[str, Any] = field(default_factory=dict)
    channel: str | None = None
    context: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Outcome:
    """A decision and the state after it."""

    decision: Decision
    state: ConversationState
