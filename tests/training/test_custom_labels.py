"""Labels that nobody trained: the space is found again, probabilities hold, and figures say what was found."""

import os
import re

import numpy as np
import pytest

pytest.importorskip("sklearn")
pytest.importorskip("tqdm")

from models.bundle import Bundle
from models.custom import as_said
from models.records import LabelledMessage
from models.scorer import Scorer
from models.similarity import BACKGROUND_FILE, EVIDENCE, FEATURES, SPACE_FILE, CustomModel, Space, as_bytes, unit
from tests.support.tiny_bundle import CUSTOM_HEAD, build_tiny_bundle
from training import custom_labels, metrics
from training.card import _custom
from training.custom_labels import (
    MIN_LEFT,
    SHARE,
    EmbeddedTexts,
    Episode,
    FittedCustom,
    adjusting_of,
    embed,
    episodes,
    features_of,
    fit_bundle,
    fit_custom,
    fit_logistic,
    fit_space,
    probabilities,
    space_rows,
    write_custom,
)
from training.custom_measures import Found, Method, best_f1, figures, measure_custom, served, tfidf, unmapped
from training.release import finish_manifest
from training.sources.catalog import SourceError
from training.sources.described import (
    ADJUSTING,
    FILE,
    DescribedTexts,
    _described,
    read_adjusting,
    read_descriptions,
    read_unseen,
)

pytestmark = pytest.mark.slow

SIZE = 24
CLASSES = 12
ROWS = 24
# what fine-tuning did to the embedding: most directions are squeezed, and everything leans to one side
SQUEEZE = np.linspace(0.08, 1.0, SIZE)
LEAN = np.full(SIZE, 0.4)


def meaning(text):
    """The teacher's view of "c3 of left, 7": the direction of class 3, and some noise that is the text's own."""
    name, corpus = re.search(r"c(\d+) of (\w+)", text).groups()
    centre = np.random.default_rng([int(name), len(corpus)]).normal(size=SIZE)
    return unit(centre + 1.2 * np.random.default_rng(list(text.encode())).normal(size=SIZE))


def read(texts):
    """The bent encoder's view."""
    return as_bytes(unit(np.stack([meaning(text) for text in texts]) * SQUEEZE + LEAN))


def teacher(rows):
    """The untouched encoder's."""
    return np.stack([meaning(row.text) for row in rows])


def texts_of(corpus, *, classes=CLASSES, rows=ROWS):
    """A corpus of so many rows of each class, each class described."""
    pairs = [(f"c{number} of {corpus}, {row}", f"c{number}") for number in range(classes) for row in range(rows)]
    texts, names = zip(*pairs, strict=True)
    descriptions = {f"c{number}": f"wants c{number} of {corpus}" for number in range(classes)}
    return DescribedTexts(corpus, texts, names, descriptions)


def message(text, **fields):
    """A training row."""
    return LabelledMessage(**({"id": text, "source": "left", "text": text, "group": text, "split": "train"} | fields))


CORPORA = [texts_of(name) for name in ("left", "right", "middle")]
BACKGROUND = [message(f"c{number} of {name}, {row}", source=name) for name in ("left", "other", "further") for number in range(30, 60) for row in range(8)]  # fmt: skip


@pytest.fixture(scope="module")
def fitted():
    """What is fitted with a teacher."""
    return fit_custom(read, BACKGROUND, CORPORA, teacher=teacher)


@pytest.fixture(scope="module")
def unseen():
    """A corpus that nothing was fitted on."""
    return [texts_of("elsewhere", classes=6)]


def precision(space, corpus):
    """How well the centre of five examples finds its class, in a space."""
    column = FEATURES.index("centre")
    tried = episodes(embed(corpus, read), space, examples=5, described=False, seed=3)
    return metrics.mean([metrics.average_precision(each.truth, each.features[:, column]) for each in tried])


