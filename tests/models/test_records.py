"""JSON Lines rows: what is written is read again, and what isn't a row is named."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from models.errors import InputError
from models.records import AnswerExample, LabelledMessage, read_records, write_records

UNIT = st.none() | st.floats(min_value=0, max_value=1)
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
MESSAGES = st.builds(
    LabelledMessage,
    id=TEXT,
    source=TEXT,
    text=TEXT,
    role=st.sampled_from(["customer", "bot"]),
    before=st.none() | TEXT,
    dialogue=st.none() | st.lists(TEXT, max_size=2).map(tuple),
    labels=st.lists(TEXT, max_size=3).map(tuple),
    known=st.just("all") | st.lists(TEXT, max_size=3).map(tuple),
    out_of_scope=st.none() | st.booleans(),
    explicit=st.none() | st.booleans(),
    sentiment=st.none() | st.floats(min_value=-1, max_value=1),
    polarity=st.sampled_from([None, "negative", "neutral", "positive"]),
    frustration=UNIT,
    weight=st.floats(min_value=0.01, max_value=10),
    group=TEXT,
    split=st.sampled_from([None, "train", "calibration", "test"]),
)
ANSWERS = st.builds(
    AnswerExample,
    id=TEXT,
    source=TEXT,
    message=TEXT,
    earlier=st.none() | TEXT,
    answer=st.none() | TEXT,
    passages=st.lists(TEXT, max_size=3).map(tuple),
    sufficient=UNIT,
    grounded=UNIT,
    answers=UNIT,
    good=UNIT,
    group=TEXT,
)
ROW = LabelledMessage(id="1", source="s", text="hello", group="g")


@pytest.fixture(scope="module")
def scratch(tmp_path_factory):
    """A folder that all examples of a property write to."""
    return tmp_path_factory.mktemp("records")


@given(st.lists(MESSAGES, max_size=4))
def test_messages_survive_a_file(scratch, rows):
    """Every message, with line separators or quotes in its text, is read as it was written."""
    path = scratch / "messages.jsonl"
    assert write_records(path, rows) == len(rows)
    assert list(read_records(path, LabelledMessage)) == rows


@given(st.lists(ANSWERS, max_size=4))
def test_answers_survive_a_file(scratch, rows):
    """Every answer example is read as it was written; None stays None and never becomes a number."""
    path = scratch / "answers.jsonl"
    assert write_records(path, rows) == len(rows)
    assert list(read_records(path, AnswerExample)) == rows


def test_defaults_are_not_written(tmp_path):
    """A row's line holds what was said of it and no more."""
    write_records(tmp_path / "rows.jsonl", [ROW])
    assert (tmp_path / "rows.jsonl").read_text("utf-8") == '{"id":"1","source":"s","text":"hello","group":"g"}\n'


def test_empty_lines_are_no_rows(tmp_path):
    """A blank line at the end of a file that somebody edited is no error."""
    path = tmp_path / "rows.jsonl"
    path.write_text("\n" + ROW.model_dump_json() + "\n\n", encoding="utf-8")
    assert list(read_records(path, LabelledMessage)) == [ROW]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("{", r"row: Invalid JSON.*"),
        ("[]", r"row: .*"),
        ('{"id": "1"}', r"source: Field required"),
        ('{"id": "1", "source": "s", "text": "t", "group": "g", "batch": "b"}', r"batch: Extra inputs.*"),
        ('{"id": "1", "source": "s", "text": "t", "group": "g", "sentiment": -1.1}', r"sentiment: .*greater than.*-1"),
        ('{"id": "1", "source": "s", "text": "t", "group": "g", "frustration": 2}', r"frustration: .*less than.*1"),
        ('{"id": "1", "source": "s", "text": "t", "group": "g", "weight": 0}', r"weight: .*greater than 0"),
        ('{"id": "1", "source": "s", "text": "t", "group": "g", "split": "dev"}', r"split: .*'test'"),
        ('{"id": "1", "source": "s", "text": "t", "group": "g", "version": 2}', r"version: .*1"),
        ('{"id": "1", "source": "s", "text": "t", "group": "g", "role": "agent"}', r"role: .*'bot'"),
    ],
)
def test_a_line_that_is_no_row_is_named(tmp_path, line, expected):
    """The error names file, line number, field and what was expected."""
    path = tmp_path / "rows.jsonl"
    path.write_text(ROW.model_dump_json() + "\n" + line + "\n", encoding="utf-8")
    pattern = rf"^rows\.jsonl, line 2: {expected}; expected a LabelledMessage row$"
    with pytest.raises(InputError, match=pattern):
        list(read_records(path, LabelledMessage))


def test_rows_before_a_bad_line_are_read(tmp_path):
    """Rows come one by one, so a large file is not held in memory."""
    path = tmp_path / "rows.jsonl"
    path.write_text(ROW.model_dump_json() + "\n{\n", encoding="utf-8")
    assert next(read_records(path, LabelledMessage)) == ROW


def test_a_file_is_written_whole_or_not_at_all(tmp_path):
    """When the rows break off, the file that was there before is untouched."""
    path = tmp_path / "rows.jsonl"
    write_records(path, [ROW])
    before = path.read_bytes()

    def broken():
        yield ROW
        raise RuntimeError("the source broke off")

    with pytest.raises(RuntimeError, match="broke off"):
        write_records(path, broken())
    assert path.read_bytes() == before


def test_a_row_is_immutable():
    """Nobody relabels a row on its way."""
    with pytest.raises(ValidationError, match="frozen"):
        ROW.text = "bye"
