"""The database connection: transactions, instants, and trouble told in our own words."""

from __future__ import annotations

import shutil
import sqlite3
import stat
import threading
from datetime import UTC, datetime, timedelta, timezone

import pytest
from sqlalchemy import Column, MetaData, Table, insert, select, text
from sqlalchemy.exc import StatementError

from serving.errors import StoreUnavailable
from serving.store.engine import Instant, Store

CLOCKS = Table("clocks", MetaData(), Column("at", Instant))


@pytest.fixture
def database(tmp_path):
    """Where the database lies."""
    return tmp_path / "x.db"


@pytest.fixture
def open_store(database):
    """A database with one table of instants."""
    store = Store(f"sqlite:///{database}", timeout_seconds=0.1)
    with store.writing() as tx:
        tx.execute(text("CREATE TABLE clocks (at TIMESTAMP)"))
    yield store
    store.close()


def test_an_instant_comes_back_as_the_same_moment_in_utc(open_store):
    """An aware datetime of any zone comes back as the same moment, aware, in UTC."""
    given = datetime(2026, 11, 20, 9, 30, 0, 123456, tzinfo=timezone(timedelta(hours=5, minutes=45)))
    with open_store.writing() as tx:
        tx.execute(insert(CLOCKS).values(at=given))
    with open_store.reading() as tx:
        found = tx.execute(select(CLOCKS.c.at)).scalar_one()

    assert given == found
    assert found.tzinfo is UTC


def test_an_absent_instant_stays_absent(open_store):
    """No instant is stored as none."""
    with open_store.writing() as tx:
        tx.execute(insert(CLOCKS).values(at=None))
    with open_store.reading() as tx:
        assert tx.execute(select(CLOCKS.c.at)).scalar_one() is None


def test_a_naive_instant_is_refused(open_store):
    """A datetime without a zone is never written."""
    with pytest.raises(StatementError, match="naive"), open_store.writing() as tx:
        tx.execute(insert(CLOCKS).values(at=datetime(2026, 1, 1)))  # noqa: DTZ001


def test_a_transaction_that_fails_leaves_nothing_behind(open_store):
    """What was written before an error isn't there afterwards."""

    def fail():
        with open_store.writing() as tx:
            tx.execute(insert(CLOCKS).values(at=datetime.now(UTC)))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    with open_store.reading() as tx:
        assert tx.execute(select(CLOCKS.c.at)).all() == []


def test_readers_do_not_wait_for_the_writer(open_store):
    """While one transaction writes, others read what was there before."""
    with open_store.writing() as writing:
        writing.execute(insert(CLOCKS).values(at=datetime.now(UTC)))
        with open_store.reading() as tx:
            assert tx.execute(select(CLOCKS.c.at)).all() == []


def test_parallel_writers_wait_for_one_another(database):
    """Writers of several threads queue up; none is refused and nothing is lost."""
    store = Store(f"sqlite:///{database}", timeout_seconds=20)
    with store.writing() as tx:
        tx.execute(text("CREATE TABLE counted (n INTEGER)"))
        tx.execute(text("INSERT INTO counted VALUES (0)"))

    def add() -> None:
        for _ in range(20):
            with store.writing() as tx:
                n = tx.execute(text("SELECT n FROM counted")).scalar_one()
                tx.execute(text("UPDATE counted SET n = :n"), {"n": n + 1})

    threads = [threading.Thread(target=add) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with store.reading() as tx:
        assert tx.execute(text("SELECT n FROM counted")).scalar_one() == 80
    store.close()


def test_a_locked_database_is_told_as_such(open_store, database):
    """When another process holds the lock for too long, the error says so and what to do."""
    other = sqlite3.connect(database, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")

    with pytest.raises(StoreUnavailable, match="another process keeps the database locked"), open_store.writing():
        pass
    other.close()


def test_a_full_disk_is_told_as_such(open_store):
    """When there is no room left, the error says so, and nothing of the transaction stays."""

    def fill():
        with open_store.writing() as tx:
            tx.execute(text("PRAGMA max_page_count = 3"))
            for _ in range(2000):
                tx.execute(insert(CLOCKS).values(at=datetime.now(UTC)))

    with pytest.raises(StoreUnavailable, match="full; make room"):
        fill()
    with open_store.reading() as tx:
        assert tx.execute(select(CLOCKS.c.at)).all() == []


def test_a_deleted_database_is_told_as_such(open_store, database):
    """A file that was deleted while in use is noticed, not written to in the void."""
    database.unlink()

    with pytest.raises(StoreUnavailable, match="deleted or replaced"), open_store.writing():
        pass
    with pytest.raises(StoreUnavailable, match="deleted or replaced"), open_store.reading():
        pass


def test_a_replaced_database_is_told_as_such(open_store, database):
    """Another file in the database's place is noticed."""
    copy = database.with_suffix(".copy")
    shutil.copy(database, copy)
    copy.replace(database)

    with pytest.raises(StoreUnavailable, match="deleted or replaced"), open_store.writing():
        pass


def test_a_database_that_came_back_is_used_again(open_store, database):
    """When the very file is put back, the service goes on without a restart."""
    aside = database.with_suffix(".aside")
    database.rename(aside)
    with pytest.raises(StoreUnavailable), open_store.reading():
        pass
    aside.rename(database)

    with open_store.reading() as tx:
        assert tx.execute(text("SELECT 1")).scalar_one() == 1


def test_a_file_that_is_no_database_is_told_as_such(database):
    """A file of another kind is named as what it isn't."""
    database.write_bytes(b"not a database, " * 100)

    with pytest.raises(StoreUnavailable, match="no SQLite database"):
        Store(f"sqlite:///{database}")


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("sqlite:////nowhere/x.db", "No such file or directory"),
        ("sqlite://", "expected a file"),
        ("sqlite:///:memory:", "expected a file"),
        ("nonsense", "expected one like"),
        ("postgresql+nodriver://host/db", "PostgreSQL isn't supported by this release yet"),
        ("postgresql://user:secret@host/db", "PostgreSQL isn't supported by this release yet"),
        ("mysql+nodriver://host/db", "expected one like"),
    ],
)
def test_a_url_that_cannot_be_used_is_explained(url, says):
    """A URL that names no usable database is refused at the start, with what was expected."""
    with pytest.raises(StoreUnavailable, match=says):
        Store(url)


def test_the_database_is_readable_by_its_owner_only(open_store, database):
    """Conversations are personal: other users of the machine can't read the file or its journal."""
    for file in database.parent.glob(f"{database.name}*"):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_an_error_never_quotes_what_was_written(open_store):
    """The values of a failing statement don't stand in the error's text."""
    with pytest.raises(StoreUnavailable, match="lacks a table") as caught, open_store.writing() as tx:
        tx.execute(text("INSERT INTO nothing VALUES (:said)"), {"said": "my secret"})

    assert "my secret" not in str(caught.value)
    assert "my secret" not in str(caught.value.__cause__)
