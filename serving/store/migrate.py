"""Brings a database to the schema of this version; every start does it, and so does `baton db upgrade`."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util.exc import CommandError

from serving.errors import StoreUnavailable
from serving.store.engine import Store, Tx

_FOLDER = Path(__file__).parent / "migrations"


def upgrade(store: Store) -> str:
    """Apply the migrations that are missing, all or none, and return the schema's revision.

    Raises:
        StoreUnavailable: the database can't be written, or a later version of Baton wrote it.
    """
    config = _config()
    with store.reading() as tx:
        if _revision(tx) == _newest(config):
            return _newest(config)
    with store.writing() as tx:  # holds the lock, so two services that start together don't migrate twice
        config.attributes["connection"] = tx
        try:
            command.upgrade(config, "head")
        except CommandError as error:
            message = (
                f"the database has revision {_revision(tx)}, this version of Baton knows up to {_newest(config)}; "
                "install the version that wrote it, or restore the backup from before"
            )
            raise StoreUnavailable(message) from error
    return _newest(config)


def is_current(tx: Tx) -> bool:
    """Return whether the database has the schema of this version."""
    return _revision(tx) == _newest(_config())


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(_FOLDER).replace("%", "%%"))
    return config


def _revision(tx: Tx) -> str | None:
    return MigrationContext.configure(tx).get_current_revision()


def _newest(config: Config) -> str:
    newest = ScriptDirectory.from_config(config).get_current_head()
    if newest is None:  # the wheel was built without the migrations
        raise StoreUnavailable(f"no migrations in {_FOLDER}; install Baton again")
    return newest
