"""The life of an order until it is paid: cancelled, expired, paid in time and paid late."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from core.db import session
from core.errors import IllegalMove
from orders import checkout, events, lifecycle, moves
from orders.lifecycle import OrderAlreadyPaid
from orders.limits import BuyerTake
from orders.orders import NEXT, OrderMove, OrderStatus
from shop.lots import HarvestLot, LotSoldOut
from tests import make
from tests.make.shop import MORNING

LATE = MORNING + timedelta(minutes=16)


def only_lot():
    return session.scalars(select(HarvestLot).execution_options(populate_existing=True)).one()


def test_an_unpaid_order_expires_and_gives_its_goods_back():
    order = make.order()
    assert lifecycle.expire_due(MORNING + timedelta(minutes=14)) == 0
    assert lifecycle.expire_due(LATE) == 1
    assert order.status is OrderStatus.EXPIRED
    assert only_lot().held_g == 0
    assert lifecycle.expire_due(LATE) == 0


def test_the_sweep_takes_small_batches():
    pack = make.pack_with_lot()
    for _buyer in range(5):
        make.order((pack, 1))
    assert [lifecycle.expire_due(LATE, limit=2) for _round in range(4)] == [2, 2, 1, 0]
    assert only_lot().held_g == 0


def test_a_paid_order_never_expires():
    order = make.paid_order()
    assert lifecycle.expire_due(LATE) == 0
    assert order.status is OrderStatus.PAID


def test_a_payment_turns_the_hold_into_an_allocation():
    order = make.paid_order()
    lot = only_lot()
    assert (lot.held_g, lot.allocated_g, order.paid_at) == (0, 2_500, MORNING)


def test_a_late_payment_takes_the_goods_again():
    order = make.order()
    lifecycle.expire_due(LATE)
    lifecycle.mark_paid(order, now=LATE)
    assert order.status is OrderStatus.PAID
    assert only_lot().allocated_g == 2_500


def test_a_late_payment_whose_goods_are_gone_changes_nothing():
    pack = make.pack_with_lot(low_g=2_500)
    order = make.order((pack, 1))
    lifecycle.expire_due(LATE)
    make.order((pack, 1), now=LATE)
    with pytest.raises(LotSoldOut):
        lifecycle.mark_paid(order, now=LATE)
    session.refresh(order)
    assert order.status is OrderStatus.EXPIRED
    assert only_lot().allocated_g == 0


def test_a_cancelled_order_cannot_be_paid():
    order = make.order()
    lifecycle.cancel(order, by=order.buyer_id, now=MORNING, reason="买错了")
    with pytest.raises(IllegalMove):
        lifecycle.mark_paid(order, now=MORNING)
    assert only_lot().allocated_g == 0


def test_an_order_is_paid_once():
    order = make.paid_order()
    with pytest.raises(IllegalMove):
        lifecycle.mark_paid(order, now=MORNING)
    assert only_lot().allocated_g == 2_500


def test_what_is_paid_is_refunded_not_cancelled():
    order = make.paid_order()
    with pytest.raises(OrderAlreadyPaid):
        lifecycle.cancel(order, by=order.buyer_id, now=MORNING)


def test_an_expired_live_order_gives_its_pool_and_limit_back():
    buyer, offer = make.user(), make.live_offer(pool=3, per_buyer_limit=1)
    make.order((offer, 1), buyer=buyer)
    lifecycle.expire_due(LATE)
    session.refresh(offer)
    assert offer.held == 0
    assert set(session.scalars(select(BuyerTake.quantity))) == {0}
    checkout.place_one(make.claim((offer, 1), buyer=buyer), now=LATE)


def test_a_paid_live_order_counts_as_sold():
    offer = make.live_offer(pool=3)
    make.paid_order((offer, 2))
    session.refresh(offer)
    assert (offer.held, offer.sold) == (0, 2)


def test_every_move_leaves_its_row():
    order = make.order()
    lifecycle.cancel(order, by=order.buyer_id, now=LATE, reason="买错了")
    rows = session.scalars(select(OrderMove).where(OrderMove.order_id == order.id).order_by(OrderMove.id)).all()
    assert [(row.was, row.became, row.reason) for row in rows] == [
        (None, OrderStatus.AWAITING_PAYMENT, ""),
        (OrderStatus.AWAITING_PAYMENT, OrderStatus.CANCELLED, "买错了"),
    ]
    assert rows[-1].by == order.buyer_id


@pytest.mark.parametrize("status", list(OrderStatus))
def test_no_order_leaves_an_end(status):
    order = make.order()
    legal = status in NEXT[OrderStatus.AWAITING_PAYMENT]
    assert (moves.move([order.id], status, now=MORNING) == [order.id]) is legal
    session.refresh(order)
    assert order.status is (status if legal else OrderStatus.AWAITING_PAYMENT)


def test_a_listener_that_fails_fails_the_payment(monkeypatch):
    def fail(order, *, now):
        raise RuntimeError("the station is closed")

    monkeypatch.setattr(events.order_paid, "_listeners", [fail])
    order = make.order()
    with pytest.raises(RuntimeError):
        lifecycle.mark_paid(order, now=MORNING)
