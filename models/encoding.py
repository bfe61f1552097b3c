"""Texts to token ids: padding, truncation and windows. Training, export checks and serving share it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer

from models.errors import BundleCorrupt
from models.text import normalise

# how many passages of an answer are read
MAX_PASSAGES = 3


@dataclass(frozen=True, slots=True)
class Encoded:
    """One text, or one triple, as ids with their segment (0: what is judged, 1: the passage)."""

    ids: tuple[int, ...]
    segments: tuple[int, ...]


def window(ids: Sequence[int], limit: int) -> list[int]:
    """Keep head and tail of a long text: people state the problem first and the wish last.

    Two thirds of ``limit`` come from the head, the rest from the tail; shorter texts stay whole.
    """
    if len(ids) <= limit:
        return list(ids)
    tail = limit // 3
    return [*ids[: limit - tail], *ids[len(ids) - tail :]]


class Encoder:
    """The tokenizer of a bundle with its windows.

    Args:
        path: a ``tokenizer.json``.
        message_tokens: the window of a message, in tokens without the two special ones.
        before_tokens: the window of what was said before: the bot's message before a customer's, the customer's before that.
        answer_tokens: the window of a draft answer.
        passage_tokens: the window of a passage.
    """

    def __init__(
        self,
        path: Path,
        *,
        message_tokens: int = 126,
        before_tokens: int = 60,
        answer_tokens: int = 80,
        passage_tokens: int = 120,
    ) -> None:
        """Load the tokenizer; its own padding and truncation are switched off, windows are ours."""
        try:
            self._tokenizer = Tokenizer.from_file(str(path))
        except Exception as error:
            raise BundleCorrupt(f"{path.name} is no tokenizer file: {error}; release the bundle again") from error
        self._tokenizer.no_padding()
        self._tokenizer.no_truncation()
        # a customer who types "[SEP]" has typed five characters, not the end of the message
        self._tokenizer.encode_special_tokens = True
        self._cls = self._special("[CLS]")
        self._sep = self._special("[SEP]")
        self._pad = self._special("[PAD]")
        self.message_tokens = message_tokens
        self.before_tokens = before_tokens
        self.answer_tokens = answer_tokens
        self.passage_tokens = passage_tokens

    def _special(self, token: str) -> int:
        found: int | None = self._tokenizer.token_to_id(token)
        if found is None:
            raise BundleCorrupt(f"the tokenizer has no {token} token; expected a BERT word-piece vocabulary")
        return found

    def _pieces(self, text: str, limit: int) -> list[int]:
        return window(self._tokenizer.encode(normalise(text), add_special_tokens=False).ids, limit)

    def message(self, text: str, before: str | None = None) -> Encoded:
        """Encode a message, ``[CLS] text [SEP]`` as segment 0, and what was said before it, ``before [SEP]``, as segment 1."""
        ids = (self._cls, *self._pieces(text, self.message_tokens), self._sep)
        context = (*self._pieces(before, self.before_tokens), self._sep) if before else ()
        return Encoded((*ids, *context), (0,) * len(ids) + (1,) * len(context))

    def answer(self, question: str, answer: str | None, passage: str | None, earlier: str | None = None) -> Encoded:
        """Encode ``[CLS] earlier question [SEP] answer [SEP]`` as segment 0 and ``passage [SEP]`` as segment 1.

        A missing part leaves its separator, so the model can tell that it is missing. ``earlier``, what the customer had said
        before the question, is read as its beginning: "and for children?" makes sense only after it.
        """
        told = self._pieces(earlier, self.before_tokens // 2) if earlier else ()
        judged = [self._cls, *told, *self._pieces(question, self.message_tokens // 2), self._sep]
        judged += [*(self._pieces(answer, self.answer_tokens) if answer else ()), self._sep]
        source = [*(self._pieces(passage, self.passage_tokens) if passage else ()), self._sep]
        return Encoded((*judged, *source), (0,) * len(judged) + (1,) * len(source))

    def answers(
        self, question: str, answer: str | None, passages: Sequence[str], earlier: str | None = None
    ) -> list[Encoded]:
        """Encode an answer with each of its first ``MAX_PASSAGES`` passages; without any, once with none."""
        read: Sequence[str | None] = passages[:MAX_PASSAGES] or (None,)
        return [self.answer(question, answer, passage, earlier) for passage in read]

    def batch(self, rows: Sequence[Encoded]) -> dict[str, np.ndarray]:
        """Pad rows to the longest: ``input_ids, attention_mask, token_type_ids``, int64 of shape (batch, tokens)."""
        longest = max(len(row.ids) for row in rows)
        shape = (len(rows), longest)
        input_ids = np.full(shape, self._pad, dtype=np.int64)
        mask = np.zeros(shape, dtype=np.int64)
        segments = np.zeros(shape, dtype=np.int64)
        for number, row in enumerate(rows):
            length = len(row.ids)
            input_ids[number, :length] = row.ids
            mask[number, :length] = 1
            segments[number, :length] = row.segments
        return {"input_ids": input_ids, "attention_mask": mask, "token_type_ids": segments}
