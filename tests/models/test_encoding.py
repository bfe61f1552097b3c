"""Texts to token ids: windows, segments, padding."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.encoding import Encoded, Encoder, window
from models.errors import BundleCorrupt

CLS, SEP, PAD = 2, 3, 0


@pytest.fixture(scope="module")
def encoder(tiny):
    """The tiny tokenizer with small windows, so that every text can exceed them."""
    return Encoder(tiny / "tokenizer.json", message_tokens=12, before_tokens=7, answer_tokens=6, passage_tokens=9)


@given(st.lists(st.integers()), st.integers(min_value=1, max_value=50))
def test_a_window_keeps_head_and_tail(ids, limit):
    """A long text keeps its first two thirds of the budget from the head and the rest from the tail, in order."""
    kept = window(ids, limit)
    tail = limit // 3
    expected = ids if len(ids) <= limit else ids[: limit - tail] + ids[len(ids) - tail :]
    assert kept == expected


@given(st.lists(st.integers(), max_size=200), st.integers(min_value=1, max_value=50))
def test_a_window_never_exceeds_its_limit(ids, limit):
    """A window is as long as the text or as the limit, whichever is less."""
    assert len(window(ids, limit)) == min(limit, len(ids))


def test_a_window_by_hand():
    """Nine ids in a window of six: four from the head, two from the tail."""
    assert window([1, 2, 3, 4, 5, 6, 7, 8, 9], 6) == [1, 2, 3, 4, 8, 9]


def test_a_message_stands_between_its_marks(encoder):
    """A message is [CLS] text [SEP], all in segment 0."""
    row = encoder.message("the card")
    words = encoder.message("the").ids[1:-1] + encoder.message("card").ids[1:-1]
    assert row == Encoded((CLS, *words, SEP), (0, 0, 0, 0))


def test_an_empty_message_is_two_marks(encoder):
    """A text of which nothing is left still has something to run on."""
    assert encoder.message("\u200b").ids == (CLS, SEP)


@given(st.text(max_size=300))
def test_a_message_keeps_its_token_budget(encoder, text):
    """No text makes more tokens than the window and its two marks."""
    row = encoder.message(text)
    assert len(row.ids) <= encoder.message_tokens + 2
    assert len(row.segments) == len(row.ids)


def test_a_long_message_keeps_problem_and_wish(encoder):
    """Of a message over the window the first and the last words are read, the middle is not."""
    row = encoder.message("refund " + "x " * 50 + "human please")
    whole = [encoder.message(word).ids[1] for word in ("refund", "human", "please")]
    assert (row.ids[1], *row.ids[-3:-1]) == tuple(whole)


def test_texts_are_normalised_before_they_are_encoded(encoder):
    """Full-width letters, odd blanks and invisible characters make no difference to the models."""
    assert encoder.message("Ｔhe\u00a0ca\u200brd ").ids == encoder.message("the card").ids


@pytest.mark.parametrize("mark", ["[SEP]", "[CLS]", "[PAD]", "[MASK]"])
def test_a_typed_mark_is_text(encoder, mark):
    """A customer who types a special token ends no segment: only our own marks are special."""
    ids = encoder.message(f"a {mark} b").ids
    assert [place for place, number in enumerate(ids) if number in {CLS, SEP, PAD, 4}] == [0, len(ids) - 1]


# what was said before


def test_what_was_said_before_is_the_second_segment(encoder):
    """A message with the one before it is [CLS] message [SEP] before [SEP]; the message is segment 0, the other 1."""
    message, before = encoder.message("the card").ids, encoder.message("my order").ids
    row = encoder.message("the card", "my order")
    assert (*message, *before[1:]) == row.ids
    assert (0,) * len(message) + (1,) * (len(before) - 1) == row.segments


@pytest.mark.parametrize("before", [None, ""])
def test_nothing_said_before_is_a_message_alone(encoder, before):
    """Without a message before it a message is encoded as it always was, without an empty second segment."""
    assert encoder.message("the card") == encoder.message("the card", before)


@given(st.text(max_size=200), st.text(min_size=1, max_size=200))
def test_what_was_said_before_takes_nothing_from_the_message(encoder, text, before):
    """However long either is, the message keeps its own window, and the one before it has a window of its own."""
    alone, row = encoder.message(text), encoder.message(text, before)
    assert alone.ids == row.ids[: len(alone.ids)]
    assert alone.segments == row.segments[: len(alone.ids)]
    assert {1} == set(row.segments[len(alone.ids) :])
    assert row.segments.count(1) <= encoder.before_tokens + 1


def test_of_a_long_message_before_head_and_tail_are_read(encoder):
    """Seven tokens of what was said before: five from its head, two from its tail, and its mark."""
    words = [encoder.message(word).ids[1] for word in ("refund", "x", "human", "please")]
    row = encoder.message("the", "refund " + "x " * 50 + "human please")
    assert (words[0], *words[1:2] * 4, *words[2:], SEP) == row.ids[3:]


def test_a_typed_mark_in_what_was_said_before_is_text(encoder):
    """A bot that writes a special token ends no segment either."""
    ids = encoder.message("a", "b [SEP] c").ids
    assert [place for place, number in enumerate(ids) if number in {CLS, SEP}] == [0, 2, len(ids) - 1]


# answers


def test_an_answer_stands_in_two_segments(encoder):
    """Question and answer are segment 0, the passage is segment 1, and every part ends with a mark."""
    question, answer, passage = (encoder.message(word).ids[1:-1] for word in ("card", "thanks", "order"))
    row = encoder.answer("card", "thanks", "order")
    assert row.ids == (CLS, *question, SEP, *answer, SEP, *passage, SEP)
    assert row.segments == (0, 0, 0, 0, 0, 1, 1)


@pytest.mark.parametrize(
    ("answer", "passage", "expected"),
    [(None, "order", 5), ("thanks", None, 5), (None, None, 4), ("", "", 4)],
)
def test_a_missing_part_leaves_its_mark(encoder, answer, passage, expected):
    """Without answer or passage there are still three separators, so the model can tell what is missing."""
    row = encoder.answer("", answer, passage)
    assert row.ids.count(SEP) == 3
    assert len(row.ids) == expected


@given(st.text(max_size=200), st.text(max_size=200), st.text(max_size=200))
def test_an_answer_keeps_its_token_budgets(encoder, question, answer, passage):
    """Question, answer and passage each keep their own window; the question's is half a message's."""
    row = encoder.answer(question, answer, passage)
    judged = row.segments.count(0)
    assert judged <= encoder.message_tokens // 2 + encoder.answer_tokens + 3
    assert row.segments.count(1) <= encoder.passage_tokens + 1


def test_what_the_customer_said_earlier_begins_the_question(encoder):
    """An earlier question stands before the question, in its segment and without a mark between them."""
    earlier, question = encoder.message("my order").ids[1:-1], encoder.message("the card").ids[1:-1]
    row, alone = encoder.answer("the card", "yes", "no", "my order"), encoder.answer("the card", "yes", "no")
    assert (CLS, *earlier, *question, SEP) == row.ids[: len(earlier) + len(question) + 2]
    assert alone.ids[1:] == row.ids[1 + len(earlier) :]
    assert (0,) * len(earlier) + alone.segments == row.segments


@given(st.text(max_size=200), st.text(max_size=200))
def test_an_earlier_question_keeps_its_token_budget(encoder, question, earlier):
    """It has half the window of what was said before, and takes nothing from the question, the answer and the passage."""
    row, alone = encoder.answer(question, "yes", "no", earlier), encoder.answer(question, "yes", "no")
    more = len(row.ids) - len(alone.ids)
    assert 0 <= more <= encoder.before_tokens // 2
    assert alone.ids[1:] == row.ids[1 + more :]


def test_every_passage_is_read_with_the_earlier_question(encoder):
    """An answer is encoded once per passage, each time with all that the customer said."""
    rows = encoder.answers("the card", "yes", ("a", "b"), "my order")
    assert [encoder.answer("the card", "yes", passage, "my order") for passage in ("a", "b")] == rows


def test_a_batch_is_padded_to_its_longest(encoder):
    """Shorter rows are filled with the padding token, masked out, in int64."""
    rows = [Encoded((CLS, 9, 8, SEP), (0, 0, 1, 1)), Encoded((CLS, SEP), (0, 0))]
    batch = encoder.batch(rows)
    assert batch["input_ids"].tolist() == [[CLS, 9, 8, SEP], [CLS, SEP, PAD, PAD]]
    assert batch["attention_mask"].tolist() == [[1, 1, 1, 1], [1, 1, 0, 0]]
    assert batch["token_type_ids"].tolist() == [[0, 0, 1, 1], [0, 0, 0, 0]]
    assert {values.dtype for values in batch.values()} == {np.dtype(np.int64)}


def test_a_batch_of_one_has_no_padding(encoder):
    """A message that runs alone, as all do, carries no padding at all."""
    assert encoder.batch([encoder.message("my order is useless")])["attention_mask"].all()


def test_a_file_that_is_no_tokenizer_is_refused(tmp_path):
    """A broken tokenizer file is named, with what to do."""
    path = tmp_path / "tokenizer.json"
    path.write_text("{}", encoding="utf-8")
    with pytest.raises(BundleCorrupt, match=r"tokenizer\.json is no tokenizer file: .*; release the bundle again"):
        Encoder(path)


def test_a_tokenizer_of_another_family_is_refused(tiny, tmp_path):
    """A vocabulary without BERT's marks can't be used, and the message says which is missing."""
    path = tmp_path / "tokenizer.json"
    path.write_text((tiny / "tokenizer.json").read_text("utf-8").replace('"[SEP]"', '"</s>"'), encoding="utf-8")
    with pytest.raises(BundleCorrupt, match=r"has no \[SEP\] token; expected a BERT"):
        Encoder(path)
