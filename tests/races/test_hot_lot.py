"""One lot that everybody wants: whatever is done with its paid orders, nobody who orders waits for the paperwork."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from threading import Thread
from uuid import UUID

import pytest
from sqlalchemy import func, select

from core.db import session, transaction
from core.errors import Refusal
from orders import cash, checkout, fulfilment, ledger, lifecycle, refunding, verify
from orders.claims import Claim, ClaimLine
from orders.orders import Order, OrderStatus
from orders.refunds import RefundReason
from shop.lots import HarvestLot
from tests import make
from tests.make.shop import MORNING

pytestmark = pytest.mark.usefixtures("race_db")
PACK_G = 2_500
TIMES = 12
AT_ONCE_S = 1.0
"""Half of what a lock is waited for: who is not done by then waits for somebody."""


@pytest.fixture
def claim() -> Claim:
    """One pack of the hot lot."""
    with transaction():
        pack = make.pack_with_lot(low_g=2_500_000)
        return Claim(make.user().id, (ClaimLine(1, pack.id),), make.address())


def of_somebody_else(claim: Claim) -> Claim:
    """The same wish of another buyer."""
    with transaction():
        return replace(claim, buyer_id=make.user().id)


def place(claim: Claim) -> UUID:
    with transaction():
        return checkout.place_one(claim, now=MORNING).id


def pay(order_id: UUID) -> None:
    cash.take(session.get_one(Order, order_id), given_minor=2_990, by=make.user().id, now=MORNING)


def paid(claim: Claim) -> UUID:
    order_id = place(claim)
    with transaction():
        pay(order_id)
    return order_id


def out_of_time(claim: Claim) -> UUID:
    order_id = place(claim)
    with transaction():
        session.get_one(Order, order_id).pay_by = MORNING - timedelta(seconds=1)
    return order_id


def cancel(order_id: UUID) -> None:
    order = session.get_one(Order, order_id)
    assert order.buyer_id is not None
    lifecycle.cancel(order, by=order.buyer_id, now=MORNING)


def refund(order_id: UUID) -> None:
    order = session.get_one(Order, order_id)
    refunding.whole(order, reason=RefundReason.REQUEST, key=f"refund {order_id}", now=MORNING)


def leave(order_id: UUID) -> None:
    """The van is on the road with every box of an order."""
    for box in fulfilment.parcels_of(session.get_one(Order, order_id)):
        fulfilment.hear_dispatched(box, now=MORNING)


DEEDS: dict[str, tuple[Callable[[Claim], UUID], Callable[[UUID], None]]] = {
    "paying": (place, pay),
    "cancelling": (place, cancel),
    "expiring": (out_of_time, lambda _order_id: lifecycle.expire_due(MORNING) and None),
    "refunding": (paid, refund),
    "leaving": (paid, leave),
}


@pytest.mark.parametrize("deed", DEEDS)
def test_who_orders_does_not_wait_while_another_order_is_worked_on(claim: Claim, deed: str) -> None:
    prepare, work = DEEDS[deed]
    order_id, theirs = prepare(claim), of_somebody_else(claim)
    with transaction():
        work(order_id)
        other = Thread(target=place, args=[theirs])
        other.start()
        other.join(AT_ONCE_S)
        assert not other.is_alive()
    with transaction():
        assert session.scalar(select(func.count()).select_from(Order)) == 2
        assert verify.run() == []


def test_orders_are_placed_paid_cancelled_expired_and_refunded_on_one_lot_and_none_is_refused(claim: Claim) -> None:
    ended = [
        (work, prepare(of_somebody_else(claim))) for prepare, work in list(DEEDS.values()) for _time in range(TIMES)
    ]

    def act(number: int) -> Refusal | None:
        try:
            if number % 2:
                place(of_somebody_else(claim))
            else:
                work, order_id = ended[number // 2]
                with transaction():
                    work(order_id)
        except Refusal as refusal:
            return refusal
        return None

    with ThreadPoolExecutor(10) as pool:
        assert list(pool.map(act, range(2 * len(ended)))) == [None] * 2 * len(ended)
    with transaction():
        statuses = dict(session.execute(select(Order.status, func.count()).group_by(Order.status)).all())
        assert statuses == {
            OrderStatus.AWAITING_PAYMENT: 5 * TIMES, OrderStatus.PAID: TIMES, OrderStatus.CANCELLED: TIMES,
            OrderStatus.EXPIRED: TIMES, OrderStatus.REFUNDED: TIMES, OrderStatus.SHIPPED: TIMES,
        }  # fmt: skip
        lot = session.scalars(select(HarvestLot)).one()
        assert (lot.held_g, lot.allocated_g, lot.shipped_g) == (5 * TIMES * PACK_G, TIMES * PACK_G, TIMES * PACK_G)
        assert sum(ledger.trial_balance().values()) == 0
        assert ledger.trial_balance()["buyer"] == -2 * TIMES * 2_990
        assert verify.run() == []
