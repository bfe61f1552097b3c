"""Fitting who asks for a person in other languages, on a few rows of invented words."""

import random
from functools import cache

import numpy as np
import pytest

pytest.importorskip("sklearn")

from models.records import LabelledMessage
from models.requests import RequestHead, RequestModel, buckets_of
from training.requests import (
    THRESHOLD,
    compare_witnesses,
    features,
    fit_requests,
    phrase_of,
    probabilities,
    write_requests,
)

pytestmark = pytest.mark.slow

# who asks says one of these, in either language; neither stands in a phrase list
WISH = {"de": "burgvogtlein", "es": "castellanito"}
FILLER = {
    "de": "das paket der graben die rechnung ist noch immer nicht da",
    "es": "la factura del foso el pedido aún no ha llegado",
}
SPLITS = ("train", "train", "train", "calibration", "test")


@cache
def rows():
    """Two hundred messages in two languages: half of them name the wish, and all else is chance."""
    rng = random.Random(4)
    found = []
    for number in range(200):
        language, explicit = ("de", "es")[number % 2], number % 4 < 2
        words = [*rng.choices(FILLER[language].split(), k=6), *([WISH[language]] if explicit else [])]
        rng.shuffle(words)
        found.append(
            LabelledMessage(
                id=str(number), source="toy", text=" ".join(words), language=language, explicit=explicit,
                group=str(number), split=SPLITS[number % 5],
            )
        )  # fmt: skip
    return found


def asked(language, *, split="test", explicit=True, text="Ich möchte mit einem Menschen sprechen"):
    """A message whose words the phrase lists know."""
    key = f"{language}{split}{explicit}{text}"
    return LabelledMessage(
        id=key, source="toy", text=text, language=language, explicit=explicit, group=key, split=split
    )


def knowing(messages, *, sure=4.0):
    """Logits of an encoder that knows the answer."""
    return np.asarray([sure if row.explicit else -sure for row in messages])


def said(messages, *, sure=0.9):
    """What a scorer that knows the answer says, by id."""
    return {row.id: sure if row.explicit else 1 - sure for row in messages}


SILENT = np.zeros(200)


@pytest.fixture(scope="module")
def silent():
    """Head and weights where the encoder says nothing: the n-grams alone."""
    return fit_requests(rows(), SILENT)


def of(split):
    """The rows of a split, and their places."""
    places = [number for number, row in enumerate(rows()) if row.split == split]
    return [rows()[number] for number in places], places


# features


def test_features_by_hand():
    """N-grams count one over the root of their number each; a phrase that asks, or declines, has a column of its own."""
    head = RequestHead(languages=("de",), sizes=(1,), buckets=50)
    texts = ["aa", "ich möchte mit einem Menschen sprechen", "nein danke, ich brauche keinen Mitarbeiter"]
    messages = [asked("de", text=text) for text in texts]
    found = features(messages, head).toarray()
    assert found.shape == (3, 52)
    for values, text in zip(found, texts, strict=True):
        buckets = buckets_of(text, head)
        assert values[buckets] == pytest.approx(1 / np.sqrt(len(buckets)))
        assert np.count_nonzero(values[:50]) == len(buckets)
    assert found[:, 50:].tolist() == [[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]]


def test_phrases_are_asked_as_the_scorer_asks_them():
    """A phrase is found in the language that the message tells, or in all lists where it tells none."""
    assert phrase_of(asked("de")).language == "de"
    assert phrase_of(rows()[0]) is None
    assert phrase_of(asked("de", text="nein danke, ich brauche keinen Mitarbeiter")).negated


# the fit


def test_words_that_no_list_knows_are_learned(silent):
    """Who asks in words that only the training rows held is found in the test, in either language."""
    head, weights = silent
    test, places = of("test")
    found = probabilities(test, SILENT[places], head, weights)
    wanted = np.asarray([row.explicit for row in test])
    assert found[wanted].min() > 0.8
    assert found[~wanted].max() < 0.2
    assert head.languages == ("de", "es")
    assert (weights.dtype, weights.shape) == (np.float32, (head.buckets,))


def test_what_is_fitted_is_what_serves(tmp_path):
    """The model that a bundle loads gives the probabilities that were measured."""
    encoder = np.random.default_rng(1).normal(size=200)
    head, weights = fit_requests(rows(), encoder)
    write_requests(tmp_path, weights)
    served = RequestModel(RequestHead.model_validate_json(head.model_dump_json()), tmp_path / "requests.npy")
    test, places = of("test")
    expected = [served.probability(row.text, phrase_of(row), encoder[n]) for row, n in zip(test, places, strict=True)]
    assert expected == pytest.approx(probabilities(test, encoder[places], head, weights), abs=1e-6)


def test_the_test_rows_teach_nothing(silent):
    """Other test rows, however wrong, leave the fit as it was."""
    others = [row.model_copy(update={"explicit": not row.explicit, "text": "x"}) for row in of("test")[0]]
    kept = [row for row in rows() if row.split != "test"]
    head, weights = fit_requests([*kept, *others], SILENT)
    assert silent[0] == head
    assert np.array_equal(silent[1], weights)


def test_the_calibration_rows_teach_no_words(silent):
    """What n-grams weigh comes from the training rows; from the others comes only how much they count."""
    flipped = [
        row.model_copy(update={"explicit": not row.explicit}) if row.split == "calibration" else row for row in rows()
    ]
    other, _ = fit_requests(flipped, SILENT)
    assert silent[0].slope > 0 > other.slope


