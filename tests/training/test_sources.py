"""The catalogue, the mapping tables and what all adapters share."""

import hashlib
from pathlib import Path

import pytest

from models.records import LabelledMessage
from training.labels import LABELS
from training.sources.answers import ADAPTERS as ANSWER_ADAPTERS
from training.sources.catalog import Corpus, SourceError, data_folder, open_corpus, read_catalog
from training.sources.mapping import FOLDER, ClassTable, Verdict, read_mapping
from training.sources.messages import ADAPTERS
from training.sources.rows import Classed, build_row, keep_one, sample, text_hash

TABLE = ClassTable(
    corpus="toy",
    out_of_scope=frozenset({"weather"}),
    ignore=frozenset({"mumble"}),
    scope_unclear=frozenset({"small_talk"}),
    absent=("legal_threat", "request_human"),
    co_occurs=frozenset({"express_frustration"}),
    classes={
        "lost_card": ("security_incident",),
        "moan": ("express_frustration",),
        "card": (),
        "close": (),
        "small_talk": (),
        "card+close": ("account_cancellation",),
        "agent": ("request_human",),
    },
    co_occurs_in={"lost_card": ("account_cancellation",)},
    frustration={"moan": 0.7, "card": 0.0},
    polarity={"moan": "negative", "card": "neutral"},
    polarity_share=0.5,
)


def corpus(folder: Path, *, role: str = "train", content: bytes = b"one,two\n") -> Corpus:
    """A corpus of one file that lies in a folder."""
    (folder / "toy").mkdir()
    (folder / "toy" / "rows.csv").write_bytes(content)
    return Corpus(
        name="toy",
        url="https://example.org/toy",
        commit="c0ffee",
        licence="CC-BY-4.0",
        citation="Nobody 2026",
        folder="toy",
        role=role,
        files={"rows.csv": hashlib.sha256(b"one,two\n").hexdigest()},
    )


def row(text: str, *, split: str | None = None, number: int = 0) -> LabelledMessage:
    """A bare message."""
    return LabelledMessage(id=f"toy:{number}", source="toy", text=text, group=text, split=split)


class TestCatalog:
    """Corpora are found, checked and refused."""

    def test_published_files_open(self, tmp_path):
        """A corpus whose files have the recorded hashes opens as its folder."""
        catalog = {"toy": corpus(tmp_path)}
        assert tmp_path / "toy" == open_corpus("toy", data=tmp_path, catalog=catalog)

    def test_changed_file_is_refused(self, tmp_path):
        """A file with another hash is refused, with both hashes and where to fetch it."""
        catalog = {"toy": corpus(tmp_path, content=b"three\n")}
        with pytest.raises(SourceError, match=r"has SHA-256 .*, expected .*example\.org/toy at commit c0ffee"):
            open_corpus("toy", data=tmp_path, catalog=catalog)

    def test_missing_file_is_refused(self, tmp_path):
        """A missing file is named."""
        catalog = {"toy": corpus(tmp_path)}
        (tmp_path / "toy" / "rows.csv").unlink()
        with pytest.raises(SourceError, match=r"no file .*rows\.csv"):
            open_corpus("toy", data=tmp_path, catalog=catalog)

    def test_missing_folder_is_refused(self, tmp_path):
        """A missing corpus is refused with its public address."""
        catalog = {"toy": corpus(tmp_path)}
        with pytest.raises(SourceError, match=r"no folder .*expected toy from https://example\.org/toy"):
            open_corpus("toy", data=tmp_path / "elsewhere", catalog=catalog)

    def test_evaluation_only_is_refused(self, tmp_path):
        """A corpus for evaluation only never opens for training."""
        catalog = {"toy": corpus(tmp_path, role="evaluation_only")}
        with pytest.raises(SourceError, match="evaluation only"):
            open_corpus("toy", data=tmp_path, catalog=catalog)

    def test_unknown_name_is_refused(self):
        """An unknown corpus is refused with the names that there are."""
        with pytest.raises(SourceError, match="unknown corpus 'toy'; expected one of amazon_product_qa"):
            open_corpus("toy")

    @pytest.mark.parametrize("environment", [{}, {"BATON_DATA": ""}])
    def test_unset_folder_is_an_error(self, environment):
        """Without BATON_DATA the error says what to set."""
        with pytest.raises(SourceError, match="BATON_DATA isn't set; expected a folder"):
            data_folder(environment)

    def test_wrong_folder_is_an_error(self, tmp_path):
        """A BATON_DATA that names no folder is an error that shows it."""
        with pytest.raises(SourceError, match="nowhere, which is no folder"):
            data_folder({"BATON_DATA": str(tmp_path / "nowhere")})

    def test_broken_catalogue_is_an_error(self, tmp_path):
        """A catalogue with a missing field doesn't load."""
        path = tmp_path / "sources.toml"
        path.write_text('[corpus.toy]\nurl = "https://example.org"\n')
        with pytest.raises(SourceError, match="doesn't hold together"):
            read_catalog(path)

    def test_every_adapter_has_a_training_corpus(self):
        """Each adapter's corpus is in the catalogue, and is one for training."""
        catalog = read_catalog()
        assert {"train"} == {catalog[name].role for name in [*ADAPTERS, *ANSWER_ADAPTERS]}

    def test_evaluation_corpora_have_no_adapter(self):
        """No adapter reads a corpus that is for evaluation only."""
        names = {name for name, entry in read_catalog().items() if entry.role == "evaluation_only"}
        assert {"tweeteval", "semeval2013-2016", "sst", "umsab", "uss"} == names
        assert set() == names & {*ADAPTERS, *ANSWER_ADAPTERS}


