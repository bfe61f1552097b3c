"""The released models as one folder: manifest, graphs, tokenizer. Written, loaded and verified here.

Layout of a bundle::

    manifest.json      what is here, with SHA-256 of every other file
    message.onnx       one encoder, heads intents, out_of_scope, explicit, polarity, frustration, dialogue, and the embedding
    confidence.onnx    cross-encoder over (question, draft answer, passage), head answer (optional)
    requests.npy       weights of the character n-grams that ask for a person in other languages (optional)
    space.npy          map of the embedding in which custom labels are compared (optional, with background.npy)
    background.npy     embeddings of messages that they are compared beside
    tokenizer.json
    README.md          the card: data, metrics with n, known weaknesses (not hashed: people may correct it)
    BENCHMARKS.md      figures on standard benchmarks, where they were measured (not hashed)
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError, model_validator

from models.calibration import Calibration, Logistic, Platt
from models.errors import BundleCorrupt, BundleNotFound
from models.requests import FILE as REQUESTS
from models.requests import RequestHead
from models.similarity import BACKGROUND_FILE, SPACE_FILE, CustomHead

FORMAT_VERSION = 2
DEFAULT_PATH = Path(__file__).parent / "bundles" / "default"
MANIFEST = "manifest.json"
INPUTS = ("input_ids", "attention_mask", "token_type_ids")
# what a message is scored for on its own, and what only together with the message before it
TEXT_HEADS = ("intents", "out_of_scope", "explicit", "polarity", "frustration")
DIALOGUE_HEAD = "dialogue"
MESSAGE_HEADS = (*TEXT_HEADS, DIALOGUE_HEAD)
ANSWER_HEAD = "answer"
_PLAIN_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Head(_Part):
    """One output of a graph: its labels in column order, how logits become probabilities, and how good that is.

    ``thresholds`` hold, per label, the probability recommended for a policy; ``metrics`` the test figures with their n.
    """

    labels: tuple[str, ...]
    calibration: Calibration
    thresholds: Mapping[str, float] = Field(default_factory=dict)
    metrics: Mapping[str, Any] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _widths_agree(self) -> Head:
        if isinstance(self.calibration, Platt) and len(self.calibration.slope) != len(self.labels):
            raise ValueError(f"{len(self.labels)} labels but {len(self.calibration.slope)} slopes")
        return self


class Windows(_Part):
    """How many tokens of each text the encoder reads; head and tail are kept."""

    message_tokens: int = 126
    before_tokens: int = 60
    answer_tokens: int = 80
    passage_tokens: int = 120


class Manifest(_Part):
    """What a bundle says about itself."""

    format_version: int
    name: str
    version: str
    created_at: AwareDatetime
    languages: tuple[str, ...]
    labels_version: int
    topics: tuple[str, ...]
    windows: Windows = Windows()
    embedding_size: int
    heads: Mapping[str, Head]
    combiner: Logistic | None = None
    requests: RequestHead | None = None
    custom: CustomHead | None = None
    files: Mapping[str, str]
    training: Mapping[str, Any] = Field(default_factory=dict)
    data: Mapping[str, Any] = Field(default_factory=dict)
    licences: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """The bundle's name and version, as decisions record it."""
        return f"{self.name}-{self.version}"


@dataclass(frozen=True, slots=True)
class Bundle:
    """A verified bundle: its folder and its manifest."""

    path: Path
    manifest: Manifest

    @property
    def label(self) -> str:
        """The bundle's name and version, as decisions record it."""
        return self.manifest.label

    def file(self, name: str) -> Path:
        """Return the path of one of the bundle's files."""
        return self.path / name

    @classmethod
    def load(cls, path: Path) -> Bundle:
        """Read and verify a bundle.

        Raises:
            BundleNotFound: there is no manifest.
            BundleCorrupt: the manifest can't be read, is of another format, or a file is absent or altered.
        """
        source = path / MANIFEST
        if not source.is_file():
            raise BundleNotFound(
                f"no {MANIFEST} in {path}; expected the folder of a bundle, as `baton train` writes it"
            )
        _require_format(source)
        try:
            manifest = Manifest.model_validate_json(source.read_bytes())
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"])
            raise BundleCorrupt(f"{source}: {where}: {first['msg']}; release the bundle again") from error
        _verify(path, manifest)
        return cls(path, manifest)


def _require_format(source: Path) -> None:
    """Look at the format before anything else: a manifest of another format has other fields."""
    try:
        content = json.loads(source.read_bytes())
    except ValueError as error:
        raise BundleCorrupt(f"{source} is no JSON ({error}); expected a manifest; fetch the bundle again") from error
    found = content.get("format_version") if isinstance(content, dict) else None
    if found != FORMAT_VERSION:
        raise BundleCorrupt(f"{source} has format {found}; this version reads {FORMAT_VERSION}; train it again")


def _verify(path: Path, manifest: Manifest) -> None:
    needed = {"message.onnx", "tokenizer.json"}
    needed |= {"confidence.onnx"} if ANSWER_HEAD in manifest.heads else set()
    needed |= {REQUESTS} if manifest.requests is not None else set()
    needed |= {SPACE_FILE, BACKGROUND_FILE} if manifest.custom is not None else set()
    absent = sorted(needed - set(manifest.files))
    if absent:
        raise BundleCorrupt(f"the manifest in {path} doesn't list {', '.join(absent)}; release the bundle again")
    for name, expected in manifest.files.items():
        if not _PLAIN_NAME.fullmatch(name):
            raise BundleCorrupt(f"the manifest in {path} names {name!r}; expected a plain file name beside it")
        file = path / name
        if not file.is_file():
            raise BundleCorrupt(f"{name} is missing from {path}; the manifest lists it; fetch the bundle again")
        found = sha256(file)
        if found != expected:
            raise BundleCorrupt(
                f"{name} in {path} has SHA-256 {found[:12]}…, the manifest says {expected[:12]}…; fetch the bundle again"
            )
    missing = sorted(set(MESSAGE_HEADS) - set(manifest.heads))
    if missing:
        raise BundleCorrupt(f"the bundle in {path} lacks the heads {', '.join(missing)}; release it again")
    unknown = sorted(set(manifest.topics) - set(manifest.heads["intents"].labels))
    if unknown:
        raise BundleCorrupt(f"topics {', '.join(unknown)} are no labels of the bundle in {path}; release it again")


def sha256(file: Path) -> str:
    """Return a file's SHA-256 in hex."""
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def write_manifest(folder: Path, *, created_at: datetime, **fields: Any) -> Manifest:
    """Hash the files that lie in ``folder`` and write its manifest last, so a half-written bundle never loads."""
    names = sorted(
        file.name for file in folder.iterdir() if file.suffix in {".onnx", ".json", ".npy"} and file.name != MANIFEST
    )
    manifest = Manifest(
        format_version=FORMAT_VERSION,
        created_at=created_at,
        files={name: sha256(folder / name) for name in names},
        **fields,
    )
    part = folder / (MANIFEST + ".part")
    part.write_text(manifest.model_dump_json(indent=1) + "\n", encoding="utf-8")
    part.replace(folder / MANIFEST)
    return manifest
