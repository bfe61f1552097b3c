"""The simple models beside ours, on a few rows of invented words."""

import pytest

pytest.importorskip("sklearn")

from models.records import LabelledMessage
from training.baseline import message_baselines
from training.evaluate import MIN_ROWS

pytestmark = pytest.mark.slow

WORDS = {True: "castellan", False: "parcel"}


def message(number, **fields):
    """A message that names whom it asks for, fully labelled."""
    asks = number % 2 == 0
    known = {"labels": ("request_human",) if asks else ("order_status",), "known": "all", "explicit": asks}
    known |= {"out_of_scope": number % 3 == 0, "sentiment": 0.4 if asks else -0.4, "frustration": float(not asks)}
    text = f"my {WORDS[asks]} please number {'abcdefg'[number % 7]}"
    return LabelledMessage(id=str(number), source="written", text=text, group=str(number), **(known | fields))


def turn(number):
    """A turn of a conversation, of which nothing is told but what it does there."""
    return LabelledMessage(
        id=f"t{number}", source="written", text=f"my castellan {number}", before="Hi.", dialogue=(), group=f"t{number}"
    )


TRAIN = [message(number) for number in range(80)]
TEST = [message(number) for number in range(100, 100 + MIN_ROWS)]


def test_the_baselines_find_what_words_tell():
    """Where one word says all, TF-IDF finds all of it."""
    found = message_baselines(TRAIN, TEST, source="written")
    assert (MIN_ROWS, 1.0, 1.0) == (found["n"], found["explicit"]["auroc"], found["explicit"]["best_f1"])
    assert found["sentiment"]["pearson"] > 0.99
    assert found["intents"] == {"micro_f1": 1.0, "macro_average_precision": 1.0}


def test_turns_of_conversations_are_no_test_of_messages():
    """A turn that no head is asked about is not one without a request: it changes no baseline's figure."""
    assert message_baselines(TRAIN, [*TEST, *map(turn, range(50))], source="written") == message_baselines(
        TRAIN, TEST, source="written"
    )


def test_too_few_messages_have_no_baseline():
    """Beneath the least number of rows nothing is measured, and another source's rows are none."""
    other = [row.model_copy(update={"source": "toy"}) for row in TEST]
    assert message_baselines(TRAIN, [*TEST[1:], *other], source="written") == {}
