"""Requests for a person in other languages: which n-grams a text has, and how the witnesses are weighed."""

import math
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from models.errors import BundleCorrupt
from models.phrases import PhraseMatch
from models.requests import FILE, RequestHead, RequestModel, buckets_of, logit, ngrams
from models.text import fold

HEAD = RequestHead(
    languages=("de",),
    sizes=(1, 2),
    buckets=101,
    intercept=0.25,
    asked=2.0,
    declined=-3.0,
    slope=0.5,
    encoder=2.0,
    shift=-1.0,
)
WEIGHTS = np.random.default_rng(3).normal(size=HEAD.buckets).astype(np.float32)
ASKED, DECLINED = (PhraseMatch("einen Menschen", "de", negated) for negated in (False, True))
TEXT = st.text(max_size=60)


def saved(folder, values):
    """A file of weights."""
    with (folder / FILE).open("wb") as file:
        np.save(file, values)
    return folder / FILE


# n-grams


def test_ngrams_by_hand():
    """Blanks and the text's ends are one sign, letters are folded: "A b" has five signs, so five single and four double."""
    edge = "\u2581"
    singles, doubles = [edge, "a", edge, "b", edge], [f"{edge}a", f"a{edge}", f"{edge}b", f"b{edge}"]
    assert [*singles, *doubles] == list(ngrams("A  b", (1, 2)))


@given(TEXT, st.sets(st.integers(1, 6), min_size=1).map(sorted).map(tuple))
def test_ngrams_are_the_runs_of_the_folded_text(text, sizes):
    """Of each size there is one n-gram for every place where it fits."""
    length = len(fold(text)) + 2
    found = list(ngrams(text, sizes))
    assert [max(0, length - size + 1) for size in sizes] == [sum(len(gram) == size for gram in found) for size in sizes]


@given(TEXT)
def test_ngrams_do_not_see_case_and_width(text):
    """What folds to the same has the same n-grams."""
    assert list(ngrams(text, (1, 3))) == list(ngrams(f" {fold(text)}\n", (1, 3)))


def test_of_a_long_text_head_and_tail_are_read():
    """Beyond 800 characters the first and the last 400 are read, so that a long story costs no more."""
    head, tail = "a" * 399 + "b", "c" + "d" * 399
    assert list(ngrams(f"{head} {tail}", (1, 4))) == list(ngrams(f"{head}{'x' * 5000}{tail}", (1, 4)))
    assert "x" in set(ngrams(f"{head[1:]}x{tail[1:]}", (1,)))


# buckets


@given(TEXT, st.integers(1, 2000))
def test_buckets_are_the_hashes_of_the_ngrams(text, count):
    """Each n-gram falls into the bucket of its CRC-32, and a bucket counts once, in order."""
    head = HEAD.model_copy(update={"buckets": count})
    expected = sorted({zlib.crc32(gram.encode()) % count for gram in ngrams(text, head.sizes)})
    assert (expected, np.dtype(np.int64)) == (buckets_of(text, head).tolist(), buckets_of(text, head).dtype)


def test_a_bucket_is_the_same_on_every_machine():
    """Weights were fitted elsewhere: the buckets of a known text are pinned."""
    head = RequestHead(languages=("de",), sizes=(3,))
    assert [37491, 97934] == buckets_of("ja", head).tolist()


# what the witnesses say together


@given(TEXT)
def test_the_logit_by_hand(text):
    """The intercept, and the sum of the buckets' weights over the root of their number."""
    buckets = buckets_of(text, HEAD)
    expected = 0.25 + WEIGHTS[buckets].astype(float).sum() / math.sqrt(len(buckets))
    assert expected == pytest.approx(logit(text, None, HEAD, WEIGHTS), abs=1e-5)


@given(TEXT)
def test_a_phrase_adds_its_weight(text):
    """A phrase that asks adds one weight, a phrase that declines another, whatever else is said."""
    alone = logit(text, None, HEAD, WEIGHTS)
    found = [logit(text, phrase, HEAD, WEIGHTS) - alone for phrase in (ASKED, DECLINED)]
    assert pytest.approx([2.0, -3.0]) == found


