"""The house's order: what lies where, and the four traps of common names."""

import ast
import fnmatch
import importlib.metadata
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROOMS = ("models", "training", "serving")
DEMANDED = ("README.md", "pyproject.toml", "data", "models", "notebooks", "serving", "tests", "training")
ALLOWED = (*DEMANDED, "Makefile", "CHANGELOG.md", "LICENSE", "constraints*.txt")


def python_files(*folders):
    """Our own Python files below these folders."""
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


def ignored_at_root():
    """Patterns of .gitignore that speak of something at the root."""
    lines = (ROOT / ".gitignore").read_text("utf-8").splitlines()
    return [
        line.strip("/") for line in lines if line and not line.startswith(("#", "!")) and "/" not in line.strip("/")
    ]


def imported(path):
    """Top-level names that a file imports, wherever in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.split(".")[0])
    return found


def test_the_root_holds_what_it_must():
    """The eight entries that everybody expects are there."""
    assert [name for name in DEMANDED if not (ROOT / name).exists()] == []


def test_the_root_holds_nothing_else():
    """Besides the allowed entries there are dot-files and what git ignores, and no clutter."""
    patterns = [*ALLOWED, ".*", *ignored_at_root()]
    entries = sorted(path.name for path in ROOT.iterdir())
    assert [name for name in entries if not any(fnmatch.fnmatch(name, pattern) for pattern in patterns)] == []


def test_tests_are_no_package():
    """An __init__.py in tests/models would shadow the kernel and break every test."""
    assert [str(path.relative_to(ROOT)) for path in (ROOT / "tests").rglob("__init__.py")] == []


def test_data_and_notebooks_hold_no_code():
    """Neither folder is a package, and neither holds a module that somebody could import."""
    assert [str(path.relative_to(ROOT)) for path in python_files("data", "notebooks")] == []


def test_package_files_hold_a_docstring_only():
    """A name is imported from the module that defines it, so __init__ files define and import nothing."""
    found = []
    for path in (path for path in python_files(*ROOMS) if path.name == "__init__.py"):
        tree = ast.parse(path.read_text("utf-8"))
        if len(tree.body) != 1 or ast.get_docstring(tree) is None:
            found.append(str(path.relative_to(ROOT)))
    assert found == []


def test_every_folder_of_modules_is_a_package():
    """A folder without __init__.py would be left out by import-linter and mypy."""
    folders = {path.parent for path in python_files(*ROOMS)}
    lacking = [path for path in folders if not (path / "__init__.py").exists() and "migrations" not in path.parts]
    assert sorted(str(path.relative_to(ROOT)) for path in lacking) == []


def test_nobody_else_owns_our_names():
    """No other installed distribution brings a package called models, training or serving."""
    owners = importlib.metadata.packages_distributions()
    assert {room: sorted(set(owners.get(room, [])) - {"baton"}) for room in ROOMS} == {room: [] for room in ROOMS}


def test_nobody_imports_data_or_notebooks():
    """With the root on the path both could be imported as namespaces; nobody does."""
    files = python_files(*ROOMS, "tests")
    found = {str(path.relative_to(ROOT)): imported(path) & {"data", "notebooks"} for path in files}
    assert {path: names for path, names in found.items() if names} == {}


def test_the_rooms_never_import_the_tests():
    """What ships doesn't lean on what only a checkout has."""
    assert [str(path.relative_to(ROOT)) for path in python_files(*ROOMS) if "tests" in imported(path)] == []


def test_the_wheel_names_its_packages():
    """Discovery would refuse several top-level packages, so they are listed; of the bundles only the default is shipped."""
    build = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["hatch"]["build"]["targets"]["wheel"]
    assert build["packages"] == list(ROOMS)
    assert "models/bundles/[!d]*" in build["exclude"]


@pytest.mark.parametrize("room", [*ROOMS, "data", "notebooks", "tests"])
def test_every_room_has_a_doorplate(room):
    """Each room says at its door what is here, what is not, and where to begin."""
    plate = ROOT / room / "README.md"
    assert plate.is_file()
    assert plate.read_text("utf-8").startswith("# ")


def test_no_folder_of_modules_has_a_vague_name():
    """Modules are named for what they hold; these names hold anything."""
    vague = {"utils", "util", "helpers", "common", "base", "manager", "core", "misc"}
    names = {path.stem for path in python_files(*ROOMS)} | {path.parent.name for path in python_files(*ROOMS)}
    assert sorted(names & vague) == []


@pytest.mark.parametrize("path", python_files("tests"), ids=lambda path: str(path.relative_to(ROOT)))
def test_every_test_says_what_it_specifies(path):
    """A test's docstring is one sentence of specification."""
    functions = [node for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.FunctionDef)]
    assert [node.name for node in functions if node.name.startswith("test_") and not ast.get_docstring(node)] == []


def test_no_file_tells_a_machines_paths():
    """Nothing in the house depends on where it stood when it was written."""
    markers = ["/work" + "/", "/tmp" + "/w/", "/home" + "/", "/Users" + "/"]
    files = [
        path for pattern in ("*.py", "*.md", "*.toml", "*.yaml", "*.ipynb") for path in sorted(ROOT.rglob(pattern))
    ]
    own = [path for path in files if path.relative_to(ROOT).parts[0] in {*DEMANDED, "Makefile", "CHANGELOG.md"}]
    found = {str(path.relative_to(ROOT)): [mark for mark in markers if mark in path.read_text("utf-8")] for path in own}
    assert {path: marks for path, marks in found.items() if marks} == {}
