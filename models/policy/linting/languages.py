"""Languages: of the policy, of its texts, and of the models that are to read its customers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from models.contracts import Action, Phase
from models.phrases import LANGUAGES
from models.policy.linting.findings import Facts, Finding
from models.policy.schema import Policy

# country codes that are taken for languages
_MEANT: Final = {
    "at": "de", "br": "pt-BR", "cn": "zh", "cz": "cs", "dk": "da", "gb": "en", "gr": "el", "in": "hi", "jp": "ja", "kr": "ko",
    "mx": "es", "se": "sv", "sp": "es", "ua": "uk", "us": "en",
}  # fmt: skip

_SHOWN: Final = 5


def find_languages(policy: Policy, facts: Facts | None) -> Iterator[Finding]:
    """Yield what customers of the policy's own language would miss, and texts in languages that nothing else knows."""
    yield from _untested(policy, facts)
    yield from _unread(policy, facts)
    yield from _unwritten(policy)


def _untested(policy: Policy, facts: Facts | None) -> Iterator[Finding]:
    known = {*LANGUAGES, *(facts.languages if facts else ()), *(facts.request_languages if facts else ())}
    language = _base(policy.locale)
    if language not in known:
        message = (
            f"the policy's locale is `{policy.locale}`, and who asks for a person is only heard in {', '.join(sorted(known))}; "
            f"{_meant(language) or 'add keyword rules for that language, and test them'}"
        )
        yield Finding("untested_locale", "warning", None, message)
    strange = sorted({locale for texts in _texts(policy).values() for locale in texts if _base(locale) not in known})
    for locale in strange:
        hint = _meant(_base(locale)) or "nobody needs to do anything if your customers write in it"
        message = f"there are texts in `{locale}`, a language in which nobody's request for a person is heard; {hint}"
        yield Finding("untested_locale", "advice", None, message)


def _unread(policy: Policy, facts: Facts | None) -> Iterator[Finding]:
    language = _base(policy.locale)
    if facts is None or language in facts.languages:
        return
    rules = {rule.rule.id: rule for phase in Phase for rule in policy.program[phase]}
    deaf = [rule_id for rule_id, rule in rules.items() if rule.heads - {"explicit"}]
    if deaf:
        more = f" and {len(deaf) - _SHOWN} more" if len(deaf) > _SHOWN else ""
        names = ", ".join(f"`{rule_id}`" for rule_id in deaf[:_SHOWN])
        message = (
            f"the policy's locale is `{policy.locale}`, and the models of the bundle {facts.name} read "
            f"{', '.join(facts.languages)} only, so {names}{more} see no scores of such messages; keyword, explicit, time and "
            "repetition rules still work there: add some, or use a bundle for that language"
        )
        yield Finding("english_only", "warning", None, message)


def _unwritten(policy: Policy) -> Iterator[Finding]:
    locale, messages = policy.locale, policy.messages
    texts = _texts(policy)
    for name, written in texts.items():
        rule = policy.by_id.get(name.removeprefix("rules.").removesuffix(".message"))
        default = texts.get(f"messages.{rule.then}", {}) if rule else {}
        if written and not _is_written(written, locale) and not _is_written(default, locale):
            first = next(iter(written))
            message = (
                f"{'its message' if rule else f'`{name}`'} isn't written in the policy's own locale `{locale}`, so customers "
                f"whose language is missing too read `{first}`; add `{locale}`"
            )
            yield Finding("missing_text", "warning", rule.id if rule else None, message)
    for name in _read_defaults(policy):
        if _base(locale) != "en" and name not in messages.model_fields_set:
            message = f"`messages.{name}` isn't written, and its default is English; write it in `{locale}`"
            yield Finding("missing_text", "warning", None, message)


def _read_defaults(policy: Policy) -> Iterator[str]:
    """Yield the messages with an English default that some customer can come to read."""
    rules = [rule for rule in policy.rules if rule.enabled]
    offers = any(rule.then == "offer" for rule in rules)
    # who accepts an offer reads the policy's own text
    if offers or policy.on_error is Action.ESCALATE or any(rule.message is None for rule in rules):
        yield "escalate"
    if policy.on_error is Action.OFFER or any(rule.then == "offer" and rule.message is None for rule in rules):
        yield "offer"
    if any(rule.collect for rule in rules):
        yield "collecting_info"
    timings = [rule.timing for rule in rules if rule.timing.mode == "sla_aware"]
    calls = [timing.callback for timing in timings if "callback" in {timing.when_late, timing.when_closed}]
    if any(call.confirmation_message is None for call in calls):
        yield "callback"


def _texts(policy: Policy) -> dict[str, Mapping[str, str]]:
    """Return every text that is written per locale, by the name of its field."""
    messages = policy.messages
    found: dict[str, Any] = {f"messages.{name}": getattr(messages, name) for name in type(messages).model_fields}
    found |= {f"rules.{rule.id}.message": rule.message for rule in policy.rules}
    return {name: texts for name, texts in found.items() if isinstance(texts, Mapping)}


def _is_written(texts: Mapping[str, str], locale: str) -> bool:
    return locale in texts or _base(locale) in texts


def _base(locale: str) -> str:
    return locale.partition("-")[0]


def _meant(language: str) -> str | None:
    return f"`{language}` is a country: was `{_MEANT[language]}` meant?" if language in _MEANT else None
