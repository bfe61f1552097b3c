"""Words: which text the customer reads, and the sentence that explains a decision to people."""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from models.contracts import ReasonCode, TriggerReport, TriggerStatus
from models.policy.templates import Texts
from models.text import excerpt

Words = Mapping[str, str]

_FILE: Final = Path(__file__).parent / "sentences.toml"
_NONE_DESCRIBED: Final[Mapping[str, Any]] = MappingProxyType({})


def sentence(
    code: ReasonCode,
    reports: Iterable[TriggerReport] = (),
    locale: str = "en",
    labels: Mapping[str, Any] = _NONE_DESCRIBED,
) -> str:
    """Return the sentence for a reason, with the facts of the first trigger that fired and has some.

    ``locale`` is the policy's; ``pt-BR`` reads as ``pt``, a language without sentences as English. ``labels`` are the
    policy's own, by name: one that has a ``description`` is told by it.
    """
    words = _words(locale.partition("-")[0])
    tell = _TELL.get(code)
    if tell is not None:
        for report in reports:
            if report.status is TriggerStatus.FIRED:
                told = tell(report, words, labels)
                if told is not None:
                    return told
    return words[code]


def accepted(locale: str = "en") -> str:
    """Return the sentence for an offer that the customer accepted."""
    return _words(locale.partition("-")[0])["accepted"]


def pick(own: Texts | None, default: Texts, languages: Iterable[str | None]) -> str:
    """Return what the customer reads: a rule's own text, else the policy's default, in the first language that is written.

    A plain text is for everybody. Of texts per locale the languages are tried in order, each in the rule's own texts and then
    in the default's; ``pt-BR`` falls back on ``pt``. If none is written, any language is better than silence.
    """
    if isinstance(own, str):
        return own
    written = [texts for texts in (own, default) if texts is not None]
    for code in (code for language in languages if language for code in (language, language.partition("-")[0])):
        for texts in written:
            if not isinstance(texts, str) and code in texts:
                return texts[code]
    return written[0] if isinstance(written[0], str) else next(iter(written[0].values()))


@functools.cache
def _tables() -> Mapping[str, Words]:
    return tomllib.loads(_FILE.read_text(encoding="utf-8"))


@functools.cache
def _words(language: str) -> Words:
    tables = _tables()
    return tables.get(language, tables["en"])


def _request(report: TriggerReport, words: Words, _labels: Mapping[str, Any]) -> str | None:
    phrase = report.evidence.get("phrase") if report.name == "explicit" else _found(report)
    return words["explicit_request_phrase"].format(phrase=excerpt(phrase)) if phrase else None


def _phrase(report: TriggerReport, words: Words, _labels: Mapping[str, Any]) -> str | None:
    phrase = _found(report)
    return words["policy_phrase"].format(phrase=excerpt(phrase)) if phrase else None


def _found(report: TriggerReport) -> str | None:
    """Return the text that a keyword matched."""
    return report.evidence.get("text") if report.name == "keyword" else None


def _label(report: TriggerReport, words: Words, labels: Mapping[str, Any]) -> str | None:
    label = report.evidence.get("label")
    if not label:
        return None
    description = getattr(labels.get(label), "description", None)
    if description:
        return words["described"].format(description=description)
    pattern = "topic_label" if report.name.startswith("topic") else "intent_label"
    return words[pattern].format(label=str(label).replace("_", " "))


def _mood(report: TriggerReport, words: Words, _labels: Mapping[str, Any]) -> str | None:
    match report.name:
        case "sentiment.below":
            return _measured("sentiment_below", report, words)
        case "sentiment.window":
            return _measured("sentiment_window", report, words, count=report.evidence.get("n_messages"))
        case "sentiment.streak":
            return _counted("sentiment_streak", report.value, words)
        case "frustration":
            return _measured("frustration", report, words)
    return None


def _repetition(report: TriggerReport, words: Words, _labels: Mapping[str, Any]) -> str | None:
    match report.name:
        case "repetition.max_retries":
            return _counted("retries", report.value, words)
        case "repetition.max_fallbacks":
            return _counted("fallbacks", report.value, words) or words["fallback"]
        case "repetition.max_loops":
            return _counted("loops", report.value, words)
    return None


def _confidence(report: TriggerReport, words: Words, _labels: Mapping[str, Any]) -> str | None:
    if report.name != "confidence":
        return None
    low = report.evidence.get("low_turns", 1)
    return _measured("low_confidence_turns" if low >= 2 else "low_confidence_once", report, words, count=low)


def _time(report: TriggerReport, words: Words, _labels: Mapping[str, Any]) -> str | None:
    match report.name:
        case "time.max_duration_seconds":
            minutes = int(report.value // 60) if isinstance(report.value, int | float) else 0
            return words["duration"].format(minutes=minutes) if minutes >= 2 else None
        case "time.max_messages":
            return _counted("messages", report.value, words)
        case "time.max_bot_responses":
            return _counted("bot_responses", report.value, words)
    return None


def _guideline(report: TriggerReport, words: Words, _labels: Mapping[str, Any]) -> str | None:
    cited = report.evidence.get("guideline")
    return words["guideline_id"].format(guideline=cited) if cited else None


def _risk(report: TriggerReport, words: Words, _labels: Mapping[str, Any]) -> str | None:
    return _measured("risk_value", report, words) if report.name == "risk" else None


_TELL: Final[Mapping[ReasonCode, Callable[[TriggerReport, Words, Mapping[str, Any]], str | None]]] = {
    ReasonCode.EXPLICIT_REQUEST: _request,
    ReasonCode.INTENT: _label,
    ReasonCode.TOPIC: _label,
    ReasonCode.POLICY: _phrase,
    ReasonCode.SENTIMENT: _mood,
    ReasonCode.REPETITION: _repetition,
    ReasonCode.LOW_CONFIDENCE: _confidence,
    ReasonCode.TIME_LIMIT: _time,
    ReasonCode.GUIDELINE: _guideline,
    ReasonCode.RISK: _risk,
}


def _counted(name: str, count: Any, words: Words) -> str | None:
    """Return a sentence with a count; of one or none it would be wrong in most languages."""
    return words[name].format(count=int(count)) if isinstance(count, int | float) and count >= 2 else None


def _measured(name: str, report: TriggerReport, words: Words, **more: Any) -> str | None:
    """Return a sentence with a value and its threshold, as people write numbers; finer only where they would look the same."""
    value, threshold = report.value, report.threshold
    if not isinstance(value, int | float) or threshold is None:
        return None
    shown, limit = f"{value:.2f}", f"{threshold:.2f}"
    if shown == limit and value != threshold:
        shown, limit = f"{value:.6g}", f"{threshold:.6g}"
    decimal = words.get("decimal")
    if decimal is not None:
        shown, limit = shown.replace(".", decimal), limit.replace(".", decimal)
    return words[name].format(value=shown, threshold=limit, **more)
