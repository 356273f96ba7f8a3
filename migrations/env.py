"""Run the migrations: one at a time, never waiting long for a lock."""

from alembic import context
from sqlalchemy import create_engine, pool, text

from core.db import Model, sqlalchemy_url
from core.settings import settings
from migrations.tables import load_all

LOCK_TIMEOUT_MS = 5_000
ADVISORY_LOCK = 7_229_401
"""Any number of our own: two deployments never migrate at once."""

load_all()


def include_name(name: str | None, kind: str, _parents: object) -> bool:
    """The tables of the job library are its own; its schema is applied as it is."""
    return not (kind == "table" and (name or "").startswith("procrastinate_"))


def run() -> None:
    """Migrate with the connection that was handed over, or one of our own."""
    given = context.config.attributes.get("connection")
    if given is not None:
        _migrate(given)
        return
    url = context.config.get_main_option("sqlalchemy.url") or settings().database_url
    engine = create_engine(sqlalchemy_url(url), poolclass=pool.NullPool)
    with engine.connect() as connection:
        _migrate(connection)
        connection.commit()


def _migrate(connection: object) -> None:
    connection.execute(text(f"SET lock_timeout = '{LOCK_TIMEOUT_MS}ms'"))
    context.configure(
        connection=connection,
        target_metadata=Model.metadata,
        include_name=include_name,
        compare_type=True,
        transaction_per_migration=False,
    )
    with context.begin_transaction():
        connection.execute(text(f"SELECT pg_advisory_xact_lock({ADVISORY_LOCK})"))
        context.run_migrations()


run()
