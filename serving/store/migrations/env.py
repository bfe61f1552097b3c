"""Runs migrations on the connection that ``serving.store.migrate`` hands over."""

from alembic import context

from serving.store.tables import METADATA

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    render_as_batch=True,  # SQLite alters a table by writing it anew
    compare_type=True,
)
with context.begin_transaction():
    context.run_migrations()
