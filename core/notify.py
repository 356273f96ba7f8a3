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


def notify(channel: str, payload: str) -> None:
    """Tell every listening process, if and when this transaction commits. At most 8,000 bytes."""
    session.execute(text("SELECT pg_notify(:channel, :payload)"), {"channel": channel, "payload": payload})


def plain_url() -> str:
    """The address of the database as libpq reads it, also where a folder's name has a space."""
    url = engine().url
    named = {**url.translate_connect_args(username="user", database="dbname"), **url.query}
    return make_conninfo("", **{name: str(value) for name, value in named.items()})


def listen(channels: list[str], heard: Callable[[str, str], None], lost: Callable[[], None]) -> threading.Thread:
    """Start a thread that calls `heard(channel, payload)`; `lost()` is called whenever news may have been missed."""

    def work() -> None:
        while True:
            try:
                _hear(channels, heard, lost)
            except psycopg.Error as trouble:
                log.warning("listening broke off, connecting again: %s", type(trouble).__name__)
                lost()
                time.sleep(RECONNECT_S)

    thread = threading.Thread(target=work, name="listen", daemon=True)
    thread.start()
    return thread


def _hear(channels: list[str], heard: Callable[[str, str], None], lost: Callable[[], None]) -> None:
    with psycopg.connect(plain_url(), autocommit=True, connect_timeout=5) as connection:
        for channel in channels:
            connection.execute(psycopg.sql.SQL("LISTEN {}").format(psycopg.sql.Identifier(channel)))
        lost()
        for news in connection.notifies():
            heard(news.channel, news.payload)
