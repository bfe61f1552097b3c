"""The SLA: by when a person must have answered and the matter be resolved, for each priority, and when people work."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from itertools import pairwise
from typing import Annotated, Final, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from models.policy.triggers.check import Count, Number, Part

Seconds = Annotated[Count, Field(ge=1, le=366 * 86400)]


class Clock(Part):
    """Within how many seconds a person must have answered, and the matter be resolved, from the pending handoff on."""

    first_response_seconds: Seconds
    resolution_seconds: Seconds

    @model_validator(mode="after")
    def _answered_before_resolved(self) -> Clock:
        if self.resolution_seconds < self.first_response_seconds:
            raise ValueError(
                f"resolution_seconds {self.resolution_seconds} is less than first_response_seconds "
                f"{self.first_response_seconds}; a first response comes before the end, so mend one of them"
            )
        return self


class UrgentClock(Clock):
    """A minute and an hour."""

    first_response_seconds: Seconds = 60
    resolution_seconds: Seconds = 3600


class HighClock(Clock):
    """Five minutes and four hours."""

    first_response_seconds: Seconds = 300
    resolution_seconds: Seconds = 14400


class NormalClock(Clock):
    """A quarter of an hour and a day."""

    first_response_seconds: Seconds = 900
    resolution_seconds: Seconds = 86400


class LowClock(Clock):
    """An hour and two days."""

    first_response_seconds: Seconds = 3600
    resolution_seconds: Seconds = 172800


Day = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
_HOURS: Final = r"^([01][0-9]|2[0-3]):[0-5][0-9]-(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$"


def _in_order(spans: tuple[str, ...]) -> tuple[str, ...]:
    # times of day with two digits each compare as text
    times = [time for span in spans for time in span.split("-")]
    if any(earlier >= later for earlier, later in pairwise(times)):
        raise ValueError(
            f"the hours {', '.join(spans)} overlap or go back; write them in order, as 09:00-12:00, 13:00-17:00"
        )
    return spans


def _is_zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError(f"unknown time zone {value!r}; expected a name as Europe/Berlin or UTC") from error
    return value


def _is_date(value: str) -> str:
    try:
        date.fromisoformat(value)
    except ValueError as error:
        raise ValueError(f"found {value!r}; expected a day as 2026-12-25") from error
    return value


_Spans = Annotated[
    tuple[Annotated[str, StringConstraints(pattern=_HOURS)], ...], Field(max_length=10), AfterValidator(_in_order)
]
_Date = Annotated[str, StringConstraints(pattern=r"^\d{4}-\d{2}-\d{2}$"), AfterValidator(_is_date)]


class BusinessHours(Part):
    """When people work: ``hours`` of each day (``09:00-17:00``; a day that is not named is off), and ``holidays``."""

    time_zone: Annotated[str, AfterValidator(_is_zone)]
    hours: Annotated[Mapping[Day, _Spans], Field(min_length=1)]
    holidays: Annotated[tuple[_Date, ...], Field(max_length=1000)] = ()


class Sla(Part):
    """By when, for each priority; at risk once ``at_risk_ratio`` of the time is gone. Without business hours, always."""

    urgent: UrgentClock = UrgentClock()
    high: HighClock = HighClock()
    normal: NormalClock = NormalClock()
    low: LowClock = LowClock()
    at_risk_ratio: Number = Field(default=0.8, gt=0, lt=1)
    business_hours: BusinessHours | None = None
