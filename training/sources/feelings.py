"""Adapters for corpora of abuse, emotion and sentiment: ConvAbuse, VADER, EmoBank, GoEmotions and Senti4SD."""

from __future__ import annotations

import csv
import html
from collections.abc import Iterator
from pathlib import Path
from statistics import mean

from models.records import Split
from training.sources.mapping import read_mapping
from training.sources.rows import Classed, build_row, hash_share, text_hash

# these say little, and noisily, of a customer's mood
AUXILIARY_WEIGHT = 0.3
# raters of VADER went from -4 to 4; nobody but a poet reaches 4, so 3 is our end of the scale
VADER_SCALE = 3.0
# who is pleased by this much isn't frustrated
VADER_PLEASED = 0.2
# readers' valence of EmoBank lies around 3 of 1..5
EMOBANK_CENTRE, EMOBANK_SCALE = 3.0, 1.5
VADER_TEST_SHARE, VADER_CALIBRATION_SHARE = 0.2, 0.1
_SEVERITIES = (1, 0, -1, -2, -3)
_TABLES: tuple[tuple[str, Split], ...] = (("test", "test"), ("dev", "calibration"), ("train", "train"))


def read_convabuse(folder: Path) -> Iterator[Classed]:
    """Yield users' turns to two bots, abusive where experts agree on average."""
    mapping = read_mapping("convabuse")
    parts: tuple[tuple[str, Split], ...] = (("test", "test"), ("valid", "calibration"), ("train", "train"))
    for part, split in parts:
        path = folder / f"ConvAbuseEMNLP{part}.csv"
        with path.open(encoding="utf-8", newline="") as file:
            for record in csv.DictReader(file):
                key = f"{part}-{record['example_id']}-{record['conv_id']}"
                group = f"convabuse:{record['bot']}:{record['conv_id']}"
                row = build_row(mapping, [_abuse(record)], text=record["user"], key=key, split=split, group=group)
                if row:
                    yield row


def _abuse(record: dict[str, str]) -> str:
    """Return the class of a turn from its annotators' severities (1: none, 0: ambiguous, -1..-3) and targets."""
    annotators = [f"Annotator{number}" for number in range(1, 9)]
    marks = [float(s) for who in annotators for s in _SEVERITIES if _marked(record[f"{who}_is_abuse.{s}"])]
    severity = mean(marks) if marks else 0.0
    if severity == 1.0:
        return "not_abusive"
    # a mild or doubted turn is neither an example nor a counterexample
    if severity > -0.5:
        return "ambiguous"
    about = sum(_marked(record[f"{who}_sex_harassment"]) for who in annotators)
    at_system = sum(_marked(record[f"{who}_target.system"]) for who in annotators)
    if 2 * at_system < sum(mark < 0 for mark in marks):
        return "abusive_other"
    # who propositions a bot abuses it, but isn't frustrated with it
    return "abusive_sexual" if about else "abusive_system"


def _marked(cell: str) -> bool:
    """Tell whether an annotator ticked a cell; "1, 1" is one who labelled the row twice."""
    return cell.strip().startswith("1")


def read_vader(folder: Path) -> Iterator[Classed]:
    """Yield VADER's rated tweets, product reviews and editorials; the film file stays out, it holds the test of SST."""
    mapping = read_mapping("vader-ground-truth")
    names = {"tweets": "tweets", "amazon": "amazonReviewSnippets", "nyt": "nytEditorialSnippets"}
    for kind, name in names.items():
        text = (folder / f"{name}_GroundTruth.txt").read_text(encoding="utf-8", errors="replace")
        # not splitlines: the texts hold odd separators
        for line in text.split("\n"):
            if line.count("\t") < 2:
                continue
            key, rating, message = line.rstrip("\r").split("\t", maxsplit=2)
            unit = key if kind == "tweets" else key.split("_")[0]
            sentiment = max(-1.0, min(1.0, float(rating) / VADER_SCALE))
            row = build_row(
                mapping,
                [kind],
                text=html.unescape(message),
                key=f"{kind}-{key}",
                split=_vader_split(kind, unit),
                sentiment=sentiment,
                frustration=0.0 if sentiment > VADER_PLEASED else None,
                group=f"vader:{kind}:{unit}",
            )
            if row:
                yield row


def _vader_split(kind: str, unit: str) -> Split:
    """Return the split of a tweet, a review or an editorial; editorials are for training alone."""
    share = hash_share(f"vader:{kind}:{unit}")
    if kind == "nyt" or share >= VADER_TEST_SHARE + VADER_CALIBRATION_SHARE:
        return "train"
    return "test" if share < VADER_TEST_SHARE else "calibration"


def read_emobank(folder: Path) -> Iterator[Classed]:
    """Yield EmoBank's sentences with the valence that readers and writers gave on average."""
    mapping = read_mapping("emobank")
    splits: dict[str, Split] = {"train": "train", "dev": "calibration", "test": "test"}
    with (folder / "emobank.csv").open(encoding="utf-8", newline="") as file:
        for record in csv.DictReader(file):
            valence = (float(record["V"]) - EMOBANK_CENTRE) / EMOBANK_SCALE
            row = build_row(
                mapping,
                ["sentence"],
                text=record["text"],
                key=record["id"],
                split=splits[record["split"]],
                sentiment=max(-1.0, min(1.0, valence)),
                weight=AUXILIARY_WEIGHT,
            )
            if row:
                yield row


def read_goemotions(folder: Path) -> Iterator[Classed]:
    """Yield GoEmotions' comments whose emotions agree on a polarity."""
    mapping = read_mapping("goemotions")
    emotions = (folder / "labels.txt").read_text(encoding="utf-8").split()
    for part, split in _TABLES:
        for line in (folder / f"{part}.tsv").read_text(encoding="utf-8").splitlines():
            if line.count("\t") != 2:
                continue
            text, numbers, key = line.split("\t")
            names = [emotions[int(number)] for number in numbers.split(",")]
            polarities = {mapping.polarity.get(name) for name in names}
            if len(polarities) != 1:
                continue
            row = build_row(mapping, names, text=text, key=key, split=split, weight=AUXILIARY_WEIGHT)
            if row:
                kind = "vexed" if row.row.frustration else str(row.row.polarity)
                yield Classed(kind, row.row)


def read_senti4sd(folder: Path) -> Iterator[Classed]:
    """Yield posts of programmers with the polarity that three annotators gave."""
    mapping = read_mapping("senti4sd")
    parts: tuple[tuple[str, Split], ...] = (("test1326", "test"), ("train3098", "train"))
    for part, split in parts:
        with (folder / f"{part}itemPOLARITY.csv").open(encoding="utf-8", errors="replace", newline="") as file:
            for cells in csv.reader(file, delimiter=";"):
                if len(cells) < 3 or cells[1] not in mapping.classes:
                    continue
                text = ";".join(cells[2:])
                key = f"{part}-{cells[0]}-{text_hash(text)[:6]}"
                row = build_row(mapping, [cells[1]], text=text, key=key, split=split, weight=AUXILIARY_WEIGHT)
                if row:
                    yield row
