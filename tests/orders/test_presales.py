"""Presales at risk: a farm changes the dates of a lot that was sold, and nobody has to find out by himself."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from core.clock import local_day
from core.db import session
from logistics import packing
from logistics.parcels import Parcel
from orders import cancelling, presales
from orders.orders import Order, OrderStatus
from shop import harvest
from shop.lots import HarvestLot
from shop.presale import ShipWindow
from tests import make
from tests.make.shop import MORNING

DAY = timedelta(days=1)
TODAY = local_day(MORNING)
WINDOW = ShipWindow(TODAY + 7 * DAY, TODAY + 12 * DAY)


def sold(quantity: int = 2) -> Order:
    """A paid presale of a lot that can be picked inside its window."""
    pack = make.pack(ships=WINDOW)
    make.lot(product=pack.product, ready_on=TODAY + 9 * DAY, best_before=TODAY + 14 * DAY)
    return make.paid_order((pack, quantity))


def redate(**days: int) -> None:
    lot = session.scalars(select(HarvestLot)).one()
    harvest.change(lot, {name: TODAY + count * DAY for name, count in days.items()}, by=None, now=MORNING)


@pytest.mark.parametrize(
    ("days", "missed"),
    [
        ({"ready_on": 13}, True),
        ({"ready_on": 2, "best_before": 6}, True),
        ({"ready_on": 12}, False),
        ({"ready_on": 2, "best_before": 7}, False),
    ],
    ids=["ripe too late", "over too early", "ripe on the last day", "good on the first day"],
)
def test_a_changed_date_that_misses_the_promise_is_on_the_work_list(days: dict[str, int], missed: bool):
    order = sold()
    assert presales.at_risk(order.station_id) == []
    redate(**days)
    found = presales.at_risk(order.station_id)
    assert [(one.number, one.boxes, one.worth_minor) for one in found] == ([(order.number, 2, 5_980)] if missed else [])
    assert (presales.missed_by(order) is not None) == missed
    assert (order.ships_from, order.ships_by) == WINDOW


def test_other_stations_packed_boxes_and_ordinary_orders_are_not_on_it():
    order = sold()
    redate(ready_on=13, best_before=20)
    assert presales.at_risk(make.station().id) == []
    box = session.scalars(select(Parcel).where(Parcel.reference == order.number).limit(1)).one()
    packing.pack(box, by=None, now=MORNING)
    assert [one.boxes for one in presales.at_risk(order.station_id)] == [1]
    assert presales.missed_by(make.paid_order()) is None


def test_calling_it_off_gives_money_and_goods_back_and_clears_the_list():
    order = sold()
    redate(ready_on=13, best_before=20)
    cancelling.cancel(order, by=order.buyer_id, now=MORNING)
    session.refresh(order)
    assert order.refunded_minor == order.total_minor
    assert order.status is OrderStatus.REFUNDED
    assert presales.at_risk(order.station_id) == []
    assert presales.missed_by(order) is None
