"""What people must be able to find in a README: settings, commands, every word an answer may hold."""

import re
import subprocess
import sys
import tomllib
from enum import StrEnum
from importlib import import_module
from pathlib import Path

import pytest
import typer
from typer.main import get_command

from models.cli import app
from models.contracts import Action, ReasonCode, ScoreStatus, Suppression
from models.policy.rules import Rule, Timing
from models.policy.schema import Policy, parse_policy
from models.policy.triggers.combine import Condition
from training.labels import LABELS

ROOT = Path(__file__).parents[2]
ROOMS = ("models", "training", "serving", "data", "notebooks", "tests")
PLATES = [path for path in (ROOT / "README.md", *(ROOT / room / "README.md" for room in ROOMS)) if path.exists()]


def words():
    """All doorplates as one text."""
    return "\n".join(path.read_text("utf-8") for path in PLATES)


def settings():
    """Every BATON_* variable that the rooms read."""
    pytest.importorskip("pydantic_settings")
    fields = {f"BATON_{name.upper()}" for name in import_module("serving.settings").Settings.model_fields}
    files = [path for room in ("models", "training", "serving") for path in (ROOT / room).rglob("*.py")]
    named = {name for path in files for name in re.findall(r"\"(BATON_[A-Z_]+)\"", path.read_text("utf-8"))}
    return sorted(fields | named - {"BATON_"})


def commands():
    """Every command, as a person types it: our own and those that the other rooms register."""
    found = []
    for name, command in get_command(app).commands.items():
        found += [f"{name} {part}" for part in getattr(command, "commands", {})] or [name]
    entries = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["entry-points"]["baton.commands"]
    for name, place in entries.items():
        module, _, attribute = place.partition(":")
        loaded = getattr(import_module(module), attribute)
        parts = getattr(get_command(loaded), "commands", {}) if isinstance(loaded, typer.Typer) else {}
        found += [f"{name} {part}" for part in parts] or [name]
    return sorted(found)


def is_named(command, text):
    """Whether `baton <command>` stands in a text; `baton bundle show|verify` names both."""
    *group, last = command.split()
    pattern = rf"\bbaton {' '.join([*group, ''])}(?:[a-z-]+\|)*{last}\b"
    return re.search(pattern, text) is not None


def test_every_setting_is_named():
    """Whoever installs Baton finds each BATON_* variable in a README."""
    text = words()
    assert [name for name in settings() if not re.search(rf"\b{name}\b", text)] == []


def test_every_command_is_named():
    """Each command can be found in a README as it is typed."""
    text = words()
    assert [f"baton {command}" for command in commands() if not is_named(command, text)] == []


@pytest.mark.parametrize("kind", [ReasonCode, Action, ScoreStatus, Suppression], ids=lambda kind: kind.__name__)
def test_every_word_of_an_answer_is_named(kind):
    """Whoever reads an answer finds each reason, action, status and suppression in a README, as code."""
    assert issubclass(kind, StrEnum)
    text = words()
    assert [entry.value for entry in kind if f"`{entry.value}`" not in text] == []


def test_every_label_is_named():
    """The taxonomy is explained label by label."""
    text = words()
    assert [label for label in LABELS if f"`{label}`" not in text] == []


def test_every_corpus_is_named_with_its_licence():
    """Each corpus of the catalogue stands in data/README.md in one line with its licence and its address."""
    corpora = tomllib.loads((ROOT / "data" / "sources.toml").read_text("utf-8"))["corpus"]
    lines = (ROOT / "data" / "README.md").read_text("utf-8").splitlines()
    expected = {
        name: (f"`{name}`", entry["licence"], entry["url"], entry["commit"][:7]) for name, entry in corpora.items()
    }
    lacking = [
        name for name, parts in expected.items() if not any(all(part in line for part in parts) for line in lines)
    ]
    assert lacking == []


@pytest.mark.parametrize("plate", PLATES, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(plate):
    """A link to a file of ours leads to a file."""
    targets = re.findall(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)", plate.read_text("utf-8"))
    assert [target for target in targets if not (plate.parent / target).exists()] == []


@pytest.mark.parametrize("plate", PLATES, ids=lambda path: str(path.relative_to(ROOT)))
def test_files_that_are_named_exist(plate):
    """A path in backticks that begins with one of our rooms leads to a file or folder of ours."""
    named = re.findall(r"`((?:models|training|serving|data|notebooks|tests)/[\w./-]+)`", plate.read_text("utf-8"))
    made = ("models/bundles/", "data/raw", "data/interim", "data/processed")
    lacking = [name for name in named if not name.startswith(made) and not (ROOT / name).exists()]
    assert lacking == []


@pytest.mark.parametrize("plate", PLATES, ids=lambda path: str(path.relative_to(ROOT)))
def test_nothing_is_left_to_fill_in(plate):
    """A README that a reader sees is finished."""
    text = plate.read_text("utf-8")
    assert [mark for mark in ("@@", "TODO", "TBD", "XXX", "lorem") if mark in text] == []


def _blocks(room, language):
    return re.findall(rf"```{language}\n(.*?)```", (ROOT / room / "README.md").read_text("utf-8"), re.DOTALL)


def _run(example):
    return subprocess.run(
        [sys.executable, "-c", example], cwd=ROOT, capture_output=True, text=True, check=False, timeout=60
    )


def test_the_kernels_example_runs():
    """The Python example on the kernel's doorplate runs as it stands."""
    (example,) = _blocks("models", "python")
    done = _run(example)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("escalate ")


def test_the_first_pages_python_runs():
    """The Python example of the first page runs as it stands."""
    (example,) = _blocks(".", "python")
    done = _run(example)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("text", [*_blocks(".", "yaml"), *_blocks("models/policy", "yaml")])
def test_the_policies_shown_load(text):
    """A policy that the first page or the guide shows can be copied and used."""
    assert parse_policy(text, "README.md").rules


@pytest.mark.parametrize("part", [Policy, Rule, Timing, Condition], ids=lambda part: part.__name__)
def test_the_guide_names_all_of_a_policy(part):
    """Whoever writes a policy finds every field of the document, of a rule and every trigger in the guide."""
    text = (ROOT / "models" / "policy" / "README.md").read_text("utf-8")
    names = [field.alias or name for name, field in part.model_fields.items()]
    ordinary = {"name", "note", "enabled", "id", "callback"}  # as anywhere, or explained by another
    assert [name for name in names if name not in ordinary and not re.search(rf"\b{name}\b", text)] == []
