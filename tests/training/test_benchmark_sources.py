"""Readers of standard benchmarks: published splits, nothing of a test in a train, evaluation-only corpora for them alone."""

import hashlib
import json
import os

import pytest

from training.sources.benchmarks import (
    POLARITIES,
    ClassedTexts,
    Example,
    hold_out,
    load_calls,
    load_classed,
    load_summaries,
    read_banking77,
    read_calls,
    read_clinc150,
    read_hwu64,
    read_sst2,
    read_summaries,
    read_tweeteval,
    thin,
    tidy_tweet,
)
from training.sources.catalog import Corpus, SourceError, open_corpus, open_for_measuring


def write(path, text):
    """A file, with the folders that it needs."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def texts(*rows):
    """A corpus of classed texts that has no validation split."""
    examples = tuple(Example(text, label) for text, label in rows)
    return ClassedTexts("toy", ("a", "b"), "accuracy", examples, (), (Example("a test text", "a"),))


class TestOpening:
    """Who may open what."""

    @pytest.fixture
    def catalog(self, tmp_path):
        """A corpus for evaluation only."""
        write(tmp_path / "toy" / "rows.csv", "one\n")
        corpus = Corpus(
            name="toy",
            url="https://example.org/toy",
            commit="c0ffee",
            licence="NOASSERTION",
            citation="Nobody 2026",
            folder="toy",
            role="evaluation_only",
            files={"rows.csv": hashlib.sha256(b"one\n").hexdigest()},
        )
        return {"toy": corpus}

    def test_evaluation_only_opens_for_measuring_alone(self, tmp_path, catalog):
        """A corpus for evaluation only opens for measuring, and still not for training."""
        assert tmp_path / "toy" == open_for_measuring("toy", data=tmp_path, catalog=catalog)
        with pytest.raises(SourceError, match="no training adapter may read it"):
            open_corpus("toy", data=tmp_path, catalog=catalog)

    def test_measuring_checks_hashes_too(self, tmp_path, catalog):
        """A file that isn't the published one is refused for measuring as it is for training."""
        write(tmp_path / "toy" / "rows.csv", "two\n")
        with pytest.raises(SourceError, match="has SHA-256"):
            open_for_measuring("toy", data=tmp_path, catalog=catalog)

    def test_an_unknown_corpus_is_refused(self, catalog):
        """An unknown name is answered with the names there are."""
        with pytest.raises(SourceError, match="unknown corpus 'tpy'; expected one of toy"):
            open_for_measuring("tpy", catalog=catalog)

    def test_an_unknown_benchmark_is_refused(self):
        """An unknown benchmark is answered with the names there are."""
        with pytest.raises(SourceError, match=r"no benchmark 'bank'.* expected one of banking77"):
            load_classed("bank")