class TestMapping:
    """Classes become targets and masks."""

    @pytest.mark.parametrize("path", sorted(FOLDER.glob("*.toml")), ids=lambda path: path.stem)
    def test_tables_hold_together(self, path):
        """Each table names labels of the taxonomy alone, belongs to an adapter, and no class stands in two lists."""
        table = read_mapping(path.stem)
        assert path.stem in ADAPTERS
        assert frozenset() == table.ignore & (table.out_of_scope | table.classes.keys())

    def test_every_adapter_has_a_table(self):
        """There is one table for each adapter."""
        assert set(ADAPTERS) == {path.stem for path in FOLDER.glob("*.toml")}

    def test_every_label_but_the_written_ones_is_taught(self):
        """Some corpus means each label, but for those that only our own messages have."""
        told = {label for name in ADAPTERS for label in read_mapping(name).means()}
        assert {"harassment_report", "legal_threat"} == set(LABELS) - told

    def test_foreign_label_is_refused(self, tmp_path):
        """A table with a label outside the taxonomy is refused."""
        (tmp_path / "toy.toml").write_text('[classes]\nlost_card = ["lost_property"]\n')
        with pytest.raises(SourceError, match="names lost_property"):
            read_mapping("toy", tmp_path)

    def test_unknown_class_is_refused(self):
        """A class in no list is an error, not a row without labels."""
        with pytest.raises(SourceError, match="class 'gardening' of toy"):
            TABLE.targets(["gardening"])

    def test_mask(self):
        """Known are the labels that some class means and those surely absent, without what may co-occur unlabelled."""
        known = TABLE.targets(["card"])["known"]
        assert ("request_human", "security_incident", "account_cancellation", "legal_threat") == known

    def test_mask_of_a_class(self):
        """A label that a class' rows may carry unlabelled isn't known there, unless it is present."""
        assert ("request_human", "security_incident", "legal_threat") == TABLE.targets(["lost_card"])["known"]
        assert "express_frustration" in TABLE.targets(["moan"])["known"]

    def test_greeting_in_passing_is_not_denied(self):
        """A greeting before the request isn't taught as absent, where the corpus has one class a row."""
        table = ClassTable(corpus="toy", classes={"hello": ("greeting",), "card": ()})
        assert () == table.targets(["card"], text="Good morning, I lost my card")["known"]
        assert ("greeting",) == table.targets(["card"], text="I lost my card")["known"]

    def test_any_label_absent(self):
        """A star makes every label known."""
        table = ClassTable(corpus="toy", absent=("*",), classes={"card": ()})
        assert "all" == table.targets(["card"])["known"]

    def test_two_classes_make_a_label(self):
        """A key of two classes means its label where a row has both."""
        assert ("account_cancellation",) == TABLE.targets(["close", "card"])["labels"]
        assert () == TABLE.targets(["close"])["labels"]

    @pytest.mark.parametrize(("name", "expected"), [("weather", True), ("card", False), ("small_talk", None)])
    def test_scope(self, name, expected):
        """Classes are out of scope, in scope, or not told."""
        assert expected is TABLE.targets([name])["out_of_scope"]

    def test_ignored_class_drops_the_row(self):
        """A row with an ambiguous class is dropped."""
        assert TABLE.targets(["card", "mumble"]) is None

    def test_explicit_follows_the_label(self):
        """Explicit is told where request_human is present or its absence known, and nowhere else."""
        silent = ClassTable(corpus="toy", classes={"card": ()})
        assert True is TABLE.targets(["agent"])["explicit"]
        assert False is TABLE.targets(["card"])["explicit"]
        assert silent.targets(["card"])["explicit"] is None

    def test_polarity_is_told_of_a_share(self):
        """Polarity is told for the share of rows that the table asks for."""
        assert "negative" == TABLE.targets(["moan"], share=0.49)["polarity"]
        assert TABLE.targets(["moan"], share=0.5)["polarity"] is None

    def test_contrary_polarities_say_nothing(self):
        """A row whose classes disagree has no polarity."""
        assert TABLE.targets(["moan", "card"])["polarity"] is None


