"""Resealing: every sealed field of every table gets the newest key, walked in batches."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

from sqlalchemy import func, select, text

from core import sealed
from core.db import Model, session, transaction

ENDING = "_sealed"


def fields() -> Iterator[tuple[type[Any], str]]:
    """Every sealed field of every table that is loaded, by name of table and field."""
    found = [
        (mapper.class_, column.removesuffix(ENDING))
        for mapper in Model.registry.mappers
        for column in mapper.columns.keys()  # noqa: SIM118  # a collection of columns, whose keys are asked for
        if column.endswith(ENDING)
    ]
    yield from sorted(found, key=lambda one: (one[0].__tablename__, one[1]))


def walk(model: type[Any], field: str, *, batch: int = sealed.RESEAL_BATCH) -> int:
    """Seal all of a field with the newest key; returns how many rows were.

    Each batch is a transaction of its own, so it may be broken off and begun again at any time. Only the owner of the
    tables may do this: proofs are rows that the application cannot change, and their words stay the same here.
    """
    done, after = 0, UUID(int=0)
    while True:
        with transaction():
            session.execute(text("SET LOCAL xiaoxiang.repair = 'on'"))
            ids = sealed.reseal(model, field, after=after, limit=batch)
        if not ids:
            return done
        done, after = done + len(ids), ids[-1]


def left(model: type[Any], field: str) -> int:
    """How many rows are still sealed with an older key; 0 everywhere, and that key may go."""
    with transaction():
        return session.scalar(select(func.count()).select_from(model).where(sealed.older(model, field))) or 0
