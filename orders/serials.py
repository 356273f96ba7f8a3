"""Serials: the numbers that people see on an order, handed out in blocks so that a number costs no trip of its own."""

from collections import deque
from collections.abc import Sequence
from datetime import datetime
from weakref import WeakKeyDictionary

import sqlalchemy as sa

from core.clock import LOCAL
from core.db import Model, engine, session

DIGITS = 7
BLOCK = 500
SERIALS = sa.Sequence("order_serials", increment=BLOCK, metadata=Model.metadata)

_free: WeakKeyDictionary[sa.Engine, deque[int]] = WeakKeyDictionary()
"""What is left of the block that this process took from a database."""


def numbers(branch_codes: Sequence[str], *, now: datetime) -> list[str]:
    """Numbers for orders: branch code, business day, and a serial of seven digits that repeats on no day.

    A block belongs to the process that took it; what a stopped process leaves of it is never used.
    """
    day = now.astimezone(LOCAL).strftime("%y%m%d")
    return [f"{code}{day}{_next() % 10**DIGITS:0{DIGITS}d}" for code in branch_codes]


def _next() -> int:
    free = _free.setdefault(engine(), deque())
    try:
        return free.popleft()
    except IndexError:
        first = session.scalars(sa.select(SERIALS.next_value())).one()
        free.extend(range(first + 1, first + BLOCK))
        return first
