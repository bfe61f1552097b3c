"""What triggers look at: one message, its scores, and the conversation around it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from models.contracts import Message, Scores, ScoreStatus
from models.phrases import PhraseMatch, find_request
from models.policy.state import ConversationState
from models.text import fold, normalise


class View:
    """One message with its scores and the conversation before and after it was counted; derived values are kept.

    ``before`` is what the scorer saw (``scores.repeats`` aligns with its questions); ``after`` counts this message.
    """

    __slots__ = (
        "_dialogue", "_folded", "_found", "_intents", "_normalised", "_topics", "after", "before", "channel", "context",
        "customer", "message", "scores",
    )  # fmt: skip

    def __init__(
        self,
        message: Message,
        scores: Scores | None,
        *,
        before: ConversationState,
        after: ConversationState,
        customer: Mapping[str, Any],
        channel: str | None,
        context: Mapping[str, Any],
    ) -> None:
        self.message = message
        self.scores = scores
        self.before = before
        self.after = after
        self.customer = customer
        self.channel = channel
        self.context = context
        self._folded: str | None = None
        self._normalised: str | None = None
        self._intents: dict[str, float] | None = None
        self._topics: dict[str, float] | None = None
        self._dialogue: dict[str, float] | None = None
        self._found: PhraseMatch | bool | None = False

    @property
    def folded(self) -> str:
        """The message's text without distinctions of case and width."""
        if self._folded is None:
            self._folded = fold(self.message.text)
        return self._folded

    @property
    def normalised(self) -> str:
        """The message's text as the models read it, case kept."""
        if self._normalised is None:
            self._normalised = normalise(self.message.text)
        return self._normalised

    @property
    def intents(self) -> dict[str, float] | None:
        """Probability of each intent; ``None`` when intents weren't scored."""
        if self._intents is None and self.scores is not None and self.scores.intents is not None:
            self._intents = {entry.label: entry.probability for entry in self.scores.intents}
        return self._intents

    @property
    def topics(self) -> dict[str, float] | None:
        """Probability of each topic; ``None`` when topics weren't scored."""
        if self._topics is None and self.scores is not None and self.scores.topics is not None:
            self._topics = {entry.label: entry.probability for entry in self.scores.topics}
        return self._topics

    @property
    def dialogue(self) -> dict[str, float] | None:
        """Probability of each dialogue label of the message's role; ``None`` when dialogue wasn't scored."""
        if self._dialogue is None and self.scores is not None and self.scores.dialogue is not None:
            self._dialogue = {entry.label: entry.probability for entry in self.scores.dialogue}
        return self._dialogue

    @property
    def language(self) -> str | None:
        """ISO 639-1 code of the message, else what the caller says of the customer, else ``None``."""
        if self.scores is not None and self.scores.language is not None:
            return self.scores.language.code
        code = self.customer.get("language")
        return code if isinstance(code, str) else None

    @property
    def request(self) -> PhraseMatch | None:
        """The phrase with which the message asks for a person, by the phrase lists; ``None`` if none, or negated."""
        found = self._phrase()
        return None if found is None or found.negated else found

    @property
    def declined(self) -> PhraseMatch | None:
        """The phrase with which the message says that it wants no person; ``None`` if none, or if it asks for one too."""
        found = self._phrase()
        return found if found is not None and found.negated else None

    def _phrase(self) -> PhraseMatch | None:
        if isinstance(self._found, bool):
            self._found = find_request(self.message.text, self.language)
        return self._found

    def missing(self, head: str) -> str:
        """Return why a score is missing, as evidence."""
        if self.scores is None:
            return ScoreStatus.FAILED.value
        return self.scores.status.get(head, ScoreStatus.NOT_AVAILABLE).value
