"""Words: which text the customer reads, and the sentence that explains a decision to people."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from models.contracts import ReasonCode, TriggerReport, TriggerStatus
from models.policy.rules import Texts

SENTENCES: Final[Mapping[ReasonCode, str]] = {
    ReasonCode.EXPLICIT_REQUEST: "The customer asks for a person.",
    ReasonCode.INTENT: "The customer wants something that a rule listens for.",
    ReasonCode.TOPIC: "The message is about a topic that a rule listens for.",
    ReasonCode.POLICY: "A rule of the policy applies.",
    ReasonCode.SENTIMENT: "The customer is unhappy or frustrated.",
    ReasonCode.REPETITION: "The conversation repeats itself without getting anywhere.",
    ReasonCode.LOW_CONFIDENCE: "The bot's answer is probably not good enough.",
    ReasonCode.TIME_LIMIT: "The conversation has gone on for too long.",
    ReasonCode.GUIDELINE: "A guideline of the policy applies.",
    ReasonCode.RISK: "The conversation will probably need a person.",
    ReasonCode.MISSING_INFORMATION: "Information is missing that the bot cannot get.",
    ReasonCode.MANUAL: "Somebody asked for this handoff by hand.",
    ReasonCode.ERROR: "A model failed, so nobody knows whether the bot can go on alone.",
}
ACCEPTED: Final = "The customer accepted the offer of a person."

_LABELLED: Final = {
    ReasonCode.INTENT: "The customer's intent is {}.",
    ReasonCode.TOPIC: "The message is about {}.",
}


def sentence(code: ReasonCode, reports: Iterable[TriggerReport] = ()) -> str:
    """Return the sentence for a reason; names the label that fired, if the reason is one."""
    pattern = _LABELLED.get(code)
    if pattern is not None:
        for report in reports:
            label = report.evidence.get("label")
            if report.status is TriggerStatus.FIRED and label:
                return pattern.format(str(label).replace("_", " "))
    return SENTENCES[code]


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
