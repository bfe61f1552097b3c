"""Rules that can never decide, and terms that add nothing, because something before them is always faster."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from models.contracts import Action, Phase
from models.policy.linting.findings import Finding
from models.policy.linting.implication import Alternative, Formula, Literal, Reader, alternatives, follows
from models.policy.linting.predicates import OfferWas, Same
from models.policy.linting.terms import Found, TermList
from models.policy.rules import CompiledRule, Rule
from models.policy.schema import ON_ERROR, Policy

# comparisons of two literals, some microseconds each; a policy of a thousand long lists of words isn't looked through
MAX_COMPARISONS: Final = 300_000

# no rule's id: an offer, as something to remember
_OFFER: Final = ""


@dataclass(frozen=True, slots=True, eq=False)
class _Read:
    """A rule with what its condition says; ``ways`` is ``None`` where it can come true in too many of them."""

    compiled: CompiledRule
    formula: Formula
    ways: tuple[Alternative, ...] | None
    size: int

    @property
    def rule(self) -> Rule:
        return self.compiled.rule


def find_unreachable(policy: Policy, reader: Reader) -> Iterator[Finding]:
    """Yield the rules that can never decide, and terms that a rule before them catches."""
    if not policy.enabled:
        message = "the policy is switched off (`enabled: false`), so no rule ever fires; set `enabled: true` or remove the line"
        yield Finding("unreachable", "warning", None, message)
        return
    reads = _read(policy, reader)
    missing = _missing(policy)
    left = MAX_COMPARISONS
    for rule_id, read in reads.items():
        if not read.ways:
            if read.ways is not None:
                yield _never(rule_id, "its conditions contradict each other, or ask for a score that there can't be")
            continue
        alive = [way for way in read.ways if _missed(way, missing) is None]
        if not alive:
            yield _never(rule_id, f"it waits for {_missed(read.ways[0], missing)}")
            continue
        before = _before(policy, read, reads)
        literals = sum(map(len, read.ways))
        left -= literals * sum(other.size for others in before.values() for other in others)
        if left < 0:
            message = f"the rules from `{rule_id}` on weren't compared with those before them: there are too many terms"
            yield Finding("too_large", "advice", None, message)
            return
        yield from _overtaken(read, alive, before, policy)


def find_repeated_terms(policy: Policy) -> Iterator[Finding]:
    """Yield the terms of a list that another term of the same list makes superfluous."""
    for rule in policy.rules:
        for part in rule.when.parts():
            terms = TermList.of(part.keyword) if part.keyword else TermList.of_topic(part.topic) if part.topic else None
            for term, by in terms.repeated() if terms is not None else ():
                message = f"the term {term!r} adds nothing: {by!r} of the same list is found wherever it is; remove it"
                yield Finding("shadowed_term", "warning", rule.id, message)


def _read(policy: Policy, reader: Reader) -> dict[str, _Read]:
    found = {}
    for compiled in (compiled for phase in Phase for compiled in policy.program[phase]):
        formula = reader.read(compiled.rule.when)
        found[compiled.rule.id] = _Read(compiled, formula, alternatives(formula), _size(formula))
    return found


def _size(formula: Formula) -> int:
    return 1 if isinstance(formula, Literal | TermList) else sum(_size(part) for part in formula.parts)


def _before(policy: Policy, read: _Read, reads: Mapping[str, _Read]) -> dict[Phase, list[_Read]]:
    """Return, for each phase in which a rule is looked at, the rules before it that decide instead of it."""
    found = {}
    for phase in read.compiled.phases:
        program = policy.program[phase]
        place = next(place for place, other in enumerate(program) if other.rule.id == read.rule.id)
        earlier = (reads[other.rule.id] for other in program[:place])
        found[phase] = [other for other in earlier if _takes_precedence(other.rule, read.rule)]
    return found


def _takes_precedence(one: Rule, other: Rule) -> bool:
    """Return whether ``other``, which comes later, can't decide on a message on which ``one`` fires."""
    timing = one.timing
    if timing.mode == "after_wait" or (
        timing.mode == "sla_aware" and "offer" in {timing.when_late, timing.when_closed}
    ):
        return False
    if one.then == "offer":
        # an offer is made once; where it was made, the rules after it that escalate have their turn
        return other.then == "offer"
    # while details are asked for, what waits goes on waiting
    return not one.collect or other.timing.mode == "immediate"