class TestReading:
    """Published files become classes and splits."""

    def test_banking77_has_no_validation_split(self, tmp_path):
        """Banking77 is two tables; commas in a message are its own."""
        write(tmp_path / "train.csv", 'text,category\n"lost it, I think",lost\nwhere is it,arrival\n')
        write(tmp_path / "test.csv", "text,category\nmy card is gone,lost\n")
        found = read_banking77(tmp_path)
        assert ("arrival", "lost") == found.classes
        assert (Example("lost it, I think", "lost"), Example("where is it", "arrival")) == found.train
        assert ((), 1, None) == (found.validation, len(found.test), found.out_of_scope)

    def test_clinc150_puts_out_of_scope_last(self, tmp_path):
        """CLINC150's out-of-scope queries are rows of a class of their own, the last one."""
        names = {"train": "oos_train", "val": "oos_val", "test": "oos_test"}
        parts = {part: [["pay my bill", "zz_pay"], ["hello", "greet"]] for part in names}
        parts |= {name: [["who won", "oos"]] for name in names.values()}
        write(tmp_path / "data_full.json", json.dumps(parts))
        found = read_clinc150(tmp_path)
        assert ("greet", "zz_pay", "oos") == found.classes
        assert "oos" == found.out_of_scope
        assert [3, 3, 3] == [len(found.train), len(found.validation), len(found.test)]

    def test_hwu64_reads_lines_side_by_side(self, tmp_path):
        """HWU64's texts and labels lie in two files of equal length; another length is an error."""
        for part in ("train", "valid", "test"):
            write(tmp_path / part / "seq.in", f"{part} the light\n{part} music\n")
            write(tmp_path / part / "label", "light_on\nmusic\n")
        assert Example("valid music", "music") == read_hwu64(tmp_path).validation[1]
        write(tmp_path / "test" / "label", "light_on\n")
        with pytest.raises(ValueError, match="shorter"):
            read_hwu64(tmp_path)

    def test_sst2_leaves_the_neutral_out(self, tmp_path):
        """Of five grades the middle is left out, and each two beside it are one class."""
        lines = "".join(f"__label__{grade}\tgrade {grade} .\n" for grade in range(1, 6))
        for part in ("train", "dev", "test"):
            write(tmp_path / f"sst_{part}.txt", lines)
        assert ["negative", "negative", "positive", "positive"] == [row.label for row in read_sst2(tmp_path).test]

    @pytest.fixture
    def tweets(self, tmp_path):
        """TweetEval's validation and test, and tweets to train on of which some stand in them."""
        sentiment = tmp_path / "tweeteval" / "sentiment"
        write(sentiment / "val_text.txt", "Friday\\u2019s gig with @user was so great \nmeh \n")
        write(sentiment / "val_labels.txt", "2\n1\n")
        write(sentiment / "test_text.txt", "@user nobody likes a long and boring line \n")
        write(sentiment / "test_labels.txt", "0\n")
        lines = [
            "1\tpositive\tFriday\\u2019s gig with @band_x was SO great http://t.co/abc",
            '2\tnegative\t"nobody likes a long and boring line"\t',
            "3\tneutral\tThe 8:15 leaves from platform two http://t.co/xyz",
            "4\tneutral\tThe 8:15 leaves from platform two",
            "5\toff topic\tnever mind",
            "",
        ]
        write(tmp_path / "semeval" / "twitter-2013train-A.tsv", "\n".join(lines))
        return read_tweeteval(tmp_path / "tweeteval", tmp_path / "semeval")

    def test_no_held_out_tweet_is_trained_on(self, tweets):
        """A tweet of the validation or test is recognised under other names, addresses and quotes; equal ones count once."""
        assert (Example("The 8:15 leaves from platform two", "neutral"),) == tweets.train
        assert [2] == list(tweets.facts.values())

    def test_tweeteval_is_measured_as_published(self, tweets):
        """The classes are in polarity's order and the measure is the recall of each class alike."""
        assert (POLARITIES, "macro_recall") == (tweets.classes, tweets.metric)
        assert ["positive", "neutral"] == [row.label for row in tweets.validation]

    @pytest.mark.parametrize(
        ("raw", "expected"),
        [
            ("caf\\u00e9 &amp;amp; bar", "café & bar"),
            ("@ann's car, see https://t.co/1 now", "@user car, see now"),
            ('"quoted as a whole"', "quoted as a whole"),
        ],
    )
    def test_tweets_are_tidied(self, raw, expected):
        """Escapes, users, addresses and quotes are written as TweetEval writes them."""
        assert expected == tidy_tweet(raw)

    def test_summaries_know_their_domain(self, tmp_path):
        """SummEdits' labels are strings, and its domain is the name of the file."""
        record = {"id": "1", "doc": "A call.", "summary": "It was a call.", "label": "1"}
        write(
            tmp_path / "data" / "summedits" / "summedits_sales_call.json", json.dumps([record, record | {"label": "0"}])
        )
        found = read_summaries(tmp_path)
        assert [("sales_call", True), ("sales_call", False)] == [(row.domain, row.consistent) for row in found]

    def test_calls_lose_their_ending(self, tmp_path):
        """The bot's last turns would tell the outcome; what the caller said last stays."""
        turns = [("nlg", "hello"), ("nlu", "book"), ("nlg", "sorry"), ("nlg", "bye")]
        record = {"LUHF": "luhf", "utterances_annotations": [{"caller_name": a, "intent": b} for a, b in turns]}
        only_bot = {"LUHF": "not_luhf", "utterances_annotations": [{"caller_name": "nlg", "intent": "hello"}]}
        write(tmp_path / "calls.json", json.dumps([record, only_bot]))
        first, second = read_calls(tmp_path / "calls.json")
        assert (("nlg:hello", "nlu:book"), True) == (first.turns, first.broken)
        assert ((), False) == (second.turns, second.broken)


