"""A rule of a policy, and its compiled form: what to look at, when, and what follows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal

from pydantic import ConfigDict, Field, StringConstraints, model_validator

from models.contracts import Action, Phase, ReasonCode, TriggerReport, TriggerStatus
from models.policy.triggers.check import BOTH, Check, Count, Flag, Part, ScoreCheck
from models.policy.triggers.combine import Condition, Expression, Leaf
from models.policy.triggers.view import View

ActionType = Literal["inbox", "agent", "webhook", "email", "slack", "queue", "callback"]
RuleId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.:-]{0,63}$")]
Locale = Annotated[str, StringConstraints(pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$")]
Text = Annotated[str, StringConstraints(min_length=1, max_length=4000)]
# one text for everybody, or one per locale
Texts = Text | Annotated[Mapping[Locale, Text], Field(min_length=1)]

_PRIORITY_ALIASES: Final = {"P1": "urgent", "P2": "high", "P3": "normal", "P4": "low"}
_PRIORITIES: Final = (*_PRIORITY_ALIASES.values(), *_PRIORITY_ALIASES)

_CODES: Final = {
    "keyword": ReasonCode.POLICY,
    "explicit": ReasonCode.EXPLICIT_REQUEST,
    "intent": ReasonCode.INTENT,
    "topic": ReasonCode.TOPIC,
    "sentiment": ReasonCode.SENTIMENT,
    "frustration": ReasonCode.SENTIMENT,
    "confidence": ReasonCode.LOW_CONFIDENCE,
    "repetition": ReasonCode.REPETITION,
    "time": ReasonCode.TIME_LIMIT,
}


class HandoffAction(Part):
    """What to do with a conversation that escalates: a ``type`` and that type's own fields."""

    model_config = ConfigDict(extra="allow")

    type: ActionType

    @model_validator(mode="after")
    def _known_priority(self) -> HandoffAction:
        priority = (self.model_extra or {}).get("priority")
        # a queue has a scale of its own
        if self.type != "queue" and priority is not None and priority not in _PRIORITIES:
            raise ValueError(f"priority {priority!r}, expected one of {', '.join(_PRIORITIES)}")
        return self

    def mapping(self) -> dict[str, Any]:
        """Return the action as a fresh JSON mapping, with P1 to P4 as the names they stand for."""
        data = self.model_dump(mode="json")
        priority = data.get("priority")
        if isinstance(priority, str):
            data["priority"] = _PRIORITY_ALIASES.get(priority, priority)
        return data


class Rule(Part):
    """When ``when`` holds, ``then`` escalate or offer a person.

    ``priority``, 0 to 1000: higher is looked at first, ties in the order of the document. ``message`` is what the customer
    reads, ``action`` what happens to the conversation; absent, the policy's own. ``reason`` overrides the reason code.
    """

    id: RuleId
    note: str = ""
    enabled: Flag = True
    when: Condition
    then: Literal["escalate", "offer"]
    priority: Count = Field(default=500, ge=0, le=1000)
    message: Texts | None = None
    action: HandoffAction | None = None
    reason: ReasonCode | None = None

    @model_validator(mode="after")
    def _can_be_compiled(self) -> Rule:
        compile_rule(self)
        return self


@dataclass(frozen=True, slots=True)
class CompiledRule:
    """A rule ready to run.

    ``expression`` is ``None`` where a single check is the whole condition; ``movable`` are the checks of scores.
    """

    rule: Rule
    action: Action
    code: ReasonCode
    checks: tuple[Check, ...]
    movable: tuple[ScoreCheck, ...]
    expression: Expression | None
    phases: frozenset[Phase]
    heads: frozenset[str]

    def look(self, view: View) -> tuple[list[TriggerReport], bool]:
        """Evaluate every check; return their reports and whether the rule holds."""
        reports = [check.look(view) for check in self.checks]
        if self.expression is None:
            return reports, reports[0].status is TriggerStatus.FIRED
        return reports, self.expression.holds([_TRUTH.get(report.status) for report in reports]) is True


_TRUTH: Final = {TriggerStatus.FIRED: True, TriggerStatus.EVALUATED: False}


def compile_rule(rule: Rule) -> CompiledRule:
    """Compile a rule.

    Raises:
        ValueError: its triggers can never be looked at together, because some need the bot's answer and some the customer's
            message.
    """
    checks: list[Check] = []
    expression = rule.when.compile(rule.id, checks)
    phases = BOTH
    for check in checks:
        phases &= check.phases
    if not phases:
        raise ValueError(
            "confidence and dialogue labels of a bot (bot_...) look at the bot's answer, the other triggers at the customer's "
            "message, never at once; for the bot's last answer use `turn: {after_confidence_below: ...}` or "
            "`turn: {after_bot: ...}`"
        )
    return CompiledRule(
        rule=rule,
        action=Action(rule.then),
        code=rule.reason or _code(rule.when) or ReasonCode.POLICY,
        checks=tuple(checks),
        movable=tuple(check for check in checks if isinstance(check, ScoreCheck)),
        expression=None if isinstance(expression, Leaf) else expression,
        phases=phases,
        heads=frozenset(head for check in checks for head in check.heads),
    )


def _code(condition: Condition) -> ReasonCode | None:
    """Return the code of the first trigger, in the order of the document, that has one of its own."""
    own = next((code for name, code in _CODES.items() if getattr(condition, name) is not None), None)
    if own is not None:
        return own
    parts = (_code(part) for part in condition.all or condition.any or ())
    return next((code for code in parts if code is not None), None)
