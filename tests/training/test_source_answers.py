"""The adapters of answer examples, on small files in the corpora's formats with invented content."""

import csv
import json

import pytest

from training.sources.answers import load_answers
from training.sources.answers_passages import read_amazon, read_begin, read_delucionqa, read_squad2
from training.sources.answers_rated import HELD_OUT_SYSTEMS, read_dstc9, strip_closing
from training.sources.catalog import SourceError
from training.sources.written import read_written_answers


def write(path, text):
    """Write a file with its folders."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def write_csv(path, records):
    """Write records as a table with a header."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, list(records[0]))
        table.writeheader()
        table.writerows(records)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("Yes, goats may stay. Would you like to book a stable?", "Yes, goats may stay."),
        ("No goats. Is there anything else I can help you with today?", "No goats."),
        ("Goats stay free. anything else i can do for you?", "Goats stay free."),
        ("Hay is served at six. Let me know if I can be of further assistance?", "Hay is served at six."),
        ("Which goat is yours?", "Which goat is yours?"),
        ("Do you have a goat?", "Do you have a goat?"),
        ("Goats stay free.", "Goats stay free."),
    ],
)
def test_stock_question_is_stripped(answer, expected):
    """The stock question at an answer's end goes; a question that is the whole answer stays."""
    assert expected == strip_closing(answer)


def snippet(entity, doc):
    """Where a FAQ stands."""
    return {"domain": "inn", "entity_id": entity, "doc_id": doc}


def dstc9(folder, systems=("alpha",)):
    """Write three rated answers of some systems about many inns; the first is right, two are off, one is unrated."""
    docs = {
        "0": {"title": "Goats welcome?", "body": "Goats stay free."},
        "1": {"title": "Pool?", "body": "There is a pond."},
    }
    inns = {str(number): {"name": f"Inn {number}", "docs": docs} for number in range(40)}
    write(folder / "data_eval" / "knowledge.json", json.dumps({"inn": inns}))
    labels, answers, ratings = [], [], []
    for number in range(40):
        for found, marks in [(0, [5, 4, 4]), (1, [1, 2, 1]), (0, [5, 5, 3]), (0, None)]:
            labels.append({"target": True, "knowledge": [snippet(number, 0)]})
            answers.append(
                {"target": True, "knowledge": [snippet(number, found)], "response": "They do. Anything else?"}
            )
            ratings.append({"accuracy": marks, "appropriateness": marks} if marks else None)
    write(folder / "data_eval" / "test" / "labels.json", json.dumps(labels))
    for system in systems:
        write(folder / "results" / system / "entry0.json", json.dumps(answers))
        write(folder / "results" / system / "entry0.human_eval.json", json.dumps(ratings))


def test_dstc9_targets(tmp_path):
    """Good is the share of raters at 4 or more; the other targets are told only where the ratings are sound."""
    dstc9(tmp_path)
    right, wrong, doubtful = list(read_dstc9(tmp_path))[:3]
    parts = ("sufficient", "grounded", "answers", "good")
    assert (1.0, 1.0, 1.0, 1.0) == tuple(getattr(right, part) for part in parts)
    assert (0.0, None, 0.0, 0.0) == tuple(getattr(wrong, part) for part in parts)
    assert (1.0, None, None, pytest.approx(2 / 3)) == tuple(getattr(doubtful, part) for part in parts)


def test_dstc9_never_shows_the_retrieved_title(tmp_path):
    """The message is the gold title, the passage the retrieved body after the entity's name."""
    dstc9(tmp_path)
    wrong = list(read_dstc9(tmp_path))[1]
    assert ("Goats welcome?", ("Inn 0: There is a pond.",), "They do.") == (wrong.message, wrong.passages, wrong.answer)


def test_dstc9_splits(tmp_path):
    """An entity has one split, and the systems held out speak in the test alone."""
    held_out = min(HELD_OUT_SYSTEMS)
    dstc9(tmp_path, ("alpha", held_out))
    rows = list(read_dstc9(tmp_path))
    splits = {}
    for row in rows:
        splits.setdefault(row.group, set()).add(row.split)
    assert {1} == {len(found) for found in splits.values()}
    assert {"train", "calibration", "test"} == {row.split for row in rows}
    assert {"test"} == {row.split for row in rows if held_out in row.id}


