"""Counting how often something is tried: one row a key, one upsert a try (GCRA, as in ATM cell rate control).

The count must outlive the refusal that it causes, so it is written on a connection of its own, outside the request's
transaction. Counters of log-ins lie in an unlogged table (fast, empty after a crash of the database); counters of codes
in a logged one, as an attacker must not be able to clear them by a crash.
"""

import math
from datetime import UTC, datetime, timedelta
from weakref import WeakKeyDictionary

from sqlalchemy import Connection, Engine, create_engine, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Model, connected, engine
from core.errors import TooMany
from core.jobs import periodic


class Throttle(Model):
    """When the bucket of a key will be empty again; forgotten when the database crashes."""

    __tablename__ = "throttles"
    __table_args__ = {"prefixes": ["UNLOGGED"]}

    key: Mapped[str] = mapped_column(primary_key=True)
    empty_at: Mapped[datetime] = mapped_column(index=True)


class KeptThrottle(Model):
    """The same for codes and exports: survives a crash."""

    __tablename__ = "kept_throttles"

    key: Mapped[str] = mapped_column(primary_key=True)
    empty_at: Mapped[datetime] = mapped_column(index=True)


Counter = type[Throttle] | type[KeptThrottle]
COUNTERS: tuple[Counter, ...] = (Throttle, KeptThrottle)
KEY_MAX = 200
_engines: WeakKeyDictionary[Engine, Engine] = WeakKeyDictionary()


def allow(key: str, *, rate: float, per_s: float, burst: int, now: datetime, kept: bool = False) -> None:
    """Count one try: `burst` at once, after that `rate` in `per_s` seconds.

    `kept` counters survive a crash of the database. Raises TooMany with the seconds to wait.
    """
    counter = _counter(kept)
    step = timedelta(seconds=per_s / rate)
    first = insert(counter).values(key=key[:KEY_MAX], empty_at=now + step)
    fuller = func.greatest(counter.empty_at, now) + step
    one_more = first.on_conflict_do_update(
        index_elements=["key"], set_={"empty_at": fuller}, where=fuller <= now + step * burst
    )
    with _connection() as own:
        if own.execute(one_more.returning(counter.key)).first():
            return
        empty_at = own.scalar(select(counter.empty_at).where(counter.key == key[:KEY_MAX])) or now
    raise TooMany(retry_after=max(1, math.ceil((empty_at + step - step * burst - now).total_seconds())))


def forgive(key: str, *, kept: bool = False) -> None:
    """Empty the bucket of a key, as after the right password or code."""
    counter = _counter(kept)
    with _connection() as own:
        own.execute(delete(counter).where(counter.key == key[:KEY_MAX]))


def give_back(key: str, *, rate: float, per_s: float, kept: bool = False) -> None:
    """Take one try out of the count again: it was an honest one."""
    counter = _counter(kept)
    step = timedelta(seconds=per_s / rate)
    with _connection() as own:
        own.execute(update(counter).where(counter.key == key[:KEY_MAX]).values(empty_at=counter.empty_at - step))


def forget_all() -> None:
    """Empty every bucket that this process can have filled (tests)."""
    if connected() and engine() in _engines:
        with _connection() as own:
            for counter in COUNTERS:
                own.execute(delete(counter))


def prune(*, now: datetime) -> int:
    """Take away buckets that are empty anyway; returns how many."""
    with _connection() as own:
        return sum(own.execute(delete(counter).where(counter.empty_at < now)).rowcount for counter in COUNTERS)


@periodic("7,37 * * * *")
def forget_empty(timestamp: int) -> None:
    """Take away empty buckets, twice an hour."""
    prune(now=datetime.fromtimestamp(timestamp, UTC))


def _counter(kept: bool) -> Counter:
    return KeptThrottle if kept else Throttle


def _connection() -> Connection:
    """One connection beside the pool: who holds a connection of the pool never waits for a second one there."""
    main = engine()
    own = _engines.get(main)
    if own is None:
        own = create_engine(
            main.url,
            pool_size=1,
            max_overflow=0,
            pool_timeout=5,
            pool_pre_ping=True,
            isolation_level="AUTOCOMMIT",
            hide_parameters=True,
            connect_args={"options": "-c timezone=UTC -c statement_timeout=2000", "connect_timeout": 5},
        )
        _engines[main] = own
    return own.connect()