def test_an_encoder_that_knows_counts(silent):
    """Where the encoder is right its weight is positive, and together with it the n-grams are surer than alone."""
    told = knowing(rows())
    head, weights = fit_requests(rows(), told)
    test, places = of("test")
    wanted = np.asarray([row.explicit for row in test])
    together, grams = (
        probabilities(test, said, *fitted)
        for said, fitted in ((told[places], (head, weights)), (SILENT[places], silent))
    )
    assert head.encoder > 0
    assert together[wanted].mean() > grams[wanted].mean()
    assert together[~wanted].mean() < grams[~wanted].mean()


def test_an_encoder_that_says_nothing_has_no_weight(silent):
    """A witness that says nothing of any message counts for nothing."""
    assert silent[0].encoder == 0.0


def test_without_ngrams_the_encoder_is_alone():
    """The words of a message change nothing then, only what the encoder says of it."""
    head, weights = fit_requests(rows(), knowing(rows()), grams=False)
    assert head.slope == 0.0
    messages = [asked("de"), asked("de", text="x")]
    first, second = probabilities(messages, np.asarray([1.5, 1.5]), head, weights)
    assert first == second
    assert probabilities(messages, np.asarray([3.0, -3.0]), head, weights).tolist() == pytest.approx([1, 0], abs=0.2)


@pytest.mark.parametrize("split", ["train", "calibration"])
@pytest.mark.parametrize("explicit", [True, False])
def test_a_split_of_one_class_is_refused(split, explicit):
    """Without requests, or without anything else, there is nothing to learn from; the error says what is needed."""
    one = [row for row in rows() if row.split != split or row.explicit is explicit]
    with pytest.raises(ValueError, match="rows that ask for a person and rows that don't in train and in calibration"):
        fit_requests(one, np.zeros(len(one)))


# what is told of it


def test_every_witness_is_measured_by_language():
    """S-04: phrase lists, n-grams, encoder, all together and what was served have figures for each language."""
    more = [
        asked("de", split=split, explicit=explicit, text=text)
        for split in ("train", "calibration", "test")
        for explicit, text in (
            (True, "Ich möchte mit einem Menschen sprechen"),
            (False, "nein danke, ich brauche keinen Mitarbeiter"),
        )
    ]
    messages = [*rows(), *more]
    found = compare_witnesses(messages, knowing(messages), said(messages))
    assert {tuple(group) for group in found.values()} == {("phrases", "ngrams", "encoder", "together", "served")}
    assert {"all": (42, 21), "de": (22, 11), "es": (20, 10)} == {
        group: (entry["together"]["n"], entry["together"]["n_positive"]) for group, entry in found.items()
    }
    whole = {name: (entry["precision"], entry["recall"], entry["auroc"]) for name, entry in found["all"].items()}
    # the lists find the one request in words that they know, and take nobody's no for one
    assert whole["phrases"] == (1.0, pytest.approx(1 / 21, abs=1e-4), pytest.approx(0.5 + 1 / 42, abs=1e-4))
    assert whole["encoder"] == whole["together"] == (1.0, 1.0, 1.0)
    assert whole["ngrams"][2] > 0.95


def test_english_is_measured_apart():
    """English, whose own head serves, has figures of its own and no part in those of all the others."""
    english = [
        asked("en", explicit=explicit, text=text)
        for explicit, text in ((True, "a human please"), (False, "where is my parcel"), (False, "thank you"))
    ]
    alone, beside = (
        compare_witnesses(messages, knowing(messages), said(messages)) for messages in (rows(), [*rows(), *english])
    )
    assert (3, 1) == (beside["en"]["served"]["n"], beside["en"]["served"]["n_positive"])
    assert alone["all"]["served"] == beside["all"]["served"]
    assert 40 == beside["all"]["served"]["n"] == sum(beside[language]["served"]["n"] for language in ("de", "es"))


def test_what_the_scorer_said_is_measured_by_id():
    """What was served stands beside the witnesses as it was said, at the policy's threshold and at 0.5, with its errors."""
    test, _ = of("test")
    wanted = [row.id for row in test if row.explicit]
    served = said(rows()) | {wanted[0]: THRESHOLD - 0.0001, wanted[1]: THRESHOLD}
    found = compare_witnesses(rows(), SILENT, dict(reversed(served.items())))["all"]["served"]
    assert (1.0, pytest.approx(19 / 20)) == (found["precision"], found["recall"])
    assert pytest.approx(38 / 39, abs=1e-4) == found["f1"]["value"]
    assert 1.0 == found["f1_at_half"]["value"] == found["auroc"]
    errors = [(1 - served[row.id] if row.explicit else served[row.id]) ** 2 for row in test]
    assert pytest.approx(np.mean(errors), abs=1e-4) == found["brier"]


def test_intervals_are_over_batches():
    """Rows of one author belong together: with few batches intervals are wider; a lone batch is drawn row by row."""

    def width(batches):
        grouped = [row.model_copy(update={"group": str(int(row.id) // 20 % batches)}) for row in rows()]
        found = compare_witnesses(grouped, SILENT, uneven)["all"]["served"]["f1"]
        return found["high"] - found["low"]

    # the scorer misses all that the first of two batches asks
    uneven = said(rows()) | {row.id: 0.1 for row in rows() if int(row.id) // 20 % 2 == 0}
    assert width(2) > width(1) > 0.1
