"""Labels that nobody trained, as a policy's author gives them: a description, example messages, or both. Plain Python.

``models.similarity`` compares messages with them. A guideline ("escalate when a customer is angry about billing") is a custom
label that has a description alone.
"""

from __future__ import annotations

import re
from typing import Annotated, Final

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, model_validator

from models.text import MAX_CHARACTERS, fold, normalise

MAX_EXAMPLES: Final = 50

# "Escalate when a customer ...", "users who ...": what stands before the thing itself
_PERSON: Final = r"(?:customer|user|client|caller|guest|member|shopper|visitor|person|someone|somebody|anyone|anybody)"
_ASIDE: Final = r"(?:please\s+)?[^.;:]{0,80}?\b(?:when|whenever|if|as soon as)\s+"
_ARTICLE: Final = r"(?:the|a|an|any|this|that)\s+"
_LEAD: Final = re.compile(
    rf"(?P<aside>{_ASIDE})?(?P<article>{_ARTICLE})?(?P<person>{_PERSON})(?P<many>s)?\s+(?P<who>who\s+|that\s+)?(?P<rest>.+)",
    re.IGNORECASE | re.DOTALL,
)
_ADVERB: Final = re.compile(r"(?:\w+ly|still|already|just|also|never|always|often|again|no longer)\s+", re.IGNORECASE)
_WORD: Final = re.compile(r"[\w'’]+")
_FIRST_PERSON: Final = {
    "is": "am", "are": "am", "were": "was", "has": "have", "does": "do", "isn't": "am not", "aren't": "am not",
    "doesn't": "don't", "hasn't": "haven't", "weren't": "wasn't",
}  # fmt: skip
_SAME: Final = frozenset(
    ("am", "was", "had", "did", "can", "cannot", "can't", "could", "couldn't", "didn't", "will", "won't", "would", "wouldn't",
     "paid", "got", "made", "sent", "lost", "found", "bought", "sold", "went", "came", "said", "told", "left", "took", "gave",
     "forgot", "saw", "heard", "felt", "thought", "wrote", "spoke", "read", "broke", "chose", "kept", "meant", "put", "hurt")
)  # fmt: skip
# without "the" before "customer" or "who" after it these alone are taken for its verb: "customer records" are no deed
_TELLING: Final = frozenset(
    (*_FIRST_PERSON, *_SAME, "wants", "asks", "needs", "says", "reports", "complains", "threatens", "mentions", "requests",
     "wishes", "tries", "demands", "refuses", "disputes", "wonders", "seems", "sounds", "feels", "gets", "talks", "writes",
     "tells", "thinks", "believes", "claims", "insists", "uses", "looks", "cancels", "describes", "expresses")
)  # fmt: skip
_PRONOUNS: Final = tuple(
    (re.compile(rf"\b(?:{found})\b", re.IGNORECASE), said)
    for found, said in (
        ("they're|he's|she's", "I'm"), ("(?:they|he|she) (?:are|is)", "I am"), ("(?:they|he|she) has", "I have"),
        ("(?:they|he|she) were", "I was"), ("themselves|themself|himself|herself", "myself"),
        ("his or her|their|his|her", "my"), ("them|him", "me"), ("they|he|she", "I"),
    )
)  # fmt: skip


def _visible(text: str) -> str:
    """Refuse a text that says nothing."""
    if not normalise(text):
        raise ValueError("found no visible character; say something or leave it out")
    return text


Text = Annotated[str, StringConstraints(max_length=MAX_CHARACTERS), AfterValidator(_visible)]
Name = Annotated[str, StringConstraints(max_length=100), AfterValidator(_visible)]


class CustomLabel(BaseModel):
    """What a label means, in a sentence, in messages that it means, or both.

    ``description`` says it of the customer ("The customer wants to add a driver to the policy") or as a guideline ("Escalate
    when a customer is angry about billing"). ``examples`` are messages as customers write them, at most ``MAX_EXAMPLES``. Both
    are in a language that the bundle was made for.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Name
    description: Text | None = None
    examples: tuple[Text, ...] = Field(default=(), max_length=MAX_EXAMPLES)

    @model_validator(mode="after")
    def _says_something(self) -> CustomLabel:
        if self.description is None and not self.examples:
            raise ValueError(
                f"{self.name!r} has neither description nor examples; say what it means, or give messages that it means"
            )
        return self

    @property
    def distinct(self) -> tuple[str, ...]:
        """The examples without those that say the same words again."""
        found: dict[str, str] = {}
        for text in self.examples:
            found.setdefault(fold(text), text)
        return tuple(found.values())


def as_said(description: str) -> str:
    """Return an English description as the customer would say it, which lies nearer to what customers write.

    "Escalate when a customer is angry about their bill" becomes "I am angry about my bill"; what speaks of no customer stays as
    it is.
    """
    text = normalise(description)
    found = _LEAD.fullmatch(text)
    if found is None:
        return text
    adverbs, rest = "", found["rest"].strip()
    while adverb := _ADVERB.match(rest):
        adverbs, rest = adverbs + adverb[0], rest[adverb.end() :]
    verb = _WORD.match(rest)
    if verb is None:
        return text
    marked = bool(found["article"] or found["aside"] or found["who"])
    said = _first_person(verb[0].lower().replace("’", "'"), many=bool(found["many"]), marked=marked)
    if said is None:
        return text
    after = rest[verb.end() :].rstrip(" .")
    for pattern, pronoun in _PRONOUNS:
        after = pattern.sub(pronoun, after)
    return f"I {adverbs}{said}{after}"


def _first_person(verb: str, *, many: bool, marked: bool) -> str | None:
    """Return a verb of the third person as "I" has it; ``None`` when it looks like none.

    Args:
        verb: in lower case.
        many: its subject is plural.
        marked: something beside the subject says that this is a verb.
    """
    if not marked and verb not in _TELLING and not many:
        return None
    if verb in _FIRST_PERSON:
        return _FIRST_PERSON[verb]
    if verb in _SAME or many or verb.endswith("ed"):
        return verb
    if not verb.endswith("s") or verb.endswith("ss"):
        return None
    if verb.endswith("ies") and len(verb) > 4:
        return verb[:-3] + "y"
    return verb[:-2] if verb.endswith(("sses", "shes", "ches", "xes", "zzes", "oes")) else verb[:-1]
