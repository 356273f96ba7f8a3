"""LISTEN and NOTIFY: short news between processes, sent only when the transaction commits."""

import logging
import threading
import time
from collections.abc import Callable

import psycopg
from psycopg.conninfo import make_conninfo
from sqlalchemy import text

from core.db import engine, session

log = logging.getLogger(__name__)
RECONNECT_S = 1.0
BEAT_S = 0.25
"""How often a listener asks whether the line still carries news."""


def notify(channel: str, payload: str) -> None:
    """Tell every listening process, if and when this transaction commits. At most 8,000 bytes."""
    session.execute(text("SELECT pg_notify(:channel, :payload)"), {"channel": channel, "payload": payload})


def plain_url() -> str:
    """The address of the database as libpq reads it, also where a folder's name has a space."""
    url = engine().url
    named = {**url.translate_connect_args(username="user", database="dbname"), **url.query}
    return make_conninfo("", **{name: str(value) for name, value in named.items()})


def listen(
    channels: list[str],
    heard: Callable[[str, str], None],
    lost: Callable[[], None],
    alive: Callable[[float], None] | None = None,
) -> threading.Thread:
    """Start a thread that calls `heard(channel, payload)`; `lost()` is called whenever news may have been missed.

    `alive(moment)` is called several times a second while the line works: what was said before that moment of the
    monotonic clock has been heard.
    """

    def work() -> None:
        while True:
            try:
                _hear(channels, heard, lost, alive)
            except psycopg.Error as trouble:
                log.warning("listening broke off, connecting again: %s", type(trouble).__name__)
                lost()
                time.sleep(RECONNECT_S)

    thread = threading.Thread(target=work, name="listen", daemon=True)
    thread.start()
    return thread


def _hear(
    channels: list[str],
    heard: Callable[[str, str], None],
    lost: Callable[[], None],
    alive: Callable[[float], None] | None = None,
) -> None:
    with psycopg.connect(plain_url(), autocommit=True, connect_timeout=5) as connection:
        for channel in channels:
            connection.execute(psycopg.sql.SQL("LISTEN {}").format(psycopg.sql.Identifier(channel)))
        lost()
        while True:
            asked = time.monotonic()
            if alive:
                connection.execute("SELECT 1")  # the server sends what it has for us before it answers
                _pass_on(connection, heard, 0)
                alive(asked)
            _pass_on(connection, heard, BEAT_S if alive else None)


def _pass_on(connection: psycopg.Connection, heard: Callable[[str, str], None], timeout_s: float | None) -> None:
    for news in connection.notifies(timeout=timeout_s):
        heard(news.channel, news.payload)
