"""A rule of a policy, and its compiled form: what to look at, when, and what follows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Final, Literal

from pydantic import Field, StringConstraints, model_validator

from models.contracts import Action, Phase, ReasonCode, TriggerReport, TriggerStatus
from models.policy.handoff import CallbackAction, HandoffAction
from models.policy.templates import PlainTexts
from models.policy.triggers.check import (
    BOTH,
    Bound,
    Check,
    Count,
    CountCheck,
    Flag,
    Number,
    Part,
    RecallCheck,
    ScoreCheck,
)
from models.policy.triggers.combine import Condition, Expression, Leaf
from models.policy.triggers.context import FieldName
from models.policy.triggers.view import View

RuleId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.:-]{0,63}$")]

_CODES: Final = {
    "keyword": ReasonCode.POLICY,
    "explicit": ReasonCode.EXPLICIT_REQUEST,
    "intent": ReasonCode.INTENT,
    "topic": ReasonCode.TOPIC,
    "sentiment": ReasonCode.SENTIMENT,
    "frustration": ReasonCode.SENTIMENT,
    "guideline": ReasonCode.GUIDELINE,
    "confidence": ReasonCode.LOW_CONFIDENCE,
    "repetition": ReasonCode.REPETITION,
    "time": ReasonCode.TIME_LIMIT,
    "risk": ReasonCode.RISK,
}


class Timing(Part):
    """When a rule that holds takes effect.

    ``immediate``: at once. ``after_wait``: when ``wait_seconds`` have passed since it first held, unless the customer said in
    the meantime that the matter is settled (the policy's ``resolution``). ``sla_aware``: at once where a person can
    answer within the SLA of the handoff's priority; where the wait is longer ``when_late`` says what happens, and
    ``when_closed`` while nobody works. The queue is what the caller says of it: ``context.queue`` with ``wait_seconds`` and
    ``open``.
    """

    mode: Literal["immediate", "after_wait", "sla_aware"] = "immediate"
    wait_seconds: Number | None = Field(default=None, gt=0, le=30 * 86400)
    when_late: Literal["callback", "offer", "escalate"] = "callback"
    when_closed: Literal["callback", "offer", "escalate"] = "callback"
    callback: CallbackAction = CallbackAction(type="callback")

    @model_validator(mode="after")
    def _waits_for_so_long(self) -> Timing:
        fields = type(self).model_fields  # a default that is written out says nothing
        idle = [
            name for name in ("callback", "when_closed", "when_late") if getattr(self, name) != fields[name].default
        ]
        if idle and self.mode != "sla_aware":
            raise ValueError(f"{idle[0]} belongs to the mode `sla_aware`; remove it, or choose that mode")
        if (self.mode == "after_wait") != (self.wait_seconds is not None):
            raise ValueError(
                "wait_seconds belongs to the mode `after_wait`, which needs it; add the one or remove the other"
            )
        return self


class Rule(Part):
    """When ``when`` holds, ``then`` escalate or offer a person.

    ``priority``, 0 to 1000: higher is looked at first, ties in the order of the document. ``message`` is what the customer
    reads, ``action`` what happens to the conversation; absent, the policy's own. ``also``: what is done besides. ``reason``
    overrides the reason code. ``timing``: when it takes effect. ``collect``: fields that the bot asks for before the handoff,
    where the caller didn't send them (``customer.<name>``, ``context.<name>``); it asks once.
    """

    id: RuleId
    note: str = ""
    enabled: Flag = True
    when: Condition
    then: Literal["escalate", "offer"]
    priority: Count = Field(default=500, ge=0, le=1000)
    message: PlainTexts | None = None
    action: HandoffAction | None = None
    also: Annotated[tuple[HandoffAction, ...], Field(max_length=10)] = ()
    reason: ReasonCode | None = None
    timing: Timing = Timing()
    collect: Annotated[tuple[FieldName, ...], Field(max_length=20)] = ()

    @model_validator(mode="after")
    def _can_be_compiled(self) -> Rule:
        compile_rule(self)
        return self

    @model_validator(mode="after")
    def _only_handoffs_prepare(self) -> Rule:
        if self.then == "offer":
            found = [name for name in ("action", "also", "collect") if getattr(self, name)]
            if self.timing.mode == "sla_aware":
                found.append("timing.mode sla_aware")
            if found and found != ["action"]:  # an accepted offer escalates with the rule's action
                raise ValueError(f"{found[-1]} is for rules that escalate; remove it, or make this `then: escalate`")
        return self

    @model_validator(mode="after")
    def _collects_what_callers_send(self) -> Rule:
        strange = [name for name in self.collect if "." not in name]
        if strange:
            raise ValueError(f"collect names {strange[0]!r}; expected customer.<name> or context.<name>")
        return self


# what a rule's checks found, and whether it holds: None where that is unknown
Look = tuple[list[TriggerReport], bool | None]


@dataclass(frozen=True, slots=True)
class CompiledRule:
    """A rule ready to run.

    ``expression`` is ``None`` where a single check is the whole condition. ``movable`` are the checks of scores, ``countable``
    the places of those that count. ``heads`` are the scores that it looks at, ``sees`` all that can change what it finds,
    ``recalls`` those of earlier messages.
    """

    id: str
    rule: Rule
    action: Action
    code: ReasonCode
    checks: tuple[Check, ...]
    movable: tuple[ScoreCheck, ...]
    countable: tuple[tuple[int, CountCheck], ...]
    expression: Expression | None
    phases: frozenset[Phase]
    heads: frozenset[str]
    sees: frozenset[str]
    recalls: frozenset[tuple[Phase, str]]

    def look(self, view: View) -> Look:
        """Evaluate every check."""
        if self.expression is None:
            report = self.checks[0].look(view)
            return [report], _TRUTH.get(report.status)
        return self.judge([check.look(view) for check in self.checks])

    def judge(self, reports: list[TriggerReport]) -> Look:
        """Say whether the rule holds, from its checks' reports."""
        if self.expression is None:
            return reports, _TRUTH.get(reports[0].status)
        return reports, self.expression.holds([_TRUTH.get(report.status) for report in reports])

    def skipped(self) -> Iterator[TriggerReport]:
        """Yield a report for each check, of a rule that nobody looked at."""
        for check in self.checks:
            yield TriggerReport(check.name, self.rule.id, TriggerStatus.SKIPPED)


# what a report says of its check; unknown where it had nothing to look at
_TRUTH: Final = {TriggerStatus.FIRED: True, TriggerStatus.EVALUATED: False}


def compile_rule(rule: Rule, bound: Bound = Bound()) -> CompiledRule:  # noqa: B008 - immutable
    """Compile a rule, with the labels and thresholds that its policy is bound to.

    Raises:
        ValueError: its triggers can never be looked at together, because some need the bot's answer and some the customer's
            message.
    """
    checks: list[Check] = []
    expression = rule.when.compile(rule.id, checks, bound)
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
        id=rule.id,
        rule=rule,
        action=Action(rule.then),
        code=rule.reason or _code(rule.when) or ReasonCode.POLICY,
        checks=tuple(checks),
        movable=tuple(check for check in checks if isinstance(check, ScoreCheck)),
        countable=tuple((place, check) for place, check in enumerate(checks) if isinstance(check, CountCheck)),
        expression=None if isinstance(expression, Leaf) else expression,
        phases=phases,
        heads=frozenset(head for check in checks for head in check.heads),
        sees=frozenset(head for check in checks for head in check.sees),
        recalls=frozenset(score for check in checks if isinstance(check, RecallCheck) for score in check.recalls),
    )


def _code(condition: Condition) -> ReasonCode | None:
    """Return the code of the first trigger, in the order of the document, that has one of its own."""
    own = next((code for name, code in _CODES.items() if getattr(condition, name) is not None), None)
    if own is not None:
        return own
    parts = (_code(part) for part in condition.all or condition.any or ())
    return next((code for code in parts if code is not None), None)
