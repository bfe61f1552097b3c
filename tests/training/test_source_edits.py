"""The adapter of SummEdits, on small files in its format with invented content."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from training.sources.answers_edits import (
    BENCHMARK_DOMAINS,
    PASSAGE_WORDS,
    PASSAGES,
    WEIGHT,
    bearing_passages,
    read_summedits,
    sentences_of,
)

ROOT = Path(__file__).parents[2]
DOCUMENT = "Ducks swim. Geese fly south in autumn.\nThe moat is four metres deep! Nobody has measured the pond."
ORIGINAL = "Ducks swim. The moat is four metres deep."


def record(summary, label, *, number=1, original=ORIGINAL, doc=DOCUMENT):
    """One summary, faithful (1) or not (0), of a document."""
    return {"id": number, "doc": doc, "summary": summary, "original_summary": original, "label": label}


def read(folder, *records, domain="podcast"):
    """The rows of one domain's file."""
    path = folder / "data" / "summedits" / f"summedits_{domain}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(records), encoding="utf-8")
    return list(read_summedits(folder))


def told(rows):
    """What is said of which sentence."""
    return [(row.answer, row.grounded) for row in rows]


# which sentences are judged


def test_an_untouched_summary_is_faithful_sentence_by_sentence(tmp_path):
    """All sentences of the original are grounded, each a row; nothing is said of anything else."""
    rows = read(tmp_path, record(ORIGINAL, 1))
    assert [("Ducks swim.", 1.0), ("The moat is four metres deep.", 1.0)] == told(rows)
    assert {("", None, None, None, WEIGHT)} == {
        (row.message, row.sufficient, row.answers, row.good, row.weight) for row in rows
    }


@pytest.mark.parametrize(("label", "expected"), [(0, 0.0), (1, 1.0)])
def test_of_an_edited_summary_the_changed_sentence_is_told(tmp_path, label, expected):
    """The sentence that differs from the original is right or wrong as the summary is; the others say nothing new."""
    found = read(tmp_path, record("Ducks swim. The moat is five metres deep.", label))
    assert [("The moat is five metres deep.", expected)] == told(found)


def test_of_several_changes_nobody_knows_which_is_wrong(tmp_path):
    """An unfaithful summary with two changed sentences, or with one left out, is left out; a faithful one is not."""
    both = "Ducks fly. The moat is five metres deep."
    assert [] == read(tmp_path, record(both, 0), record("Ducks swim.", 0))
    assert [("Ducks fly.", 1.0), ("The moat is five metres deep.", 1.0)] == told(read(tmp_path, record(both, 1)))


def test_a_sentence_is_told_once_per_document(tmp_path):
    """The same sentence in two summaries of a document is one row; of another document it is another."""
    other = DOCUMENT + " Swans hiss."
    rows = read(tmp_path, record(ORIGINAL, 1), record(ORIGINAL, 1, number=2), record(ORIGINAL, 1, number=3, doc=other))
    assert 2 * told(rows[:2]) == told(rows)
    assert [2, 2] == [sum(row.group == group for row in rows) for group in dict.fromkeys(row.group for row in rows)]
    assert len(rows) == len({row.id for row in rows})


@pytest.mark.parametrize("domain", sorted(BENCHMARK_DOMAINS))
def test_the_domains_of_the_benchmark_are_never_read(tmp_path, domain):
    """What the benchmark measures teaches nothing, though its files lie beside the others."""
    assert [] == read(tmp_path, record(ORIGINAL, 1), domain=domain)
    assert {"summedits:podcast"} == {row.id.partition("-")[0] for row in read(tmp_path, record(ORIGINAL, 1))}


def test_a_document_has_one_split_and_none_is_the_test(tmp_path):
    """All rows of a document share group and split; about one document in ten calibrates."""
    records = [
        record(ORIGINAL, 1, number=f"{number}-{part}", doc=f"{DOCUMENT} Fact {number}.", original=f"Part {part}.")
        for number in range(300)
        for part in range(2)
    ]
    rows = read(tmp_path, *records)
    splits = {row.group: row.split for row in rows}
    assert len(splits) == 300 == len({(row.group, row.split) for row in rows})
    assert {"train", "calibration"} == set(splits.values())
    assert pytest.approx(0.1, abs=0.05) == list(splits.values()).count("calibration") / 300


# passages


def words(start, count):
    """So many different words as one sentence."""
    return " ".join(f"w{number}" for number in range(start, start + count)) + "."


def test_sentences_end_with_final_punctuation():
    """Abbreviations aside, a sentence ends with a full stop, a question or an exclamation mark before a blank."""
    assert ["Is it 4.5 deep?", "Yes!", "It is."] == sentences_of(" Is it 4.5 deep?  Yes!\nIt is. ")


def test_a_passage_is_whole_sentences():
    """Passages are runs of sentences of at most so many words, cut nowhere; a longer sentence stands alone."""
    document = " ".join(words(start, 40) for start in range(0, 200, 40)) + " " + words(500, PASSAGE_WORDS + 30)
    found = bearing_passages(document, "w0", limit=9)
    assert [80, 80, 40, PASSAGE_WORDS + 30] == [len(passage.split()) for passage in sorted(found, key=document.index)]
    assert document == " ".join(sorted(found, key=document.index))


def test_the_passages_that_bear_on_a_sentence_come_first():
    """The passage that shares the rarest words stands first, and only the best few are shown."""
    document = "\n".join(words(start, 60) + " moat water" for start in range(0, 600, 60))
    found = bearing_passages(document, "Moat water w185 w306 w307?")
    assert PASSAGES == len(found)
    assert ["w307" in found[0], "w185" in found[1]] == [True, True]


def test_of_equal_passages_the_earlier_comes_first():
    """Where nothing speaks for either, the document's order does."""
    document = "\n".join(words(start, 60) for start in range(0, 300, 60))
    assert [words(0, 60), words(60, 60)] == list(bearing_passages(document, "Nothing of it."))


@pytest.mark.parametrize("document", ["", "moat", "\n\n"])
def test_a_short_document_is_its_own_passage(document):
    """A document of one word, or of none, is shown as it is."""
    assert [document] == list(bearing_passages(document, "The moat."))


def test_passages_are_the_same_in_every_run():
    """Which passage comes first never depends on how Python happens to order a set: rows have one fingerprint for good."""
    program = (
        "import hashlib, random\n"
        "from training.sources.answers_edits import bearing_passages\n"
        "rng = random.Random(5)\n"
        "names = [f'word{n}' for n in range(40)]\n"
        "found = []\n"
        "for _ in range(60):\n"
        "    document = '\\n'.join(' '.join(rng.choices(names, k=50)) + '.' for _ in range(12))\n"
        "    found += bearing_passages(document, ' '.join(names), limit=12)\n"
        "print(hashlib.sha256('|'.join(found).encode()).hexdigest())\n"
    )
    runs = [
        subprocess.run(
            [sys.executable, "-c", program],
            cwd=ROOT,
            env=os.environ | {"PYTHONHASHSEED": str(seed)},
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        ).stdout
        for seed in (1, 2, 3)
    ]
    assert runs == runs[:1] * 3
