"""What triggers look at: one message, its scores, and the conversation around it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from models.contracts import LabelScore, Message, Scores, ScoreStatus
from models.phrases import PhraseMatch, find_request
from models.policy.state import ConversationState
from models.text import fold, normalise


class View:
    """One message with its scores and the conversation before and after it was counted; derived values are kept.

    ``before`` is what the scorer saw (``scores.repeats`` aligns with its questions); ``after`` counts this message. ``seen``
    are the labels that were looked at so far, see ``known``.
    """

    __slots__ = (
        "_folded", "_found", "_normalised", "after", "before", "channel", "context", "customer", "message", "scores", "seen",
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
        folded: str | None = None,
    ) -> None:
        self.message = message
        self.scores = scores
        self.before = before
        self.after = after
        self.customer = customer
        self.channel = channel
        self.context = context
        self._folded = folded
        self._normalised: str | None = None
        self.seen: dict[str, dict[str, float]] = {}
        self._found: PhraseMatch | bool | None = False

    def changed(self, scores: Scores, after: ConversationState) -> View:
        """Return the same message with other scores."""
        view = View(
            self.message,
            scores,
            before=self.before,
            after=after,
            customer=self.customer,
            channel=self.channel,
            context=self.context,
            folded=self._folded,
        )
        view._normalised, view._found = self._normalised, self._found
        return view

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

    def known(self, head: str) -> Mapping[str, float] | None:
        """Return the probability of each label of a head (``intents``, ``topics``, ``dialogue``, ``custom``).

        ``None`` when it wasn't scored.
        """
        found = self.seen.get(head)
        if found is None and self.scores is not None:
            entries: tuple[LabelScore, ...] | None = getattr(self.scores, head)
            if entries is not None:
                found = self.seen[head] = {entry.label: entry.probability for entry in entries}
        return found

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
        if isinstance(self._found, bool):
            self._found = find_request(self.message.text, self.language)
        return None if self._found is None or self._found.negated else self._found

    def is_skipped(self, head: str) -> bool:
        """Return whether a score is missing because nobody has needed it so far: a lazy policy may still ask for it."""
        return self.scores is not None and self.scores.status.get(head) is ScoreStatus.SKIPPED

    def missing(self, head: str) -> str:
        """Return why a score is missing, as evidence."""
        if self.scores is None:
            return ScoreStatus.FAILED.value
        return self.scores.status.get(head, ScoreStatus.NOT_AVAILABLE).value
