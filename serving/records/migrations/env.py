"""Alembic environment: run migrations on the given connection, inside its transaction."""

from alembic import context

from serving.records.tables import METADATA


def migrate() -> None:
    """Run the migrations that the database lacks."""
    context.configure(
        connection=context.config.attributes["connection"],
        target_metadata=METADATA,
        render_as_batch=True,  # SQLite changes a table by copying it
    )
    with context.begin_transaction():
        context.run_migrations()


if __name__ == "env_py":  # the name by which Alembic loads this file
    migrate()
