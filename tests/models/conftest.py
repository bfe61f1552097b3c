"""What the kernel's tests share: a seeded tiny bundle on disk, made once, and a scorer on it."""

import shutil

import pytest

from models.bundle import Bundle
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
