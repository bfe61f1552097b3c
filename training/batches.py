"""Rows to tensors: targets with masks, noise for training, batches of similar length. NaN in a target is *not labelled*."""

from __future__ import annotations

import functools
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from models.encoding import MAX_PASSAGES, Encoded, Encoder
from models.records import AnswerExample, LabelledMessage
from training.labels import ANSWER_PARTS, POLARITIES, dialogue_matrix, truth_matrix

NAN = float("nan")
_KEYS_NEAR = {
    "a": "sqz", "b": "vn", "c": "xv", "d": "sf", "e": "wr", "f": "dg", "g": "fh", "h": "gj", "i": "uo", "j": "hk",
    "k": "jl", "l": "k", "m": "n", "n": "bm", "o": "ip", "p": "o", "q": "wa", "r": "et", "s": "ad", "t": "ry",
    "u": "yi", "v": "cb", "w": "qe", "x": "zc", "y": "tu", "z": "x",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Batch:
    """Inputs by graph name (int64) and targets by name (float32 or int64)."""

    inputs: dict[str, Tensor]
    targets: dict[str, Tensor]


def message_targets(rows: Sequence[LabelledMessage]) -> dict[str, np.ndarray]:
    """Return targets of messages.

    Returns:
        ``intents`` float32 (rows, labels) and ``dialogue`` float32 (rows, dialogue labels) with NaN where a label is not
        labelled; ``out_of_scope, explicit, sentiment,
        frustration`` float32 (rows,) with NaN; ``polarity`` int64 (rows,) with -1; ``weight`` float32 (rows,).
    """

    def column(values: Sequence[float | bool | None]) -> np.ndarray:
        return np.asarray([NAN if value is None else float(value) for value in values], dtype=np.float32)

    return {
        "intents": truth_matrix(rows).astype(np.float32),
        "dialogue": dialogue_matrix(rows).astype(np.float32),
        "out_of_scope": column([row.out_of_scope for row in rows]),
        "explicit": column([row.explicit for row in rows]),
        "sentiment": column([row.sentiment for row in rows]),
        "frustration": column([row.frustration for row in rows]),
        "polarity": np.asarray(
            [POLARITIES.index(row.polarity) if row.polarity else -1 for row in rows], dtype=np.int64
        ),
        "weight": np.asarray([row.weight for row in rows], dtype=np.float32),
    }


def answer_targets(rows: Sequence[AnswerExample]) -> dict[str, np.ndarray]:
    """Return ``parts`` float32 (rows, 3) and ``good`` float32 (rows,), NaN where not labelled; and ``weight``.

    Without passages ``good`` is not taught: the combiner only judges answers that have some.
    """
    parts = [[getattr(row, part) for part in ANSWER_PARTS] for row in rows]
    return {
        "parts": np.asarray([[NAN if value is None else value for value in row] for row in parts], dtype=np.float32),
        "good": np.asarray(
            [NAN if row.good is None or not row.passages else row.good for row in rows], dtype=np.float32
        ),
        "weight": np.asarray([row.weight for row in rows], dtype=np.float32),
    }


def add_noise(text: str, rng: random.Random) -> str:
    """Return the text as a hurried customer might type it: other case, lost punctuation, one or two slips of the finger."""
    match rng.randrange(6):
        case 0:
            text = text.lower()
        case 1:
            text = text.upper() if len(text) < 60 else text.lower()
        case 2:
            text = "".join(char for char in text if char.isalnum() or char.isspace())
        case 3:
            text = text.rstrip(".!?") + rng.choice(["", "!!", "...", "??", " pls", " thx"])
        case _:
            pass
    for _ in range(rng.choice([0, 1, 1, 2]) if len(text) > 8 else 0):
        place = rng.randrange(1, len(text) - 1)
        char = text[place].lower()
        slips = [text[:place] + text[place + 1 :], text[:place] + text[place] + text[place:]]
        slips.append(text[: place - 1] + text[place] + text[place - 1] + text[place + 1 :])
        if char in _KEYS_NEAR:
            slips.append(text[:place] + rng.choice(_KEYS_NEAR[char]) + text[place + 1 :])
        text = rng.choice(slips)
    return text if text.strip() else "?"


def order_by_length(lengths: Sequence[int], batch_size: int, rng: random.Random) -> list[list[int]]:
    """Return shuffled batches of row numbers whose texts are about equally long, so that padding costs little."""
    numbers = list(range(len(lengths)))
    rng.shuffle(numbers)
    pool = batch_size * 50
    batches: list[list[int]] = []
    for start in range(0, len(numbers), pool):
        chunk = sorted(numbers[start : start + pool], key=lengths.__getitem__)
        batches += [chunk[place : place + batch_size] for place in range(0, len(chunk), batch_size)]
    rng.shuffle(batches)
    return batches


def message_batches(
    rows: Sequence[LabelledMessage],
    encoder: Encoder,
    *,
    batch_size: int,
    noise: float,
    teacher: Callable[[], np.ndarray] | None = None,
) -> Callable[[int], Iterator[Batch]]:
    """Return a function from an epoch's seed to its batches; ``noise`` is the share of texts that get slips.

    ``teacher`` gives the target ``embedding``, float32 (rows, size) with NaN; it is asked once, when the first epoch begins.
    """
    texts = [(row.text, row.before) for row in rows]

    @functools.cache
    def batches() -> Callable[[int], Iterator[Batch]]:
        targets = message_targets(rows) | ({} if teacher is None else {"embedding": teacher()})
        return text_batches(texts, targets, encoder, batch_size=batch_size, noise=noise)

    def epoch(seed: int) -> Iterator[Batch]:
        yield from batches()(seed)

    return epoch


def text_batches(
    texts: Sequence[tuple[str, str | None]],
    targets: Mapping[str, np.ndarray],
    encoder: Encoder,
    *,
    batch_size: int,
    noise: float,
) -> Callable[[int], Iterator[Batch]]:
    """Return a function from an epoch's seed to its batches.

    Args:
        texts: messages, each with the one before it.
        targets: arrays with one row a message.
        encoder: the tokenizer with its windows.
        batch_size: messages in a batch.
        noise: the share of messages that get slips, others in each epoch.
    """

    def epoch(seed: int) -> Iterator[Batch]:
        rng = random.Random(seed)  # noqa: S311 - shuffling, not secrets
        typed = [(add_noise(text, rng) if rng.random() < noise else text, before) for text, before in texts]
        encoded = [encoder.message(text, before) for text, before in typed]
        for numbers in order_by_length([len(row.ids) for row in encoded], batch_size, rng):
            inputs = encoder.batch([encoded[number] for number in numbers])
            yield Batch(
                {name: torch.from_numpy(values) for name, values in inputs.items()},
                {name: torch.from_numpy(values[numbers]) for name, values in targets.items()},
            )

    return epoch


def answer_batches(
    rows: Sequence[AnswerExample], encoder: Encoder, *, batch_size: int
) -> Callable[[int], Iterator[Batch]]:
    """Return a function from an epoch's seed to its batches.

    A row becomes one input per passage; the target ``owner`` int64 (rows, 3) says where a row's passages lie in the
    batch, -1 for none.
    """
    targets = answer_targets(rows)
    encoded = [encoder.answers(row.message, row.answer, row.passages, row.earlier) for row in rows]

    def epoch(seed: int) -> Iterator[Batch]:
        rng = random.Random(seed)  # noqa: S311 - shuffling, not secrets
        lengths = [max(len(part.ids) for part in parts) for parts in encoded]
        for numbers in order_by_length(lengths, batch_size, rng):
            flat: list[Encoded] = []
            owner = np.full((len(numbers), MAX_PASSAGES), -1, dtype=np.int64)
            for place, number in enumerate(numbers):
                for passage, part in enumerate(encoded[number]):
                    owner[place, passage] = len(flat)
                    flat.append(part)
            inputs = {name: torch.from_numpy(values) for name, values in encoder.batch(flat).items()}
            chosen = {name: torch.from_numpy(values[numbers]) for name, values in targets.items()}
            yield Batch(inputs, chosen | {"owner": torch.from_numpy(owner)})

    return epoch