class TestRows:
    """Rows are built, reviewed, made single and capped."""

    def test_reviewed_row_is_relabelled(self):
        """A person's verdict, found by the text's hash, goes before the class."""
        verdict = Verdict(labels=("deny",), explicit=False, frustration=0.0)
        table = TABLE.model_copy(update={"reviewed": {text_hash("Please no agent!"): verdict}})
        found = build_row(table, ["agent"], text="please  NO agent!", key="1").row
        assert (("deny",), False, 0.0) == (found.labels, found.explicit, found.frustration)
        assert "request_human" in found.known

    def test_doubtful_request_is_not_told(self):
        """A verdict without `explicit` leaves open whether a person is asked for."""
        table = TABLE.model_copy(update={"reviewed": {text_hash("pool team"): Verdict()}})
        found = build_row(table, ["agent"], text="pool team", key="1").row
        assert found.explicit is None
        assert "request_human" not in found.known

    def test_reviewed_row_is_dropped(self):
        """A row that teaches the wrong thing is left out."""
        table = TABLE.model_copy(update={"reviewed": {text_hash("pool team"): Verdict(drop=True)}})
        assert build_row(table, ["agent"], text="pool team", key="1") is None

    def test_nlupp_is_reviewed(self):
        """NLU++'s table holds at least a dozen reviewed handoff rows, some of which ask for nobody."""
        verdicts = read_mapping("nlupp").reviewed.values()
        assert 12 <= len(verdicts)
        assert {True, False, None} == {verdict.explicit for verdict in verdicts}

    def test_empty_text_is_no_row(self):
        """Text of which normalisation leaves nothing makes no row."""
        assert build_row(TABLE, ["card"], text=" \u200b\n", key="1") is None

    def test_caps_are_deterministic(self):
        """The same seed keeps the same rows in order; another seed keeps others."""
        rows = [Classed("a", row(f"message {number}", number=number)) for number in range(200)]
        kept = sample(rows, 20, 7)
        assert kept == sample(rows, 20, 7)
        assert kept != sample(rows, 20, 8)
        assert 20 == len(kept)
        assert kept == sorted(kept, key=rows.index)

    def test_caps_by_class_and_split(self):
        """A class may have its own cap, and other splits than train keep a third."""
        rows = [
            Classed(name, row(f"{name} {split} {number}", split=split, number=number))
            for name in ("a", "b")
            for split in ("train", "test")
            for number in range(50)
        ]
        kept = sample(rows, 10, 7, caps={"b": 30})
        counts = [sum((c.category, c.row.split) == key for c in kept) for key in [("a", "train"), ("a", "test")]]
        assert [10, 4] == counts
        assert 30 + 10 == sum(c.category == "b" for c in kept)

    def test_duplicates_stay_in_the_test(self):
        """Of equal long texts the one in the test stays; of equal glue the one in train."""
        rows = [
            Classed("a", row(text, split=split, number=number))
            for number, (text, split) in enumerate(
                [
                    ("Where is my parcel now?", "train"),
                    ("where is my PARCEL now?", "test"),
                    ("ok", "test"),
                    ("OK", "train"),
                ]
            )
        ]
        assert ["test", "train"] == [classed.row.split for classed in keep_one(rows)]

    def test_most_frequent_class_wins(self):
        """Of equal texts in one split the class that most of them have is kept."""
        rows = [Classed(name, row("ok", number=n)) for n, name in enumerate(["thanks", "yes", "yes"])]
        assert ["yes"] == [classed.category for classed in keep_one(rows)]
