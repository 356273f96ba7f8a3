"""Connections that wait in the pool: whether one is still alive is seen, not asked.

A connection whose server went away has the end of its line waiting in the socket, so a look at the socket finds it
without a word on the line. Only one that rested for long is asked, as something on the way may have dropped it.
"""

import select
import time
from typing import Any

from sqlalchemy import Engine, event
from sqlalchemy.exc import InvalidatePoolError
from sqlalchemy.pool import ConnectionPoolEntry, PoolProxiedConnection

RESTED_S = 5.0


def watch(engine: Engine) -> None:
    """Let an engine hand out living connections only."""

    def rest(_connection: Any, entry: ConnectionPoolEntry) -> None:
        entry.info["rests_since_s"] = time.monotonic()

    def wake(connection: Any, entry: ConnectionPoolEntry, _lent: PoolProxiedConnection) -> None:
        """Raises InvalidatePoolError, upon which the pool opens another connection and drops all older ones."""
        rested_s = time.monotonic() - entry.info.get("rests_since_s", 0.0)
        if (rested_s > RESTED_S or _has_something_to_say(connection)) and not _answers(engine, connection):
            raise InvalidatePoolError("the server of this connection has gone")

    event.listen(engine, "connect", rest)
    event.listen(engine, "checkin", rest)
    event.listen(engine, "checkout", wake)


def _has_something_to_say(connection: Any) -> bool:
    """A resting connection is silent until its server takes leave."""
    if connection.closed:
        return True
    line = select.poll()
    line.register(connection.fileno(), select.POLLIN)
    return bool(line.poll(0))


def _answers(engine: Engine, connection: Any) -> bool:
    dialect = engine.dialect
    try:
        return bool(dialect.do_ping(connection))
    except dialect.loaded_dbapi.Error as trouble:
        if dialect.is_disconnect(trouble, connection, None):
            return False
        raise
