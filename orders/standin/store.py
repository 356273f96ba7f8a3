"""What the stand-in remembers: one small SQLite file, written by one process."""

import json
import secrets
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import RLock
from typing import Any

Object = dict[str, Any]

PREFIXES = {
    "payment_intent": "pi",
    "checkout.session": "cs",
    "charge": "ch",
    "refund": "re",
    "balance_transaction": "txn",
    "event": "evt",
}

_SCHEMA = """
CREATE TABLE IF NOT EXISTS objects (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT UNIQUE NOT NULL, kind TEXT NOT NULL, body TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS objects_kind ON objects (kind, seq);
CREATE TABLE IF NOT EXISTS requests (
    key TEXT PRIMARY KEY, fingerprint TEXT NOT NULL, status INTEGER NOT NULL, body TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS deliveries (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, event_id TEXT NOT NULL, due REAL NOT NULL, tries INTEGER NOT NULL DEFAULT 0,
    forged INTEGER NOT NULL DEFAULT 0, state TEXT NOT NULL DEFAULT 'waiting');
CREATE INDEX IF NOT EXISTS deliveries_due ON deliveries (due) WHERE state = 'waiting';
CREATE TABLE IF NOT EXISTS faults (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, times INTEGER NOT NULL, options TEXT NOT NULL);
"""


def mint(kind: str) -> str:
    """An id that nobody can take for one of Stripe's own."""
    return f"{PREFIXES[kind]}_standin_{secrets.token_hex(12)}"


class Store:
    """Objects by id, answers by idempotency key, deliveries by due time. Every use is one transaction."""

    def __init__(self, path: Path | str) -> None:
        self._lock = RLock()
        self._depth = 0
        self.sql = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self.sql.row_factory = sqlite3.Row
        self.sql.executescript("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;" + _SCHEMA)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All of it or none of it; an inner use joins the outer one."""
        with self._lock:
            if self._depth:
                yield
                return
            self.sql.execute("BEGIN IMMEDIATE")
            self._depth = 1
            try:
                yield
                self.sql.execute("COMMIT")
            except BaseException:
                self.sql.execute("ROLLBACK")
                raise
            finally:
                self._depth = 0

    def add(self, kind: str, **fields: Any) -> Object:
        """A new object with an id of its kind."""
        made = {"id": mint(kind), "object": kind, "created": int(time.time()), "livemode": False, **fields}
        with self.transaction():
            self.sql.execute(
                "INSERT INTO objects (id, kind, body) VALUES (?, ?, ?)", (made["id"], kind, json.dumps(made))
            )
        return made

    def find(self, id_: str, kind: str) -> Object | None:
        """The object with this id, if it is of this kind."""
        with self._lock:
            row = self.sql.execute("SELECT body FROM objects WHERE id = ? AND kind = ?", (id_, kind)).fetchone()
        return json.loads(row["body"]) if row else None

    def change(self, object_: Object, **fields: Any) -> Object:
        """Keep new values of an object."""
        object_.update(fields)
        with self.transaction():
            self.sql.execute("UPDATE objects SET body = ? WHERE id = ?", (json.dumps(object_), object_["id"]))
        return object_

    def newest(self, kind: str, *, limit: int, after: str | None = None) -> list[Object]:
        """Objects of a kind, newest first, beginning behind the one named by `after`."""
        query = "SELECT body FROM objects WHERE kind = ?"
        values: list[Any] = [kind]
        if after is not None:
            query += " AND seq < (SELECT seq FROM objects WHERE id = ?)"
            values.append(after)
        with self._lock:
            rows = self.sql.execute(f"{query} ORDER BY seq DESC LIMIT ?", (*values, limit)).fetchall()
        return [json.loads(row["body"]) for row in rows]