class TestSpace:
    """The map that undoes what fine-tuning did to what it wasn't asked to keep."""

    def spaces(self):
        """Without and with a map."""
        vectors, target = read([row.text for row in BACKGROUND]), teacher(BACKGROUND)
        for whitening in (None, 0.0, 0.5):
            matrix = fit_space(vectors, target, whitening=whitening)
            assert (SIZE + 1, SIZE) == matrix.shape
            assert matrix.dtype == np.float16
            yield Space(matrix, vectors[:64], neighbours=10)

    def test_it_restores_what_the_teacher_knew(self, unseen):
        """Classes that lie close together in the embedding are told apart again, of a corpus that the map hasn't read."""
        plain, mapped, whitened = (precision(space, unseen[0]) for space in self.spaces())
        assert mapped > plain + 0.02
        assert whitened > plain + 0.02

    def test_without_a_teacher_it_is_centred(self):
        """The mean of the texts lies at the origin, and nothing else changes."""
        vectors = read([row.text for row in BACKGROUND])
        matrix = fit_space(vectors, None, whitening=None)
        assert np.array_equal(matrix[1:], np.eye(SIZE))
        assert np.allclose(matrix[0], -unit(vectors).mean(axis=0), atol=1e-3)

    def test_rows_for_it(self):
        """Customers' English messages of the training split, alone, each text once."""
        rows = [message("a"), message("a", id="b"), message("c", split="test"), message("d", before="x"),
                message("e", language="de"), message("f", role="bot"), message("g")]  # fmt: skip
        assert ["a", "g"] == [row.text for row in space_rows(rows)]

    def test_many_rows_are_thinned(self, monkeypatch):
        """Beyond a number only some are read, from all over."""
        monkeypatch.setattr(custom_labels, "SPACE_ROWS", 3)
        assert ["0", "3", "6", "9"] == [row.text for row in space_rows([message(str(number)) for number in range(10)])]


class TestEpisodes:
    """A class plays a custom label."""

    def drawn(self, **fields):
        """The episodes of a small corpus."""
        corpus = texts_of("left", classes=3, rows=8)
        vectors = read(corpus.texts)
        space = Space(fit_space(vectors, None, whitening=None), vectors, neighbours=3)
        return list(episodes(embed(corpus, read), space, **({"examples": 2, "described": False, "seed": 1} | fields)))

    def test_examples_are_not_searched(self):
        """What shows the label is not found again: two rows less are searched, and two less are meant."""
        for each in self.drawn():
            assert len(each.truth) == len(each.features) == 3 * 8 - 2
            assert each.truth.sum() == 8 - 2

    def test_a_class_needs_rows(self):
        """With too few left to be found a class takes no part."""
        assert len(self.drawn(examples=8 - MIN_LEFT)) == 3
        assert self.drawn(examples=8 - MIN_LEFT + 1) == []

    def test_a_description_is_heard_when_asked_for(self):
        """Without examples there is only the description; with them it is left out unless asked for."""
        column = FEATURES.index("description")
        heard = [
            bool(self.drawn(examples=examples, described=described)[0].features[:, column].any())
            for examples, described in ((0, False), (0, True), (2, False), (2, True))
        ]
        assert [True, True, False, True] == heard

    def test_seeds_decide(self):
        """The same seed draws the same examples, another one others."""
        first, same, other = (self.drawn(seed=seed)[0].features for seed in (1, 1, 2))
        assert np.array_equal(first, same)
        assert not np.array_equal(first, other)

    def test_weights_suppose_the_share(self):
        """However many rows are meant, together they weigh what a label's share of messages is."""
        truth = np.asarray([True] * 3 + [False] * 40)
        weights = Episode(np.zeros((43, len(FEATURES))), truth).weights
        assert weights.sum() == pytest.approx(1.0)
        assert weights[truth].sum() == pytest.approx(SHARE)


