"""The database: one model base, one session, one transaction at the edge."""

import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from enum import StrEnum
from functools import lru_cache
from itertools import count
from typing import Annotated, Any, TypeVarTuple
from uuid import UUID

import psycopg
from psycopg.rows import namedtuple_row
from sqlalchemy import (
    Compiled,
    Connection,
    DateTime,
    Dialect,
    Engine,
    LargeBinary,
    MetaData,
    Row,
    Text,
    TextClause,
    TypeDecorator,
    Uuid,
    create_engine,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import DeclarativeBase, Session, mapped_column, scoped_session, sessionmaker
from sqlalchemy.sql.selectable import TypedReturnsRows

from core import pool

Ts = TypeVarTuple("Ts")

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}

STATEMENT_TIMEOUT_MS = 5_000
LOCK_TIMEOUT_MS = 2_000
IDLE_TIMEOUT_MS = 10_000


_counter = count(int.from_bytes(os.urandom(4), "big") >> 1)


def new_id(now: datetime | None = None) -> UUID:
    """A UUID of version 7: unique across cities, ordered by time; those of one process also within a millisecond.

    48 bits of milliseconds, a counter of 32 bits that starts anywhere, 42 random bits (RFC 9562, 5.7 and 6.2 method 1).
    """
    millis = time.time_ns() // 1_000_000 if now is None else int(now.timestamp() * 1000)
    serial = next(_counter) & 0xFFFF_FFFF
    random = int.from_bytes(os.urandom(6), "big") & (1 << 42) - 1
    high = (millis & (1 << 48) - 1) << 16 | 0x7 << 12 | serial >> 20
    value = high << 64 | 0x2 << 62 | (serial & 0xFFFFF) << 42 | random
    return UUID(int=value)


Id = Annotated[UUID, mapped_column(primary_key=True, default=new_id)]


class Model(DeclarativeBase):
    """What every table shares: names of constraints and types of columns."""

    metadata = MetaData(naming_convention=NAMING)
    type_annotation_map = {
        str: Text(),
        datetime: DateTime(timezone=True),
        bytes: LargeBinary(),
        UUID: Uuid(),
        dict[str, Any]: JSONB(),
        list[str]: ARRAY(Text()),
    }


class Choice(TypeDecorator[StrEnum]):
    """A column that holds one member of an enumeration as text; the migration adds the CHECK."""

    impl = Text
    cache_ok = True

    def __init__(self, kinds: type[StrEnum]) -> None:
        super().__init__()
        self.kinds = kinds

    def process_bind_param(self, value: StrEnum | None, dialect: Dialect) -> str | None:
        return None if value is None else self.kinds(value).value

    def process_result_value(self, value: str | None, dialect: Dialect) -> StrEnum | None:
        return None if value is None else self.kinds(value)


def one_of(kinds: type[StrEnum]) -> Choice:
    """The column type of an enumeration: `mapped_column(one_of(LotStatus))`."""
    return Choice(kinds)


def among(column: str, kinds: type[StrEnum] | list[str]) -> str:
    """The SQL of a CHECK that keeps a text column inside an enumeration, for migrations."""
    return f"{column} IN ({', '.join(repr(str(kind)) for kind in kinds)})"


session: scoped_session[Session] = scoped_session(sessionmaker(expire_on_commit=False))
_engines: dict[str, Engine] = {}


def connect(url: str, *, pool_size: int = 4, timeouts: bool = True) -> Engine:
    """Bind the session to a database; a second call binds it anew."""
    fresh = make_engine(url, pool_size=pool_size, timeouts=timeouts)
    bind(fresh)
    return fresh


def make_engine(url: str, *, pool_size: int, timeouts: bool = True) -> Engine:
    """So many connections to a database, opened when needed.

    `url` is a SQLAlchemy URL of PostgreSQL. Waits are bounded: 5 s a statement, 2 s a lock, 10 s idle in a transaction.
    """
    options = "-c timezone=UTC"
    if timeouts:
        options += (
            f" -c statement_timeout={STATEMENT_TIMEOUT_MS} -c lock_timeout={LOCK_TIMEOUT_MS}"
            f" -c idle_in_transaction_session_timeout={IDLE_TIMEOUT_MS}"
        )
    made = create_engine(
        sqlalchemy_url(url),
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=10,
        hide_parameters=True,
        connect_args={"options": options, "connect_timeout": 5},
    )
    pool.watch(made)
    return made


