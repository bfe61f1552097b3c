"""The database connection: transactions, instants, and errors in our own words."""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, DateTime, Dialect, Engine, create_engine, event, make_url, text
from sqlalchemy.exc import ArgumentError, DBAPIError, InterfaceError, NoSuchModuleError, OperationalError
from sqlalchemy.types import TypeDecorator

from serving.errors import StoreUnavailable

Tx = Connection
"""An open transaction. Functions of the store take one and never commit."""

_SQLITE_TROUBLE = {
    "SQLITE_BUSY": "another process keeps the database locked; end it, or raise BATON_DATABASE_TIMEOUT_SECONDS",
    "SQLITE_LOCKED": "another process keeps the database locked; end it, or raise BATON_DATABASE_TIMEOUT_SECONDS",
    "SQLITE_FULL": "the disk, or the quota of the database, is full; make room",
    "SQLITE_CANTOPEN": "the database file can't be opened; expected an existing folder that this user may write to",
    "SQLITE_READONLY": "the database file can't be written; give this user the right to write the file and its folder",
    "SQLITE_IOERR": "the disk failed while reading or writing the database; check the disk",
    "SQLITE_CORRUPT": "the database file is damaged; restore it from a backup",
    "SQLITE_ERROR": "the database lacks a table or a column of this version; run `baton db upgrade`",
    "SQLITE_NOTADB": "the file is no SQLite database; set BATON_DATABASE_URL to another file",
}

_SEND_AGAIN = "Send the message again when that is mended; it never counts twice"


class Instant(TypeDecorator[datetime]):
    """An aware UTC datetime. SQLite has no time zones: the zone is dropped on the way in and put back on the way out."""

    impl = DateTime
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> Any:
        """Keep the zone where the database can."""
        return dialect.type_descriptor(DateTime(timezone=dialect.name != "sqlite"))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Turn an aware datetime into UTC."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"found the naive datetime {value}; expected one with a time zone")
        utc = value.astimezone(UTC)
        return utc.replace(tzinfo=None) if dialect.name == "sqlite" else utc

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Put the zone back."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if dialect.name == "sqlite" else value.astimezone(UTC)


