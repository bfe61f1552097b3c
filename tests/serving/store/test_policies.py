"""The statements of policies: documents stay as they are, and one policy at a time is active for a bot."""

from __future__ import annotations

import sqlite3
import threading
from datetime import UTC, datetime, timedelta

import pytest
from alembic import command
from sqlalchemy import text
from sqlalchemy.dialects import sqlite
from sqlalchemy.exc import IntegrityError

from serving.store import policies
from serving.store.engine import Store
from serving.store.migrate import _config, upgrade
from serving.store.policies import _CURRENT, EVERY_BOT

NOW = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)


def put(tx, fingerprint, name="shop", now=NOW):
    """Store a document of a name."""
    return policies.put(
        tx,
        fingerprint=fingerprint * 64,
        name=name,
        note="",
        document=f'{{"name":"{name}"}}',
        source=f"name: {name}",
        source_type="application/yaml",
        now=now,
    )


@pytest.fixture
def shelf(store):
    """A database with two versions of one policy and one of another."""
    with store.writing() as tx:
        for fingerprint, name in (("a", "shop"), ("b", "shop"), ("c", "bank")):
            put(tx, fingerprint, name)
    return store


def test_versions_count_from_one_in_each_name(shelf):
    """Each name has its own numbers."""
    with shelf.reading() as tx:
        listed = policies.page(tx, name=None, after=None, limit=9)

    assert [("bank", 1), ("shop", 2), ("shop", 1)] == [(stored.name, stored.version) for stored in listed]


def test_a_document_that_is_there_stays_as_it_is(shelf):
    """The same fingerprint again is the first one, with its version and its instant."""
    with shelf.writing() as tx:
        stored, new = put(tx, "a", now=NOW + timedelta(days=1))

    assert (False, 1, NOW) == (new, stored.version, stored.created_at)


@pytest.mark.parametrize(
    ("which", "expected"),
    [({}, [2]), ({"version": 1}, [1]), ({"version": 3}, []), ({"digits": "a" * 8}, [1]), ({"digits": "%"}, [])],
)
def test_a_document_is_found_by_version_or_fingerprint(shelf, which, expected):
    """The newest one, a version, or the first digits of a fingerprint, taken as they are."""
    with shelf.reading() as tx:
        assert expected == [stored.version for stored in policies.find(tx, "shop", **which)]


def test_pages_follow_one_another(shelf):
    """A page begins after the last entry of the one before; nothing is missed or shown twice."""
    shown, after = [], None
    with shelf.reading() as tx:
        while page := policies.page(tx, name=None, after=after, limit=1):
            after = page[-1]
            shown.append(after.fingerprint[0])

    assert ["c", "b", "a"] == shown


def test_an_assignment_ends_the_one_before(shelf):
    """One policy at a time is active for a bot; the past stays, newest first."""
    with shelf.writing() as tx:
        assert policies.assign(tx, "shop", "active", "a" * 64, NOW)
        assert policies.assign(tx, "shop", "active", "b" * 64, NOW + timedelta(hours=1))
        assert not policies.assign(tx, "shop", "active", "b" * 64, NOW + timedelta(hours=2))
    with shelf.reading() as tx:
        assert {("shop", "active"): "b" * 64} == policies.current(tx, "shop")
        periods = policies.history(tx, "shop", limit=9)

    assert [("b", None), ("a", NOW + timedelta(hours=1))] == [(one.fingerprint[0], one.until) for one in periods]


def test_bots_and_roles_have_assignments_of_their_own(shelf):
    """A bot reads its own assignments and those of every bot, never another bot's."""
    with shelf.writing() as tx:
        policies.assign(tx, EVERY_BOT, "active", "a" * 64, NOW)
        policies.assign(tx, "shop", "shadow", "b" * 64, NOW)
        policies.assign(tx, "bank", "active", "c" * 64, NOW)
    with shelf.reading() as tx:
        assert {(EVERY_BOT, "active"), ("shop", "shadow")} == set(policies.current(tx, "shop"))
        assert {(EVERY_BOT, "active"), ("bank", "active")} == set(policies.current(tx, "bank"))