class TestCalibration:
    """From nearness to probabilities."""

    @pytest.mark.parametrize(
        ("kind", "silent"),
        [
            ("description", {"nearest", "centre", "cohesion"}),
            ("1", {"nearest", "cohesion", "description"}),
            ("1 and description", {"nearest", "cohesion"}),
            ("2-4", {"description"}),
            ("10+", {"description"}),
            ("10+ and description", set()),
        ],
    )
    def test_only_what_says_something_is_used(self, kind, silent):
        """A single example is its own centre; what isn't there has no weight."""
        assert set(FEATURES) - silent == set(features_of(kind))

    def test_nearness_never_counts_against(self):
        """Rows that are meant less the nearer they are: no weight on nearness is better than a negative one."""
        rng = np.random.default_rng(4)
        features = rng.normal(size=(400, len(FEATURES)))
        truth = features[:, FEATURES.index("description")] < -0.5
        logistic = fit_logistic("10+ and description", [Episode(features, truth)])
        assert "description" not in logistic.features
        weights = dict(zip(logistic.features, logistic.weights, strict=True))
        assert all(weights.get(name, 0.0) >= 0.0 for name in ("nearest", "centre"))

    def test_a_known_truth_is_found_again(self):
        """Weights fitted on standardised features apply to the features as they are."""
        rng = np.random.default_rng(5)
        features = 0.3 + 0.1 * rng.normal(size=(20000, len(FEATURES)))
        logits = 20.0 * (features[:, FEATURES.index("centre")] - 0.3) - 1.0
        truth = rng.random(len(logits)) < 1.0 / (1.0 + np.exp(-logits))
        found = probabilities(fit_logistic("1", [Episode(features, truth)]), features)
        # at the share that probabilities suppose
        weights = Episode(features, truth).weights
        assert np.average(found, weights=weights) == pytest.approx(SHARE, abs=0.003)
        assert metrics.pearson(np.log(found / (1.0 - found)), logits) > 0.99

    def test_all_kinds_are_fitted(self, fitted):
        """Every kind of evidence has a calibration and a threshold, and says what share it supposes."""
        assert set(EVIDENCE) == set(fitted.head.evidence) == set(fitted.head.thresholds)
        assert all(0.05 <= threshold <= 0.95 for threshold in fitted.head.thresholds.values())
        assert fitted.head.share == SHARE

    def test_what_is_fitted_fits_the_kernel(self, fitted, unseen):
        """Compiled by the kernel, the labels of an unseen corpus are found, and probabilities aren't far from the truth."""
        model = CustomModel(fitted.head, fitted.matrix, fitted.background)
        corpus = unseen[0]
        names = sorted(corpus.descriptions)
        labels = [corpus.label(name, examples=[t for t, c in zip(corpus.texts, corpus.classes, strict=True) if c == name][:5]) for name in names]  # fmt: skip
        found = model.compile(labels, read, bundle="x").probabilities(read(corpus.texts))
        best = np.asarray(names)[found.argmax(axis=1)]
        assert np.mean(best == np.asarray(corpus.classes)) > 0.8

    def test_the_same_again(self, fitted):
        """Same rows, same bundle."""
        again = fit_custom(read, BACKGROUND, CORPORA, teacher=teacher)
        assert fitted.head == again.head
        assert np.array_equal(fitted.matrix, again.matrix)
        assert np.array_equal(fitted.background, again.background)

    def test_a_map_is_taken_when_it_helps(self, fitted):
        """Here it does; without a teacher there is none."""
        assert not np.array_equal(fitted.matrix[1:], np.eye(SIZE))
        plain = fit_custom(read, BACKGROUND, CORPORA, teacher=None)
        assert np.array_equal(plain.matrix[1:], np.eye(SIZE))

    def test_one_corpus_is_too_few(self):
        """Nothing would be left to judge what it taught."""
        with pytest.raises(ValueError, match="found 1 corpora, expected two or more"):
            fit_custom(read, BACKGROUND, CORPORA[:1], teacher=None)


class TestBundle:
    """What of it goes into a bundle."""

    def test_only_where_the_corpora_are(self, tmp_path):
        """A training without the corpora that custom labels are calibrated on has none of them: all or nothing."""
        rows = [message("a", source=name) for name in ADJUSTING[:2]]
        assert adjusting_of(rows) == ()
        assert adjusting_of([*rows, message("b", source=ADJUSTING[2])]) == ADJUSTING
        assert fit_bundle(tmp_path / "message.onnx", None, rows, teacher=teacher) is None
        write_custom(tmp_path, None)
        assert list(tmp_path.iterdir()) == []

    def test_files(self, tmp_path, fitted):
        """Space and background are read back as they were fitted."""
        write_custom(tmp_path, fitted)
        model = CustomModel.load(fitted.head, tmp_path / SPACE_FILE, tmp_path / BACKGROUND_FILE, size=SIZE)
        placed = read(["c3 of left, 1"])
        assert np.array_equal(
            model.space.place(placed), Space(fitted.matrix, fitted.background, neighbours=10).place(placed)
        )


