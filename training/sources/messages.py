"""All labelled messages: the adapters by corpus, their caps, and one call that loads what training asks for."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from models.records import LabelledMessage
from training.sources.assistants import read_clinc150, read_hwu64, read_ms_virtual_assistant, read_rasa
from training.sources.catalog import SourceError, find_training_corpus, open_corpus, read_catalog
from training.sources.feelings import read_convabuse, read_emobank, read_goemotions, read_senti4sd, read_vader
from training.sources.mapping import read_mapping
from training.sources.rows import Classed, keep_one, sample
from training.sources.support import read_banking77, read_bitext, read_multidogo, read_nlupp, read_watson
from training.sources.written import (
    REQUESTS_SOURCE,
    SOURCE,
    read_exchanges,
    read_requests,
    read_written,
    read_written_turns,
)

SEED = 20260


@dataclass(frozen=True)
class Adapter:
    """How one corpus is read, and how many rows of one class are enough.

    ``cap`` is for classes that mean no label of ours, ``labelled`` for those that mean one (the same by default),
    ``caps`` for single classes by the name that the adapter gives them.
    """

    read: Callable[[Path], Iterator[Classed]]
    cap: int
    labelled: int | None = None
    caps: Mapping[str, int] = field(default_factory=dict)

    def all_caps(self, name: str, share: float) -> dict[str, int]:
        """Return the caps of the single classes of a corpus, times a share."""
        caps = dict(self.caps)
        if self.labelled is not None:
            labelled = [key for key, labels in read_mapping(name).classes.items() if labels]
            caps = dict.fromkeys(labelled, self.labelled) | caps
        return {key: math.ceil(share * cap) for key, cap in caps.items()}


ADAPTERS: dict[str, Adapter] = {
    "bitext-customer-support": Adapter(read_bitext, 100),
    "banking77": Adapter(read_banking77, 60),
    "clinc150": Adapter(read_clinc150, 25, labelled=100, caps={"oos": 100}),
    "hwu64": Adapter(read_hwu64, 40),
    "nlupp": Adapter(read_nlupp, 2_000),
    "multidogo": Adapter(read_multidogo, 150),
    "watson-banking-workspace": Adapter(read_watson, 100),
    "rasa-apache": Adapter(read_rasa, 100),
    "ms-virtual-assistant": Adapter(read_ms_virtual_assistant, 12, labelled=80),
    "convabuse": Adapter(read_convabuse, 2_000),
    "vader-ground-truth": Adapter(read_vader, 4_000, caps={"nyt": 2_000}),
    "emobank": Adapter(read_emobank, 1_500),
    "goemotions": Adapter(read_goemotions, 1_000),
    "senti4sd": Adapter(read_senti4sd, 400),
}


def load_messages(names: Iterable[str] | None = None, *, seed: int = SEED, share: float = 1.0) -> list[LabelledMessage]:
    """Return the rows of these sources, without duplicates inside a corpus and capped per class.

    Args:
        names: the sources; by default all of them.
        seed: of the choice under the caps.
        share: of every cap: a small one makes a small run of all sources.

    Raises:
        SourceError: a source is unknown, missing or not for training.
    """
    catalog = read_catalog()
    rows: list[LabelledMessage] = []
    for name in [*ADAPTERS, SOURCE, REQUESTS_SOURCE] if names is None else names:
        if name == SOURCE:
            rows.extend([*read_written(), *read_exchanges(), *read_written_turns()])
            continue
        if name == REQUESTS_SOURCE:
            rows.extend(read_requests())
            continue
        find_training_corpus(name, catalog)
        if name not in ADAPTERS:
            raise SourceError(
                f"{name} holds no messages; expected one of {', '.join([*ADAPTERS, SOURCE, REQUESTS_SOURCE])}"
            )
        adapter = ADAPTERS[name]
        found = keep_one(adapter.read(open_corpus(name, catalog=catalog)))
        kept = sample(found, math.ceil(share * adapter.cap), seed, caps=adapter.all_caps(name, share))
        rows.extend(classed.row for classed in kept)
    return rows