def test_what_ends_twice_ended_once(shelf):
    """Ending what isn't there changes nothing."""
    with shelf.writing() as tx:
        policies.assign(tx, "shop", "active", "a" * 64, NOW)
        assert policies.end(tx, "shop", "active", NOW)
        assert not policies.end(tx, "shop", "active", NOW + timedelta(hours=1))
        assert {} == policies.current(tx, "shop")


def test_an_activation_that_is_cut_off_leaves_the_one_before(shelf):
    """When the process dies between ending the one and beginning the other, nothing has changed."""
    with shelf.writing() as tx:
        policies.assign(tx, "shop", "active", "a" * 64, NOW)

    def die():
        with shelf.writing() as tx:
            policies.assign(tx, "shop", "active", "b" * 64, NOW)
            raise SystemExit

    with pytest.raises(SystemExit):
        die()
    with shelf.reading() as tx:
        assert {("shop", "active"): "a" * 64} == policies.current(tx, "shop")
        assert 1 == len(policies.history(tx, "shop", limit=9))


def test_the_database_allows_one_at_a_time(shelf):
    """Two lasting periods of one bot and role can't be written, whoever tries."""
    row = "INSERT INTO policy_assignments (bot_id, role, fingerprint, since) VALUES ('shop', 'active', :print, '2026-11-20')"
    with shelf.writing() as tx:
        tx.execute(text(row), {"print": "a" * 64})
    with pytest.raises(IntegrityError), shelf.writing() as tx:
        tx.execute(text(row), {"print": "b" * 64})


def test_what_is_not_stored_can_not_be_assigned(shelf):
    """An assignment refers to a document that is there."""
    with pytest.raises(IntegrityError), shelf.writing() as tx:
        policies.assign(tx, "shop", "active", "f" * 64, NOW)


def test_activations_at_the_same_moment_come_one_after_the_other(shelf, tmp_path):
    """Several processes may activate at once: one policy is active in the end, and every period but the last has ended."""

    def activate(fingerprint):
        own = Store(f"sqlite:///{tmp_path}/baton.db", timeout_seconds=20)
        for _ in range(10):
            with own.writing() as tx:
                policies.assign(tx, "shop", "active", fingerprint * 64, datetime.now(UTC))
        own.close()

    threads = [threading.Thread(target=activate, args=(fingerprint,)) for fingerprint in "abc"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with shelf.reading() as tx:
        periods = policies.history(tx, "shop", limit=99)
    assert 3 <= len(periods) <= 30
    assert [True] + [False] * (len(periods) - 1) == [one.until is None for one in periods]


def test_the_turns_statement_uses_an_index(shelf):
    """What each turn reads of assignments is found by index, however many there are."""
    statement = str(_CURRENT.compile(dialect=sqlite.dialect()))
    with shelf.reading() as tx:
        plan = " ".join(row[-1] for row in tx.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", ("shop", EVERY_BOT)))

    assert "uq_policy_assignments_now" in plan
    assert "SCAN" not in plan


def test_a_database_of_the_release_before_is_upgraded(tmp_path):
    """Decisions that were recorded before policies were stored stay, without a shadow."""
    store = Store(f"sqlite:///{tmp_path}/old.db")
    config = _config()
    with store.writing() as tx:
        config.attributes["connection"] = tx
        command.upgrade(config, "0001")
        tx.execute(text("INSERT INTO conversations VALUES (1, 'shop', 'c-1', 1, '{}', 1, '2026-11-20', '2026-11-20')"))
        values = "'d-1', 1, 'm-1', 1, 1, 'pre', 'continue', NULL, NULL, 'h', '{}', '{}', '{}', 'p@1', 'f', 'b-1', '2026-11-20'"
        tx.execute(text(f"INSERT INTO decisions VALUES ({values})"))
    upgrade(store)
    store.close()

    with sqlite3.connect(tmp_path / "old.db") as database:
        found = database.execute("SELECT id, policy, shadow_policy_fingerprint FROM decisions").fetchall()
    database.close()
    assert [("d-1", "p@1", None)] == found
