"""Fetching corpora: by content, from an archive of a repository, without touching what is there."""

import hashlib
import io
import tarfile
from pathlib import Path

import pytest
from typer.testing import CliRunner

from training.cli import data
from training.sources.catalog import Corpus, read_catalog
from training.sources.fetch import fetch, open_address

FIRST, SECOND = b"text,category\nwhere is my card?,card_arrival\n", b"hello\n"


def archive(members: dict[str, bytes]) -> bytes:
    """A repository's archive, as published."""
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w:gz") as written:
        for name, text in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(text)
            written.addfile(info, io.BytesIO(text))
    return content.getvalue()


def corpus(**files: bytes) -> Corpus:
    """A corpus of two repositories."""
    return Corpus(
        name="cards", url="https://example.com/a/cards", commit="c1", further={"https://example.com/a/more": "c2"},
        licence="MIT", citation="nobody", folder="cards", role="train",
        files={name: hashlib.sha256(content).hexdigest() for name, content in files.items()},
    )  # fmt: skip


def opener(archives: dict[str, bytes]):
    """What stands for the network, and the addresses that were asked for."""
    asked = []

    def open_(address: str) -> io.BytesIO:
        asked.append(address)
        if address not in archives:
            raise OSError("no route to host")
        return io.BytesIO(archives[address])

    return open_, asked


def test_files_are_found_by_content_wherever_they_lie(tmp_path: Path):
    """Paths inside a repository don't matter, and files of a second repository are found there."""
    open_, asked = opener(
        {
            "https://example.com/a/cards/archive/c1.tar.gz": archive({"cards-c1/deep/in/here.csv": FIRST, "x": b"x"}),
            "https://example.com/a/more/archive/c2.tar.gz": archive({"more-c2/hi.txt": SECOND}),
        }
    )
    outcome = next(fetch([corpus(train=FIRST, hello=SECOND)], tmp_path, open_=open_))
    assert (set(outcome.fetched), outcome.missing, outcome.problems) == ({"train", "hello"}, (), ())
    assert (tmp_path / "cards" / "train").read_bytes() == FIRST
    assert sorted(path.name for path in (tmp_path / "cards").iterdir()) == ["hello", "train"]
    assert len(asked) == 2


def test_what_is_there_is_not_fetched_again(tmp_path: Path):
    """A second run asks for nothing."""
    (tmp_path / "cards").mkdir()
    (tmp_path / "cards" / "train").write_bytes(FIRST)
    open_, asked = opener({})
    outcome = next(fetch([corpus(train=FIRST)], tmp_path, open_=open_))
    assert (outcome.present, outcome.fetched, asked) == (("train",), (), [])


def test_another_file_in_its_place_is_left_alone(tmp_path: Path):
    """What differs may be somebody's own; it is named, not overwritten."""
    (tmp_path / "cards").mkdir()
    (tmp_path / "cards" / "train").write_bytes(b"mine")
    open_, _ = opener({"https://example.com/a/cards/archive/c1.tar.gz": archive({"train": FIRST})})
    outcome = next(fetch([corpus(train=FIRST)], tmp_path, open_=open_))
    assert (tmp_path / "cards" / "train").read_bytes() == b"mine"
    assert "another file" in outcome.problems[0]


def test_altered_and_unreachable_files_are_missing(tmp_path: Path):
    """A file with another content isn't taken for the published one, and an address that fails is told."""
    open_, _ = opener({"https://example.com/a/cards/archive/c1.tar.gz": archive({"train": FIRST + b"!"})})
    outcome = next(fetch([corpus(train=FIRST)], tmp_path, open_=open_))
    assert outcome.missing == ("train",)
    assert "no route to host" in outcome.problems[0]
    assert not (tmp_path / "cards" / "train").exists()


def test_a_broken_archive_is_told(tmp_path: Path):
    """Half a download is a problem, not a crash."""
    whole = archive({"train": FIRST * 1000})
    open_, _ = opener({"https://example.com/a/cards/archive/c1.tar.gz": whole[: len(whole) // 2]})
    outcome = next(fetch([corpus(train=FIRST)], tmp_path, open_=open_))
    assert outcome.missing == ("train",)
    assert outcome.problems


def test_only_https_is_opened():
    """A catalogue can't make the command read local files."""
    with pytest.raises(ValueError, match="https"):
        open_address("file:///etc/passwd")


def test_the_command_refuses_unknown_names(tmp_path: Path):
    """A name that the catalogue doesn't know is an error that lists the known ones."""
    result = CliRunner().invoke(data, ["fetch", "nothing", "--to", str(tmp_path)])
    assert result.exit_code != 0
    assert "unknown corpora nothing" in str(result.exception)


def test_every_corpus_says_where_it_is_published():
    """Every repository of the catalogue is an https address with a full commit."""
    for entry in read_catalog().values():
        for url, commit in entry.repositories:
            assert url.startswith("https://github.com/")
            assert len(commit) == 40
