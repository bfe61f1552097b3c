"""Readers of the standard benchmarks, of corpora of any role. What is trained on these rows is measured and thrown away.

The one place that opens corpora for measuring (``open_for_measuring``); nothing that leads to a release imports it.
"""

from __future__ import annotations

import csv
import hashlib
import html
import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal, NamedTuple, TypeVar

from models.text import fold, normalise
from training.sources.catalog import SourceError, open_for_measuring
from training.sources.rows import hash_share

T = TypeVar("T")
Metric = Literal["accuracy", "macro_recall"]

OUT_OF_SCOPE = "oos"
POLARITIES = ("negative", "neutral", "positive")
# of corpora without a validation split, the share of the training rows that is held out where something has to be chosen
HELD_OUT_SHARE = 0.1
# one for all recipes, so that they are chosen on the same rows
HELD_OUT_SEED = 7

_ESCAPE = re.compile(r"\\u([0-9a-fA-F]{4})")
_MENTION = re.compile(r"@\w+(?:['’]s)?")
_ADDRESS = re.compile(r"https?:\S*")
_NOT_WORDS = re.compile(r"[\W_]+")
# so many letters from the start: TweetEval cut some tweets and wrote others' names anew
_TWEET_START = 40


class Example(NamedTuple):
    """A text and its class."""

    text: str
    label: str


@dataclass(frozen=True, slots=True)
class ClassedTexts:
    """A corpus of texts with one class each, in its published splits.

    Attributes:
        name: of the benchmark.
        classes: in column order; the out-of-scope class, where there is one, comes last.
        metric: the published measure.
        train: what may be trained on.
        validation: what may be chosen on; empty where nothing was published.
        test: what is measured on.
        out_of_scope: the class that stands for none of the others.
        facts: what a reader of the figures should know, by name.
    """

    name: str
    classes: tuple[str, ...]
    metric: Metric
    train: tuple[Example, ...]
    validation: tuple[Example, ...]
    test: tuple[Example, ...]
    out_of_scope: str | None = None
    facts: Mapping[str, int | str] = field(default_factory=dict)

    @property
    def fingerprint(self) -> str:
        """The SHA-256 of classes and rows."""
        parts = [self.classes, self.metric, self.out_of_scope, self.train, self.validation, self.test]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()

    def limited(self, limit: int | None) -> ClassedTexts:
        """Return about ``limit`` rows of each split, from all over it."""
        return replace(
            self,
            train=thin(self.train, limit),
            validation=thin(self.validation, limit),
            test=thin(self.test, limit),
        )

    def for_choosing(self) -> ClassedTexts:
        """Return the corpus without its test: what validation holds is measured, and nothing of the test is seen.

        Without a published validation split a seeded tenth of the training rows takes its place, and isn't trained on.
        """
        if self.validation:
            return replace(self, test=self.validation)
        kept, held_out = hold_out(self.train)
        return replace(self, train=kept, validation=held_out, test=held_out)


