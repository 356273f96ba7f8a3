"""Sets of keys in a statement: one array parameter, however many keys there are."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import ColumnElement, any_, literal
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import InstrumentedAttribute


def within(column: InstrumentedAttribute[Any], keys: Iterable[Any]) -> ColumnElement[bool]:
    """The column's value is one of the keys. One parameter, and no keys at all are no special case."""
    return column == any_(literal(list(keys), ARRAY(column.type)))
