"""Rows to tensors: targets, noise, batches."""

import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("torch")

from models.encoding import MAX_PASSAGES, Encoder
from models.records import AnswerExample, LabelledMessage
from tests.support.tiny_bundle import build_tiny_bundle
from training.batches import (
    add_noise,
    answer_batches,
    answer_targets,
    message_batches,
    message_targets,
    order_by_length,
)
from training.labels import BOT_DIALOGUE, CUSTOMER_DIALOGUE, DIALOGUE, LABELS

pytestmark = pytest.mark.slow

MESSAGES = [
    LabelledMessage(
        id=str(number), source="s", text=f"message {'x ' * (number % 7)}{number}", group="g", weight=1 + number
    )
    for number in range(23)
]
ANSWERS = [
    AnswerExample(
        id=str(number),
        source="s",
        message="where is it",
        answer="there",
        passages=("some words",) * (number % 5),
        good=number / 20,
        group="g",
    )
    for number in range(17)
]


@pytest.fixture(scope="module")
def encoder(tmp_path_factory):
    """The tiny bundle's tokenizer."""
    return Encoder(build_tiny_bundle(tmp_path_factory.mktemp("tiny") / "bundle") / "tokenizer.json")


def message(**fields):
    """A labelled message with the given targets."""
    return LabelledMessage(id="1", source="s", text="t", group="g", **fields)


def row_of(**fields):
    """The targets of one message."""
    return {name: values[0] for name, values in message_targets([message(**fields)]).items()}


# targets


def test_a_fully_labelled_message_has_no_unknown_label():
    """With `known` all, what isn't listed is absent."""
    found = row_of(labels=("invoice", "fees"), known="all")["intents"]
    assert {LABELS[column] for column in np.flatnonzero(found == 1)} == {"invoice", "fees"}
    assert np.isnan(found).sum() == 0


def test_a_partly_labelled_message_is_silent_about_the_rest():
    """Labels outside `labels` and `known` are NaN: not labelled, never absent."""
    found = row_of(labels=("invoice",), known=("fees", "review"))["intents"]
    known = {LABELS[column]: float(found[column]) for column in np.flatnonzero(~np.isnan(found))}
    assert known == {"invoice": 1.0, "fees": 0.0, "review": 0.0}


def test_a_silent_source_teaches_nothing():
    """A row that says nothing is NaN in every target, and -1 as polarity."""
    found = row_of()
    assert [
        name for name in ("out_of_scope", "explicit", "sentiment", "frustration") if not np.isnan(found[name])
    ] == []
    assert np.isnan(found["intents"]).all()
    assert np.isnan(found["dialogue"]).all()
    assert found["polarity"] == -1


@pytest.mark.parametrize(
    ("role", "own", "said"), [("customer", CUSTOMER_DIALOGUE, "insists"), ("bot", BOT_DIALOGUE, "bot_fallback")]
)
def test_dialogue_targets_are_those_of_the_role(role, own, said):
    """Of a labelled turn every label that its role can have is known, and none that the other role can have."""
    found = row_of(role=role, dialogue=(said,))["dialogue"]
    known = {DIALOGUE[column]: float(found[column]) for column in np.flatnonzero(~np.isnan(found))}
    assert {label: float(label == said) for label in own} == known


def test_targets_are_what_the_row_says():
    """False is 0 and not NaN; polarity is the place among negative, neutral, positive."""
    found = row_of(out_of_scope=False, explicit=True, sentiment=-0.5, frustration=0.0, polarity="positive", weight=2.0)
    expected = {
        "out_of_scope": 0.0,
        "explicit": 1.0,
        "sentiment": -0.5,
        "frustration": 0.0,
        "polarity": 2,
        "weight": 2.0,
    }
    assert {name: float(found[name]) for name in expected} == expected


def test_target_types_are_what_torch_wants():
    """Targets are float32, polarity int64."""
    kinds = {name: str(values.dtype) for name, values in message_targets(MESSAGES).items()}
    assert kinds.pop("polarity") == "int64"
    assert set(kinds.values()) == {"float32"}


def test_answer_targets_keep_unknown_apart_from_zero():
    """A part that nobody judged is NaN, and one judged bad is 0."""
    row = AnswerExample(id="1", source="s", message="m", sufficient=0.0, good=0.5, group="g", passages=("p",))
    found = answer_targets([row, row.model_copy(update={"good": None})])
    assert {"parts", "good", "weight"} == set(found)
    assert pytest.approx([0.0, float("nan"), float("nan")], nan_ok=True) == found["parts"][0].tolist()
    assert pytest.approx([0.5, float("nan")], nan_ok=True) == found["good"].tolist()


def test_good_is_not_taught_without_passages():
    """A row without passages teaches its parts and never `good`, which the served combiner isn't asked for either."""
    row = AnswerExample(id="1", source="s", message="m", answer="a", answers=1.0, good=1.0, group="g")
    found = answer_targets([row, row.model_copy(update={"passages": ("p",)})])
    assert pytest.approx([float("nan"), 1.0], nan_ok=True) == found["good"].tolist()
    assert [1.0, 1.0] == found["parts"][:, 2].tolist()


# noise


@given(st.text(max_size=80), st.integers())
def test_noise_never_empties_a_text(text, seed):
    """A text that noise would leave blank becomes a question mark."""
    assert add_noise(text, random.Random(seed)).strip() != ""


@given(st.text(max_size=80), st.integers())
def test_noise_depends_on_its_seed_only(text, seed):
    """The same seed makes the same slips."""
    assert add_noise(text, random.Random(seed)) == add_noise(text, random.Random(seed))