def _missing(policy: Policy) -> dict[str, str]:
    """Return what nothing in a policy brings about, by what a rule would remember of it, and as people say it."""
    gone = {rule.id: f"`{rule.id}`, which is switched off" for rule in policy.rules if not rule.enabled}
    if policy.on_error is Action.CONTINUE:
        gone[ON_ERROR] = f"`{ON_ERROR}`, and `{ON_ERROR}: continue` does nothing that could be remembered"
    if not _offers(policy):
        gone[_OFFER] = "an offer of a person, and nothing in this policy offers one"
    return gone


def _missed(way: Alternative, missing: Mapping[str, str]) -> str | None:
    """Return what a condition would have to remember, to come true in this way, that never happens."""
    remembered = (_remembered(literal) for literal in way if literal.truth)
    return next((missing[name] for name in remembered if name is not None and name in missing), None)


def _remembered(literal: Literal) -> str | None:
    predicate = literal.predicate
    if isinstance(predicate, OfferWas):
        return _OFFER
    parts = predicate.parts if isinstance(predicate, Same) else ()
    return parts[1] if parts and parts[0] == "fired" else None


def _offers(policy: Policy) -> bool:
    rules = [rule for rule in policy.rules if rule.enabled]
    timings = [rule.timing for rule in rules if rule.timing.mode == "sla_aware"]
    return (
        policy.on_error is Action.OFFER
        or any(rule.then == "offer" for rule in rules)
        or any("offer" in {timing.when_late, timing.when_closed} for timing in timings)
    )


def _overtaken(
    read: _Read, ways: Sequence[Alternative], before: Mapping[Phase, Sequence[_Read]], policy: Policy
) -> Iterator[Finding]:
    caught = [(way, by) for way in ways if (by := _catchers(way, before))]
    if len(caught) == len(ways):
        # what is remembered of it may still be wanted; a lazy policy remembers only what it looked at
        if policy.evaluation == "lazy" or not _is_remembered(read.rule.id, policy):
            yield _never_decides(read.rule, _unique(other for _, by in caught for other in by))
        return
    for way, by in caught:
        if len(way) == 1 and way[0].truth and isinstance(way[0].predicate, Found):
            names = " and ".join(f"`{rule.id}`" for rule in _unique(by))
            message = (
                f"the term {way[0].predicate.term!r} never decides: {names} before this rule fires on every message that holds "
                "it; remove the term here or there"
            )
            yield Finding("shadowed_term", "warning", read.rule.id, message)


def _catchers(way: Alternative, before: Mapping[Phase, Sequence[_Read]]) -> tuple[_Read, ...]:
    """Return the rules, one for each phase, that fire wherever these literals are true; none if some phase has none."""
    found = []
    for others in before.values():
        by = next((other for other in others if follows(other.formula, way)), None)
        if by is None:
            return ()
        found.append(by)
    return tuple(found)


def _unique(reads: Iterable[_Read]) -> list[Rule]:
    return [read.rule for read in dict.fromkeys(reads)]


def _is_remembered(rule_id: str, policy: Policy) -> bool:
    parts = (part for rule in policy.rules if rule.enabled for part in rule.when.parts())
    return any(part.turn is not None and rule_id in (part.turn.fired or ()) for part in parts)


def _never_decides(rule: Rule, by: Sequence[Rule]) -> Finding:
    names = [f"`{other.id}` (priority {other.priority})" for other in by]
    who = f"{names[0]} comes" if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]} come"
    which = "fires" if len(names) == 1 else "between them fire"
    above = max(other.priority for other in by)
    raised = "" if above >= 1000 else f", give it a priority above {above}"
    found = f"{who} before it and {which} whenever it would, so it never decides"
    return Finding("unreachable", "error", rule.id, f"{found}; remove it{raised}, or make the other stricter")


def _never(rule_id: str, why: str) -> Finding:
    return Finding("unreachable", "error", rule_id, f"{why}, so it never fires; mend its conditions or remove it")
