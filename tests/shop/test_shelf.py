"""The shelf: what is there is the sum of what was put there."""

import threading

import pytest
from sqlalchemy import delete, func, select
from sqlalchemy.exc import ProgrammingError

from core import db
from core.db import session
from shop import shelf
from shop.shelf import Goods, ShelfMovement, ShelfStock
from tests import make
from tests.make.shop import MORNING

WATER = "6901234567892"


def on_hand(station_id):
    query = select(ShelfStock.barcode, ShelfStock.on_hand_units).where(ShelfStock.station_id == station_id)
    return dict(session.execute(query).all())


def test_goods_add_up_and_every_change_has_its_row():
    station, by = make.station(), make.user().id
    soy = make.barcode()
    shelf.put(
        station.id, [Goods(WATER, "水", "瓶", 24), Goods(soy, "酱油", "桶", 0)], reference="PX1", by=by, now=MORNING
    )
    shelf.put(
        station.id, [Goods(WATER, "水", "瓶", 6), Goods(soy, "酱油", "桶", 3)], reference="PX2", by=by, now=MORNING
    )
    assert on_hand(station.id) == {WATER: 30, soy: 3}
    sums = select(ShelfMovement.barcode, func.sum(ShelfMovement.delta_units)).group_by(ShelfMovement.barcode)
    assert dict(session.execute(sums.where(ShelfMovement.station_id == station.id)).all()) == {
        WATER: 30,
        soy: 3,
    }


def test_nothing_at_all_is_no_movement():
    station = make.station()
    shelf.put(station.id, [Goods(WATER, "水", "瓶", 0)], reference="PX1", by=make.user().id, now=MORNING)
    assert on_hand(station.id) == {}


def test_movements_are_only_ever_added():
    with pytest.raises(ProgrammingError, match="only ever added"):
        session.execute(delete(ShelfMovement))


def test_two_receipts_at_once_both_count(race_db):
    with db.transaction():
        station_id, by = make.station().id, make.user().id
    soy = "4006381333931"

    def put(number):
        goods = [Goods(WATER, "水", "瓶", 1), Goods(soy, "酱油", "桶", 2)]
        with db.transaction():
            shelf.put(station_id, goods[:: 1 if number % 2 else -1], reference=f"PX{number}", by=by, now=MORNING)

    threads = [threading.Thread(target=put, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with db.transaction():
        assert on_hand(station_id) == {WATER: 8, soy: 16}
