"""Bring a database to the newest schema, and give the application its least rights."""

import re
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
from psycopg import sql

from core import worlds
from core.settings import settings

if TYPE_CHECKING:
    from alembic.config import Config

ROOT = Path(__file__).resolve().parent.parent
APP_ROLE = "xiaoxiang_app"
READ_ONLY = ("alembic_version", "worlds")


def alembic_config(url: str) -> "Config":
    """Alembic's settings for one database."""
    from alembic.config import Config

    config = Config(str(ROOT / "alembic.ini"))
    config.set_main_option("sqlalchemy.url", url.replace("%", "%%"))
    return config


def migrate(url: str) -> bool:
    """Upgrade the database to the newest schema; whether there was anything to do.

    Raises SettingsWrong when it belongs to the other world; it is not touched then.
    """
    world = settings().world
    with psycopg.connect(url, autocommit=True) as connection:
        worlds.check(connection, world)
        if _current(connection) == newest():
            worlds.mark(connection, world)
            if not _granted(connection):
                with connection.transaction():
                    grant(connection)
            return False
    from alembic import command  # half a second that a start without news need not spend

    command.upgrade(alembic_config(url), "head")
    with psycopg.connect(url) as connection:
        worlds.mark(connection, world)
        grant(connection)
    return True


def newest() -> set[object]:
    """The revisions that no other one follows, read from the files."""
    files = [file.read_text(encoding="utf-8") for file in (ROOT / "migrations" / "versions").glob("*.py")]
    named = [dict(re.findall(r'^(revision|down_revision)\b.*= "(\w+)"', body, re.MULTILINE)) for body in files]
    return {one["revision"] for one in named} - {one.get("down_revision") for one in named}


def _current(connection: "psycopg.Connection[tuple[object, ...]]") -> set[object]:
    if connection.execute("SELECT to_regclass('alembic_version')").fetchone() == (None,):
        return set()
    return {row[0] for row in connection.execute("SELECT version_num FROM alembic_version")}


def _granted(connection: "psycopg.Connection[tuple[object, ...]]") -> bool:
    """Whether the application's role may read every table; not so after an upgrade that was killed before its end."""
    if connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [APP_ROLE]).fetchone() is None:
        return True
    closed = """
        SELECT EXISTS (SELECT FROM pg_class WHERE relkind IN ('r', 'p') AND relnamespace = 'public'::regnamespace
                       AND NOT has_table_privilege(%s, oid, 'SELECT'))
    """
    return connection.execute(closed, [APP_ROLE]).fetchone() == (False,)


def grant(connection: "psycopg.Connection[tuple[object, ...]]") -> None:
    """Least rights for the role that the web and the jobs use, where that role exists.

    It reads and writes rows, makes no tables, and never changes what is append-only (tables with that trigger).
    """
    if connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [APP_ROLE]).fetchone() is None:
        return
    role = sql.Identifier(APP_ROLE)
    for statement in (
        "GRANT USAGE ON SCHEMA public TO {role}",
        "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {role}",
        "GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO {role}",
    ):
        connection.execute(sql.SQL(statement).format(role=role))
    guarded = "SELECT tgrelid::regclass::text FROM pg_trigger WHERE tgname = 'append_only' AND NOT tgisinternal"
    for (table,) in connection.execute(guarded).fetchall():
        revoke = sql.SQL("REVOKE UPDATE, DELETE, TRUNCATE ON {table} FROM {role}")
        connection.execute(revoke.format(table=sql.Identifier(str(table)), role=role))
    for table in READ_ONLY:
        revoke = sql.SQL("REVOKE INSERT, UPDATE, DELETE, TRUNCATE ON {table} FROM {role}")
        connection.execute(revoke.format(table=sql.Identifier(table), role=role))
