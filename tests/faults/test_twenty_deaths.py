"""Killed twenty times over: what was acknowledged is there, and whoever asks again under his key has one order."""

import os
import secrets
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from threading import Thread
from uuid import UUID

import psycopg
import pytest
from sqlalchemy import select, text

from core import db, embedded
from core.db import session, transaction
from orders import verify
from orders.orders import Order
from tests import make
from tests.conftest import build_schema
from tests.races.crowd import Answer, Wish, crowd

pytestmark = [pytest.mark.no_db, pytest.mark.faults, pytest.mark.xdist_group("house")]
ROUNDS = 20
BUYERS = 24


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[embedded.Server]:
    """A PostgreSQL that nobody else uses, its tables in place."""
    made = embedded.Server(tmp_path_factory.mktemp("deaths"))
    made.start()
    build_schema(made.place.url("postgres", "postgres"))
    yield made
    made.stop()


@pytest.fixture
def url(server: embedded.Server) -> Iterator[str]:
    found = server.place.url("postgres", "postgres")
    engine = db.connect(found, pool_size=4)
    yield found
    db.session.remove()
    engine.dispose()


@pytest.fixture
def offer(url: str) -> UUID:
    with transaction():
        room = make.live_session()
        return make.live_offer(room, pack=make.live_pack(room, low_g=50_000_000), pool=5_000).id


def wishes_of(offer: UUID, turn: int) -> list[Wish]:
    with transaction():
        return [Wish(f"{turn} {one} {secrets.token_hex(4)}", make.user().id, ((offer, 1),)) for one in range(BUYERS)]


def heard_before_death(url: str, wishes: list[Wish], turn: int, offer: UUID) -> list[Answer]:
    """What the crowd was told before it died: in every second round its taker is held up in the middle of a set."""
    with psycopg.connect(url.replace("+psycopg", "")) as other, crowd(url, wishes) as (process, answers):
        told: list[Answer] = []
        hearing = Thread(target=lambda: told.extend(answers))
        hearing.start()
        if turn % 2:
            other.execute("SELECT FROM live_offers WHERE id = %s FOR UPDATE", [offer])
            _until_somebody_waits(url)
        else:
            time.sleep(0.15 + turn * 0.012)
        process.kill()
        process.join()
        other.rollback()
        hearing.join()
    return told


def _until_somebody_waits(url: str) -> None:
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as asking:
        for _try in range(1_000):
            if asking.execute(waiting).fetchone() != (0,):
                return
            time.sleep(0.01)
    raise AssertionError("no taker came to the hot row")


def all_told(url: str, wishes: list[Wish]) -> list[Answer]:
    with crowd(url, wishes) as (_process, answers):
        return list(answers)


def one_order_each(told: list[Answer], again: list[Answer], wishes: list[Wish], offer: UUID) -> None:
    numbers = {answer.key: answer.number for answer in again if not answer.refused}
    assert numbers.keys() == {wish.key for wish in wishes}, [answer.refused for answer in again if answer.refused][:3]
    assert all(numbers[answer.key] == answer.number for answer in told if not answer.refused)
    with transaction():
        mine = [wish.buyer_id for wish in wishes]
        assert sorted(session.scalars(select(Order.number).where(Order.buyer_id.in_(mine)))) == sorted(numbers.values())


def sums_agree(offer: UUID) -> None:
    with transaction():
        figures = session.execute(text(
            "SELECT held, (SELECT sum(held_delta) FROM offer_movements WHERE offer_id = :offer) AS moved, "
            "(SELECT sum(quantity) FROM order_lines WHERE offer_id = :offer) AS ordered "
            "FROM live_offers WHERE id = :offer"
        ), {"offer": offer}).one()  # fmt: skip
        assert tuple(figures) == (ROUNDS * BUYERS,) * 3
        assert verify.run() == []


def test_a_taker_killed_in_the_middle_of_its_set_or_between_commit_and_answer_loses_and_doubles_nothing(url, offer):
    acknowledged = 0
    for turn in range(ROUNDS):
        wishes = wishes_of(offer, turn)
        told = heard_before_death(url, wishes, turn, offer)
        acknowledged += len(told)
        one_order_each(told, all_told(url, wishes), wishes, offer)
    assert 0 < acknowledged < ROUNDS * BUYERS, "nobody was told anything, or nobody was hit; the test proves nothing"
    sums_agree(offer)


def test_postgresql_killed_while_orders_come_in_loses_and_doubles_nothing(url, offer, server):
    for turn in range(ROUNDS):
        wishes = wishes_of(offer, turn)
        db.engine().dispose()
        with crowd(url, wishes) as (_process, answers):
            told = [next(answers)] if turn % 2 else []
            _kill(server)
            server.start()
            told += answers
        one_order_each(told, all_told(url, wishes), wishes, offer)
    sums_agree(offer)


def _kill(server: embedded.Server) -> None:
    """The postmaster and all that it started, at once."""
    assert server.process is not None
    pid = server.process.pid
    for one in (pid, *map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())):
        os.kill(one, signal.SIGKILL)
    server.process.wait()
