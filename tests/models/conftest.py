"""What the kernel's tests share: a seeded tiny bundle on disk, made once, and a scorer on it."""

import re
import shutil
import sys

import pytest

from models.bundle import MANIFEST, Bundle, sha256
from models.cli import main
from models.scorer import Scorer
from tests.support.tiny_bundle import build_tiny_bundle


@pytest.fixture(scope="session")
def tiny(tmp_path_factory):
    """Folder of the tiny bundle; nobody writes here."""
    return build_tiny_bundle(tmp_path_factory.mktemp("bundles") / "tiny")


@pytest.fixture
def tiny_copy(tiny, tmp_path):
    """Folder of a copy that a test may spoil."""
    return shutil.copytree(tiny, tmp_path / "tiny")


@pytest.fixture(scope="session")
def scorer(tiny):
    """A scorer with one thread on the tiny bundle."""
    return Scorer(Bundle.load(tiny))


@pytest.fixture
def broken_folder(tiny_copy):
    """Folder of a whole bundle whose graph fails on one word, "human": its id is outside the graph's vocabulary."""
    tokenizer, manifest = tiny_copy / "tokenizer.json", tiny_copy / MANIFEST
    old = sha256(tokenizer)
    tokenizer.write_text(re.sub(r'"human": *\d+', '"human":99999', tokenizer.read_text("utf-8")), encoding="utf-8")
    manifest.write_text(manifest.read_text("utf-8").replace(old, sha256(tokenizer)), encoding="utf-8")
    return tiny_copy


@pytest.fixture
def baton(monkeypatch, capsys):
    """Run the command in this process: its exit code, standard output and standard error."""
    monkeypatch.setenv("COLUMNS", "400")
    monkeypatch.delenv("BATON_BUNDLE", raising=False)
    monkeypatch.delenv("BATON_POLICY", raising=False)

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["baton", *map(str, arguments)])
        with pytest.raises(SystemExit) as left:
            main()
        written = capsys.readouterr()
        return left.value.code or 0, written.out, written.err

    return run
