"""The truth of labelled rows as numbers: present, absent, or not labelled here."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.records import LabelledMessage
from models.scorer import _EXPECTED_LABELS
from training.labels import (
    ANSWER_PARTS,
    BOT_DIALOGUE,
    CUSTOMER_DIALOGUE,
    DIALOGUE,
    LABELS,
    POLARITIES,
    dialogue_matrix,
    truth_matrix,
)

ROLES = {"customer": CUSTOMER_DIALOGUE, "bot": BOT_DIALOGUE}


def row(**fields):
    """A labelled message."""
    return LabelledMessage(id="1", source="s", text="t", group="g", **fields)


@st.composite
def turns(draw):
    """A turn of a role with some of the labels that it can have, or without a word about them."""
    role = draw(st.sampled_from(sorted(ROLES)))
    dialogue = draw(st.none() | st.sets(st.sampled_from(ROLES[role])).map(sorted).map(tuple))
    return row(role=role, dialogue=dialogue)


@given(st.lists(turns(), max_size=8))
def test_dialogue_is_told_for_the_role_alone(rows):
    """Each label of a turn's own role is 1 or 0; the other role's, and all of a silent row, are NaN: never absent."""
    found = dialogue_matrix(rows)
    assert (len(rows), len(DIALOGUE)) == found.shape
    for values, turn in zip(found, rows, strict=True):
        own = ROLES[turn.role] if turn.dialogue is not None else ()
        expected = [float(label in turn.dialogue) if label in own else np.nan for label in DIALOGUE]
        assert pytest.approx(expected, nan_ok=True) == values.tolist()


def test_the_dialogue_labels_are_those_of_both_roles():
    """A label belongs to one role, and a bot's say so, since the scorer tells them apart by that."""
    assert (*CUSTOMER_DIALOGUE, *BOT_DIALOGUE) == DIALOGUE
    assert [label for label in DIALOGUE if label.startswith("bot_") is not (label in BOT_DIALOGUE)] == []


@pytest.mark.parametrize(
    ("head", "labels"), [("dialogue", DIALOGUE), ("polarity", POLARITIES), ("answer", ANSWER_PARTS)]
)
def test_what_is_trained_is_what_the_scorer_reads(head, labels):
    """The columns of heads that mean something to the kernel are trained in the kernel's order."""
    assert _EXPECTED_LABELS[head] == labels


def test_truth_by_hand():
    """Present is 1, known to be absent 0, the rest NaN; a row may know all labels, some, or none."""
    rows = [row(labels=("invoice",), known="all"), row(labels=("invoice",), known=("fees",)), row()]
    found = truth_matrix(rows)
    places = [LABELS.index(label) for label in ("invoice", "fees", "review")]
    expected = [[1.0, 0.0, 0.0], [1.0, 0.0, np.nan], [np.nan] * 3]
    assert pytest.approx(np.asarray(expected), nan_ok=True) == found[:, places]
    assert [0, len(LABELS) - 2, len(LABELS)] == np.isnan(found).sum(axis=1).tolist()
