"""The data that we wrote ourselves: valid, labelled to the guideline, split by batch, and nobody's secrets."""

import json
import re
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np
import pytest

from models.text import MAX_CHARACTERS, normalise
from training.labels import LABELS
from training.sources.written import read_written, read_written_answers

WRITTEN = Path(__file__).parents[2] / "data" / "written"
MESSAGE_KEYS = [
    "id", "text", "language", "labels", "out_of_scope", "explicit", "sentiment", "frustration", "batch", "second_look",
    "split",
]  # fmt: skip
ANSWER_KEYS = [
    "id", "situation", "message", "answer", "passages", "sufficient", "grounded", "answers", "good", "batch",
    "second_look", "split",
]  # fmt: skip
PARTS = ("sufficient", "grounded", "answers")
SPLITS = {"train", "calibration", "test"}
# what may be said besides something that is none of our business
BESIDES = {"greeting", "ask_if_bot", "thanks_bye", "affirm", "deny", "express_frustration", "abusive_language"}

MAIL = re.compile(r"[\w.+-]+@([\w-]+(?:\.[\w-]+)+)")
DIGITS = re.compile(r"(?<!\w)\+?\d(?:[ ().-]{0,2}\d){8,}(?!\w)")
RESERVED = re.compile(r"(?:^|\.)(?:example(?:\.(?:com|org|net))?|test|invalid)$")
INVENTED = ("555", "7700900", "000", "1234")


def rows_of(folder):
    """Every row of a folder's files as plain JSON, with the file it came from."""
    return [
        (path.stem, json.loads(line))
        for path in sorted((WRITTEN / folder).glob("*.jsonl"))
        for line in path.read_text("utf-8").split("\n")
        if line
    ]


MESSAGES, ANSWERS = rows_of("messages"), rows_of("answers")
BOTH = pytest.mark.parametrize(
    ("rows", "keys"), [(MESSAGES, MESSAGE_KEYS), (ANSWERS, ANSWER_KEYS)], ids=["messages", "answers"]
)
TEXTS = [(row["id"], row["text"]) for _, row in MESSAGES]
TEXTS += [(row["id"], text) for _, row in ANSWERS for text in (row["message"], row["answer"], *row["passages"]) if text]


@BOTH
def test_rows_hold_their_keys_in_order(rows, keys):
    """Every row holds exactly the keys of the format, in its order, so that diffs stay readable."""
    assert [row["id"] for _, row in rows if list(row) != keys] == []


@BOTH
def test_ids_are_unique_and_say_where_they_belong(rows, keys):
    """No two rows share an id, and an id begins with its file."""
    assert [name for name, count in Counter(row["id"] for _, row in rows).items() if count > 1] == []
    assert [row["id"] for file, row in rows if not row["id"].startswith(f"{file}-")] == []


@BOTH
def test_every_row_had_its_second_look(rows, keys):
    """Labels were read again, row by row, by somebody after writing them."""
    assert [row["id"] for _, row in rows if row["second_look"] is not True] == []


@BOTH
def test_every_row_is_read_by_training(rows, keys):
    """What lies in the files is what the training adapter yields: all of it, in range, with known labels."""
    read = list(read_written() if keys is MESSAGE_KEYS else read_written_answers())
    assert [row.id for row in read] == [row["id"] for _, row in rows]


@pytest.mark.parametrize("rows", [MESSAGES, ANSWERS], ids=["messages", "answers"])
def test_a_batch_lies_in_one_split(rows):
    """A batch of messages, or a situation of answers, was written in one go, so it is held out whole."""
    splits = defaultdict(set)
    for file, row in rows:
        splits[file, row.get("situation", row["batch"])].add(row["split"])
    assert {group: sorted(found) for group, found in splits.items() if len(found) > 1} == {}


@pytest.mark.parametrize("rows", [MESSAGES, ANSWERS], ids=["messages", "answers"])
def test_each_split_has_its_share(rows):
    """Of every file about one row in ten is for calibration and one in ten for the test."""
    counts = defaultdict(Counter)
    for file, row in rows:
        counts[file][row["split"]] += 1
    for found in counts.values():
        assert set(found) == SPLITS
        assert [split for split in ("calibration", "test") if not 0.05 <= found[split] / found.total() <= 0.2] == []


# messages


def test_labels_are_known_and_listed_once():
    """A label is one of the taxonomy and stands in a row once."""
    assert [row["id"] for _, row in MESSAGES if set(row["labels"]) - set(LABELS)] == []
    assert [row["id"] for _, row in MESSAGES if len(set(row["labels"])) != len(row["labels"])] == []


def test_explicit_is_a_request_for_a_person():
    """`explicit` is true exactly where `request_human` is among the labels."""
    assert [row["id"] for _, row in MESSAGES if row["explicit"] is not ("request_human" in row["labels"])] == []


def test_out_of_scope_messages_want_nothing_of_support():
    """A message that has nothing to do with support carries no label that support would act on."""
    assert [row["id"] for _, row in MESSAGES if row["out_of_scope"] and set(row["labels"]) - BESIDES] == []


