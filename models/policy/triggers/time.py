"""Time and length: a conversation that goes on for too long."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import Field, model_validator

from models.contracts import TriggerReport
from models.policy.triggers.check import BOTH, Bound, Check, Count, Move, Number, Part, above, at_least, counted
from models.policy.triggers.view import View


class Time(Part):
    """One to three clauses, all about this epoch; each is reported on its own and any of them is enough.

    ``max_duration_seconds``: more time than that has passed since the customer's first message. ``max_messages``: there
    were more messages than that, of anybody. ``max_bot_responses``: the bot has answered that many times.
    """

    max_duration_seconds: Number | None = Field(default=None, ge=0)
    max_messages: Count | None = Field(default=None, ge=0)
    max_bot_responses: Count | None = Field(default=None, ge=1)

    @model_validator(mode="after")
    def _some_clause(self) -> Time:
        if self.max_duration_seconds is None and self.max_messages is None and self.max_bot_responses is None:
            raise ValueError("nothing to count; add `max_duration_seconds`, `max_messages` or `max_bot_responses`")
        return self

    def checks(self, rule_id: str, _bound: Bound) -> tuple[Check, ...]:
        """Compile."""
        checks: list[Check] = []
        if self.max_duration_seconds is not None:
            checks.append(DurationCheck(rule_id, self.max_duration_seconds))
        if self.max_messages is not None:
            checks.append(MessagesCheck(rule_id, self.max_messages))
        if self.max_bot_responses is not None:
            checks.append(BotResponsesCheck(rule_id, self.max_bot_responses))
        return tuple(checks)


@dataclass(frozen=True, slots=True)
class DurationCheck:
    """Fires when more seconds than the threshold have passed since the epoch's first customer message.

    The clock is the message's own. One that goes back reads as no time at all.
    """

    rule_id: str
    threshold: float

    name = "time.max_duration_seconds"
    phases = BOTH
    heads = ()
    sees = ()

    def look(self, view: View) -> TriggerReport:
        """Compare seconds."""
        started_at = view.after.started_at
        seconds = 0.0 if started_at is None else max(0.0, (view.message.at - started_at).total_seconds())
        return above("time.max_duration_seconds", self.rule_id, seconds, self.threshold, {})

    def count_move(self, report: TriggerReport) -> Move | None:
        """Return the change of the count that is asked for."""
        return counted(report, least=0)


@dataclass(frozen=True, slots=True)
class MessagesCheck:
    """Fires when there were more messages than the threshold."""

    rule_id: str
    threshold: int

    name = "time.max_messages"
    phases = BOTH
    heads = ()
    sees = ()

    def look(self, view: View) -> TriggerReport:
        """Compare the count."""
        return above("time.max_messages", self.rule_id, view.after.n_messages, self.threshold, {})

    def count_move(self, report: TriggerReport) -> Move | None:
        """Return the change of the count that is asked for."""
        return counted(report, least=0)


@dataclass(frozen=True, slots=True)
class BotResponsesCheck:
    """Fires when the bot has answered at least so many times."""

    rule_id: str
    threshold: int

    name = "time.max_bot_responses"
    phases = BOTH
    heads = ()
    sees = ()

    def look(self, view: View) -> TriggerReport:
        """Compare the count."""
        return at_least("time.max_bot_responses", self.rule_id, view.after.n_bot_responses, self.threshold, {})

    def count_move(self, report: TriggerReport) -> Move | None:
        """Return the change of the count that is asked for."""
        return counted(report, least=1)
