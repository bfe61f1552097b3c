"""All answer examples for the confidence model: the adapters by corpus and one call that loads them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from models.records import AnswerExample
from training.sources.answers_edits import SUMMEDITS, read_summedits
from training.sources.answers_faq import read_dstc9_faq
from training.sources.answers_passages import read_amazon, read_begin, read_delucionqa, read_squad2
from training.sources.answers_rated import read_dstc9
from training.sources.catalog import SourceError, find_training_corpus, open_corpus, read_catalog
from training.sources.corruptions import corrupted_rows, stripped_rows
from training.sources.written import SOURCE, read_written_answers, read_written_drafts


def _read_dstc9(folder: Path) -> Iterator[AnswerExample]:
    """Yield the rated answers and, to learn wrong retrievals from, answers made from its FAQs."""
    yield from read_dstc9(folder)
    yield from read_dstc9_faq(folder)


ADAPTERS: dict[str, Callable[[Path], Iterator[AnswerExample]]] = {
    "dstc9_track1_human_eval": _read_dstc9,
    "amazon_product_qa": read_amazon,
    "squad2_dev_half": read_squad2,
    "begin": read_begin,
    "delucionqa_nonanswers": read_delucionqa,
    SUMMEDITS: read_summedits,
}


def load_answers(names: Iterable[str] | None = None) -> list[AnswerExample]:
    """Return the answer examples of these sources, of all by default, with the twins that ``corruptions`` makes.

    Raises:
        SourceError: a source is unknown, missing or not for training.
    """
    catalog = read_catalog()
    rows: list[AnswerExample] = []
    for name in [*ADAPTERS, SOURCE] if names is None else names:
        if name == SOURCE:
            rows.extend([*read_written_answers(), *read_written_drafts()])
            continue
        find_training_corpus(name, catalog)
        if name not in ADAPTERS:
            raise SourceError(f"{name} holds no answers; expected one of {', '.join([*ADAPTERS, SOURCE])}")
        rows.extend(ADAPTERS[name](open_corpus(name, catalog=catalog)))
    rows.extend([*corrupted_rows(rows), *stripped_rows(rows)])
    return rows