def bind(fresh: Engine) -> None:
    """Make an engine the one that the session uses."""
    session.remove()
    session.configure(bind=fresh)
    _engines["main"] = fresh


def engine() -> Engine:
    """The engine that the session uses."""
    return _engines["main"]


def connected() -> bool:
    """Whether `connect` or `bind` was called."""
    return "main" in _engines


def sqlalchemy_url(url: str) -> str:
    """The URL with the driver named, so that both `postgres://` and `postgresql://` mean psycopg 3."""
    scheme, mark, rest = url.partition("://")
    return f"postgresql+psycopg{mark}{rest}" if scheme in {"postgres", "postgresql"} else url


def last(deed: Callable[[], None]) -> None:
    """Do this right before the commit: it takes a row that everybody wants, and little may be done under its lock.

    When the deed refuses, all of the transaction is refused. Outside `transaction()`, where nobody ends anything, and
    within a deed it is done at once.
    """
    deeds: list[Callable[[], None]] | None = session.info.get("last")
    if deeds is None:
        deed()
    else:
        deeds.append(deed)


def read(question: TypedReturnsRows[*Ts], given: Mapping[str, Any]) -> Sequence[Row[*Ts]]:
    """The rows that answer one question.

    Where no transaction is open it is asked without one: BEGIN and COMMIT are two more ways to the database and back,
    and a single statement sees a single moment anyway.
    """
    asker = session()
    bound = asker.get_bind()
    if asker.in_transaction() or isinstance(bound, Connection):
        return asker.execute(question, given).all()
    found = _asked_plainly(bound, _spelt(question, bound.dialect), given)
    return asker.execute(question, given).all() if found is None else found


def swift(statement: TextClause, given: Mapping[str, Any]) -> Sequence[Any]:
    """What a statement gives, asked in the open transaction by the driver alone: a quarter of SQLAlchemy's own work.

    For the few statements that every order passes through. Rows have attributes by column; errors are SQLAlchemy's.
    """
    line = session.connection()
    spelt = _spelt(statement, line.dialect)
    driver: Any = line.connection.driver_connection
    try:
        with driver.cursor(row_factory=namedtuple_row) as cursor:
            cursor.execute(spelt.string, {**spelt.params, **given})
            return cursor.fetchall() if cursor.description else []
    except psycopg.Error as trouble:
        cause: Any = trouble
        broken = line.dialect.is_disconnect(cause, driver, None)
        if broken:
            line.invalidate(trouble)
        raise DBAPIError.instance(
            spelt.string, None, trouble, psycopg.Error, hide_parameters=True, connection_invalidated=broken,
            dialect=line.dialect,
        ) from trouble  # fmt: skip


@lru_cache(maxsize=64)
def _spelt(question: Any, dialect: Dialect) -> Compiled:
    """The statement as the database reads it, spelt once for each object that asks."""
    spelt: Compiled = question.compile(dialect=dialect)
    return spelt


def _asked_plainly(pooled: Engine, spelt: Compiled, given: Mapping[str, Any]) -> Any:
    """The answer by the driver alone, in half the time; None when the line broke, and SQLAlchemy should ask and say."""
    lent = pooled.raw_connection()
    try:
        line: Any = lent.driver_connection
        line.autocommit = True
        rows = line.execute(spelt.string, {**spelt.params, **given}).fetchall()
        line.autocommit = False
    except psycopg.Error as trouble:
        lent.invalidate(trouble)
        return None
    lent.close()
    return rows


@contextmanager
def transaction(on: Engine | None = None) -> Iterator[Session]:
    """All of it happens, or none of it does. Only the edge calls this: a request, a job, a command.

    `on` are connections of the caller's own, where those of the session may all be taken.
    """
    try:
        if on is not None:
            session(bind=on)
        session.info["last"] = []
        yield session()
        for deed in session.info.pop("last"):
            deed()
        if session().in_transaction():
            session.commit()
    except BaseException:
        session.rollback()
        raise
    finally:
        session.remove()


def append_only(op: Any, table: str) -> None:
    """In a migration: let rows of a table be added, never changed or taken away.

    A trigger refuses UPDATE, DELETE and TRUNCATE unless the session says `SET xiaoxiang.repair = 'on'`, which only the
    owner of the table may do with effect: the role of the application has no such right in the first place.
    """
    op.execute(
        f"CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
        "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    )
    op.execute(
        "DO $$ BEGIN IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'xiaoxiang_app') THEN "
        f"REVOKE UPDATE, DELETE, TRUNCATE ON {table} FROM xiaoxiang_app; END IF; END $$"
    )
