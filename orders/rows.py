"""Many rows of several tables in one statement: what keeps an order at a handful of round trips."""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import TextClause, text

from core.db import Model, swift

Row = Mapping[str, Any]


def write(tables: Mapping[type[Model], Sequence[Row]]) -> None:
    """Insert rows, given per table by column name; a column left out is NULL.

    Foreign keys between the tables hold, as PostgreSQL checks them at the end of the statement.
    """
    filled = {model.__tablename__: rows for model, rows in tables.items() if rows}
    if filled:
        swift(_insert(tuple(filled)), {name: _packed(rows) for name, rows in filled.items()})


def write_new(model: type[Model], fresh: Sequence[Row]) -> set[UUID]:
    """Insert rows of one table but for those that break one of its unique constraints; gives the ids of the inserted.

    One that another transaction is inserting is waited for. Rows that may meet are given in one order everywhere.
    """
    name = model.__tablename__
    return {row.id for row in swift(_insert_new(name), {name: _packed(fresh)})}


def _one(name: str) -> str:
    return f"INSERT INTO {name} SELECT * FROM jsonb_populate_recordset(NULL::{name}, CAST(:{name} AS jsonb))"


@cache
def _insert_new(name: str) -> TextClause:
    return text(_one(name) + " ON CONFLICT DO NOTHING RETURNING id")


@cache
def _insert(names: tuple[str, ...]) -> TextClause:
    """One INSERT a table, all but the last as common table expressions.

    `jsonb_populate_recordset` reads each value as its column's type would read it, so nothing is listed twice.
    """
    *first, last = [_one(name) for name in names]
    heads = ", ".join(f"w{number} AS ({insert})" for number, insert in enumerate(first))
    return text(f"WITH {heads} {last}" if heads else last)


def _packed(rows: Sequence[Row]) -> str:
    """The rows as JSON whose every value PostgreSQL reads as its column would."""
    return orjson.dumps(rows, default=_hex).decode()


def _hex(value: object) -> str:
    if isinstance(value, bytes):
        return "\\x" + value.hex()
    raise TypeError(f"no column holds {type(value).__name__}")
