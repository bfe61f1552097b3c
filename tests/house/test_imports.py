"""Who may import whom: import-linter's contracts hold, and what serves or tunes loads nothing heavy."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROOMS = ("models", "training", "serving")
HEAVY = ("torch", "transformers", "mlflow", "onnx", "sklearn", "datasets")
SERVE_EXTRA = ("fastapi", "starlette", "sqlalchemy", "uvicorn", "httpx2")


def lint(folder):
    """Run import-linter in a folder: exit code and output."""
    command = [str(Path(sys.executable).parent / "lint-imports"), "--no-cache"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=120)
    return done.returncode, done.stdout + done.stderr


def loaded_by(*modules):
    """Names of all modules in a fresh process after importing these."""
    code = f"import json, sys\nimport {', '.join(modules)}\nprint(json.dumps(sorted(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False, timeout=120
    )
    assert (done.returncode, done.stderr) == (0, "")
    return json.loads(done.stdout)


def opened_by(*modules):
    """Files of ours, other than code, that a fresh process opens to import these."""
    code = f"""
import json, sys
opened = []
def note(event, arguments):
    if event == "open" and isinstance(arguments[0], str):
        opened.append(arguments[0])
sys.addaudithook(note)
import {", ".join(modules)}
print(json.dumps(opened))
"""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False, timeout=120
    )
    assert (0, "") == (done.returncode, done.stderr)
    paths = [Path(name) for name in json.loads(done.stdout)]
    ours = [path for path in paths if any(path.is_relative_to(ROOT / room) for room in (*ROOMS, "data"))]
    return [
        str(path.relative_to(ROOT))
        for path in ours
        if path.suffix not in {".py", ".pyc"} and "__pycache__" not in path.parts
    ]


@pytest.mark.parametrize(
    "modules",
    [
        ("training.sources.messages", "training.sources.answers", "training.splits"),
        ("training.config", "training.evaluate", "training.release"),
        ("models.cli",),
    ],
    ids=lambda modules: modules[0],
)
def test_importing_reads_nothing(modules):
    """No mapping, policy, experiment or bundle is read before somebody asks for it."""
    if modules[0].startswith("training"):
        pytest.importorskip("tqdm")
    assert [] == opened_by(*modules)


def test_the_contracts_hold():
    """Every contract of pyproject.toml is kept: floors, forbidden packages, no cycles."""
    code, output = lint(ROOT)
    assert (code, [line for line in output.splitlines() if line.endswith("BROKEN")]) == (0, []), output


@pytest.mark.parametrize(
    "modules",
    [
        ("models.scorer",),
        ("models.conversation",),
        ("models.cli",),
        ("serving.app",),
        ("serving.cli",),
        ("training.cli",),
        ("training.thresholds",),
        ("training.evaluate", "training.metrics", "training.release", "training.config"),
    ],
    ids=lambda modules: modules[0],
)
def test_what_serves_or_tunes_loads_nothing_heavy(modules):
    """A fresh process that imports this has not loaded the packages of the training extra."""
    if modules[0] == "training.evaluate":
        pytest.importorskip("tqdm")
    assert sorted(set(loaded_by(*modules)) & set(HEAVY)) == []


@pytest.mark.parametrize("module", ["models.scorer", "models.conversation", "models.cli"])
def test_the_kernel_alone_loads_no_web_and_no_database(module):
    """A program that only scores and decides doesn't load what only the service needs."""
    found = loaded_by(module)
    assert sorted(set(found) & set(SERVE_EXTRA)) == []
    assert [name for name in found if name.split(".")[0] in {"training", "serving"}] == []


def test_the_policy_alone_loads_no_arrays():
    """Deciding is plain Python: neither NumPy nor ONNX Runtime is loaded for it."""
    found = loaded_by("models.policy.engine", "models.policy.schema")
    assert sorted(set(found) & {"numpy", "onnxruntime", "tokenizers"}) == []


@pytest.mark.slow
@pytest.mark.parametrize(
    ("file", "line", "broken"),
    [
        ("models/text.py", "import torch", "no torch where we serve or tune"),
        ("models/errors.py", "import models.scorer", "floors of models"),
        ("models/policy/engine.py", "import numpy", "the policy is plain Python"),
        ("training/metrics.py", "import serving.settings", "both stand on models, never on each other"),
        ("training/metrics.py", "def late():\n    import mlflow", "one file speaks MLflow"),
        ("serving/turn/handle.py", "import sqlalchemy", "SQL only in the store"),
        ("models/without_a_floor.py", "", "floors of models"),
    ],
)
def test_a_violation_is_caught(tmp_path, file, line, broken):
    """Were somebody to write this line, even inside a function, the named contract would break."""
    for room in ROOMS:
        shutil.copytree(ROOT / room, tmp_path / room, ignore=shutil.ignore_patterns("bundles", "__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    with (tmp_path / file).open("a", encoding="utf-8") as source:
        source.write(f"\n{line}\n")
    code, output = lint(tmp_path)
    assert code == 1
    assert broken in output
