"""The model card: every figure of the report with its n, and what no figure says."""

import re

import pytest

from models.bundle import Bundle
from tests.support.reports import DATA, NO_FIGURE, build_report, figure
from tests.support.tiny_bundle import build_tiny_bundle
from training.card import WEAKNESSES, write_card
from training.evaluate import EXPLICIT_THRESHOLD
from training.release import finish_manifest


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A bundle with metrics and provenance."""
    folder = build_tiny_bundle(tmp_path_factory.mktemp("card") / "tiny")
    training = {"commit": "abc", "seed": 20261120, "versions": {"numpy": "2"}}
    finish_manifest(folder, version="2026.11.20", report=build_report(), training=training, data=DATA)
    return folder


@pytest.fixture(scope="module")
def card(folder):
    """The card's lines."""
    write_card(folder / "README.md", Bundle.load(folder).manifest, build_report(f1=0.876))
    return (folder / "README.md").read_text("utf-8").splitlines()


def row(card, *starts):
    """Cells of the first table row that begins with these cells."""
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in card if line.startswith("|")]
    return next(cells for cells in rows if cells[: len(starts)] == list(starts))


def test_the_card_is_headed_by_the_release(card):
    """A reader sees first which bundle this is."""
    assert card[0] == "# Bundle tiny-2026.11.20"


def test_sections_come_in_order(card):
    """Metrics, parity, weaknesses, data, training."""
    found = [line.split(" (n")[0] for line in card if line.startswith("## ")]
    expected = ["Messages", "Answer confidence", "int8 against fp32", "Known weaknesses", "Data", "Training"]
    assert found == [f"## {name}" for name in expected]


def test_figures_carry_interval_and_n(card):
    """A source's row holds n, positives and each measure with its 95 % interval."""
    cells = row(card, "written", "100", "40")
    assert cells[3] == "0.876 (0.856 to 0.896)"
    assert len(cells) == 10


def test_what_could_not_be_measured_is_empty(card):
    """A source of one class has an empty cell where others have AUROC, never a zero."""
    assert row(card, "written", "100", "0")[3:] == ["", "", "", "", "", "", "0.010 (-0.010 to 0.030)"]


def test_sentiment_tells_what_was_not_scored(card):
    """The sentiment table says of how many messages it speaks, and how many it leaves out."""
    assert ["written", "98", "2", "0.800 (0.780 to 0.820)"] == row(card, "written", "98")[:4]


def test_written_is_said_to_be_synthetic(card):
    """Where `written` is explained its reader learns that no customer wrote it, and who wrote its test rows."""
    text = " ".join(card)
    assert "`written` is synthetic" in text
    assert "drafted with a language model" in text
    assert "other batches of the same authors" in text


def test_unscored_messages_are_told(card):
    """How many English messages were taken for another language, and that they count as missed, is said up front."""
    text = " ".join(card)
    assert "## Messages (n = 300" in text
    assert (
        "2 English messages were taken for another language: they have no scores but `explicit` and count as missed"
        in text
    )
    assert "Messages of other languages (`written-requests`) have `explicit` only." in text


def test_requests_are_measured_where_the_default_policy_has_its_threshold(card):
    """Both sections on `explicit` say at which threshold they count: the one that the evaluation took."""
    assert f"### explicit (precision, recall, F1 and false positives at {EXPLICIT_THRESHOLD})" in card
    assert any(line.startswith(f"At {EXPLICIT_THRESHOLD}, as the default policy has it: F1 of") for line in card)


def test_baselines_stand_beside_the_models(card):
    """The simple models' figures are on the same page."""
    text = "\n".join(card)
    assert "TF-IDF + logistic regression on `written`: AUROC 0.900, F1 0.600" in text
    assert "TF-IDF + ridge regression on `written`: Pearson 0.500." in text
    assert row(card, "dstc9_track1_human_eval", "60", "21")[-1] == "0.600 / 0.500 / 0.300"


def test_dialogue_labels_stand_with_their_examples(card):
    """What messages do in a conversation is told label by label, with how many positives of how many rows."""
    place = next(number for number, line in enumerate(card) if line.startswith("### dialogue"))
    assert ["bot_cannot", "12", "100", "0.810", "0.720", "0.760", "0.790"] == row(card[place:], "bot_cannot")
    assert "On 100 messages of our own exchanges and conversations: micro F1 0.770" in "\n".join(card)


def test_a_card_without_dialogue_can_be_written(folder, tmp_path):
    """A smoke run has too few rows in their conversation; its card leaves them out."""
    report = build_report()
    report["messages"]["dialogue"] = {}
    write_card(tmp_path / "README.md", Bundle.load(folder).manifest, report)
    assert "### dialogue" not in (tmp_path / "README.md").read_text("utf-8")


def test_requests_are_told_by_language_and_witness(card):
    """Each language has the F1 of the witnesses, alone and together, and the figures of what the scorer served."""
    place = next(number for number, line in enumerate(card) if line.startswith("### explicit requests in other"))
    served = ["0.900", "0.800", "0.800 (0.780 to 0.820)", "0.860 (0.840 to 0.880)", "0.950", "0.060"]
    assert ["de", "50", "20", "0.500", "0.600", "0.700", "0.850", *served] == row(card[place:], "de")


