"""The catalogue of corpora: where each lies, under which licence, and whether it is the one that we looked at.

The corpora themselves aren't part of the project. ``data/sources.toml`` names their public address, commit and hashes;
the environment variable ``BATON_DATA`` names the folder that holds one subfolder per corpus.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from models.bundle import sha256
from models.errors import BatonError

ROOT = Path(__file__).resolve().parents[2]
SOURCES = ROOT / "data" / "sources.toml"
VARIABLE = "BATON_DATA"

Role = Literal["train", "test", "evaluation_only"]


class SourceError(BatonError):
    """A corpus is missing, isn't the published one, or may not be used for this."""


class Corpus(BaseModel):
    """One corpus of ``data/sources.toml``; ``further`` are repositories that hold more of its files, with their commits."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    url: str
    commit: str
    further: dict[str, str] = Field(default_factory=dict)
    licence: str
    citation: str
    folder: str
    role: Role
    files: dict[str, str] = Field(min_length=1)

    @property
    def repositories(self) -> list[tuple[str, str]]:
        """Address and commit of every repository that holds files of this corpus."""
        return [(self.url, self.commit), *self.further.items()]


def read_catalog(path: Path = SOURCES) -> dict[str, Corpus]:
    """Return the corpora of a catalogue file by name.

    Raises:
        SourceError: the file is missing or doesn't hold together.
    """
    if not path.is_file():
        raise SourceError(f"no catalogue at {path}; expected data/sources.toml of the project; train from a checkout")
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))["corpus"]
        corpora = [Corpus.model_validate({"name": name, **table}) for name, table in tables.items()]
    except (tomllib.TOMLDecodeError, KeyError, ValidationError) as error:
        raise SourceError(f"{path.name} doesn't hold together: {error}; expected tables [corpus.<name>]") from error
    return {corpus.name: corpus for corpus in corpora}


def data_folder(environment: Mapping[str, str] = os.environ) -> Path:
    """Return the folder that ``BATON_DATA`` names.

    Raises:
        SourceError: the variable isn't set, or names no folder.
    """
    value = environment.get(VARIABLE, "")
    if not value:
        raise SourceError(f"{VARIABLE} isn't set; expected a folder with one subfolder per corpus; see data/README.md")
    folder = Path(value)
    if not folder.is_dir():
        raise SourceError(f"{VARIABLE} names {folder}, which is no folder; expected one subfolder per corpus")
    return folder


def open_corpus(name: str, *, data: Path | None = None, catalog: Mapping[str, Corpus] | None = None) -> Path:
    """Return the folder of a corpus for training, after checking every one of its files.

    Raises:
        SourceError: unknown, evaluation only, missing, or not the published files.
    """
    return _checked(find_training_corpus(name, read_catalog() if catalog is None else catalog), data)


def open_for_measuring(name: str, *, data: Path | None = None, catalog: Mapping[str, Corpus] | None = None) -> Path:
    """Return the folder of a corpus of any role, checked as ``open_corpus`` does, for benchmarks and nothing else.

    What is trained on a corpus that was opened here is never released. Only ``training.sources.benchmarks`` calls this.

    Raises:
        SourceError: unknown, missing, or not the published files.
    """
    return _checked(_find(name, read_catalog() if catalog is None else catalog), data)


def find_training_corpus(name: str, catalog: Mapping[str, Corpus]) -> Corpus:
    """Return a corpus that training may use.

    Raises:
        SourceError: unknown, or evaluation only.
    """
    corpus = _find(name, catalog)
    if corpus.role == "evaluation_only":
        raise SourceError(f"{name} is for evaluation only ({corpus.licence}); no training adapter may read it")
    return corpus


def _find(name: str, catalog: Mapping[str, Corpus]) -> Corpus:
    corpus = catalog.get(name)
    if corpus is None:
        raise SourceError(f"unknown corpus {name!r}; expected one of {', '.join(sorted(catalog))}")
    return corpus


def _checked(corpus: Corpus, data: Path | None) -> Path:
    """Return the folder of a corpus after comparing every file's hash."""
    folder = (data_folder() if data is None else data) / corpus.folder
    if not folder.is_dir():
        raise SourceError(f"no folder {folder}; expected {corpus.name} from {corpus.url} at commit {corpus.commit}")
    for problem in find_problems(folder, corpus):
        raise SourceError(f"{problem}; fetch {corpus.name} from {corpus.url} at commit {corpus.commit}")
    return folder


def find_problems(folder: Path, corpus: Corpus) -> Iterator[str]:
    """Yield what is wrong with the files of a corpus in its folder."""
    for name, expected in corpus.files.items():
        path = folder / name
        if not path.is_file():
            yield f"no file {path}"
        elif (found := sha256(path)) != expected:
            yield f"{path} has SHA-256 {found}, expected {expected}"
