"""A connection that died while it rested is never handed out, and a living one costs no question."""

import time

import psycopg
import pytest
from sqlalchemy import select, text

from core import db, pool
from core.db import engine, session, transaction
from tests import make

ENOUGH_S = 5.0


def _rested_pids():
    """Fill the pool with two resting connections and tell their server processes."""
    with engine().connect() as one, engine().connect() as two:
        return [line.scalar(text("SELECT pg_backend_pid()")) for line in (one, two)]


def _end(url, pids):
    with psycopg.connect(url, autocommit=True) as other:
        for pid in pids:
            other.execute("SELECT pg_terminate_backend(%s)", [pid])
        until = time.monotonic() + ENOUGH_S
        while other.execute("SELECT 1 FROM pg_stat_activity WHERE pid = ANY(%s)", [pids]).fetchone():
            assert time.monotonic() < until
            time.sleep(0.01)


def test_connections_that_the_server_ended_are_replaced_unnoticed(race_db):
    pids = _rested_pids()
    _end(race_db, pids)
    for _ in range(3):
        with transaction() as lent:
            assert lent.scalar(text("SELECT pg_backend_pid()")) not in pids
        assert db.read(text("SELECT pg_backend_pid()"), {})[0][0] not in pids


def test_a_connection_that_rested_shortly_is_not_asked(race_db, monkeypatch):
    pids = _rested_pids()
    monkeypatch.setattr(pool, "_answers", lambda *_: pytest.fail("asked"))
    with transaction() as lent:
        assert lent.scalar(text("SELECT pg_backend_pid()")) in pids


def test_a_connection_that_rested_for_long_is_asked_first(race_db, monkeypatch):
    pids = _rested_pids()
    asked = []
    monkeypatch.setattr(pool, "RESTED_S", 0.2)
    monkeypatch.setattr(pool, "_answers", lambda *_: asked.append(1) is not None)
    time.sleep(0.25)
    with transaction() as lent:
        assert lent.scalar(text("SELECT pg_backend_pid()")) not in pids
    assert asked


def test_a_question_outside_a_transaction_opens_none(race_db):
    states = text("SELECT pg_current_xact_id_if_assigned() IS NULL, now() = statement_timestamp()")
    assert db.read(states, {})[0] == (True, True)
    time.sleep(0.01)
    assert db.read(states, {})[0] == (True, True)


def test_a_question_inside_a_transaction_sees_what_it_wrote(race_db):
    with transaction():
        user = make.user()
        question = select(type(user).id).where(type(user).id == user.id)
        assert db.read(question, {})
        session.rollback()
        assert not db.read(question, {})


def test_after_a_question_the_connection_begins_transactions_again(race_db):
    db.read(text("SELECT 1"), {})
    with transaction():
        make.user()
        session.rollback()
    assert db.read(text("SELECT count(*) FROM users"), {})[0][0] == 0
