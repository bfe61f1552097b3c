"""Notebooks: they run as they stand, hold no outputs, and leave the work to the rooms."""

import ast
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
# rooms' modules that a notebook may import: what analysts use, without torch and without the service
ALLOWED = re.compile(r"models(\..+)?|training\.(thresholds|metrics|labels)(\..+)?")
# runs the cells of a notebook one after the other in one namespace, and names the cell that fails
RUNNER = """
import json, sys
names = {"__name__": "__main__"}
cells = json.load(open(sys.argv[1], encoding="utf-8"))["cells"]
for number, cell in enumerate(cells):
    if cell["cell_type"] == "code":
        exec(compile("".join(cell["source"]), f"cell {number}", "exec"), names)
"""

every = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


def cells_of(path, kind):
    """Sources of a notebook's cells of one kind."""
    content = json.loads(path.read_text("utf-8"))
    return ["".join(cell["source"]) for cell in content["cells"] if cell["cell_type"] == kind]


def imported(source):
    """Full names of the modules that a cell imports."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module


def test_there_are_notebooks():
    """The folder is not empty, so the tests below test something."""
    assert NOTEBOOKS != []


@every
def test_a_notebook_is_numbered(path):
    """The number says in which order to read."""
    assert re.fullmatch(r"\d\d_[a-z_]+\.ipynb", path.name) is not None


@every
def test_a_notebook_begins_with_what_it_is_for(path):
    """The first cell is a headline and a few sentences."""
    first = json.loads(path.read_text("utf-8"))["cells"][0]
    assert first["cell_type"] == "markdown"
    assert "".join(first["source"]).startswith("# ")


@every
def test_a_notebook_holds_no_outputs(path):
    """Outputs are stripped: they would grow old, and may show data that isn't ours to show."""
    cells = [cell for cell in json.loads(path.read_text("utf-8"))["cells"] if cell["cell_type"] == "code"]
    assert [number for number, cell in enumerate(cells) if cell["outputs"] or cell["execution_count"] is not None] == []


@every
def test_a_notebook_holds_no_long_function(path):
    """No function over five lines: what is longer belongs into a room, where it is tested."""
    long = [
        node.name
        for source in cells_of(path, "code")
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.end_lineno - node.lineno >= 5
    ]
    assert long == []


@every
def test_a_notebook_imports_what_analysts_may(path):
    """Of our rooms it imports the kernel, thresholds, metrics and labels, never the service or torch."""
    names = {name for source in cells_of(path, "code") for name in imported(source)}
    ours = {name for name in names if name.split(".")[0] in {"models", "training", "serving", "tests", "data"}}
    assert sorted(name for name in ours if not ALLOWED.fullmatch(name)) == []
    assert sorted(names & {"torch", "transformers", "mlflow", "sqlalchemy"}) == []


@every
def test_a_notebook_is_named_on_the_doorplate(path):
    """notebooks/README.md says what each notebook is for."""
    assert path.name in (FOLDER / "README.md").read_text("utf-8")


@pytest.mark.slow
@every
def test_a_notebook_runs(path, tmp_path):
    """Its code cells run in order, from a fresh start, without a display."""
    pytest.importorskip("matplotlib")
    environment = {**os.environ, "MPLBACKEND": "Agg", "MPLCONFIGDIR": str(tmp_path), "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-W", "ignore:.*non-interactive:UserWarning", "-c", RUNNER, str(path)],
        cwd=FOLDER,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-3000:]