@given(TEXT, st.sampled_from([None, ASKED, DECLINED]), st.floats(-20, 20))
def test_the_probability_weighs_all_witnesses(folder, text, phrase, encoder):
    """sigmoid(0.5 * logit + 2 * the encoder's logit - 1), a number in [0, 1]."""
    found = RequestModel(HEAD, folder / FILE).probability(text, phrase, encoder)
    value = 0.5 * logit(text, phrase, HEAD, WEIGHTS) + 2.0 * encoder - 1.0
    assert 1 / (1 + math.exp(-value)) == pytest.approx(found, abs=1e-9)
    assert 0.0 <= found <= 1.0


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with weights that fit the head."""
    folder = tmp_path_factory.mktemp("requests")
    saved(folder, WEIGHTS)
    return folder


# what is refused


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (WEIGHTS[:-1], r"float32 of shape \(100,\)"),
        (WEIGHTS[None], r"float32 of shape \(1, 101\)"),
        (np.float32(1.0), r"float32 of shape \(\)"),
        (WEIGHTS.astype(np.float64), r"float64 of shape \(101,\)"),
        (WEIGHTS.astype("U8"), r"<U8 of shape \(101,\)"),
        (np.where(np.arange(101) == 7, np.float32(np.nan), WEIGHTS), r"float32 of shape \(101,\)"),
        (np.where(np.arange(101) == 7, np.float32(np.inf), WEIGHTS), r"float32 of shape \(101,\)"),
    ],
    ids=["short", "deep", "one number", "float64", "text", "nan", "infinite"],
)
def test_other_weights_are_refused(tmp_path, values, expected):
    """Weights of another number, kind or shape, or that aren't finite, are named with what was expected."""
    with pytest.raises(BundleCorrupt, match=rf"^requests\.npy holds {expected}, expected \(101,\) finite; release"):
        RequestModel(HEAD, saved(tmp_path, values))


@pytest.mark.parametrize("content", [b"", b"not an array", b"\x93NUMPY\x01\x00"])
def test_a_file_that_is_no_array_is_refused(tmp_path, content):
    """A file that can't be read is named with the reason."""
    (tmp_path / FILE).write_bytes(content)
    with pytest.raises(BundleCorrupt, match=r"^requests\.npy can't be read as an array: .+; release the bundle again$"):
        RequestModel(HEAD, tmp_path / FILE)


def test_a_pickle_is_refused(tmp_path):
    """An array of objects would run code when it is read."""
    with (tmp_path / FILE).open("wb") as file:
        np.save(file, np.asarray([{}], dtype=object), allow_pickle=True)
    with pytest.raises(BundleCorrupt, match="can't be read as an array"):
        RequestModel(HEAD, tmp_path / FILE)


def test_an_archive_is_refused(tmp_path):
    """An archive of arrays is no array."""
    with (tmp_path / FILE).open("wb") as file:
        np.savez(file, weights=WEIGHTS)
    with pytest.raises(BundleCorrupt, match=r"^requests\.npy holds no array, expected \(101,\) finite"):
        RequestModel(HEAD, tmp_path / FILE)


def test_a_missing_file_is_refused(tmp_path):
    """A file that isn't there is named."""
    with pytest.raises(BundleCorrupt, match=r"requests\.npy can't be read"):
        RequestModel(HEAD, tmp_path / FILE)


@pytest.mark.parametrize(
    ("field", "value"), [("buckets", 0), ("slope", math.nan), ("shift", math.inf), ("surprise", 1)]
)
def test_a_head_that_makes_no_numbers_cannot_be_made(field, value):
    """No bucket, a weight that is no number, or an unknown field is refused where it is read."""
    with pytest.raises(ValidationError, match=field):
        RequestHead.model_validate(HEAD.model_dump() | {field: value})