class TestFigures:
    """What is reported of a method."""

    def test_by_hand(self):
        """Two labels; the second is found twice with other examples, and counts once."""
        right, wrong = np.asarray([0.9, 0.8, 0.1, 0.2]), np.asarray([0.1, 0.8, 0.9, 0.2])
        truth = np.asarray([True, True, False, False])
        found = [Found("a", truth, right), Found("b", truth, right), Found("b", truth, wrong)]
        report = figures(found, threshold=0.85)
        assert report["auroc"]["n"] == 2
        assert report["auroc"]["value"] == pytest.approx((1.0 + (1.0 + 0.25) / 2) / 2)
        assert report["recall"]["value"] == pytest.approx((0.5 + (0.5 + 0.0) / 2) / 2)
        assert report["precision"]["value"] == pytest.approx((1.0 + (1.0 + 0.0) / 2) / 2)
        assert report["f1_at_half"]["value"] == pytest.approx((1.0 + (1.0 + 0.5) / 2) / 2)
        assert report["threshold"] == 0.85

    def test_calibration_is_over_all_rows(self):
        """The expected calibration error is that of all labels' rows thrown together."""
        rng = np.random.default_rng(6)
        found = [Found(str(n % 3), rng.random(50) < 0.3, rng.random(50)) for n in range(7)]
        truth, scores = (np.concatenate([getattr(each, name) for each in found]) for name in ("truth", "scores"))
        assert figures(found, threshold=0.5)["ece"]["value"] == pytest.approx(
            metrics.ece(truth.astype(float), scores), abs=1e-4
        )

    def test_scores_that_are_no_probabilities(self):
        """Cosines have no calibration and no threshold."""
        report = figures([Found("a", np.asarray([True, False]), np.asarray([0.7, 0.2]))], threshold=None)
        assert {"auroc", "average_precision", "best_f1"} == set(report)

    @pytest.mark.parametrize(
        ("scores", "expected"),
        [((0.9, 0.8, 0.3, 0.1), 1.0), ((0.9, 0.3, 0.8, 0.1), 0.8), ((0.5, 0.5, 0.5, 0.5), 2 / 3), ((0.1, 0.2, 0.8, 0.9), 2 / 3)],
    )  # fmt: skip
    def test_best_f1(self, scores, expected):
        """The best threshold lies between two different scores; equal ones fire together."""
        assert best_f1(np.asarray([True, True, False, False]), np.asarray(scores)) == pytest.approx(expected)


class TestMeasure:
    """Few examples, a description, or both, on a corpus that nothing was fitted on."""

    def test_evidence_helps(self, unseen):
        """More examples find more, and all evidence is reported for each method."""
        method = unmapped(read, BACKGROUND, CORPORA, unseen)
        report = measure_custom({"plain": method}, unseen)
        evidence = report["evidence"]
        assert list(evidence) == [
            "description", "1", "1 and description", "5", "5 and description", "10", "10 and description"
        ]  # fmt: skip
        assert (
            evidence["10"]["plain"]["average_precision"]["value"] > evidence["1"]["plain"]["average_precision"]["value"]
        )
        assert (6 * ROWS, 6) == (report["n"], report["n_labels"])

    def test_what_serves_is_measured(self, tmp_path):
        """Through the scorer, compiled and calibrated by the bundle; a message in another language has probability 0."""
        scorer = Scorer(Bundle.load(build_tiny_bundle(tmp_path / "tiny", custom=True)))
        texts = tuple(f"where is my parcel {n}" for n in range(9)) + tuple(f"thanks, that was {n}" for n in range(9))
        texts = (*texts, "ich möchte bitte mit einem Menschen sprechen")
        corpus = DescribedTexts(
            "t", texts, (*("parcel",) * 9, *("thanks",) * 10), {"parcel": "asks for a parcel", "thanks": "says thanks"}
        )
        method = served(scorer)
        assert CUSTOM_HEAD.thresholds == method.thresholds
        scores = method.score(corpus, [corpus.label("parcel", examples=[texts[0]]), corpus.label("thanks")])
        assert scores.shape == (19, 2)
        assert (scores[:-1] > 0.0).all()
        assert not scores[-1].any()
        found = scorer.score_custom(
            np.asarray(scorer._embed([texts[3]])[0]).tobytes(), scorer.compile([corpus.label("thanks")])
        )
        assert scores[3, 1] == pytest.approx(found[0].probability, abs=1e-6)
        assert measure_custom({"served": method}, [corpus])["evidence"]["1"]["served"]["average_precision"]["n"] == 2

    def test_tfidf(self):
        """Shared words make a text near; its scores are no probabilities."""
        rows = [message(f"the parcel {n} is late") for n in range(6)] + [message(f"thanks a lot {n}") for n in range(6)]
        corpus = DescribedTexts("t", ("is the parcel late", "thanks a lot"), ("a", "b"), {"a": "asks", "b": "thanks"})
        method = tfidf(rows)
        scores = method.score(corpus, [corpus.label("a", examples=["my parcel is late"], described=False)])
        assert method.thresholds is None
        assert scores[0, 0] > scores[1, 0] >= 0.0

    def test_the_card_tells(self, unseen):
        """A row for each kind of evidence with interval, and the methods side by side."""
        truth = np.asarray([[label == name for name in unseen[0].descriptions] for label in unseen[0].classes])
        perfect = Method(lambda _corpus, labels: truth[:, : len(labels)].astype(float), dict.fromkeys(EVIDENCE, 0.3))
        report = measure_custom({"served": perfect, "tfidf": Method(perfect.score)}, unseen)
        lines = list(_custom(report))
        assert lines[0] == f"## Custom labels (n = {6 * ROWS}, 6 labels)"
        assert any(line.startswith("| description | 0.30 | 1.000 (1.000 to 1.000) |") for line in lines)
        assert "| evidence | served | tfidf |" in lines
        assert "| 5 and description | 1.000 / 1.000 | 1.000 / 1.000 |" in lines
        assert list(_custom(None)) == []


