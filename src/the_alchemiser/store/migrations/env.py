"""Runs the migrations on the connection, and inside the transaction, of whoever asks (see `store.schema`)."""

from __future__ import annotations

from alembic import context

from the_alchemiser.store.tables import metadata

# Batches, because SQLite can alter a table only by copying it.
context.configure(
    connection=context.config.attributes["connection"], target_metadata=metadata, render_as_batch=True
)
with context.begin_transaction():
    context.run_migrations()
