"""What the service says about itself: JSON log lines, metrics, request ids. Never the text of a message."""

from __future__ import annotations

import json
import logging
import re
import secrets
import sys
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any, TextIO

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    generate_latest,
)

REQUEST_ID: ContextVar[str | None] = ContextVar("baton_request_id", default=None)
_LOGGER = logging.getLogger("baton")
_ACCEPTED_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")
_SECONDS = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10)
_SIZES = (1, 2, 4, 8, 16, 32, 64, 128)


def request_id(proposed: str | None) -> str:
    """Return the caller's request id if it is harmless to log, else a new one."""
    if proposed and _ACCEPTED_ID.fullmatch(proposed):
        return proposed
    return f"r-{secrets.token_hex(8)}"


def log(event: str, *, level: int = logging.INFO, error: BaseException | None = None, **fields: Any) -> None:
    """Write one log line: an event's name and its ids, lengths, reasons and durations; never a message's text.

    Of ``error`` only the class and the code places are written: its message may quote what a customer wrote.
    """
    _LOGGER.log(level, event, exc_info=error, extra={"fields": fields})


class JsonLines(logging.Formatter):
    """One JSON object a line: instant, level, event, request id and the event's fields."""

    def format(self, record: logging.LogRecord) -> str:
        """Render a record; texts of exceptions are left out on purpose."""
        line: dict[str, Any] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
        }
        if record.name == _LOGGER.name:
            line["event"] = record.getMessage()
        else:  # a library's line: what follows its first line may show values
            line |= {"event": record.name, "message": record.getMessage().partition("\n")[0]}
        if (current := REQUEST_ID.get()) is not None:
            line["request_id"] = current
        line |= getattr(record, "fields", {})
        if record.exc_info and record.exc_info[1] is not None:
            line |= _where(record.exc_info[1])
        return json.dumps(line, ensure_ascii=False, default=str)


def _where(error: BaseException) -> dict[str, Any]:
    frames = traceback.extract_tb(error.__traceback__)
    places = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames]
    return {"error": type(error).__name__, "trace": places}


def start_logging(level: str, stream: TextIO | None = None) -> None:
    """Send the log lines of this process, its libraries' warnings included, as JSON to a stream (standard error)."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonLines())
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(logging.WARNING)
    _LOGGER.setLevel(level.upper())


class Metrics:
    """The service's metrics in a registry of their own, so that two services in one process don't meet."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        self.requests = self._counter("baton_requests_total", "HTTP requests answered", "route", "method", "status")
        self.request_seconds = self._seconds("baton_request_seconds", "From the first byte in to the last out", "route")
        self.decisions = self._counter("baton_decisions_total", "Decisions recorded", "phase", "action", "reason")
        self.degraded = self._counter("baton_degraded_total", "Decisions taken although something failed", "what")
        self.repeated = self._counter("baton_repeated_total", "Turns answered from their record")
        self.stage_seconds = self._seconds("baton_stage_seconds", "Where a turn's time goes", "stage")
        self.queue_depth = Gauge("baton_queue_depth", "Messages waiting for the scorer", registry=self.registry)
        self.batch_size = Histogram(
            "baton_batch_size", "Messages in one hand-over to the scorer", buckets=_SIZES, registry=self.registry
        )
        self.dropped = self._counter("baton_dropped_total", "Messages not scored because their caller went away")

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(name, text, labels, registry=self.registry)

    def _seconds(self, name: str, text: str, label: str) -> Histogram:
        return Histogram(name, text, (label,), buckets=_SECONDS, registry=self.registry)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time a stage of a turn: ``store``, ``queue``, ``inference`` or ``decide``."""
        started = time.perf_counter()
        try:
            yield
        finally:
            self.stage_seconds.labels(name).observe(time.perf_counter() - started)

    def render(self) -> bytes:
        """Return all metrics in the Prometheus text format."""
        return generate_latest(self.registry)
