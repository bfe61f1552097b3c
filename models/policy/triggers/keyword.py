"""Keywords: words and phrases in the customer's message, found without a model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field, StringConstraints, model_validator

from models.contracts import TriggerReport
from models.policy.triggers.check import EVALUATED, FIRED, PRE, Flag, Part
from models.policy.triggers.matching import Match, Matcher, compile_terms
from models.policy.triggers.view import View

Term = Annotated[str, StringConstraints(min_length=1, max_length=500)]
Terms = Annotated[tuple[Term, ...], Field(min_length=1, max_length=1000)]


class Keyword(Part):
    r"""``terms`` to look for, and how to ``match`` them.

    exact: the whole message is the term. contains: anywhere, also inside words. starts_with: the message begins with it.
    word: between word boundaries; in scripts without blanks they are everywhere. regex: an RE2 pattern, found anywhere
    (its ``\b`` and ``\w`` know ASCII only; write ``\pL`` for a letter).
    Unless ``case_sensitive``, texts are compared case-folded, so ``STRASSE`` finds ``Straße``.
    """

    terms: Terms
    match: Match = "contains"
    case_sensitive: Flag = False

    @model_validator(mode="after")
    def _terms_compile(self) -> Keyword:
        compile_terms(self.terms, self.match, case_sensitive=self.case_sensitive)
        return self

    def checks(self, rule_id: str) -> tuple[KeywordCheck, ...]:
        """Compile."""
        return (KeywordCheck(rule_id, compile_terms(self.terms, self.match, case_sensitive=self.case_sensitive)),)


@dataclass(frozen=True, slots=True)
class KeywordCheck:
    """Fires on the first term, in the policy's order, that the message holds; evidence: term, text, span."""

    rule_id: str
    matcher: Matcher

    phases = PRE
    heads = ()

    def look(self, view: View) -> TriggerReport:
        """Look for the terms."""
        evidence = self.matcher.find(view)
        return TriggerReport(
            name="keyword",
            rule_id=self.rule_id,
            status=EVALUATED if evidence is None else FIRED,
            value=None if evidence is None else evidence["term"],
            operator=self.matcher.match,
            evidence=evidence or {},
        )
