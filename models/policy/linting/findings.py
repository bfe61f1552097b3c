"""What lint says, and what it may know of the bundle that a policy is for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

Severity = Literal["error", "warning", "advice"]
SEVERITIES: Final[tuple[Severity, ...]] = ("error", "warning", "advice")


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that lint found.

    ``error``: something can never work as it stands. ``warning``: it works, and probably not as meant. ``advice``: it may
    well be meant. ``rule_id`` is ``None`` where no single rule is meant. ``message`` says what was found, why it matters
    and what mends it.
    """

    code: str
    severity: Severity
    rule_id: str | None
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What a bundle can do, as plain values.

    ``intents``, ``topics`` and ``dialogue`` are its labels; ``languages`` (ISO 639-1) those that its models read,
    ``request_languages`` those in which it hears who asks for a person. ``scores`` names what it scores (``custom``,
    ``risk``, ``confidence`` ...). ``thresholds`` are what it recommends, by label. ``ceilings`` are the largest
    probabilities that its calibration can give: by head, or by ``head.label`` where labels differ; 1 where absent.
    """

    name: str
    intents: tuple[str, ...]
    topics: tuple[str, ...]
    dialogue: tuple[str, ...]
    languages: tuple[str, ...]
    request_languages: tuple[str, ...] = ()
    scores: frozenset[str] = frozenset()
    thresholds: Mapping[str, float] = field(default_factory=dict)
    ceilings: Mapping[str, float] = field(default_factory=dict)

    def ceiling(self, head: str, label: str | None = None) -> float:
        """Return the largest probability that a head can give, for one of its labels."""
        return self.ceilings.get(f"{head}.{label}", self.ceilings.get(head, 1.0))
