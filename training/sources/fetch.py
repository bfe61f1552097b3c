"""Fetches the corpora: from each repository's archive at the catalogue's commit, the files whose SHA-256 the catalogue lists.

A file is known by its content, so it doesn't matter where in a repository it lies, and nothing else of an archive is kept.
"""

from __future__ import annotations

import hashlib
import http.client
import tarfile
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from tqdm import tqdm

from models.bundle import sha256
from training.sources.catalog import Corpus

TIMEOUT_SECONDS = 60.0
# Larger members of an archive are no file of ours.
MAX_BYTES = 256 * 1024 * 1024

Open = Callable[[str], BinaryIO]


@dataclass(frozen=True, slots=True)
class Fetched:
    """What became of a corpus: ``present`` files were there before, ``fetched`` are new, ``missing`` weren't found."""

    corpus: Corpus
    present: tuple[str, ...]
    fetched: tuple[str, ...]
    missing: tuple[str, ...]
    problems: tuple[str, ...]


class _OnlyHttps(urllib.request.HTTPRedirectHandler):
    """Follows a redirect only to where it came from as safely."""

    def redirect_request(self, *args: Any) -> urllib.request.Request | None:
        """Return the request that a redirect asks for; its address is the last argument."""
        if not args[-1].startswith("https://"):
            raise ValueError(f"redirected to {args[-1]}, expected an https address")
        return super().redirect_request(*args)


def open_address(address: str) -> BinaryIO:
    """Open an address of the catalogue.

    Raises:
        OSError: it can't be reached.
        ValueError: it isn't https.
    """
    if not address.startswith("https://"):
        raise ValueError(f"{address} isn't an https address; mend data/sources.toml")
    found: BinaryIO = urllib.request.build_opener(_OnlyHttps).open(address, timeout=TIMEOUT_SECONDS)
    return found


def fetch(corpora: Iterable[Corpus], data: Path, *, open_: Open = open_address) -> Iterator[Fetched]:
    """Fetch what is missing of corpora into the folder that ``BATON_DATA`` names; yield each one's outcome.

    A file that is there with another content is left alone and named among the problems: it may be somebody's own.
    """
    for corpus in corpora:
        yield _fetch(corpus, data / corpus.folder, open_)


def _fetch(corpus: Corpus, folder: Path, open_: Open) -> Fetched:
    problems = []
    wanted: dict[str, list[str]] = {}
    present = []
    for name, expected in corpus.files.items():
        path = folder / name
        if not path.is_file():
            wanted.setdefault(expected, []).append(name)
        elif sha256(path) == expected:
            present.append(name)
        else:
            problems.append(f"{path} is another file than the catalogue's; move it away to fetch the published one")
    fetched: list[str] = []
    for url, commit in corpus.repositories:
        if not wanted:
            break
        address = f"{url}/archive/{commit}.tar.gz"
        try:
            with open_(address) as stream:
                fetched += _unpack(stream, wanted, folder, corpus.name)
        except (OSError, ValueError, tarfile.TarError, EOFError, http.client.HTTPException) as error:
            problems.append(f"{address}: {error}")
    missing = tuple(name for names in wanted.values() for name in names)
    return Fetched(corpus, tuple(present), tuple(fetched), missing, tuple(problems))


def _unpack(stream: BinaryIO, wanted: dict[str, list[str]], folder: Path, title: str) -> list[str]:
    """Write the wanted files of an archive and take them from ``wanted``, by SHA-256; return their names."""
    written = []
    with (
        tarfile.open(fileobj=stream, mode="r|gz") as archive,
        tqdm(desc=title, unit="file", mininterval=1.0) as bar,
    ):
        for member in archive:
            bar.update()
            if not member.isfile() or member.size > MAX_BYTES:
                continue
            source = archive.extractfile(member)
            content = source.read() if source is not None else b""
            for name in wanted.pop(hashlib.sha256(content).hexdigest(), ()):
                _write(folder / name, content)
                written.append(name)
            if not wanted:
                break
    return written


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    part.write_bytes(content)
    part.replace(path)
