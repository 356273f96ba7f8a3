"""The database of this house: the one that DATABASE_URL names, or our own, made ready for the application."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import sql

from core import embedded
from core.embedded_place import Place, PostgresFailed
from core.migrating import APP_ROLE

OWNER_ROLE = "xiaoxiang_owner"
DATABASE = "xiaoxiang"


@dataclass(frozen=True)
class HouseDatabase:
    """Where the tables are: as their owner (migrations), and as the application (web, stream, jobs)."""

    owner_url: str
    app_url: str
    server: embedded.Server | None
    """Our own server, when this process runs it."""


@contextmanager
def opened(home: Path) -> Iterator[HouseDatabase]:
    """The database, reachable for as long as the block lasts. Raises PostgresFailed with one line that says what to do.

    Everything started meanwhile finds it by `XIAOXIANG_DATABASE_URL`.
    """
    if inside := os.environ.get("XIAOXIANG_DATABASE_URL"):
        yield HouseDatabase(os.environ.get("XIAOXIANG_OWNER_URL") or inside, inside, None)
        return
    given = os.environ.get("DATABASE_URL")
    if given:
        _check(given)
        yield HouseDatabase(os.environ.get("XIAOXIANG_OWNER_URL") or given, given, None)
        return
    with embedded.serving(home) as (place, server):
        _furnish(place)
        found = HouseDatabase(place.url(OWNER_ROLE, DATABASE), place.url(APP_ROLE, DATABASE), server)
        os.environ["XIAOXIANG_DATABASE_URL"] = found.app_url
        yield found


def _check(url: str) -> None:
    """Refuse a server that does not answer or is too old."""
    try:
        with psycopg.connect(url.replace("postgresql+psycopg://", "postgresql://"), connect_timeout=5) as connection:
            version = connection.info.server_version // 10_000
    except (psycopg.Error, UnicodeError) as wrong:
        reason = (str(wrong).strip().splitlines() or [type(wrong).__name__])[0].strip()
        raise PostgresFailed(
            f"DATABASE_URL cannot be reached ({reason[:200]}): start that server, or unset DATABASE_URL to use our own."
        ) from wrong
    if version < embedded.VERSION_MIN:
        raise PostgresFailed(f"DATABASE_URL is PostgreSQL {version}; {embedded.VERSION_MIN} or later is needed.")


def _furnish(place: Place) -> None:
    """Roles and the database, made once: the owner of the tables, and the application, which owns nothing."""
    with psycopg.connect(place.url("postgres", "postgres"), autocommit=True, connect_timeout=10) as connection:
        if connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone():
            return
        for role in (OWNER_ROLE, APP_ROLE):
            if not connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role]).fetchone():
                connection.execute(sql.SQL("CREATE ROLE {} LOGIN").format(sql.Identifier(role)))
        make = sql.SQL("CREATE DATABASE {} OWNER {}").format(sql.Identifier(DATABASE), sql.Identifier(OWNER_ROLE))
        connection.execute(make)