class TestDescriptions:
    """The hand-written sentences."""

    def test_each_reads_as_a_wish(self):
        """Every description is one short clause that goes on from "The customer", and can be said in the first person."""
        for corpus, classes in read_descriptions().items():
            for name, clause in classes.items():
                assert re.fullmatch(r"[a-z][^.;:]{5,80}[^ .]", clause), (corpus, name)
                assert as_said(f"The customer {clause}.").startswith("I "), (corpus, name)

    def test_a_label_of_a_class(self):
        """With or without its description, with examples."""
        corpus = texts_of("left", classes=1)
        assert corpus.label("c0").description == "The customer wants c0 of left."
        label = corpus.label("c0", examples=["a"], described=False)
        assert (None, ("a",)) == (label.description, label.examples)

    def test_a_description_of_nothing(self):
        """A name that the corpus has no rows of is an error that names it."""
        with pytest.raises(
            SourceError, match=f"{re.escape(FILE.name)} describes AskAboutCashDeposits, .*natcs-banking"
        ):
            _described("natcs-banking", [(name, name) for name in sorted(read_descriptions()["natcs-banking"])[1:]])

    @pytest.mark.skipif(not os.environ.get("BATON_DATA"), reason="BATON_DATA names no corpora")
    def test_of_the_real_corpora(self):
        """Every class is described but those that are none (out-of-scope), and no row is of a training split."""
        for corpus in [*read_adjusting(), *read_unseen()]:
            assert set(corpus.classes) - set(corpus.descriptions) <= {"oos"}
            assert len(corpus.texts) == len(corpus.classes)


def test_fields_go_together():
    """What was embedded and fitted is kept whole."""
    corpus = texts_of("left", classes=2, rows=3)
    found = embed(corpus, read)
    assert isinstance(found, EmbeddedTexts)
    assert (6, SIZE) == found.rows.shape
    assert {"c0", "c1"} == set(found.descriptions)
    assert FittedCustom(CUSTOM_HEAD, np.zeros((2, 1)), np.zeros((1, 1))).head is CUSTOM_HEAD


def test_the_manifest_tells_how_good_they_are(tmp_path):
    """A measured bundle holds the figures of what it serves, by evidence; where nothing was measured it stays silent."""
    folder = build_tiny_bundle(tmp_path / "tiny", custom=True)
    report = {"messages": {}, "answers": {}, "custom": {"evidence": {"5": {"served": {"ece": 0.02}, "tfidf": {}}}}}
    for given, expected in ((report, {"5": {"ece": 0.02}}), (report | {"custom": None}, {"5": {"ece": 0.02}})):
        finish_manifest(folder, version="2", report=given, training={}, data={"sources": []})
        assert Bundle.load(folder).manifest.custom.metrics == expected
