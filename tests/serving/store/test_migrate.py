"""Migrations: a database is brought to this version's schema, or the reason is told."""

from __future__ import annotations

import threading

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import text

from serving.errors import StoreUnavailable
from serving.store.engine import Store
from serving.store.migrate import is_current, upgrade
from serving.store.tables import METADATA


@pytest.fixture
def empty(tmp_path):
    """A database without tables."""
    store = Store(f"sqlite:///{tmp_path}/x.db", timeout_seconds=10)
    yield store
    store.close()


def test_the_migrations_build_the_tables_as_declared(empty):
    """After all migrations the database has exactly the tables of ``tables.py``."""
    upgrade(empty)

    with empty.reading() as tx:
        context = MigrationContext.configure(tx, opts={"compare_type": True})
        assert compare_metadata(context, METADATA) == []


def test_upgrading_again_changes_nothing(empty):
    """A database that is current stays as it is."""
    first = upgrade(empty)

    assert first == upgrade(empty)
    with empty.reading() as tx:
        assert is_current(tx)


def test_an_empty_database_is_not_current(empty):
    """Before the first migration a database isn't current."""
    with empty.reading() as tx:
        assert not is_current(tx)


def test_services_that_start_together_migrate_once(tmp_path):
    """Several processes may upgrade the same new database at the same moment."""
    failures = []

    def start() -> None:
        store = Store(f"sqlite:///{tmp_path}/x.db", timeout_seconds=20)
        try:
            upgrade(store)
        except Exception as error:  # noqa: BLE001
            failures.append(error)
        store.close()

    threads = [threading.Thread(target=start) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def test_a_database_of_a_later_version_is_refused(empty):
    """A database that a later Baton wrote is left alone, with what to do."""
    upgrade(empty)
    with empty.writing() as tx:
        tx.execute(text("UPDATE alembic_version SET version_num = '9999'"))

    with pytest.raises(StoreUnavailable, match=r"9999.*install the version that wrote it"):
        upgrade(empty)