class Store:
    """One database. ``reading`` and ``writing`` open transactions; both are blocking, call them in a thread.

    Args:
        url: a SQLAlchemy URL; SQLite needs a file.
        timeout_seconds: how long a statement waits for another writer.
        create: make the SQLite file if there is none.
    """

    def __init__(self, url: str, *, timeout_seconds: float = 5.0, create: bool = True) -> None:
        """Prepare the connections; the first one opens, or creates, the database.

        Raises:
            StoreUnavailable: the URL names no database that can be opened.
        """
        self._engine = _engine(url)
        self._writing = self._engine.execution_options(baton_writes=True)
        self.timeout_seconds = timeout_seconds
        self._writer = threading.Lock()
        self._file: Path | None = None
        self._identity: tuple[int, int] | None = None
        if self._engine.dialect.name == "sqlite":
            _prepare_sqlite(self._engine, timeout_seconds)
            self._file = Path(self._engine.url.database or "").resolve()
            self._identity = _open(self._file, create=create)
        with self.reading() as tx:
            tx.execute(text("SELECT 1"))

    @contextmanager
    def reading(self) -> Iterator[Tx]:
        """Open a transaction that only reads.

        Raises:
            StoreUnavailable: the database is locked, damaged or gone.
        """
        with self._translated(), self._engine.begin() as tx:
            yield tx

    @contextmanager
    def writing(self) -> Iterator[Tx]:
        """Open a transaction that writes; it commits at the end, or leaves nothing behind.

        Raises:
            StoreUnavailable: the database is locked, full, damaged or gone.
        """
        with self._translated(), self._alone(), self._writing.begin() as tx:
            yield tx

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Let the writers of this process queue up here: SQLite makes them sleep and try again, up to 100 ms a time."""
        if self._file is None:
            yield
            return
        if not self._writer.acquire(timeout=self.timeout_seconds):
            raise StoreUnavailable(f"{_SQLITE_TROUBLE['SQLITE_BUSY']}. {_SEND_AGAIN}")
        try:
            yield
        finally:
            self._writer.release()

    @contextmanager
    def _translated(self) -> Iterator[None]:
        self._require_same_file()
        try:
            yield
        except (OperationalError, InterfaceError) as error:
            raise StoreUnavailable(_explain(error)) from error
        except DBAPIError as error:
            if _sqlite_name(error) in _SQLITE_TROUBLE:  # a damaged file is a plain DatabaseError
                raise StoreUnavailable(_explain(error)) from error
            raise

    def _require_same_file(self) -> None:
        """Refuse to go on with a deleted or replaced file: SQLite would write into it and everything would be lost."""
        if self._file is not None and _identity(self._file) != self._identity:
            message = f"the database file {self._file} was deleted or replaced while in use; put it back and restart"
            raise StoreUnavailable(message)


def _engine(url: str) -> Engine:
    try:
        parsed = make_url(url)
        if parsed.get_backend_name() == "sqlite" and parsed.database in {None, "", ":memory:"}:
            raise StoreUnavailable(f"BATON_DATABASE_URL is {url!r}; expected a file, as in sqlite:///baton.db")
        # as many connections as there are threads that ask; hide_parameters keeps messages out of error texts
        return create_engine(parsed, hide_parameters=True, max_overflow=-1)
    except (ArgumentError, NoSuchModuleError, ModuleNotFoundError) as error:
        if url.startswith("postgres"):
            message = "PostgreSQL isn't supported by this release yet; expected one like sqlite:///baton.db"
            raise StoreUnavailable(f"BATON_DATABASE_URL can't be used: {message}") from error
        message = f"BATON_DATABASE_URL can't be used ({error}); expected one like sqlite:///baton.db"
        raise StoreUnavailable(message) from error


def _open(file: Path, *, create: bool) -> tuple[int, int] | None:
    """Make sure that the file exists, a new one readable by this user alone, and return its identity."""
    try:
        os.close(os.open(file, (os.O_CREAT if create else 0) | os.O_RDWR, 0o600))
    except OSError as error:
        expected = "a file in a folder to write to" if create else "a service's database; set BATON_DATABASE_URL to it"
        message = f"the database file {file} can't be opened: {error.strerror}; expected {expected}"
        raise StoreUnavailable(message) from error
    return _identity(file)


def _prepare_sqlite(engine: Engine, timeout_seconds: float) -> None:
    @event.listens_for(engine, "connect")
    def _connect(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # we say BEGIN ourselves
        connection.execute(f"PRAGMA busy_timeout = {int(timeout_seconds * 1000)}")
        _switch_to_wal(connection, timeout_seconds)  # readers and the writer don't wait for one another
        connection.execute("PRAGMA synchronous = NORMAL")  # a killed process loses nothing; a power cut the last moment
        connection.execute("PRAGMA foreign_keys = ON")

    @event.listens_for(engine, "begin")
    def _begin(tx: Connection) -> None:
        # a deferred transaction that turns writer is refused at once when another one writes: say it in advance
        writes = tx.get_execution_options().get("baton_writes", False)
        tx.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _switch_to_wal(connection: Any, timeout_seconds: float) -> None:
    """Ask for a write-ahead log. Of two processes that switch a new file at once SQLite refuses one without waiting."""
    deadline = time.monotonic() + timeout_seconds
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.01)
        else:
            return


def _identity(file: Path) -> tuple[int, int] | None:
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _sqlite_name(error: DBAPIError) -> str:
    """Return SQLite's primary error name, without the extension (``SQLITE_IOERR_WRITE`` is ``SQLITE_IOERR``)."""
    name = str(getattr(error.orig, "sqlite_errorname", ""))
    return "_".join(name.split("_")[:2])


def _explain(error: DBAPIError) -> str:
    known = _SQLITE_TROUBLE.get(_sqlite_name(error))
    if known is not None:
        return f"{known}. {_SEND_AGAIN}"
    return f"the database doesn't answer ({type(error.orig).__name__}); check that it runs and that the URL is right"
