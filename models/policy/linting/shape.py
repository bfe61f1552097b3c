"""The whole policy: what is missing in it, in which order its rules stand, how much one message may decide."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from models.contracts import Phase, ReasonCode
from models.policy.linting.findings import Finding, Severity
from models.policy.linting.implication import Alternative, Every, Reader, alternatives
from models.policy.linting.predicates import Holds, Level
from models.policy.rules import CompiledRule, Rule
from models.policy.schema import Policy

# what is above this is mildly negative at most
MILD_SENTIMENT: Final = -0.4

# what a single message's mood is made of
_MOODS: Final = {"sentiment", "frustration"}


def find_missing(policy: Policy) -> Iterator[Finding]:
    """Yield what every policy needs and this one lacks."""
    rules = [rule for rule in policy.rules if rule.enabled]
    if not rules:
        message = "there is no rule that is switched on, so nothing is ever escalated; add one, `{explicit: {}}` to begin with"
        yield Finding("no_default", "warning", None, message)
        return
    if all(rule.then == "offer" for rule in rules):
        message = (
            "no rule escalates: a person is offered and, unless the customer accepts, never comes; add one that does"
        )
        yield Finding("no_default", "warning", None, message)
    yield from _safety_net(policy)


def find_order(policy: Policy, reader: Reader) -> Iterator[Finding]:
    """Yield rules that stand before others and should not."""
    program = policy.program[Phase.PRE]
    if policy.evaluation == "lazy":
        yield from _expensive_first(program)
    yield from _outvoted(program, reader)


def find_moody_rules(policy: Policy, reader: Reader) -> Iterator[Finding]:
    """Yield rules that trust the sentiment of a single message, or of messages that are hardly negative."""
    for rule in (rule for rule in policy.rules if rule.enabled):
        ways = alternatives(reader.read(rule.when)) or ()
        if rule.then == "escalate" and any(_is_one_mood(way) for way in ways):
            message = (
                "it escalates on the sentiment of a single message, which irony, curt words and anger about something else "
                "get wrong; use a `window` of 3 messages or a `streak`, or let it `offer`"
            )
            yield Finding("single_sentiment", "warning", rule.id, message)
        for part in rule.when.parts():
            if part.sentiment is None:
                continue
            window = part.sentiment.window
            limits = [part.sentiment.below, window.below if window else None]
            mild = [limit for limit in limits if limit is not None and MILD_SENTIMENT < limit < 1]
            if mild:
                message = (
                    f"sentiment below {mild[0]:g} is mildly negative only, and calm messages about bad news are that too; "
                    f"use {MILD_SENTIMENT:g} or less, -0.6 to begin with"
                )
                severity: Severity = "warning" if rule.then == "escalate" else "advice"
                yield Finding("mild_sentiment", severity, rule.id, message)


def _safety_net(policy: Policy) -> Iterator[Finding]:
    answers = policy.program[Phase.POST]
    nets = [place for place, rule in enumerate(answers) if "confidence" in rule.heads]
    if not nets:
        message = (
            "no rule looks at the confidence in the bot's answer, so a bad answer is noticed only when the customer complains; "
            "add a `confidence` rule of the lowest priority"
        )
        yield Finding("no_safety_net", "advice", None, message)
        return
    after = [rule.rule.id for rule in answers[nets[-1] + 1 :]]
    if after:
        net = answers[nets[-1]].rule
        names = ", ".join(f"`{name}`" for name in after)
        message = (
            f"it is the safety net and comes before {names}, which look at the same answer and know better why; "
            "give it the lowest priority"
        )
        yield Finding("no_safety_net", "advice", net.id, message)


def _expensive_first(program: tuple[CompiledRule, ...]) -> Iterator[Finding]:
    dear = next((place for place, rule in enumerate(program) if rule.heads), len(program))
    for rule in program[dear:]:
        if not rule.heads and _reads_text(rule):
            message = (
                f"it needs no model and comes after `{program[dear].rule.id}`, which does, so that `evaluation: lazy` runs the "
                "model in vain where this rule fires; give it the higher priority"
            )
            yield Finding("expensive_first", "advice", rule.rule.id, message)


def _reads_text(rule: CompiledRule) -> bool:
    parts = list(rule.rule.when.parts())
    return any(part.keyword is not None or part.explicit is not None or part.topic is not None for part in parts)


def _outvoted(program: tuple[CompiledRule, ...], reader: Reader) -> Iterator[Finding]:
    """X-6: nothing but an escalation may come before the clear explicit request."""
    clear = next((rule for rule in program if rule.rule.then == "escalate" and _is_explicit(rule.rule)), None)
    if clear is None:
        asks = [
            rule.rule.id for rule in program if rule.code is ReasonCode.EXPLICIT_REQUEST or _hears_requests(rule.rule)
        ]
        if not asks and program:
            message = (
                "no rule escalates when the customer clearly asks for a person; add `explicit: {}` before all others"
            )
            yield Finding("explicit_outvoted", "advice", None, message)
        return
    if clear.rule.timing.mode == "after_wait":
        message = "it lets customers wait who clearly ask for a person; use `timing: {mode: immediate}`"
        yield Finding("explicit_outvoted", "warning", clear.rule.id, message)
    for rule in program[: program.index(clear)]:
        # what is half a request itself may well offer: "agent?"
        if (
            rule.rule.then != "offer"
            or rule.code is ReasonCode.EXPLICIT_REQUEST
            or _exclude(rule.rule, clear.rule, reader)
        ):
            continue
        message = (
            f"it offers a person before `{clear.rule.id}` escalates, so that who clearly asks for a person may only be asked "
            f"whether they want one; give it a priority below {clear.rule.priority}"
        )
        yield Finding("explicit_outvoted", "warning", rule.rule.id, message)


def _is_explicit(rule: Rule) -> bool:
    """Return whether an explicit request alone is enough for a rule."""
    condition = rule.when
    return condition.explicit is not None or any(part.explicit is not None for part in condition.any or ())


def _hears_requests(rule: Rule) -> bool:
    parts = (part for part in rule.when.parts() if part.intent is not None)
    return rule.then == "escalate" and any("request_human" in part.intent.labels for part in parts if part.intent)


def _exclude(one: Rule, other: Rule, reader: Reader) -> bool:
    """Return whether two rules can't hold of the same message, for certain."""
    return alternatives(Every((reader.read(one.when), reader.read(other.when)))) == ()


def _is_one_mood(way: Alternative) -> bool:
    """Return whether one message's mood is all that a rule needs to see, beside what the caller says."""
    seen = [literal for literal in way if not isinstance(literal.predicate, Holds)]
    levels = [literal.predicate for literal in seen if literal.truth and isinstance(literal.predicate, Level)]
    moods = [level for level in levels if level.what[0] in _MOODS or _is_streak_of_one(level)]
    return bool(moods) and len(moods) == len(seen) and any(level.what[0] != "frustration" for level in moods)


def _is_streak_of_one(level: Level) -> bool:
    return level.what == ("streak",) and level.strictness[0] == 1
