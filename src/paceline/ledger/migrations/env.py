"""Alembic's entry: runs the revisions on the connection that `upgrade` hands in. There is no command-line use."""

from alembic import context

from paceline.ledger.schema import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata, render_as_batch=True)
with context.begin_transaction():
    context.run_migrations()