@given(st.text(st.characters(codec="ascii", categories=["L", "Zs"]), min_size=1, max_size=80), st.integers())
def test_noise_stays_near_the_text(text, seed):
    """At most a few characters more or fewer: two slips and an ending."""
    assert abs(len(add_noise(text, random.Random(seed))) - len(text)) <= 6 or not text.strip()


def test_noise_leaves_most_letters():
    """Over many seeds a sentence keeps its words but for one or two."""
    text = "my parcel has not arrived and nobody answers"
    for seed in range(200):
        words = set(add_noise(text, random.Random(seed)).lower().split())
        assert len(words & set(text.split())) >= 4


# batches


@given(st.lists(st.integers(min_value=1, max_value=40), max_size=300), st.integers(1, 16), st.integers())
def test_every_row_is_in_one_batch(lengths, size, seed):
    """Batches hold each row once, are full but for a few, and need no row twice."""
    batches = order_by_length(lengths, size, random.Random(seed))
    assert sorted(number for batch in batches for number in batch) == list(range(len(lengths)))
    assert max((len(batch) for batch in batches), default=0) <= size
    assert len(batches) == -(-len(lengths) // size)


def test_batches_are_of_similar_length():
    """Rows in a batch are about equally long, so that little is padded."""
    lengths = [random.Random(1).randrange(1, 100) for _ in range(1000)]
    spreads = [
        max(lengths[number] for number in batch) - min(lengths[number] for number in batch)
        for batch in order_by_length(lengths, 10, random.Random(2))
    ]
    assert np.mean(spreads) < 15


@pytest.mark.parametrize("noise", [0.0, 1.0])
def test_an_epoch_covers_every_message_once(encoder, noise):
    """Each message comes once an epoch, told apart here by its weight, and targets stay with their texts."""
    epoch = message_batches(MESSAGES, encoder, batch_size=5, noise=noise)
    weights = [float(value) for batch in epoch(3) for value in batch.targets["weight"]]
    assert sorted(weights) == [row.weight for row in MESSAGES]


def test_without_noise_the_inputs_are_the_encoded_texts(encoder):
    """What is trained on is what is served: each row's ids are those of the serving encoder, in the row's place."""
    by_weight = {row.weight: encoder.message(row.text).ids for row in MESSAGES}
    for batch in message_batches(MESSAGES, encoder, batch_size=5, noise=0.0)(3):
        for ids, mask, weight in zip(
            batch.inputs["input_ids"], batch.inputs["attention_mask"], batch.targets["weight"], strict=True
        ):
            assert tuple(ids[mask.bool()].tolist()) == by_weight[float(weight)]


@pytest.mark.parametrize("noise", [0.0, 1.0])
def test_the_message_before_is_read_as_it_was_said(encoder, noise):
    """A message is encoded after the one before it, as it is served; slips are the customer's and never stand in that one."""
    before = "Have you tried to turn it off and on again, dear customer?"
    rows = [
        row.model_copy(update={"before": before if number % 2 else None, "text": "it does not work at all"})
        for number, row in enumerate(MESSAGES)
    ]
    said = encoder.message("x", before).ids[3:]
    alone = {row.weight: row.before is None for row in rows}
    for batch in message_batches(rows, encoder, batch_size=5, noise=noise)(3):
        for ids, mask, segments, weight in zip(
            *(batch.inputs[name] for name in ("input_ids", "attention_mask", "token_type_ids")),
            batch.targets["weight"],
            strict=True,
        ):
            second = (segments * mask).bool()
            assert (() if alone[float(weight)] else said) == tuple(ids[second].tolist())
            first = tuple(ids[mask.bool() & ~second].tolist())
            assert noise or first == encoder.message("it does not work at all").ids


def test_an_epoch_depends_on_its_seed_only(encoder):
    """The same seed gives the same batches, another gives others: a resumed run sees what it would have seen."""
    epoch = message_batches(MESSAGES, encoder, batch_size=5, noise=0.5)
    first, again, other = ([batch.inputs["input_ids"].tolist() for batch in epoch(seed)] for seed in (1, 1, 2))
    assert first == again
    assert first != other


def test_an_epoch_of_answers_covers_every_row_and_passage(encoder):
    """A row becomes one input per passage, at most three, at least one; `owner` says where they lie."""
    goods, inputs = [], 0
    for batch in answer_batches(ANSWERS, encoder, batch_size=4)(3):
        owner = batch.targets["owner"]
        held = sorted(place for places in owner.tolist() for place in places if place >= 0)
        assert held == list(range(len(batch.inputs["input_ids"])))
        inputs += len(held)
        goods += batch.targets["good"].tolist()
    taught = [good for good in goods if good == good]  # noqa: PLR0124 - not NaN
    assert pytest.approx([row.good for row in ANSWERS if row.passages]) == sorted(taught)
    assert len(ANSWERS) == len(goods)
    assert inputs == sum(min(MAX_PASSAGES, max(1, len(row.passages))) for row in ANSWERS)


def test_an_answers_earlier_question_is_read(encoder):
    """What the customer said before the question is encoded in front of it, as it is served."""
    row = ANSWERS[1].model_copy(update={"earlier": "i ordered a card"})
    batch = next(iter(answer_batches([row], encoder, batch_size=1)(3)))
    expected = encoder.answer("where is it", "there", "some words", "i ordered a card")
    assert expected.ids == tuple(batch.inputs["input_ids"][0].tolist())
    assert expected.segments == tuple(batch.inputs["token_type_ids"][0].tolist())


def test_answers_are_encoded_as_they_are_served(encoder):
    """The ids of a row's first passage are those of the serving encoder."""
    expected = encoder.answer("where is it", "there", None).ids
    batch = next(iter(answer_batches(ANSWERS[:1], encoder, batch_size=4)(3)))
    assert expected == tuple(batch.inputs["input_ids"][0].tolist())
    assert {"parts", "good", "weight", "owner"} == set(batch.targets)