def test_numbers_are_in_range():
    """Sentiment lies in [-1, 1], frustration in [0, 1], both as numbers."""
    wrong = [
        row["id"]
        for _, row in MESSAGES
        if not (-1 <= row["sentiment"] <= 1 and 0 <= row["frustration"] <= 1)
        or isinstance(row["sentiment"], bool)
        or isinstance(row["frustration"], bool)
    ]
    assert wrong == []


def test_delight_is_not_frustration():
    """Nobody is at once delighted and furious: the two scales don't contradict each other."""
    assert [row["id"] for _, row in MESSAGES if row["sentiment"] > 0.5 and row["frustration"] > 0.5] == []


def test_messages_are_in_english():
    """The bundle's heads are English, so are their messages."""
    assert {row["language"] for _, row in MESSAGES} == {"en"}


def test_every_label_has_examples_in_every_split():
    """A label that a split doesn't hold can't be learned, calibrated or measured there."""
    held = {
        split: {label for _, row in MESSAGES if row["split"] == split for label in row["labels"]} for split in SPLITS
    }
    assert {split: sorted(set(LABELS) - found) for split, found in held.items()} == {split: [] for split in SPLITS}


# answers


def test_a_good_answer_has_no_bad_part():
    """What should be sent answers the question and is grounded wherever passages were given."""
    wrong = [
        row["id"] for _, row in ANSWERS if row["good"] and (row["answers"] != 1 or row["grounded"] not in {1, None})
    ]
    assert wrong == []


def test_a_bad_answer_has_a_bad_part():
    """What should not be sent misses the question, its passages, or has none that suffice."""
    wrong = [
        row["id"]
        for _, row in ANSWERS
        if row["good"] is False and min(row[p] for p in PARTS if row[p] is not None) == 1
    ]
    assert wrong == []


def test_without_an_answer_nothing_is_said_of_it():
    """A row without a draft only says whether the passages suffice."""
    rows = [row for _, row in ANSWERS if row["answer"] is None]
    assert [row["id"] for row in rows if {row["grounded"], row["answers"], row["good"]} != {None}] == []


def test_without_passages_nothing_is_said_of_them():
    """A row without passages says nothing of sufficient or grounded."""
    rows = [row for _, row in ANSWERS if not row["passages"]]
    assert [row["id"] for row in rows if (row["sufficient"], row["grounded"]) != (None, None)] == []


def test_parts_are_no_half_one_or_silence():
    """Each part is judged no, partly or yes, or not at all."""
    assert [row["id"] for _, row in ANSWERS if {row[part] for part in PARTS} - {0, 0.5, 1, None}] == []


def test_variants_of_a_situation_ask_the_same():
    """All drafts of one situation answer one message."""
    asked = defaultdict(set)
    for file, row in ANSWERS:
        asked[file, row["situation"]].add(row["message"])
    assert {situation: sorted(found) for situation, found in asked.items() if len(found) > 1} == {}


# texts


def test_texts_are_texts():
    """Nothing is empty, and nothing is longer than a message may be."""
    wrong = [name for name, text in TEXTS if not normalise(text) or len(text) > MAX_CHARACTERS]
    assert wrong == []


def test_no_mail_address_could_be_somebodys():
    """Addresses end in a domain that is reserved for examples."""
    assert [
        (name, match[0]) for name, text in TEXTS for match in MAIL.finditer(text) if not RESERVED.search(match[1])
    ] == []


def test_no_long_number_could_be_somebodys():
    """Numbers as long as a telephone, account or card number are visibly invented: 555, 07700 900..., 000 or 1234."""
    found = [(name, match[0]) for name, text in TEXTS for match in DIGITS.finditer(text)]
    assert [entry for entry in found if not any(mark in re.sub(r"\D", "", entry[1]) for mark in INVENTED)] == []


def test_no_two_messages_are_the_same():
    """No text stands twice, whatever its case and spacing."""
    first, twice = {}, []
    for _, row in MESSAGES:
        key = normalise(row["text"]).casefold()
        if key in first and len(key.split()) > 4:
            twice.append((first[key], row["id"]))
        first.setdefault(key, row["id"])
    assert twice == []


@pytest.mark.slow
def test_no_two_messages_are_nearly_the_same():
    """No two messages of more than four words are one sentence with a word swapped, within a file or across files.

    token_set_ratio alone also finds a short text whose words all occur in a long one; such pairs, of which
    token_sort_ratio thinks little, are different messages.
    """
    process, fuzz = pytest.importorskip("rapidfuzz.process"), pytest.importorskip("rapidfuzz.fuzz")
    rows = [row for _, row in MESSAGES if len(row["text"].split()) > 4]
    texts = [row["text"].lower() for row in rows]
    alike = process.cdist(texts, texts, scorer=fuzz.token_sort_ratio, score_cutoff=70, dtype=np.uint8)
    pairs = zip(*np.nonzero(np.triu(alike, 1)), strict=True)
    near = [(rows[a]["id"], rows[b]["id"]) for a, b in pairs if fuzz.token_set_ratio(texts[a], texts[b]) >= 92]
    assert near == []