class TestSplits:
    """What may be looked at when something is chosen."""

    MANY = texts(*((f"text number {number}", "ab"[number % 2]) for number in range(200)))

    def test_choosing_never_sees_the_test(self):
        """Without a validation split a tenth of the training rows is measured, and none of it is trained on."""
        found = self.MANY.for_choosing()
        assert set(found.test).isdisjoint(self.MANY.test)
        assert set(found.test).isdisjoint(found.train)
        assert 10 <= len(found.test) <= 30
        assert set(self.MANY.train) == {*found.test, *found.train}

    def test_a_published_validation_split_is_used(self):
        """With a validation split that is measured, and all training rows are trained on."""
        held_out = (Example("held out", "b"),)
        data = ClassedTexts("toy", ("a", "b"), "accuracy", self.MANY.train, held_out, self.MANY.test)
        found = data.for_choosing()
        assert (held_out, self.MANY.train) == (found.test, found.train)

    def test_what_is_held_out_depends_on_seed_and_text(self):
        """The same seed holds out the same rows in any order, another seed others; equal texts stay together."""
        rows = [*self.MANY.train, *self.MANY.train]
        kept, held_out = hold_out(rows)
        assert set(hold_out(rows[::-1])[1]) == set(held_out) != set(hold_out(rows, seed=8)[1])
        assert set(kept).isdisjoint(held_out)

    def test_the_fingerprint_changes_with_any_row(self):
        """A changed label is another corpus."""
        first, second = texts(("x", "a"), ("y", "b")), texts(("x", "a"), ("y", "a"))
        assert first.fingerprint == texts(("x", "a"), ("y", "b")).fingerprint != second.fingerprint

    @pytest.mark.parametrize(("limit", "expected"), [(None, 10), (5, 5), (3, 4), (100, 10)])
    def test_thinning_takes_rows_from_all_over(self, limit, expected):
        """Every n-th row stays, about as many as asked for."""
        found = thin(range(10), limit)
        assert (expected, 0) == (len(found), found[0])


@pytest.mark.slow
@pytest.mark.skipif(not os.environ.get("BATON_DATA"), reason="BATON_DATA names no corpora")
class TestPublished:
    """The real corpora, where BATON_DATA names them."""

    @pytest.mark.parametrize(
        ("name", "expected"),
        [
            ("banking77", (77, 10_003, 0, 3_080)),
            ("clinc150", (151, 15_100, 3_100, 5_500)),
            ("hwu64", (64, 8_954, 1_076, 1_076)),
            ("tweeteval-sentiment", (3, 47_482, 2_000, 12_284)),
            ("sst2", (2, 6_920, 872, 1_821)),
        ],
    )
    def test_splits_are_the_published_ones(self, name, expected):
        """Each benchmark has the classes and rows that others report on."""
        found = load_classed(name)
        assert expected == (len(found.classes), len(found.train), len(found.validation), len(found.test))
        assert {row.label for row in (*found.train, *found.test)} == set(found.classes)

    def test_no_tweet_is_trained_and_tested_on(self):
        """All but a few tweets of TweetEval's validation were found among SemEval's and left out."""
        found = load_classed("tweeteval-sentiment")
        assert 1_990 <= next(iter(found.facts.values()))
        assert {row.text for row in found.train}.isdisjoint(row.text for row in (*found.validation, *found.test))

    def test_summaries_and_calls_load(self):
        """SummEdits has eight domains here; of BETOLD a third of the calls break down."""
        assert 8 == len({row.domain for row in load_summaries()})
        assert [(1_352, 451), (1_353, 451)] == [(len(calls), sum(c.broken for c in calls)) for calls in load_calls()]
