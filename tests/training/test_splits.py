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


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        ({"train", "calibration", "test"}, "test"),
        ({"train", "test"}, "test"),
        ({"calibration", "test"}, "test"),
        ({"train", "calibration"}, "calibration"),
        ({"train"}, "train"),
    ],
    ids=lambda value: "+".join(sorted(value)) if isinstance(value, set) else "",
)
def test_a_passage_belongs_to_the_earliest_split(shown, expected):
    """What the test shows nobody trains on: of a passage in several splits the test keeps its rows, else calibration."""
    rows = [answer(f"{split}?", passage=" open  DAILY.", split=split, group=split) for split in sorted(shown)]
    others = [answer(f"{split}?", passage=f"Only in {split}.", split=split, group=split) for split in sorted(shown)]
    kept, report = assign_splits([*rows, *others], seed=1)
    assert [row for row in rows if row.split == expected] + others == kept
    assert ({"toy": {"passage": len(shown) - 1}} if len(shown) > 1 else {}) == report.dropped


def test_a_row_with_one_foreign_passage_leaves():
    """One passage that an earlier split shows is enough, whatever else a row holds."""
    both = answer("Goats?", split="train", group="a").model_copy(update={"passages": ("No goats.", "Goats stay free.")})
    rows = [both, answer("Geese?", passage="goats stay FREE.", split="test", group="b")]
    kept, report = assign_splits(rows, seed=1)
    assert rows[1:] == kept
    assert {"toy": {"passage": 1}} == report.dropped


def test_a_dropped_row_keeps_no_passage_from_others():
    """Only rows that stay show their passages: what a dropped test row held may be trained on."""
    twin = answer("Goats?", passage="No goats.", split="test", group="a").model_copy(update={"id": "twin"})
    rows = [
        answer("Goats?", passage="No goats.", split="test", group="b"),
        answer("Geese?", passage="Geese swim.", split="calibration", group="c"),
        answer("Geese?", passage="Geese swim.", split="train", group="d"),
        answer("Do geese swim?", passage="Geese do.", split="train", group="e"),
        twin,
    ]
    kept, report = assign_splits(rows, seed=1)
    assert [rows[0], rows[1], rows[3], twin] == kept
    assert {"toy": {"text": 1}} == report.dropped


# messages in their conversation


def test_a_message_compares_with_the_one_before_it():
    """The same words after another message of the bot's are another row; after the same one they are a twin."""
    rows = [
        message("that did not help", split="test", before="Try again."),
        message("that did not help", split="train", before="Turn it off.", group="other"),
        message("That did not help!", split="train", before="try again", group="twin"),
        message("that did not help", split="train", group="alone"),
    ]
    kept, report = assign_splits(rows, seed=1)
    assert [rows[0], rows[1], rows[3]] == kept
    assert {"toy": {"text": 1}} == report.dropped


def test_a_short_answer_to_a_long_question_is_no_glue():
    """A yes is glue on its own; after a question it is a row like any other, and the test keeps it."""
    before = "Shall I bring in a colleague who can help?"
    rows = [message("yes", split=split, before=before, group=split) for split in ("train", "test")]
    kept, report = assign_splits(rows, seed=1)
    assert rows[1:] == kept
    assert {"toy": {"text": 1}} == report.dropped


def test_an_answer_compares_with_what_was_said_earlier():
    """The same question after another one is another row."""
    first = answer("And for children?", split="test", group="a", passage="Half price.")
    second = first.model_copy(update={"id": "2", "split": "train", "group": "b", "passages": (), "earlier": "Tickets?"})
    third = second.model_copy(update={"id": "3", "group": "c", "earlier": None})
    fourth = third.model_copy(update={"id": "4", "group": "d", "split": "test"})
    assert [first, second, fourth] == assign_splits([first, second, third, fourth], seed=1)[0]


@pytest.mark.parametrize(
    "change", [{"before": "Hi."}, {"role": "bot"}, {"dialogue": ()}, {"dialogue": ("insists",)}, {"language": "de"}]
)
def test_fingerprint_knows_a_messages_place_in_its_conversation(change):
    """Another message before it, another role or other dialogue labels make other data."""
    row = message("the moat leaks", split="train")
    assert fingerprint([row]) != fingerprint([row.model_copy(update=change)])


def test_fingerprint_knows_what_was_said_earlier():
    """Another earlier question makes other data."""
    row = answer("And for children?", split="train")
    assert fingerprint([row]) != fingerprint([row.model_copy(update={"earlier": "Tickets?"})])
