"""Demo and live never mix: the database knows which of the two it is, from its first migration on."""

from datetime import datetime

import psycopg
from sqlalchemy import CheckConstraint
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Model, among
from core.settings import SettingsWrong

WORLDS = ["demo", "live"]


class World(Model):
    """The one row that says whose data this is. Written once, by the owner of the tables."""

    __tablename__ = "worlds"
    __table_args__ = (CheckConstraint("single", name="one_row"), CheckConstraint(among("name", WORLDS), name="known"))

    single: Mapped[bool] = mapped_column(primary_key=True, default=True)
    name: Mapped[str]
    since: Mapped[datetime]


def check(connection: "psycopg.Connection[tuple[object, ...]]", world: str) -> None:
    """Refuse a database of the other world. Raises SettingsWrong; says nothing about a database without a mark."""
    if connection.execute("SELECT to_regclass('worlds')").fetchone() == (None,):
        return
    row = connection.execute("SELECT name FROM worlds").fetchone()
    if row is not None and row[0] != world:
        raise SettingsWrong(
            f"This database belongs to the {row[0]} world, the settings say {world}: "
            "set XIAOXIANG_WORLD to what the database is, or DATABASE_URL to another database."
        )
    if world == "live" and connection.execute("SELECT EXISTS (SELECT FROM users WHERE demo)").fetchone() == (True,):
        raise SettingsWrong("This database holds people of the demo world: they cannot be in the live one.")


def mark(connection: "psycopg.Connection[tuple[object, ...]]", world: str) -> None:
    """Write the mark, if there is none yet."""
    connection.execute(
        "INSERT INTO worlds (single, name, since) VALUES (true, %s, now()) ON CONFLICT DO NOTHING", [world]
    )
