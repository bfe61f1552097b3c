"""Splits, leaks and the fingerprint of the data."""

import pytest

from models.records import AnswerExample, LabelledMessage
from training.splits import assign_splits, fingerprint, near_key


def message(text, *, group=None, split=None, source="toy", **fields):
    """A message whose group is its text unless told otherwise."""
    return LabelledMessage(
        id=f"{source}:{text}:{split}", source=source, text=text, group=group or text, split=split, **fields
    )


def answer(message_text, *, passage="Goats stay free.", split=None, group="inn"):
    """An answer example."""
    key = f"{message_text}:{passage}:{split}"
    return AnswerExample(
        id=key, source="toy", message=message_text, answer="Yes.", passages=(passage,), group=group, split=split
    )


def spell(number):
    """A number as letters, since texts that differ in digits alone count as near-identical."""
    return f"{number:b}".replace("0", "o").replace("1", "l")


def splits(rows):
    """The split of each text."""
    return {row.text: row.split for row in rows}


def test_every_row_gets_a_split():
    """Rows without a split get one, at about 80, 10 and 10 in a hundred, by the group."""
    rows = [message(f"where is {spell(number)}", group=f"g{number // 2}") for number in range(2000)]
    kept, report = assign_splits(rows, seed=7)
    by_group = {}
    for row in kept:
        by_group.setdefault(row.group, set()).add(row.split)
    assert {1} == {len(found) for found in by_group.values()}
    shares = {split: number / len(kept) for split, number in report.counts["toy"].items()}
    assert pytest.approx({"train": 0.8, "calibration": 0.1, "test": 0.1}, abs=0.05) == shares


def test_splits_depend_on_the_seed_alone():
    """The same seed gives the same splits in any order of the rows; another seed gives others."""
    rows = [message(f"question {'abcdefghij'[n % 10] * (1 + n // 10)} about the moat") for n in range(100)]
    first = splits(assign_splits(rows, seed=7)[0])
    assert first == splits(assign_splits(rows[::-1], seed=7)[0])
    assert first != splits(assign_splits(rows, seed=8)[0])


def test_own_splits_are_kept():
    """A corpus' own splits stay as they are."""
    rows = [message(f"the {split} moat leaks", split=split) for split in ("train", "calibration", "test")]
    assert rows == assign_splits(rows, seed=7)[0]


def test_group_follows_its_split():
    """A row without a split joins the split of its group."""
    rows = [message("the moat leaks", group="c1", split="test"), message("since noon, to be exact", group="c1")]
    assert {"the moat leaks": "test", "since noon, to be exact": "test"} == splits(assign_splits(rows, seed=7)[0])


def test_group_in_two_splits_leaves_train():
    """Of a conversation that a corpus divided, the part in train is dropped and counted."""
    rows = [
        message("the moat leaks", group="c1", split="test"),
        message("since noon, to be exact", group="c1", split="train"),
    ]
    kept, report = assign_splits(rows, seed=7)
    assert {"the moat leaks": "test"} == splits(kept)
    assert ({"toy": {"group": 1}}, 1) == (report.dropped, report.n_dropped)


def test_near_identical_text_leaves_train():
    """Of a text that differs in case, punctuation and numbers alone, the copy in train is dropped and counted."""
    rows = [
        message("Where is order 4711, please?", split="test"),
        message("where is order 12 please", split="train", source="other"),
    ]
    kept, report = assign_splits(rows, seed=7)
    assert {"Where is order 4711, please?": "test"} == splits(kept)
    assert {"other": {"text": 1}} == report.dropped


def test_glue_stays_in_train():
    """Of a text as short as a yes, the copy in the test is dropped: train needs it, and it tests nothing."""
    rows = [message("Yes please", split="test"), message("yes please!", split="train")]
    kept, report = assign_splits(rows, seed=7)
    assert {"yes please!": "train"} == splits(kept)
    assert {"toy": {"glue": 1}} == report.dropped


def test_equal_texts_of_one_split_stay():
    """The same text from two corpora stays twice in one split: each knows other labels."""
    rows = [message("the moat leaks again", split="train", source=source) for source in ("toy", "other")]
    assert rows == assign_splits(rows, seed=7)[0]


def test_answers_compare_with_their_passages():
    """The same question about other passages is no leak, the same example in two splits is."""
    rows = [
        answer("Goats welcome?", split="test", group="a"),
        answer("Goats welcome?", split="train", group="b", passage="No goats."),
        answer("goats welcome", split="train", group="c"),
    ]
    kept, report = assign_splits(rows, seed=7)
    assert rows[:2] == kept
    assert {"toy": {"text": 1}} == report.dropped


@pytest.mark.parametrize(("text", "expected"), [("Order №12, NOW!", "order no0 now"), ("🙂🙂", "🙂🙂"), ("!?", "!?")])
def test_near_key(text, expected):
    """Words alone count and numbers are alike; a text without words is its own key."""
    assert expected == near_key(message(text))


def test_fingerprint_ignores_order_alone():
    """The fingerprint is the same in any order, and another after any change of text, target, mask, weight or split."""
    rows = [
        message("the moat leaks", split="train"),
        message("my key sank", split="test", labels=("security_incident",)),
    ]
    changes = (
        {"text": "a key sank"},
        {"labels": ()},
        {"known": "all"},
        {"weight": 0.5},
        {"split": "train"},
        {"sentiment": 0.0},
    )
    assert fingerprint(rows) == fingerprint(rows[::-1])
    assert 1 + len(changes) == len(
        {fingerprint(rows), *(fingerprint([rows[0], rows[1].model_copy(update=change)]) for change in changes)}
    )


def test_fingerprint_is_pinned():
    """The fingerprint of two known rows stays: bundles name their data by it."""
    rows = [message("the moat leaks", split="train"), answer("Goats welcome?", split="test")]
    assert fingerprint(rows).startswith("04129f9c6e6f")


def test_a_passage_that_train_shows_leaves_the_other_splits():
    """A test or calibration row whose passage stands in a training row is dropped, and counted as such."""
    rows = [
        AnswerExample(id=split, source="s", message=split, answer="a", passages=(passage,), group=split, split=split)
        for split, passage in (
            ("train", "Open  daily."),
            ("calibration", "open daily."),
            ("test", "Closed on Mondays."),
        )
    ]
    kept, report = assign_splits(rows, seed=1)
    assert ["test", "train"] == sorted(row.id for row in kept)
    assert {"s": {"passage": 1}} == report.dropped
