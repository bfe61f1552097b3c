"""The table of rows: it says what the tests say, and no row about decisions is open."""

import re

from tests.support import rows


def test_the_table_is_current():
    """`tests/ROWS.md` is what `.venv/bin/python -m tests.support.rows` writes now."""
    assert rows.table() == rows.TABLE.read_text("utf-8")


def test_no_row_about_decisions_is_open():
    """Every row about scoring and decision is shown by a test that names it."""
    assert rows.still_open("D") == []


def test_no_test_names_a_row_that_is_none():
    """A row id in a test's name, docstring or ids stands in the list."""
    assert rows.unknown() == []


def test_the_list_is_whole():
    """Each source's rows are numbered without a gap, each once, and in one line."""
    names = list(rows.listed())
    assert len(names) == len(set(names))
    expected = {"L": 50, "C": 15, "M": 16, "S": 17, "A": 14, "X": 22}
    assert sorted(names) == sorted(f"{letter}-{n:02}" for letter, most in expected.items() for n in range(1, most + 1))
    assert [row for row in rows.listed().values() if not row.what or "\n" in row.what or row.what.endswith(".")] == []


def test_rows_are_found_wherever_a_test_names_them(tmp_path):
    """In names, docstrings, ids and the docstring of a class; other ids of messages and numbers are none."""
    source = """
class TestOne:
    '''S-02: of a class.'''

    def test_in_a_class(self):
        '''Nothing.'''

@pytest.mark.parametrize("x", [pytest.param(1, id="L-05"), "c-1", "A-4711"])
def test_m_03_and_x_16_in_a_name():
    '''X-7, C-01: in a docstring; BS-01 and L-500 are none.'''

def other():
    '''L-01'''
"""
    path = tmp_path / "test_some.py"
    path.write_text(source, "utf-8")
    found = {test.test: test.rows for test in rows.tests_of(path)}
    assert found == {
        "TestOne.test_in_a_class": {"S-02"},
        "test_m_03_and_x_16_in_a_name": {"L-05", "M-03", "X-16", "X-07", "C-01"},
    }


def test_every_test_of_the_table_exists():
    """What the table names can be run."""
    text = rows.TABLE.read_text("utf-8")
    for line in re.findall(r"^- (\S+\.py): (.+)$", text, re.MULTILINE):
        file, names = line
        source = (rows.TESTS / file).read_text("utf-8")
        assert [name for name in re.findall(r"`(?:\w+\.)?(\w+)`", names) if f"def {name}(" not in source] == []
