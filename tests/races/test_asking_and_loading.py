"""Real threads: a buyer who asks for her money while her box is loaded gets one clear end, never half of two."""

import pytest
from sqlalchemy import func, select

from core.db import session, transaction
from logistics import runs
from logistics.branches import Branch
from logistics.parcels import Parcel
from logistics.runs import Run
from logistics.stations import Station
from orders import asking, fulfilment, verify
from orders.asking import RefundRequest
from orders.orders import Order, OrderStatus
from orders.refunds import Refund
from tests import make
from tests.make.shop import MORNING
from tests.orders.test_fulfilment import bench
from tests.races.test_two_webhooks_one_payment import at_once

pytestmark = pytest.mark.usefixtures("race_db")


@pytest.mark.parametrize("_round", range(4))
def test_asking_twice_while_the_box_is_loaded(_round: int) -> None:
    with transaction():
        order = make.paid_order()
        (box,) = fulfilment.parcels_of(order)
        bench(box)
        station = session.get_one(Station, order.station_id)
        make.closed_dispatch([box], station)
        run = make.run(session.get_one(Branch, station.branch_id), station)
        order_id, run_id, box_id, number = order.id, run.id, box.id, box.number

    def ask() -> None:
        order = session.get_one(Order, order_id)
        asking.ask(order, words="不要了", by=order.buyer_id, now=MORNING)

    def load() -> None:
        runs.load(session.get_one(Run, run_id), number, by=None, now=MORNING)

    at_once(ask, load, ask)
    with transaction():
        order, box = session.get_one(Order, order_id), session.get_one(Parcel, box_id)
        ends = {("cancelled", OrderStatus.REFUNDED, 1), ("loaded", OrderStatus.PACKING, 0)}
        assert (box.status, order.status, session.scalar(select(func.count()).select_from(Refund))) in ends
        assert session.scalar(select(func.count()).select_from(RefundRequest)) == 1
        assert verify.run() == []