def test_a_card_without_other_languages_can_be_written(folder, tmp_path):
    """A smoke run reads no rows in other languages; its card has no row for any."""
    write_card(tmp_path / "README.md", Bundle.load(folder).manifest, build_report() | {"requests": {}})
    assert "| de |" not in (tmp_path / "README.md").read_text("utf-8")


def test_int8_is_told_beside_fp32(card):
    """Each metric that int8 changes by more than 0.3 points stands beside that of the fp32 twin; the others are counted."""
    place = next(number for number, line in enumerate(card) if line.startswith("Every metric of the int8 graphs"))
    cells = [line.strip("| ").split(" | ") for line in card[place + 4 :]]
    rows = cells[: next(number for number, entry in enumerate(cells) if len(entry) < 3)]
    assert [f"explicit.written.{name}" for name in ("auroc", "average_precision", "f1")] == [entry[0] for entry in rows]
    assert {("0.876", "0.886")} == {(served, twin) for _, served, twin in rows}
    assert any(re.fullmatch(r"3 of \d+ differ so much\.", line) for line in card)


def test_pictures_stand_where_they_lie(folder, tmp_path):
    """A picture beside the card is shown, by its name."""
    write_card(tmp_path / "README.md", Bundle.load(folder).manifest, build_report(), ["risk_coverage.svg"])
    assert "![risk coverage](risk_coverage.svg)" in (tmp_path / "README.md").read_text("utf-8")


def test_parity_is_told_in_decisions(card):
    """What int8 changes is told as decisions, not only as differences of logits."""
    text = "\n".join(card)
    assert "On 300 held-out messages" in text
    assert "3 decisions differ (1.00 %)" in text


def test_every_known_weakness_is_told(card):
    """What no figure says is listed, line by line."""
    assert [line for line in WEAKNESSES if f"- {line}" not in card] == []


def test_every_source_is_told_with_its_licence(card):
    """Rows by split and licence of every source; a published one is linked."""
    assert row(card, "written", "Apache-2.0") == ["written", "Apache-2.0", "80", "10", "10"]
    linked = row(card, "[clinc150](https://example.org/clinc)")
    assert linked[1:] == ["CC-BY-3.0", "7", "0", "3"]


def test_fingerprints_and_provenance_are_told(card):
    """Data fingerprints, commit and seed are there for whoever wants to repeat the run."""
    text = "\n".join(card)
    assert "`aaaaaaaaaaaaaaaa`" in text
    assert "- commit: `abc`" in card
    assert "- seed: `20261120`" in card


def test_every_table_is_well_formed(card):
    """Each row of a table has as many cells as its header, so that it renders."""
    for place, line in enumerate(card):
        if re.fullmatch(r"\|( --- \|)+", line):
            width = card[place - 1].count("|")
            end = next(n for n in range(place, len(card) + 1) if n == len(card) or not card[n].startswith("|"))
            assert {card[number].count("|") for number in range(place - 1, end)} == {width}


def without_figures(report):
    """A report in which nothing is defined."""
    if isinstance(report, dict):
        is_figure = report.keys() == NO_FIGURE.keys()
        return NO_FIGURE if is_figure else {name: without_figures(entry) for name, entry in report.items()}
    return None if isinstance(report, float) else report


def test_a_card_without_a_single_figure_can_be_written(folder, tmp_path):
    """What isn't defined is an empty cell or "not defined", and never NaN, None or an error."""
    write_card(tmp_path / "README.md", Bundle.load(folder).manifest, without_figures(build_report()))
    text = (tmp_path / "README.md").read_text("utf-8")
    assert [] == [word for word in ("None", "nan", "NaN") if word in text]
    assert "| written | 100 | 40 |  |  |  |  |  |  |  |" in text
    assert "AUROC not defined, F1 not defined at the same threshold, not defined at its best one" in text
    assert "3 decisions differ (not defined)" in text
    assert "not defined / not defined / not defined" in text


def test_a_value_without_an_interval_stands_alone(folder, tmp_path):
    """Where only the value is defined the cell holds it without brackets."""
    report = build_report()
    report["messages"]["explicit"]["written"]["auroc"] = figure(0.9) | {"low": None, "high": None}
    write_card(tmp_path / "README.md", Bundle.load(folder).manifest, report)
    assert "| written | 100 | 40 | 0.900 | " in (tmp_path / "README.md").read_text("utf-8")


@pytest.mark.parametrize("missing", ["tfidf", "overlap"])
def test_a_card_without_a_baseline_can_be_written(folder, tmp_path, missing):
    """A smoke run has too few rows for baselines; its card leaves them out."""
    report = build_report()
    report["baselines"]["tfidf_on_written" if missing == "tfidf" else "overlap_on_answers"] = {}
    write_card(tmp_path / "README.md", Bundle.load(folder).manifest, report)
    text = (tmp_path / "README.md").read_text("utf-8")
    assert ("TF-IDF +" in text) is (missing != "tfidf")
    assert ("0.600 / 0.500 / 0.300" in text) is (missing != "overlap")