def thin(rows: Sequence[T], limit: int | None) -> tuple[T, ...]:
    """Return every n-th row, about ``limit`` of them; all without a limit."""
    return tuple(rows) if limit is None else tuple(rows[:: max(1, len(rows) // limit)])


def hold_out(rows: Sequence[Example], *, seed: int = HELD_OUT_SEED) -> tuple[tuple[Example, ...], tuple[Example, ...]]:
    """Divide rows into those that are kept and a tenth that is held out, by seed and text alone."""
    held_out = {row for row in rows if hash_share(f"{seed}:{fold(row.text)}") < HELD_OUT_SHARE}
    return tuple(row for row in rows if row not in held_out), tuple(row for row in rows if row in held_out)


def read_banking77(folder: Path) -> ClassedTexts:
    """Return Banking77: 77 intents of a bank's customers, no validation split."""
    train, test = (_table(folder / f"{part}.csv", "text", "category") for part in ("train", "test"))
    return _classed("banking77", train, (), test)


def read_clinc150(folder: Path) -> ClassedTexts:
    """Return CLINC150: 150 intents, and queries that have none of them."""
    parts = json.loads((folder / "data_full.json").read_text(encoding="utf-8"))
    train, validation, test = (
        [Example(text, label) for text, label in [*parts[part], *parts[f"oos_{part}"]]]
        for part in ("train", "val", "test")
    )
    return _classed("clinc150", train, validation, test, out_of_scope=OUT_OF_SCOPE)


def read_hwu64(folder: Path) -> ClassedTexts:
    """Return HWU64: 64 intents of a home assistant."""
    train, validation, test = (
        [Example(*pair) for pair in zip(_lines(folder / part / "seq.in"), _lines(folder / part / "label"), strict=True)]
        for part in ("train", "valid", "test")
    )
    return _classed("hwu64", train, validation, test)


def read_tweeteval(tweeteval: Path, semeval: Path) -> ClassedTexts:
    """Return TweetEval's sentiment task, with the tweets of SemEval 2013 to 2016 to train on.

    TweetEval's own training texts are those tweets, shuffled. One that stands in its validation or test split is left out.
    """
    validation, test = (_tweeteval(tweeteval / "sentiment", part) for part in ("val", "test"))
    held_out = {_tweet_key(row.text) for row in [*validation, *test]}
    seen: set[str] = set()
    train, n_held_out = [], 0
    for path in sorted(semeval.glob("twitter-*-A.tsv")):
        for line in path.read_text(encoding="utf-8").split("\n"):
            cells = line.rstrip("\r").split("\t")
            if len(cells) < 3 or cells[1] not in POLARITIES:
                continue
            row = Example(tidy_tweet(cells[2]), cells[1])
            key = _tweet_key(row.text)
            if key in held_out:
                n_held_out += 1
            elif fold(row.text) not in seen:
                seen.add(fold(row.text))
                train.append(row)
    return replace(
        _classed("tweeteval-sentiment", train, validation, test, classes=POLARITIES),
        metric="macro_recall",
        facts={"train tweets left out, being in TweetEval's validation or test": n_held_out},
    )


def tidy_tweet(text: str) -> str:
    """Return a tweet as TweetEval writes it: users without names, no addresses, escapes as the characters they mean."""
    text = _ESCAPE.sub(lambda found: chr(int(found[1], 16)), text).replace('\\""', '"')
    text = html.unescape(html.unescape(text))
    return normalise(_ADDRESS.sub(" ", _MENTION.sub("@user", text))).strip('" ')


def _tweet_key(text: str) -> str:
    """Return the letters at the start of a tweet, without users."""
    return _NOT_WORDS.sub("", fold(text.replace("@user", " ")))[:_TWEET_START] or fold(text)


def _tweeteval(folder: Path, part: str) -> list[Example]:
    texts = (folder / f"{part}_text.txt").read_text(encoding="utf-8").split("\n")
    labels = (folder / f"{part}_labels.txt").read_text(encoding="utf-8").split()
    # the file ends with a line break
    pairs = zip(texts[: len(labels)], labels, strict=True)
    return [Example(tidy_tweet(text), POLARITIES[int(label)]) for text, label in pairs]


def read_sst2(folder: Path) -> ClassedTexts:
    """Return the sentences of SST that are negative or positive; GLUE's SST-2 also trains on their phrases."""
    names = {"1": "negative", "2": "negative", "4": "positive", "5": "positive"}
    train, validation, test = (
        [
            Example(text, names[label.removeprefix("__label__")])
            for label, _, text in (line.partition("\t") for line in _lines(folder / f"sst_{part}.txt"))
            if label.removeprefix("__label__") in names
        ]
        for part in ("train", "dev", "test")
    )
    return _classed("sst2", train, validation, test)


# by benchmark: how it is read, and the corpora whose folders that takes
CLASSED: dict[str, tuple[Callable[..., ClassedTexts], tuple[str, ...]]] = {
    "banking77": (read_banking77, ("banking77",)),
    "clinc150": (read_clinc150, ("clinc150",)),
    "hwu64": (read_hwu64, ("hwu64",)),
    "tweeteval-sentiment": (read_tweeteval, ("tweeteval", "semeval2013-2016")),
    "sst2": (read_sst2, ("sst",)),
}


def load_classed(name: str) -> ClassedTexts:
    """Return a benchmark of classed texts, its files checked.

    Raises:
        SourceError: unknown, missing, or not the published files.
    """
    if name not in CLASSED:
        raise SourceError(f"no benchmark {name!r} of classed texts; expected one of {', '.join(CLASSED)}")
    read, corpora = CLASSED[name]
    return read(*(open_for_measuring(corpus) for corpus in corpora))


@dataclass(frozen=True, slots=True)
class Summary:
    """A summary of a document, and whether all that it says is so."""

    domain: str
    key: str
    document: str
    text: str
    consistent: bool


def load_summaries() -> list[Summary]:
    """Return SummEdits: summaries of documents of several domains, about two in three with one altered fact."""
    return read_summaries(open_for_measuring("summedits"))


def read_summaries(folder: Path) -> list[Summary]:
    """Return the summaries of all domains that a folder holds."""
    return [
        Summary(
            domain=path.stem.removeprefix("summedits_"),
            key=record["id"],
            document=record["doc"],
            text=record["summary"],
            consistent=str(record["label"]) == "1",
        )
        for path in sorted((folder / "data" / "summedits").glob("summedits_*.json"))
        for record in json.loads(path.read_text(encoding="utf-8"))
    ]


@dataclass(frozen=True, slots=True)
class Call:
    """A call to a bot: the intents of both sides in order, as ``nlu:confirm``, and whether the caller gave up on the bot."""

    turns: tuple[str, ...]
    broken: bool


def load_calls() -> tuple[list[Call], list[Call]]:
    """Return BETOLD's calls to fit on (its validation file; the training file is not at hand) and to test on."""
    folder = open_for_measuring("betold")
    return read_calls(folder / "BETOLD_valid.json"), read_calls(folder / "BETOLD_test.json")


def read_calls(path: Path) -> list[Call]:
    """Return calls without the bot's last turns: nearly all broken calls end with one, so the ending tells the outcome."""
    calls = []
    for record in json.loads(path.read_text(encoding="utf-8")):
        turns = [(turn["caller_name"], turn["intent"]) for turn in record["utterances_annotations"]]
        while turns and turns[-1][0] == "nlg":
            turns.pop()
        calls.append(Call(tuple(f"{who}:{intent}" for who, intent in turns), broken=record["LUHF"] == "luhf"))
    return calls


def _classed(
    name: str,
    train: Iterable[Example],
    validation: Iterable[Example],
    test: Iterable[Example],
    *,
    classes: Sequence[str] = (),
    out_of_scope: str | None = None,
) -> ClassedTexts:
    rows = tuple(train)
    inside = sorted({row.label for row in rows} - {out_of_scope})
    return ClassedTexts(
        name=name,
        classes=tuple(classes or inside) + ((out_of_scope,) if out_of_scope else ()),
        metric="accuracy",
        train=rows,
        validation=tuple(validation),
        test=tuple(test),
        out_of_scope=out_of_scope,
    )


def _table(path: Path, text: str, label: str) -> list[Example]:
    with path.open(encoding="utf-8", newline="") as file:
        return [Example(record[text], record[label]) for record in csv.DictReader(file)]


def _lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").splitlines()
