"""Many rows of several tables in one statement: what keeps an order at a handful of round trips."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import TextClause, text

from core.db import Model, session

Row = Mapping[str, Any]


def write(tables: Mapping[type[Model], Sequence[Row]]) -> None:
    """Insert rows, given per table by column name; a column left out is NULL.

    Foreign keys between the tables hold, as PostgreSQL checks them at the end of the statement.
    """
    filled = {model.__tablename__: rows for model, rows in tables.items() if rows}
    if filled:
        bound = {name: json.dumps(rows, default=_plain) for name, rows in filled.items()}
        session.execute(_insert(tuple(filled)), bound)


@cache
def _insert(names: tuple[str, ...]) -> TextClause:
    """One INSERT a table, all but the last as common table expressions.

    `jsonb_populate_recordset` reads each value as its column's type would read it, so nothing is listed twice.
    """
    inserts = [
        f"INSERT INTO {name} SELECT * FROM jsonb_populate_recordset(NULL::{name}, CAST(:{name} AS jsonb))"
        for name in names
    ]
    *first, last = inserts
    heads = ", ".join(f"w{number} AS ({insert})" for number, insert in enumerate(first))
    return text(f"WITH {heads} {last}" if heads else last)


def _plain(value: object) -> str:
    """A value as PostgreSQL reads it from text."""
    if isinstance(value, bytes):
        return "\\x" + value.hex()
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, UUID):
        return str(value)
    raise TypeError(f"no column holds {type(value).__name__}")
