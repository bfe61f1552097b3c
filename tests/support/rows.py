"""Which tests show which row: reads `rows.toml` and the tests, writes `tests/ROWS.md`.

A test shows a row when its name (`l_05`), its docstring or an id of its parameters (`L-05`) says so; a class's docstring speaks
for its tests. The tests are read as text and never imported, so the table is the same on every machine.

    .venv/bin/python -m tests.support.rows
"""

from __future__ import annotations

import ast
import functools
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

TESTS: Final = Path(__file__).parents[1]
LIST: Final = Path(__file__).with_name("rows.toml")
TABLE: Final = TESTS / "ROWS.md"
# what these show of a row is that a policy can say it; of what people do with a handoff that is only half of it
DOCUMENTS: Final = (
    "acceptance/test_importers",
    *(f"models/policy/test_{name}" for name in ("linktor", "scaibot", "handoff", "outline", "lint", "schema")),
)
DONE_ELSEWHERE: Final = "HMATI"
CLASSES: Final = {
    "D": "Scoring and decision",
    "H": "Handoff, routing, queue, SLA",
    "M": "Messages",
    "A": "Analytics",
    "T": "Takeover and assist",
    "I": "Delivery and integration",
    "G": "Guidance",
}
_IN_TEXT: Final = re.compile(r"\b([LCMSAX])-(\d{1,2})\b")
_IN_NAME: Final = re.compile(r"(?<![a-z0-9])([lcmsax])_(\d{2})(?![a-z0-9])")


class Row(NamedTuple):
    """One row: `kind` is a key of `CLASSES`."""

    name: str
    kind: str
    what: str


class Shown(NamedTuple):
    """A test that shows rows, with its file from the folder of tests on."""

    file: str
    test: str
    rows: frozenset[str]


def listed() -> dict[str, Row]:
    """Return all rows, by name, in the order of the list."""
    tables = tomllib.loads(LIST.read_text("utf-8"))
    return {name: Row(name, kind, what) for kind in CLASSES for name, what in tables[kind].items()}


@functools.cache
def shown() -> tuple[Shown, ...]:
    """Return every test that names a row."""
    found = [test for path in sorted(TESTS.rglob("test_*.py")) for test in tests_of(path)]
    return tuple(test for test in found if test.rows)


def tests_of(path: Path) -> list[Shown]:
    """Return the tests of a file, whatever rows they name."""
    file = path.relative_to(TESTS).as_posix() if path.is_relative_to(TESTS) else path.name
    return list(_tests(ast.parse(path.read_text("utf-8")), file))


def unknown() -> list[str]:
    """Return what tests name that is no row."""
    rows = listed()
    return sorted({f"{test.file}: {name}" for test in shown() for name in test.rows if name not in rows})


def still_open(kind: str) -> list[str]:
    """Return the rows of a class that no test names."""
    named = {name for test in shown() for name in test.rows}
    return [row.name for row in listed().values() if row.kind == kind and row.name not in named]


def only_said(kind: str) -> list[str]:
    """Return the rows of a class of which tests show only that a policy can say them."""
    if kind not in DONE_ELSEWHERE:
        return []
    done = {name for test in shown() for name in test.rows if not test.file.startswith(DOCUMENTS)}
    lacking = still_open(kind)
    return [row.name for row in listed().values() if row.kind == kind and row.name not in {*done, *lacking}]


def table() -> str:
    """Return the table as Markdown."""
    tests = shown()
    lines = [
        "# Rows: what Baton must do, and the tests that show it",
        "",
        "Written by `.venv/bin/python -m tests.support.rows` from [rows.toml](support/rows.toml) and the tests' names, docstrings and",
        "ids; `house/test_rows.py` checks that it is current. L, C, M, S and A are the five products whose behaviour Baton takes up,",
        "X what their documents leave open. An open row has no test yet; of a row that is only said, tests show that a policy can say",
        "it, not yet that somebody does it.",
        "",
        "| class | rows | only said | open |",
        "| --- | --- | --- | --- |",
    ]
    rows = listed().values()
    for kind, title in CLASSES.items():
        said, lacking = (", ".join(names) or "none" for names in (only_said(kind), still_open(kind)))
        lines.append(f"| {title} | {sum(row.kind == kind for row in rows)} | {said} | {lacking} |")
    for kind, title in CLASSES.items():
        lines += ["", f"## {title}"]
        for row in rows:
            if row.kind == kind:
                lines += ["", f"**{row.name}** {row.what}", "", *(_lines(row, tests) or ["- open"])]
    return "\n".join(lines) + "\n"


def _lines(row: Row, tests: tuple[Shown, ...]) -> list[str]:
    by_file: dict[str, list[str]] = {}
    for test in tests:
        if row.name in test.rows:
            by_file.setdefault(test.file, []).append(f"`{test.test}`")
    return [f"- {file}: {', '.join(names)}" for file, names in by_file.items()]


def _tests(tree: ast.AST, file: str, about: str = "", within: str = "") -> Iterator[Shown]:
    """Yield the tests of a module or a class; `about` is the class's docstring, `within` its name."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.ClassDef) and node.name.startswith("Test"):
            yield from _tests(node, file, ast.get_docstring(node) or "", f"{node.name}.")
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
            texts = [about, ast.get_docstring(node) or "", *_strings(node.decorator_list)]
            rows = {_named(*match) for text in texts for match in _IN_TEXT.findall(text)}
            rows |= {_named(*match) for match in _IN_NAME.findall(node.name)}
            yield Shown(file, within + node.name, frozenset(rows))


def _strings(decorators: list[ast.expr]) -> Iterator[str]:
    for decorator in decorators:
        for node in ast.walk(decorator):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield node.value


def _named(letter: str, number: str) -> str:
    return f"{letter.upper()}-{int(number):02}"


def main() -> None:
    """Write the table and say what is open."""
    TABLE.write_text(table(), encoding="utf-8")
    for kind, title in CLASSES.items():
        said, lacking = (", ".join(names) or "none" for names in (only_said(kind), still_open(kind)))
        print(f"{title}: only said {said}; open {lacking}")
    for stray in unknown():
        print(f"no row: {stray}")


if __name__ == "__main__":
    main()
