"""lint(): what in a policy can't work, probably isn't meant, or is known to go wrong. Nothing of it changes a decision."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Final

from models.policy.linting.findings import SEVERITIES, Facts, Finding, Severity
from models.policy.linting.implication import Reader
from models.policy.linting.labels import find_thin_labels, find_unknown_labels, find_unused_labels
from models.policy.linting.languages import find_languages
from models.policy.linting.reach import find_repeated_terms, find_unreachable
from models.policy.linting.shape import find_missing, find_moody_rules, find_order
from models.policy.linting.thresholds import find_unreachable_thresholds
from models.policy.linting.words import find_innocent_terms
from models.policy.schema import Policy

__all__ = ["SEVERITIES", "Facts", "Finding", "Severity", "lint"]

_ENOUGH: Final = 10


def lint(policy: Policy, facts: Facts | None = None) -> tuple[Finding, ...]:
    """Return what is to be said of a policy, each thing once: errors first, then warnings, then advice; rules in order.

    Args:
        policy: the policy.
        facts: what the bundle can do that it is for. Without them nothing is said of labels, languages of models, and
            thresholds that the bundle gives.
    """
    places: dict[str | None, int] = {None: -1} | {rule.id: place for place, rule in enumerate(policy.rules)}
    found = _counted(dict.fromkeys(_look(policy, facts)))
    return tuple(sorted(found, key=lambda one: (SEVERITIES.index(one.severity), places[one.rule_id])))


def _counted(findings: Iterable[Finding]) -> Iterator[Finding]:
    """Yield findings; of more than ten of a kind for one rule the rest only as a number."""
    kinds = defaultdict[tuple[str, Severity, str | None], list[Finding]](list)
    for finding in findings:
        kinds[finding.code, finding.severity, finding.rule_id].append(finding)
    for kind, alike in kinds.items():
        yield from alike[:_ENOUGH]
        if len(alike) > _ENOUGH:
            yield Finding(*kind, f"and {len(alike) - _ENOUGH} more of this kind; mend these first")


def _look(policy: Policy, facts: Facts | None) -> Iterator[Finding]:
    custom = {name: settings.threshold for name, settings in policy.labels.items()}
    reader = Reader(custom, None if facts is None else facts.thresholds)
    yield from find_unreachable(policy, reader)
    yield from find_repeated_terms(policy)
    yield from find_innocent_terms(policy)
    if policy.enabled:
        yield from find_missing(policy)
        yield from find_order(policy, reader)
    yield from find_moody_rules(policy, reader)
    yield from find_unreachable_thresholds(policy, reader, facts)
    yield from find_unused_labels(policy)
    yield from find_thin_labels(policy)
    yield from find_languages(policy, facts)
    if facts is not None:
        yield from find_unknown_labels(policy, facts)