def test_amazon(tmp_path):
    """Passages of ePQA make full, foreign, irrelevant, unfounded and partial examples of one question in one split."""
    records = [
        {
            "qid": qid, "question": f"will it float {qid}?", "candidate": f"{text} {qid}", "qa_pair_id": f"{qid}{number}",
            "title": "Duck", "label": label, "answer": f"It floats {qid}." if label == "2" else "",
        }
        for qid in map(str, range(30))
        for number, (label, text) in enumerate([("2", "it floats"), ("0", "it is yellow"), ("1", "ducks do")])
    ]  # fmt: skip
    write_csv(tmp_path / "ePQA" / "dev.csv", records)
    rows = list(read_amazon(tmp_path))
    found = {row.id.rpartition("-")[2]: row for row in rows if row.group.endswith(":3")}
    assert {
        "full": ("It floats 3.", 1.0, 1.0, 1.0, 1.0),
        "irrelevant": (None, 0.0, None, None, None),
        "unfounded": ("It floats 3.", 0.0, 0.0, 1.0, 0.0),
        "partial": (None, 0.5, None, None, None),
    } == {k: (r.answer, r.sufficient, r.grounded, r.answers, r.good) for k, r in found.items() if k != "foreign"}
    assert "It floats 3." != found["foreign"].answer
    assert (0.0, 0.0, 0.0) == (found["foreign"].grounded, found["foreign"].answers, found["foreign"].good)
    assert 30 == len({(row.group, row.split) for row in rows})


def test_squad2(tmp_path):
    """SQuAD's spans become short answers; a plausible span of an impossible question is unfounded."""
    questions = [
        {
            "id": f"q{number}", "question": f"who swam {number}?", "is_impossible": bool(number % 2),
            "answers": [] if number % 2 else [{"text": "the duck"}, {"text": "duck"}],
            "plausible_answers": [{"text": "a goose"}],
        }
        for number in range(60)
    ]  # fmt: skip
    article = {"title": "Pond", "paragraphs": [{"context": "The duck swam.", "qas": questions}]}
    write(tmp_path / "data" / "dev-v2.0.json", json.dumps({"data": [article]}))
    rows = list(read_squad2(tmp_path))
    assert {(1.0, "The duck.", 1.0), (1.0, None, None), (0.0, "A goose.", 0.0), (0.0, None, None)} == {
        (row.sufficient, row.answer, row.good) for row in rows
    }
    assert 1 == len({(row.group, row.split) for row in rows})


def test_begin(tmp_path):
    """BEGIN tells whether the knowledge supports a reply, and generic replies are left out."""
    lines = ["model_name\tdata_source\tknowledge\tmessage\tresponse\tbegin_label"]
    labels = ("Fully attributable", "Not fully attributable", "Generic")
    lines += [f't5\ttoy\tDucks "float.\tdo they\tThey {label}\t{label}' for label in labels]
    write(tmp_path / "wow" / "begin_dev_wow.tsv", "\n".join(lines) + "\n")
    rows = list(read_begin(tmp_path))
    assert [(1.0, None, 0.5), (0.0, None, 0.5)] == [(row.grounded, row.good, row.weight) for row in rows]
    assert 1 == len({row.group for row in rows})


def test_delucionqa(tmp_path):
    """Refusals answer nothing and have no passages."""
    record = {
        "Question": "how do I fold the roof",
        "Context": "[1, 2]",
        "Answer": "The manual doesn't say.",
        "Answerable": "no",
    }
    write_csv(tmp_path / "data" / "DelucionQA_final" / "unanswerable.csv", [record])
    (row,) = read_delucionqa(tmp_path)
    assert ((), 0.0, None, 0.0) == (row.passages, row.answers, row.grounded, row.good)


ANSWER = {
    "id": "toy-001-a", "situation": "001", "message": "does the moat leak", "answer": "No.", "passages": ["It holds water."],
    "sufficient": 1, "grounded": 0.5, "answers": 1, "good": True, "batch": "toy-1", "second_look": True, "split": "train",
}  # fmt: skip


def test_written_answers(tmp_path):
    """Our own answers group by situation, and a true good is 1."""
    silent = {"id": "toy-001-b", "answer": None, "good": None, "answers": None, "grounded": None}
    write(tmp_path / "toy.jsonl", "\n".join(json.dumps(row) for row in [ANSWER, ANSWER | silent]))
    told, untold = read_written_answers(tmp_path)
    assert (1.0, 0.5, "written:toy:001") == (told.good, told.grounded, told.group)
    assert (None, None, 1.0) == (untold.answer, untold.good, untold.sufficient)


def test_broken_written_answer(tmp_path):
    """A row without a situation is named by file and line."""
    write(tmp_path / "toy.jsonl", json.dumps({key: value for key, value in ANSWER.items() if key != "situation"}))
    with pytest.raises(SourceError, match=r"toy\.jsonl, line 1: 'situation'"):
        list(read_written_answers(tmp_path))


def test_corpus_of_messages_is_no_answers():
    """A corpus without answers is refused by name before anything is read."""
    with pytest.raises(SourceError, match="banking77 holds no answers"):
        load_answers(["banking77"])
