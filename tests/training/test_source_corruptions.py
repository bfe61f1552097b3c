"""Rows made from rows: what is corrupted or stripped, what never is."""

import random
import re
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.records import AnswerExample
from training.sources.corruptions import SHARE, STRIPPED_SHARE, corrupt, corrupted_rows, stripped_rows

SEEDS = range(40)
WORDS = ["Yes, ", "No, ", "goats", " is ", " is not ", " no ", " can't ", " have ", " 7", "12", " ", "will ", "."]


def example(number, **fields):
    """A good, grounded training answer, but for the given fields."""
    values = {
        "id": f"toy:{number}", "source": "toy", "message": "do goats stay free", "answer": "Yes, goats are free.",
        "passages": ("Goats stay free.",), "sufficient": 1.0, "grounded": 1.0, "answers": 1.0, "good": 1.0,
        "group": f"toy:{number}", "split": "train",
    }  # fmt: skip
    return AnswerExample.model_validate(values | fields)


def examples(count=400, **fields):
    """Many of them, which differ in their ids."""
    return [example(number, **fields) for number in range(count)]


# corrupt


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("Yes, goats may stay.", "No, goats may stay."),
        ("No, goats may stay.", "Yes, goats may stay."),
        ("Yes, hay is free and goats are not welcome.", "No, hay is free and goats are not welcome."),
        ("Hay is served.", "Hay is not served."),
        ("Hay is not served.", "Hay is served."),
        ("Goats aren't welcome.", "Goats are welcome."),
        ("You can't stay.", "You can stay."),
        ("You can stay.", "You can't stay."),
        ("There are no goats.", "There are goats."),
        ("The inn has a pond.", "The inn doesn't have a pond."),
        ("It accepts hay.", "It doesn't accept hay."),
        ("The gate will open.", "The gate will not open."),
        ("Is not for goats.", None),
        ("Goats stay free.", None),
        ("", None),
    ],
)
def test_a_yes_becomes_a_no(answer, expected):
    """An answer is reversed, both ways, whatever the dice; where nothing can be reversed there is no wrong answer."""
    assert {expected} == {corrupt(answer, random.Random(seed)) for seed in SEEDS}


def test_a_number_becomes_another_of_its_length():
    """Without a word to reverse half of the dice change a number, to another one with as many digits."""
    found = [corrupt("Doors open at 9, for 120 goats.", random.Random(seed)) for seed in SEEDS]
    changed = [answer for answer in found if answer is not None]
    assert 0 < len(changed) < len(found)
    for answer in changed:
        hour, goats = re.fullmatch(r"Doors open at (\d), for (\d{3}) goats\.", answer).groups()
        assert (hour == "9") is not (goats == "120")
        assert goats[0] != "0"


def test_a_number_goes_before_a_word_half_of_the_time():
    """With both to choose from the dice decide, so that neither kind of mistake is rare."""
    found = Counter(corrupt("Yes, 7 goats.", random.Random(seed)) == "No, 7 goats." for seed in range(400))
    assert 0.4 < found[True] / found.total() < 0.6


@given(st.lists(st.sampled_from(WORDS), max_size=8).map("".join) | st.text(max_size=60), st.integers())
def test_a_corrupted_answer_is_never_the_same(answer, seed):
    """Whatever the text and the dice, what comes back differs, and is the same for the same dice."""
    found = corrupt(answer, random.Random(seed))
    assert answer != found
    assert found == corrupt(answer, random.Random(seed))


# corrupted rows


def test_a_corrupted_twin_is_wrong_and_nothing_else_changes():
    """A twin has another answer that nothing supports, which still answers; message, passages and group stay."""
    rows = {row.id: row for row in examples()}
    twins = list(corrupted_rows(rows.values()))
    assert SHARE == pytest.approx(len(twins) / len(rows), abs=0.08)
    for twin in twins:
        row = rows[twin.id.removesuffix(":corrupted")]
        changed = {"id": twin.id, "answer": twin.answer, "grounded": 0.0, "good": 0.0}
        assert row.model_copy(update=changed) == twin
        assert row.answer != twin.answer


@pytest.mark.parametrize(
    "fields",
    [
        {"split": "test"},
        {"split": "calibration"},
        {"split": None},
        {"good": 0.0},
        {"good": 2 / 3},
        {"good": None},
        {"grounded": 0.0},
        {"grounded": None},
        {"answer": None},
        {"answer": "Goats stay free."},
    ],
    ids=str,
)
def test_only_good_grounded_training_answers_are_corrupted(fields):
    """Other splits, doubtful or bad answers, and answers in which nothing can be changed have no twin."""
    assert [] == list(corrupted_rows(examples(**fields)))


def test_twins_depend_on_ids_alone():
    """The same rows have the same twins in any order, run after run."""
    rows = examples(100)
    found = list(corrupted_rows(rows))
    assert found == list(corrupted_rows(rows))
    assert sorted(found, key=lambda row: row.id) == sorted(corrupted_rows(rows[::-1]), key=lambda row: row.id)


# stripped rows


@pytest.mark.parametrize("split", ["train", "calibration"])
def test_a_stripped_twin_has_no_passages(split):
    """A twin keeps message, answer and whether it answers; what can only be said with passages is not said."""
    rows = {row.id: row for row in examples(split=split)}
    twins = list(stripped_rows(rows.values()))
    assert STRIPPED_SHARE == pytest.approx(len(twins) / len(rows), abs=0.06)
    silent = {"passages": (), "sufficient": None, "grounded": None, "good": None}
    for twin in twins:
        assert rows[twin.id.removesuffix(":stripped")].model_copy(update=silent | {"id": twin.id}) == twin


@pytest.mark.parametrize(
    "fields",
    [{"split": "test"}, {"answers": None}, {"answer": None}, {"answer": ""}, {"passages": ()}],
    ids=str,
)
def test_what_is_never_stripped(fields):
    """Rows of the test, and rows of which nothing would be left to say, have no twin."""
    assert [] == list(stripped_rows(examples(**fields)))
